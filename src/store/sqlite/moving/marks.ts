// Whether a server may start on a data directory: not where everything was moved from, and not where a move has not ended.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { MoveFound } from '../../database-facts.ts';
import { movedAway, moveTables, underWay } from '../../moving/marks.ts';
import type { Left } from '../../moving/places.ts';

/** @throws StoreOpenError */
export function refuseMoved(directory: string, path: string): void {
  const found = moveIn(path);
  if (found?.kind === 'to') throw underWay(directory);
  if (found?.kind === 'left') throw movedAway(directory, found.to);
}

/** Beside a server, or without one. */
export const inspectMove = (directory: string): MoveFound | undefined =>
  moveIn(join(directory, 'postrider.db'));

function moveIn(path: string): MoveFound | undefined {
  if (!existsSync(path)) return undefined;
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(path, { readOnly: true, timeout: 5000 });
    if (hasTable(database, moveTables.target)) return { kind: 'to' };
    const left = leftOf(database);
    if (left !== undefined) return { kind: 'left', to: left.to };
    if (!hasTable(database, moveTables.source)) return undefined;
    const row = database.prepare(`SELECT count(*) AS notes FROM ${moveTables.change}`).get();
    return { kind: 'from', notes: Number(row?.notes) };
  } catch {
    return undefined; // What is wrong with it is told when it is opened.
  } finally {
    database?.close();
  }
}

export const hasTable = (database: DatabaseSync, table: string): boolean =>
  database.prepare('SELECT 1 FROM sqlite_master WHERE name = ?').get(table) !== undefined;

export function leftOf(database: DatabaseSync): Left | undefined {
  if (!hasTable(database, moveTables.moved)) return undefined;
  const row = database.prepare(`SELECT id, place, at FROM ${moveTables.moved}`).get();
  return row && { id: String(row.id), to: String(row.place), at: Number(row.at) };
}
