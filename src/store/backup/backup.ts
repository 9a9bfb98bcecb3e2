// A copy of a data directory while its server runs: somebody holds the store meanwhile (see
// ../maintenance.ts). The database is of one moment, and all content it refers to is there. What is
// copied is for its owner alone, on the disk, and read again before it is called a backup.

import { chmod, mkdir, open, readdir, rename } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { messageOf } from '../../base/error-text.ts';
import { contentFiles, copyDatabase, databaseFile, inspectStore } from '../at-rest.ts';
import { makeDirectory, syncDirectory } from '../files/directory.ts';
import type { Inspection } from '../inspection.ts';
import {
  BackupError,
  digest,
  type ManifestEntry,
  type ManifestHead,
  manifestFile,
  manifestLines,
  openFile,
} from './manifest.ts';
import { verifyBackup } from './verify.ts';

export interface BackupOptions {
  /** The data directory. */
  readonly from: string;
  /** Empty, or not there. */
  readonly to: string;
  /** Version of the program. */
  readonly version: string;
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** More files, outside of the data directory: their names in the backup, and where they are. */
  readonly others?: ReadonlyMap<string, string>;
  readonly onProgress?: ((what: string, done: number, total: number) => void) | undefined;
}

export interface BackupResult extends Inspection {
  readonly files: number;
  readonly bytes: number;
  /** What was not copied, since it is no plain file or could not be read. */
  readonly leftOut: readonly string[];
}

/** What is not copied, or not like this: the database and its spool, locks, what is derived. */
const apart: ReadonlySet<string> = new Set([
  ...[databaseFile, `${databaseFile}-wal`, `${databaseFile}-shm`, 'spool'],
  ...['search.db', 'search.db-wal', 'search.db-shm', 'search.db-journal'],
  ...['history/history.db', 'history/history.db-wal', 'history/history.db-shm'],
  ...['lock.db', 'lock.db-journal', 'control.sock'],
  // Whoever holds the store has saved what was in it.
  'journal',
]);

/** Limit: files copied at a time. */
const copiesMax = 4;

/** @throws BackupError, or what the disk says */
export async function backUp(options: BackupOptions): Promise<BackupResult> {
  const { from, to, version, now, onProgress, others } = options;
  if (`${to}${sep}`.startsWith(`${from}${sep}`))
    throw new BackupError(`${to} lies within the data directory: choose a place outside of it`);
  await makeDirectory(to);
  if ((await readdir(to)).length > 0)
    throw new BackupError(`${to} is not empty: a backup goes into a directory of its own`);
  await chmod(to, 0o700);
  onProgress?.('database', 0, 1);
  const database = join(to, databaseFile);
  copyDatabase(join(from, databaseFile), database);
  await chmod(database, 0o600);
  await flush(database);

  const leftOut: string[] = [];
  const entries: ManifestEntry[] = [await entryFor(to, databaseFile)];
  const wanted = new Map<string, string>(others);
  for (const { key } of contentFiles(to)) wanted.set(`spool/${key}`, join(from, 'spool', key));
  for (const path of await plainFiles(from, leftOut)) wanted.set(path, join(from, path));
  await copyAll([...wanted], { to, entries, leftOut, onProgress });
  entries.sort((a, b) => (a.path < b.path ? -1 : 1));

  const found = (await inspectStore({ directory: to, depth: 'names' }))!;
  const head: ManifestHead = {
    ...{ format: 1, postrider: version, created: new Date(now).toISOString() },
    ...{ counts: found.counts, faults: found.faults.length },
  };
  await writeManifest(to, manifestLines({ head, entries }));
  const { faults } = await verifyBackup(to, onProgress);
  const bytes = entries.reduce((sum, { size }) => sum + size, 0);
  return { counts: found.counts, faults, files: entries.length, bytes, leftOut };
}

/** Below the data directory, apart from what is copied otherwise. */
async function plainFiles(from: string, leftOut: string[]): Promise<string[]> {
  const found: string[] = [];
  const walk = async (directory: string) => {
    for (const entry of await readdir(directory, { withFileTypes: true })) {
      const path = join(directory, entry.name);
      const name = relative(from, path).split(sep).join('/');
      if (apart.has(name)) continue;
      if (entry.isDirectory()) await walk(path);
      else if (entry.isFile()) found.push(name);
      else leftOut.push(`${path} is not a file`);
    }
  };
  await walk(from);
  return found;
}

interface Copying {
  readonly to: string;
  readonly entries: ManifestEntry[];
  readonly leftOut: string[];
  readonly onProgress: BackupOptions['onProgress'];
}

async function copyAll(
  files: readonly (readonly [name: string, path: string])[],
  { to, entries, leftOut, onProgress }: Copying,
): Promise<void> {
  const made = new Set<string>();
  let next = 0;
  const work = async () => {
    while (next < files.length) {
      onProgress?.('files', next, files.length);
      const [name, path] = files[next++]!;
      try {
        const copy = join(to, ...name.split('/'));
        await makePlace(to, name, made);
        entries.push({ path: name, ...(await copyFile(path, copy)) });
      } catch (error) {
        // What is missing or damaged in the original is told; a backup of the rest is worth having.
        if (isOfTarget(error, to)) throw error;
        leftOut.push(messageOf(error));
      }
    }
  };
  await Promise.all(Array.from({ length: copiesMax }, work));
  for (const directory of [...made, to]) await syncDirectory(directory);
}

/** The disk of the backup has failed, or is full: then there is none. */
const isOfTarget = (error: unknown, to: string): boolean => {
  const { path, code } = error as NodeJS.ErrnoException;
  return code === 'ENOSPC' || code === 'EDQUOT' || path?.startsWith(to + sep) === true;
};

async function makePlace(to: string, name: string, made: Set<string>): Promise<void> {
  const parts = name.split('/').slice(0, -1);
  for (let depth = 1; depth <= parts.length; depth += 1) {
    const directory = join(to, ...parts.slice(0, depth));
    if (made.has(directory)) continue;
    await mkdir(directory, { recursive: true, mode: 0o700 });
    made.add(directory);
  }
}

/** On the disk when it resolves, for its owner alone. A file that grows is copied as long as it was. */
export async function copyFile(
  from: string,
  to: string,
  owner?: { readonly uid: number; readonly gid: number },
): Promise<{ readonly size: number; readonly sha256: string }> {
  await using source = await openFile(from);
  await using copy = await open(to, 'wx', 0o600);
  const result = await digest(source, (piece) => copy.writeFile(piece), source.found.size);
  if (owner !== undefined) await copy.chown(owner.uid, owner.gid);
  await copy.sync();
  return result;
}

async function entryFor(directory: string, name: string): Promise<ManifestEntry> {
  await using file = await openFile(join(directory, name));
  return { path: name, ...(await digest(file)) };
}

async function flush(path: string): Promise<void> {
  await using file = await open(path, 'r+');
  await file.sync();
}

async function writeManifest(to: string, text: string): Promise<void> {
  const draft = join(to, `${manifestFile}.new`);
  {
    await using file = await open(draft, 'wx', 0o600);
    await file.writeFile(text);
    await file.sync();
  }
  await rename(draft, join(to, manifestFile));
  await syncDirectory(to);
}
