// Where a running server takes its operator's requests: a Unix socket in the data directory.

import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';

/** Limit: sun_path has 108 octets on Linux and 104 elsewhere, its NUL included. */
const pathBytesMax = 103;

export const controlPath = (dataDirectory: string): string => join(dataDirectory, 'control.sock');

/**
 * Calls `use` with a path to the socket that is short enough for the kernel: where the real one is
 * not, by way of the open directory (Linux).
 */
export function withSocketPath<T>(dataDirectory: string, use: (path: string) => T): T {
  const path = controlPath(dataDirectory);
  if (Buffer.byteLength(path) <= pathBytesMax || process.platform !== 'linux') return use(path);
  const directory = openSync(dataDirectory, 'r');
  try {
    return use(`/proc/self/fd/${directory}/control.sock`);
  } finally {
    closeSync(directory); // bind() and connect() have happened: Node makes them at once for a path
  }
}
