// What an operator should know of the database before mail is entrusted to it: its version, and what a commit is
// worth there.

import { silentLog } from '../../base/log.ts';
import type { DatabaseFacts, MoveFound } from '../database-facts.ts';
import { moveTables } from '../moving/marks.ts';
import { integer, text } from '../row.ts';
import type { Queries } from './database.ts';
import { Database } from './database.ts';
import { hasTable, leftOf } from './moving/move-place.ts';

/** The oldest that is promised: 15. */
export const oldestVersion = 150_000;

/** As PostgreSQL counts: 150018 is 15.18. */
export async function versionOf(queries: Queries): Promise<number> {
  const [row] = await queries.rows(
    `SELECT current_setting('server_version_num')::integer AS version`,
  );
  return integer(row?.version);
}

/** Looks, and changes nothing. @throws StorageError when it is away */
export async function inspectDatabase({
  url,
  notify,
}: {
  readonly url: string;
  /** False where a pooler hands connections around. */
  readonly notify: boolean;
}): Promise<DatabaseFacts> {
  const isPooled = !notify;
  await using database = new Database({ url, log: silentLog, connectionsMax: 1, isPooled });
  // Who may not see what replicates sees none: then nothing is said of it.
  const [row] = await database.rows(`
    SELECT current_setting('server_version') AS version,
      current_setting('server_version_num')::integer AS number,
      current_setting('synchronous_commit') AS commit,
      current_setting('fsync') AS fsync,
      current_setting('synchronous_standby_names') AS named,
      current_setting('statement_timeout') AS limited,
      pg_is_in_recovery() AS is_standby,
      pg_has_role('pg_read_all_stats', 'USAGE') AS sees_all,
      (SELECT count(*) FROM pg_stat_replication WHERE state IS NOT NULL) AS standbys`);
  return {
    version: text(row?.version).split(' ')[0] ?? '',
    isKnown: integer(row?.number) >= oldestVersion,
    isFlushed: row?.commit !== 'off' && row?.fsync === 'on',
    isStandby: row?.is_standby === true,
    isLimited: row?.limited !== '0',
    seesAll: row?.sees_all === true,
    standbys: integer(row?.standbys),
    waitsForStandby: text(row?.named) !== '' && row?.commit !== 'local',
    move: await moveIn(database),
  };
}

async function moveIn(queries: Queries): Promise<MoveFound | undefined> {
  const left = await leftOf(queries);
  if (left !== undefined) return { kind: 'left', to: left.to };
  if (await hasTable(queries, moveTables.target)) return { kind: 'to' };
  if (!(await hasTable(queries, moveTables.source))) return undefined;
  const [row] = await queries.rows(`SELECT count(*) AS notes FROM ${moveTables.change}`);
  return { kind: 'from', notes: integer(row?.notes) };
}
