// Messages of a folder as typed arrays. The database hands over each column as one text of JSON numbers:
// a row of 100,000 messages costs less than 100,000 rows do.

import type { MailColumns } from '../folder-store.ts';
import { text } from '../row.ts';

type Rows = readonly (readonly unknown[])[];

/** One row: uid, email, modseq, flags, received, saved, size, keywords, each a list in JSON. */
export function mailColumns(row: readonly unknown[]): MailColumns {
  const numbers = (column: number) => JSON.parse(text(row[column])) as readonly number[];
  const uid = numbers(0);
  return {
    length: uid.length,
    uid: Uint32Array.from(uid),
    email: floats(numbers(1)),
    modseq: floats(numbers(2)),
    flags: Uint8Array.from(numbers(3)),
    received: floats(numbers(4)),
    saved: floats(numbers(5)),
    size: floats(numbers(6)),
    ...keywordColumn(JSON.parse(text(row[7])) as readonly string[]),
  };
}

/** What a thread may hand over instead of copying it. */
export const columnBuffers = (columns: MailColumns): ArrayBuffer[] => [
  ...[columns.uid, columns.email, columns.modseq, columns.flags, columns.keywords].map(bufferOf),
  ...[columns.size, columns.received, columns.saved].map(bufferOf),
];

export const bufferOf = (array: { readonly buffer: ArrayBufferLike }): ArrayBuffer =>
  array.buffer as ArrayBuffer;

function floats(values: readonly number[]): Float64Array {
  const array = new Float64Array(values.length);
  for (let i = 0; i < values.length; i += 1) array[i] = values[i]!;
  return array;
}

function keywordColumn(values: readonly string[]): Pick<MailColumns, 'keywords' | 'keywordSets'> {
  const keywords = new Uint32Array(values.length);
  const sets = new Map([['', 0]]);
  for (let i = 0; i < values.length; i += 1) {
    const value = values[i]!;
    if (value === '') continue;
    let set = sets.get(value);
    if (set === undefined) {
      set = sets.size;
      sets.set(value, set);
    }
    keywords[i] = set;
  }
  return { keywords, keywordSets: [...sets.keys()] };
}

/** The first column of many rows, as they come with setReturnArrays. */
export function uint32Column(rows: readonly unknown[]): Uint32Array {
  const array = new Uint32Array(rows.length);
  for (let i = 0; i < rows.length; i += 1) array[i] = (rows as Rows)[i]![0] as number;
  return array;
}
