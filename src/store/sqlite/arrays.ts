// Statements whose rows come as arrays, in the order of their columns: for what is read by the thousand.

import type { DatabaseSync, StatementSync } from 'node:sqlite';

export function prepareArrays(database: DatabaseSync, sql: string): StatementSync {
  const statement = database.prepare(sql);
  statement.setReturnArrays(true);
  return statement;
}
