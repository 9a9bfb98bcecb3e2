// For tests: which files and directories were flushed to the disk, by what the kernel calls them.

import { readlinkSync } from 'node:fs';
import { open } from 'node:fs/promises';
import type { TestContext } from 'node:test';

/** Paths in the order of their flushes, from now on until the test ends. Linux has their names. */
export async function recordSyncs(test: TestContext): Promise<string[]> {
  const synced: string[] = [];
  await using any = await open('/', 'r');
  const handles = Object.getPrototypeOf(any) as Pick<typeof any, 'sync' | 'datasync'>;
  for (const name of ['sync', 'datasync'] as const) {
    const flush = handles[name];
    test.mock.method(handles, name, function (this: typeof any) {
      synced.push(readlinkSync(`/proc/self/fd/${this.fd}`));
      return flush.call(this);
    });
  }
  return synced;
}
