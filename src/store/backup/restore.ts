// A backup into an empty data directory. The database comes last: half of a restore is no store, and a
// server started on it by mistake finds nothing that it would believe.

import { mkdir, open, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { databaseFile } from '../at-rest.ts';
import { makeDirectory, syncDirectory } from '../files/directory.ts';
import type { Inspection } from '../inspection.ts';
import { copyFile } from './backup.ts';
import { BackupError, readManifest } from './manifest.ts';
import { isEmpty, verifyBackup } from './verify.ts';

/** Copied from outside of the data directory, and not put back: the operator knows where they belong. */
export const othersFolder = 'configuration';

export interface RestoreOptions {
  readonly from: string;
  /** The data directory: empty, or not there. */
  readonly to: string;
  /**
   * Whose it becomes, if not ours. Only where nobody else can change what lies beside the directory.
   */
  readonly owner?: { readonly uid: number; readonly gid: number } | undefined;
  readonly onProgress?: ((what: string, done: number, total: number) => void) | undefined;
}

/** @throws BackupError */
export async function restoreBackup(options: RestoreOptions): Promise<Inspection> {
  const { from, to, owner, onProgress } = options;
  if (!(await isEmpty(to)))
    throw new BackupError(`${to} is not empty: move it away, nothing is ever overwritten`);
  const found = await verifyBackup(from, onProgress);
  const damaged = found.faults.filter(({ kind }) => kind !== 'content');
  if (damaged.length > 0)
    throw new BackupError(`${from} is damaged, and nothing was restored: ${damaged[0]!.text}`);
  const { entries } = await readManifest(from);
  await makeDirectory(to);
  const folders = new Set<string>();
  for (const [i, { path, sha256 }] of entries.entries()) {
    onProgress?.('restored', i, entries.length);
    const parts = path.split('/');
    if (parts[0] === othersFolder) continue;
    for (let depth = 1; depth < parts.length; depth += 1) {
      const folder = join(to, ...parts.slice(0, depth));
      await mkdir(folder, { recursive: true, mode: 0o700 });
      folders.add(folder);
    }
    const copy = join(to, ...parts.slice(0, -1), path === databaseFile ? draft : parts.at(-1)!);
    const copied = await copyFile(join(from, ...parts), copy, owner);
    if (copied.sha256 !== sha256) throw new BackupError(`${path} changed while it was read`);
  }
  await rename(join(to, draft), join(to, databaseFile));
  for (const folder of [...folders, to]) await finish(folder, owner);
  return found;
}

const draft = `${databaseFile}.restoring`;

/** Inner folders first: until its own turn comes nobody but us gets in. */
async function finish(folder: string, owner: RestoreOptions['owner']): Promise<void> {
  await syncDirectory(folder);
  if (owner === undefined) return;
  await using handle = await open(folder, 'r');
  await handle.chown(owner.uid, owner.gid);
}
