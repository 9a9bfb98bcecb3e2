// The first octets of a file in the spool, read at once: by the engine, which is synchronous.

import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { assertFile, contentError, contentFlags } from '../files/file-content.ts';
import type { ReadHead } from './message-source.ts';

/** For files that lie in `directory`. @throws ContentError when one is not as long as it should be */
export function headReader(directory: string): ReadHead {
  return (file, bytesMax, size) => {
    const path = join(directory, file);
    try {
      const descriptor = openSync(path, contentFlags);
      try {
        if (size !== undefined) assertFile(path, size, fstatSync(descriptor));
        const head = new Uint8Array(bytesMax);
        return head.subarray(0, readSync(descriptor, head, 0, bytesMax, 0));
      } finally {
        closeSync(descriptor);
      }
    } catch (error) {
      throw contentError(path, error);
    }
  };
}
