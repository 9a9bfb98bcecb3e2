// Content that lies in a file of its own, in whichever thread it is wanted: read piece by piece.

import { open } from 'node:fs/promises';
import { StorageError } from '../../smtp/smtp-error.ts';
import type { Content, ReadOptions } from '../content.ts';
import { pieceBytesMax } from '../content.ts';

export const fileContent = (file: string, size: number): Content => ({
  size,
  bytes: undefined,
  read: (options) => readFile(file, size, options),
  file,
});

/** @throws StorageError */
export async function* readFile(
  path: string,
  size: number,
  { from = 0, reuse = false }: ReadOptions = {},
): AsyncIterable<Uint8Array> {
  let read = from;
  try {
    await using file = await open(path, 'r');
    let piece: Buffer | undefined;
    while (read < size) {
      // A fresh buffer each time, as a rule: the reader may still be sending the last one.
      if (piece === undefined || !reuse)
        piece = Buffer.allocUnsafeSlow(Math.min(pieceBytesMax, size - read));
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
