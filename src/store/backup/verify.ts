// Whether a backup is what its manifest says: every file is read, every message counted.

import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf } from '../../base/error-text.ts';
import { inspectStore } from '../at-rest.ts';
import type { Inspection, StoreFault } from '../inspection.ts';
import { BackupError, digest, type ManifestEntry, openFile, readManifest } from './manifest.ts';

/** @throws BackupError when it is none, or was not finished */
export async function verifyBackup(
  directory: string,
  onProgress?: (what: string, done: number, total: number) => void,
): Promise<Inspection> {
  const { head, entries } = await readManifest(directory);
  const faults: StoreFault[] = [];
  for (const [i, entry] of entries.entries()) {
    onProgress?.('verified', i, entries.length);
    const text = await faultOf(directory, entry);
    if (text !== undefined) faults.push({ kind: 'file', text });
  }
  const found = await inspectStore({ directory, depth: 'all', ...(onProgress && { onProgress }) });
  if (found === undefined) throw new BackupError(`${directory} has no database`);
  if (JSON.stringify(found.counts) !== JSON.stringify(head.counts))
    faults.push({
      kind: 'file',
      text: `${directory} holds ${JSON.stringify(found.counts)}, and was made with ${JSON.stringify(head.counts)}`,
    });
  return { counts: found.counts, faults: [...faults, ...found.faults] };
}

async function faultOf(
  directory: string,
  { path, size, sha256 }: ManifestEntry,
): Promise<string | undefined> {
  const name = join(directory, ...path.split('/'));
  try {
    await using file = await openFile(name);
    const found = await digest(file);
    if (found.size !== size) return `${name} has ${found.size} octets instead of ${size}`;
    return found.sha256 === sha256 ? undefined : `${name} is not what was written`;
  } catch (error) {
    return messageOf(error);
  }
}

/** Nothing in it, or not there. */
export async function isEmpty(directory: string): Promise<boolean> {
  try {
    return (await readdir(directory)).length === 0;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return true;
    throw error;
  }
}
