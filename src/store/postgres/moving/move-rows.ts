// Rows on PostgreSQL as a move reads and writes them.

import type {
  ColumnKind,
  MovedColumn,
  MovedKey,
  MovedRow,
  MovedTable,
  MovedValue,
} from '../../moving/moved-tables.ts';
import { movedText } from '../../moving/moved-tables.ts';
import type { KeyRange } from '../../moving/places.ts';
import type { Row } from '../../row.ts';
import { blob, integer, text } from '../../row.ts';
import type { Queries, Value } from '../database.ts';

/** What is in the table here alone, and has no default. */
const added: ReadonlyMap<string, string> = new Map([['mailbox', 'uid_validity']]);

export async function readPage(
  queries: Queries,
  table: MovedTable,
  { after, range }: { readonly after: MovedKey | undefined; readonly range: KeyRange | undefined },
): Promise<readonly MovedRow[]> {
  const key = keyColumnsOf(table);
  const values: Value[] = [];
  const given = (value: Value, column: MovedColumn) => {
    values.push(typeof value === 'string' ? written(column.kind, value) : value);
    return `$${values.length}::${typeOf(column)}`;
  };
  const conditions = [
    ...(after === undefined
      ? []
      : [`(${namesOf(key)}) > (${key.map((column, i) => given(after[i]!, column)).join()})`]),
    ...(range === undefined
      ? []
      : [
          `${nameOf(key[0]!)} >= ${given(range.from, key[0]!)}`,
          `${nameOf(key[0]!)} < ${given(range.to, key[0]!)}`,
        ]),
  ];
  const where = conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')}`;
  const rows = await queries.rows(
    `SELECT ${namesOf(table.columns)} FROM ${table.name} ${where}
     ORDER BY ${namesOf(key)} LIMIT ${table.pageRows}`,
    values,
  );
  return rows.map((row) => movedRow(table, row));
}

export async function readRows(
  queries: Queries,
  table: MovedTable,
  keys: readonly MovedKey[],
): Promise<readonly MovedRow[]> {
  if (keys.length === 0) return [];
  const key = keyColumnsOf(table);
  const rows = await queries.rows(
    `SELECT ${namesOf(table.columns)} FROM ${table.name}
     WHERE (${namesOf(key)}) IN (SELECT * FROM unnest(${lists(key)}))`,
    columnValues(key, keys),
  );
  return rows.map((row) => movedRow(table, row));
}

/** In a transaction. What has a value that only one row may have goes, too: it is about to be changed. */
export async function writeRows(
  queries: Queries,
  table: MovedTable,
  { keys, rows }: { readonly keys: readonly MovedKey[]; readonly rows: readonly MovedRow[] },
): Promise<void> {
  const key = keyColumnsOf(table);
  const remove = (columns: readonly MovedColumn[], values: readonly MovedRow[]) =>
    queries.run(
      `DELETE FROM ${table.name} WHERE (${namesOf(columns)}) IN (SELECT * FROM unnest(${lists(columns)}))`,
      columnValues(columns, values),
    );
  if (keys.length > 0) await remove(key, keys);
  if (rows.length === 0) return;
  if (table.unique.length > 0) {
    const places = table.unique.map((name) =>
      table.columns.findIndex((column) => column.name === name),
    );
    await remove(
      places.map((place) => table.columns[place]!),
      rows.map((row) => places.map((place) => row[place]!)),
    );
  }
  const more = added.get(table.name);
  await queries.run(
    `INSERT INTO ${table.name} (${namesOf(table.columns)}${more === undefined ? '' : `, ${more}`})
     OVERRIDING SYSTEM VALUE
     SELECT *${more === undefined ? '' : ', 0'} FROM unnest(${lists(table.columns)})`,
    columnValues(table.columns, rows),
  );
}

export const keyColumnsOf = ({ columns, keyColumns }: MovedTable): readonly MovedColumn[] =>
  columns.slice(0, keyColumns);

/** Only the moment when a recipient is due has another name here. */
const nameOf = ({ name, kind }: MovedColumn): string => (kind === 'due' ? 'at' : name);

const namesOf = (columns: readonly MovedColumn[]): string => columns.map(nameOf).join();

const types: Readonly<Record<ColumnKind, string>> = {
  ...{ integer: 'bigint', due: 'bigint', text: 'text', flag: 'boolean' },
  ...{ octets: 'bytea', 'octet-text': 'bytea' },
};

const typeOf = ({ kind }: MovedColumn): string => types[kind];

const lists = (columns: readonly MovedColumn[]): string =>
  columns.map((column, i) => `$${i + 1}::${typeOf(column)}[]`).join();

const columnValues = (
  columns: readonly MovedColumn[],
  rows: readonly (readonly MovedValue[])[],
): readonly Value[] =>
  columns.map(({ kind }, i) => rows.map((row) => written(kind, row[i] as MovedValue)));

function written(kind: ColumnKind, value: MovedValue): Value {
  return kind === 'octet-text' && typeof value === 'string' ? Buffer.from(value) : value;
}

const movedRow = ({ columns }: MovedTable, row: Row): MovedRow =>
  columns.map((column) => read(column.kind, row[nameOf(column)]));

function read(kind: ColumnKind, value: unknown): MovedValue {
  if (value === null) return null;
  switch (kind) {
    case 'integer':
    case 'due':
      return integer(value);
    case 'text':
      return movedText(text(value));
    case 'octet-text':
      return Buffer.from(blob(value)).toString();
    case 'octets':
      return blob(value);
    case 'flag':
      return value === true;
  }
}
