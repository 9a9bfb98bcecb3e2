import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ask, testCluster, withoutPostgres } from '../postgres/test-cluster.ts';
import { openMemoryDatabase } from '../sqlite/database.ts';
import { keyText, movedTables, parseKey, tableNamed } from './moved-tables.ts';

/** What stays behind, and why. `table`, or `table.column`. */
const leftInSqlite: Readonly<Record<string, string>> = {
  content: 'goes with what refers to it, as content and not as rows',
  meta: 'the numbers that were given last: see Counters',
  sqlite_sequence: 'the same',
  tally_destination: 'counted by triggers',
  tally_reply: 'counted by triggers',
  'email.thread': 'never written',
  'email.envelope': 'never written',
  'email.structure': 'never written',
};

const leftInPostgres: Readonly<Record<string, string>> = {
  content: 'goes with what refers to it, as content and not as rows',
  content_piece: 'the same',
  meta: 'the numbers that were given last: see Counters',
  schema_version: 'of this database',
  node: 'nodes are of this database',
  duty: 'the same',
  history_position: 'the history is copied again from its files',
  history_message: 'the same',
  history_event: 'the same',
  history_refusal: 'the same',
  counted: 'the same',
  derived: 'made again from messages',
  'mailbox.uid_validity': 'made when the move ends, from the number that was given last',
  'mailbox.touched': 'transactions of this database',
  'mailbox.folders_touched': 'the same',
  'mailbox.touched_by': 'a process of this database',
  'folder.touched': 'transactions of this database',
  'folder.touched_by': 'a process of this database',
  'recipient.owner': 'nobody attempts anything when everything is moved',
  'recipient.fence': 'the same',
};

const nameHere = (name: string) => (name === 'due' ? 'at' : name);

function assertComplete(
  found: readonly (readonly [table: string, columns: readonly string[]])[],
  left: Readonly<Record<string, string>>,
  named: (column: string) => string,
): void {
  const unknown: string[] = [];
  const known = new Set(Object.keys(left));
  for (const [name, columns] of found) {
    if (known.delete(name)) continue;
    const table = movedTables.find((one) => one.name === name);
    if (table === undefined) unknown.push(name);
    const moved = new Set(table?.columns.map((column) => named(column.name)));
    for (const column of table === undefined ? [] : columns)
      if (!moved.delete(column) && !known.delete(`${name}.${column}`))
        unknown.push(`${name}.${column}`);
    assert.deepEqual([...moved], [], `${name} has no such columns`);
  }
  const why = 'add it to src/store/moving/moved-tables.ts, or here to what stays behind';
  assert.deepEqual(unknown, [], why);
  assert.deepEqual([...known], [], 'what stays behind is there');
  assert.deepEqual(
    movedTables.filter(({ name }) => !found.some(([there]) => there === name)),
    [],
  );
}

describe('what is moved from one store to another', () => {
  it('is every table and column of the embedded store, but for what is named here', () => {
    const database = openMemoryDatabase();
    const tables = database
      .prepare(`SELECT name FROM sqlite_master WHERE type = 'table'`)
      .all()
      .map((row) => {
        const columns = database.prepare(`PRAGMA table_info('${row.name}')`).all();
        return [String(row.name), columns.map(({ name }) => String(name))] as const;
      });
    database.close();
    assertComplete(tables, leftInSqlite, (name) => name);
  });

  it('is every table and column of PostgreSQL, but for what is named here', {
    skip: withoutPostgres(),
  }, async () => {
    const url = await (await testCluster()).database();
    const { rows } = await ask(
      url,
      `SELECT table_name AS name, array_agg(column_name::text) AS columns
       FROM information_schema.columns WHERE table_schema = 'public' GROUP BY table_name`,
    );
    assertComplete(
      rows.map(({ name, columns }) => [String(name), columns as string[]] as const),
      leftInPostgres,
      nameHere,
    );
  });

  it('has keys that are written as one text', () => {
    const key = ['greylist', '192.0.2.1,ann@example.org\0'];
    const record = tableNamed('record');
    assert.deepEqual(parseKey(record, keyText(key)), key);
    assert.deepEqual(parseKey(tableNamed('mail'), keyText([3, 17])), [3, 17]);
  });
});
