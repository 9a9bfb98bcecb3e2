// Whether a server may start on a data directory: not where everything was moved from, and not where a move has not ended.

import { existsSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { movedAway, moveTables, underWay } from '../../moving/marks.ts';
import type { Left } from '../../moving/places.ts';

/** @throws StoreOpenError */
export function refuseMoved(directory: string, path: string): void {
  if (!existsSync(path)) return;
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(path, { readOnly: true, timeout: 5000 });
    if (hasTable(database, moveTables.target)) throw underWay(directory);
    const left = leftOf(database);
    if (left !== undefined) throw movedAway(directory, left.to);
  } catch (error) {
    // What else is wrong with it is told when it is opened.
    if ((error as { readonly name?: unknown }).name === 'StoreOpenError') throw error;
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
