// A directory that is there after a power failure too: a new name is only durable once the directory
// that holds it is synced. And whether all that lies in it is ours to write.

import { accessSync, constants, lstatSync, readdirSync } from 'node:fs';
import { mkdir, open } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { dirname, join } from 'node:path';
import { StoreOpenError } from '../open-error.ts';

/** Made with its parents where they are missing, for the owner alone. */
export async function makeDirectory(path: string): Promise<void> {
  const first = await mkdir(path, { recursive: true, mode: 0o700 });
  if (first === undefined) return;
  for (let made = path; ; made = dirname(made)) {
    await syncDirectory(dirname(made));
    if (made.length <= first.length) return;
  }
}

/** A name is durable when the directory it is in is. */
export async function syncDirectory(path: string): Promise<void> {
  await using directory = await open(path, 'r');
  await directory.sync();
}

/** Limit: names looked at in one folder; a spool may have many, and who made one made them all. */
const namesMax = 500;

/**
 * The data directory, made where it is missing. @throws StoreOpenError naming what of it is not ours to
 * write, and what to do
 */
export async function openDataDirectory(directory: string): Promise<void> {
  try {
    await makeDirectory(directory);
  } catch (error) {
    throw new StoreOpenError('no-access', `${directory} ${whyNotMade(directory, error)}`, {
      cause: error,
    });
  }
  const closed = firstClosed(directory, 2);
  if (closed === undefined) return;
  const { uid } = lstatSync(closed);
  const cure =
    process.getuid?.() === uid
      ? `\`chmod -R u+rwX ${directory}\``
      : `it belongs to user ${uid}: \`chown -Rh ${ownName()} ${directory}\``;
  throw new StoreOpenError('no-access', `${closed} cannot be written by ${ownName()}; ${cure}`);
}

function whyNotMade(directory: string, error: unknown): string {
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'EACCES' || code === 'EPERM')
    return (
      `cannot be made by ${ownName()}: make it (\`install -d -o ${ownName()} -m 0700 ${directory}\`), ` +
      'or choose another dataDirectory'
    );
  if (code === 'EEXIST' || code === 'ENOTDIR')
    return 'cannot be made: there is a file in its place, or in its way';
  return `cannot be made (${code}): choose another dataDirectory`;
}

/** What was left by somebody else, for instance by a command that root ran. */
function firstClosed(path: string, depth: number): string | undefined {
  const found = lstatSync(path, { throwIfNoEntry: false });
  const isDirectory = found?.isDirectory() ?? false;
  if (!isDirectory && !(found?.isFile() ?? false)) return undefined;
  const wanted = constants.R_OK | constants.W_OK | (isDirectory ? constants.X_OK : 0);
  try {
    accessSync(path, wanted);
    if (!isDirectory || depth === 0) return undefined;
    for (const name of readdirSync(path).slice(0, namesMax)) {
      const closed = firstClosed(join(path, name), depth - 1);
      if (closed !== undefined) return closed;
    }
    return undefined;
  } catch (error) {
    // A server that is at work takes away what lies in its spool, between one look and the next.
    return (error as NodeJS.ErrnoException).code === 'ENOENT' ? undefined : path;
  }
}

function ownName(): string {
  try {
    return userInfo().username;
  } catch {
    return `user ${process.getuid?.()}`; // it has no name on this machine
  }
}
