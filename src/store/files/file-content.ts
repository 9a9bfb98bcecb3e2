// Content that lies in a file of its own, in whichever thread it is wanted: read piece by piece, in
// buffers that are not written to again, so that a socket may hold them for as long as it likes.

import { open } from 'node:fs/promises';
import { StorageError } from '../../smtp/smtp-error.ts';
import type { Content } from '../content.ts';
import { pieceBytesMax } from '../content.ts';

export const fileContent = (file: string, size: number): Content => ({
  size,
  bytes: undefined,
  read: () => readFile(file, size),
  file,
});

/** @throws StorageError */
export async function* readFile(path: string, size: number): AsyncIterable<Uint8Array> {
  let read = 0;
  try {
    await using file = await open(path, 'r');
    while (read < size) {
      // A fresh buffer each time: the reader may still be sending the last one.
      const piece = Buffer.allocUnsafeSlow(Math.min(pieceBytesMax, size - read));
      const { bytesRead } = await file.read(piece, 0, piece.length, read);
      if (bytesRead === 0) throw new Error(`${path} is shorter than it was written`);
      read += bytesRead;
      yield bytesRead === piece.length ? piece : piece.subarray(0, bytesRead);
    }
  } catch (error) {
    throw storageError(error);
  }
}

export function storageError(error: unknown): StorageError {
  if (error instanceof StorageError) return error;
  return new StorageError(error instanceof Error ? error.message : String(error), { cause: error });
}
