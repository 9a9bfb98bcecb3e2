// Content that lies in a file of its own, in whichever thread it is wanted: read piece by piece. A file
// that is not what was written is found out before anything is made of it.

import { constants, type Stats } from 'node:fs';
import { type FileHandle, lstat, open } from 'node:fs/promises';
import { messageOf } from '../../base/error-text.ts';
import { StorageError } from '../../smtp/smtp-error.ts';
import type { Content, ReadOptions } from '../content.ts';
import { ContentError, pieceBytesMax } from '../content.ts';

export const fileContent = (file: string, size: number): Content => ({
  size,
  bytes: undefined,
  read: (options) => readFile(file, size, options),
  check: () => checkFile(file, size),
  file,
});

/** @throws ContentError */
export async function* readFile(
  path: string,
  size: number,
  { from = 0, reuse = false }: ReadOptions = {},
): AsyncIterable<Uint8Array> {
  let read = from;
  try {
    await using file = await openContent(path, size);
    let piece: Buffer | undefined;
    while (read < size) {
      // A fresh buffer each time, as a rule: the reader may still be sending the last one.
      if (piece === undefined || !reuse)
        piece = Buffer.allocUnsafeSlow(Math.min(pieceBytesMax, size - read));
      const { bytesRead } = await file.read(piece, 0, piece.length, read);
      if (bytesRead === 0) throw shortened(path, size, read);
      read += bytesRead;
      yield bytesRead === piece.length ? piece : piece.subarray(0, bytesRead);
    }
  } catch (error) {
    throw contentError(path, error);
  }
}

/** Whether it is there, and as long as it was written. @throws ContentError */
export async function checkFile(path: string, size: number): Promise<void> {
  try {
    await using _file = await openContent(path, size);
  } catch (error) {
    throw contentError(path, error);
  }
}

/** The same by its name alone, for many: whether it can be read is not known then. */
export async function findFile(path: string, size: number): Promise<ContentError | undefined> {
  try {
    assertFile(path, size, await lstat(path));
    return undefined;
  } catch (error) {
    return contentError(path, error);
  }
}

// What stands in its place may be a pipe, which must not keep us, or a link to somewhere else.
export const contentFlags = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW;

async function openContent(path: string, size: number): Promise<FileHandle> {
  const file = await open(path, contentFlags);
  try {
    assertFile(path, size, await file.stat());
    return file;
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** @throws ContentError */
export function assertFile(path: string, size: number, found: Stats): void {
  if (!found.isFile()) throw new ContentError('damaged', `${path} is not a file`);
  if (found.size !== size) throw shortened(path, size, found.size);
}

const shortened = (path: string, size: number, found: number): ContentError =>
  new ContentError('damaged', `${path} has ${found} octets instead of ${size}`);

/** What is wrong with a file of content, in words for the operator. */
export function contentError(path: string, error: unknown): ContentError {
  if (error instanceof ContentError) return error;
  const options = { cause: error };
  const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
  switch (code) {
    case 'ENOENT':
    case 'ENOTDIR':
      return new ContentError('missing', `${path} is missing`, options);
    case 'ELOOP':
    case 'EISDIR':
    case 'ENXIO':
      return new ContentError('damaged', `${path} is not a file`, options);
    default:
      return new ContentError('unreadable', `${path} cannot be read (${code})`, options);
  }
}

export function storageError(error: unknown): StorageError {
  if (error instanceof StorageError) return error;
  return new StorageError(messageOf(error), { cause: error });
}
