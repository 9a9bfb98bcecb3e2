// The tables, made and changed: files with numbers, forward only. A change must leave nodes of the version
// before at work (expand now, contract a version later), since they run while it is made.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { StoreOpenError } from '../open-error.ts';
import { integer } from '../row.ts';
import type { Database, Transaction } from './database.ts';

interface Migration {
  readonly version: number;
  readonly sql: string;
}

const directory = join(import.meta.dirname, 'migrations');

/** Numbered from 1 without gaps. */
export function migrations(): readonly Migration[] {
  return files().map((name) => ({
    version: versionOf(name),
    sql: readFileSync(join(directory, name), 'utf8'),
  }));
}

const files = (): readonly string[] =>
  readdirSync(directory)
    .filter((name) => /^\d{4}-.*\.sql$/.test(name))
    .sort();

const versionOf = (name: string): number => Number(name.slice(0, 4));

/** The version of the tables that this program knows. */
export const newestVersion = (): number => Math.max(0, ...files().map(versionOf));

/** What a newer version has made of the tables is not for this one. */
export const tooNew = (version: number): StoreOpenError =>
  new StoreOpenError(
    'newer',
    `the database was changed by a newer Postrider (tables ${version}, this one knows ${newestVersion()}): ` +
      'install that version here, too',
  );

/** Ours among the locks that applications agree upon: "post" in ASCII. */
const migrationLock = 0x706f7374;

/**
 * Brings the database to what this version knows; one node does, the others wait for it. All of it or nothing.
 * A database that a newer version has changed is used as it is, as long as that version says that we may:
 * `oldest` is the oldest version of the tables that its program still serves.
 * @throws StoreOpenError
 */
export async function migrate(database: Database): Promise<void> {
  const known = migrations();
  const newest = newestVersion();
  await database.transaction(async (transaction) => {
    await transaction.run('SELECT pg_advisory_xact_lock($1)', [migrationLock]);
    await transaction.run('SET LOCAL statement_timeout = 0');
    const { version, oldest } = await versionsOf(transaction);
    if (oldest > newest) throw tooNew(version);
    for (const migration of known)
      if (migration.version > version) await transaction.run(migration.sql);
    if (newest > version)
      await transaction.run('UPDATE schema_version SET version = $1, changed = now()', [newest]);
  });
}

async function versionsOf(
  transaction: Transaction,
): Promise<{ readonly version: number; readonly oldest: number }> {
  await transaction.run(`
    CREATE TABLE IF NOT EXISTS schema_version (
      version integer NOT NULL,
      oldest integer NOT NULL,
      changed timestamptz NOT NULL)`);
  const [row] = await transaction.rows('SELECT version, oldest FROM schema_version');
  if (row !== undefined) return { version: integer(row.version), oldest: integer(row.oldest) };
  await transaction.run('INSERT INTO schema_version VALUES (0, 0, now())');
  return { version: 0, oldest: 0 };
}
