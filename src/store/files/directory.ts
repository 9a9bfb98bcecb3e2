// A directory that is there after a power failure too: a new name is only durable once the directory
// that holds it is synced.

import { mkdir, open } from 'node:fs/promises';
import { dirname } from 'node:path';

/** Made with its parents where they are missing, for the owner alone. */
export async function makeDirectory(path: string): Promise<void> {
  const first = await mkdir(path, { recursive: true, mode: 0o700 });
  if (first === undefined) return;
  for (let made = path; ; made = dirname(made)) {
    await using parent = await open(dirname(made), 'r');
    await parent.sync();
    if (made.length <= first.length) return;
  }
}
