// Whether two stores have the same rows: counted and summed up for each group of them (a folder, a mailbox, some
// thousand messages), whatever order the stores have them in. What was found to be the same is not read again, unless
// it was changed since: so that little is left to do when everybody waits.

import { hash } from 'node:crypto';
import type { OnMoveProgress } from './contents.ts';
import type { MovedKey, MovedRow, MovedTable, MovedValue } from './moved-tables.ts';
import { keyOf, movedTables, placeOf, tableNamed } from './moved-tables.ts';
import type { KeyRange, MovePlace } from './places.ts';

export interface Difference {
  readonly table: MovedTable;
  /** See groupOf(). */
  readonly group: number;
  readonly there: number;
  readonly here: number;
}

interface Sum {
  rows: number;
  readonly digest: Buffer;
}

/** Limit: differences that are told. */
const differencesMax = 100;
/** Limit: when more groups of a table than this were changed, all of it is read. */
const groupsMax = 500;
/** Limit: groups that are compared at a time: who waits for a connection for seconds gives up. */
const groupsAtATime = 8;
/** Keys of one number are gathered by so many. */
const numbersPerGroup = 4096;

export class Comparison {
  readonly #there: MovePlace;
  readonly #here: MovePlace;
  /** Groups that are to be compared (again). Undefined: all of the table. */
  readonly #open = new Map<MovedTable, Set<number> | undefined>(
    movedTables.map((table) => [table, undefined]),
  );

  constructor(there: MovePlace, here: MovePlace) {
    this.#there = there;
    this.#here = here;
  }

  /** These rows were changed. */
  touched(table: MovedTable, keys: readonly MovedKey[]): void {
    const open = this.#open.get(table);
    for (const key of keys) open?.add(groupOf(table, key));
  }

  /** What is not known to be the same; it is compared again the next time. */
  async differences(onProgress?: OnMoveProgress): Promise<readonly Difference[]> {
    const found: Difference[] = [];
    for (const [place, table] of movedTables.entries()) {
      onProgress?.(`comparing ${table.what}: table`, place + 1, movedTables.length);
      const groups = this.#open.get(table);
      const differ =
        groups === undefined || groups.size > groupsMax
          ? await this.#compare(table)
          : await this.#compareGroups(table, [...groups]);
      this.#open.set(table, new Set(differ.map(({ group }) => group)));
      for (const one of differ) found.push(one);
    }
    return found.slice(0, differencesMax);
  }

  async #compareGroups(
    table: MovedTable,
    groups: readonly number[],
  ): Promise<readonly Difference[]> {
    const differ: Difference[] = [];
    for (let at = 0; at < groups.length; at += groupsAtATime) {
      const some = groups.slice(at, at + groupsAtATime);
      const found = await Promise.all(some.map((group) => this.#compare(table, group)));
      for (const one of found.flat()) differ.push(one);
    }
    return differ;
  }

  async #compare(table: MovedTable, group?: number): Promise<readonly Difference[]> {
    const range = group === undefined ? undefined : rangeOf(table, group);
    const there = await sumsOf(this.#there, table, range);
    const here = await sumsOf(this.#here, table, range);
    return [...new Set([...there.keys(), ...here.keys()])].flatMap((number) => {
      const [a, b] = [there.get(number), here.get(number)];
      if (a !== undefined && b !== undefined && a.rows === b.rows && a.digest.equals(b.digest))
        return [];
      return [{ table, group: number, there: a?.rows ?? 0, here: b?.rows ?? 0 }];
    });
  }
}

const isNumbered = ({ columns }: MovedTable): boolean => columns[0]?.kind === 'integer';

/** All of a table whose keys begin with a text. */
const whole = 0;

/** The first number of its key; of keys that are one number, in which lot of them it is. */
function groupOf(table: MovedTable, [first]: MovedKey): number {
  if (typeof first !== 'number') return whole;
  return table.keyColumns === 1 ? Math.floor(first / numbersPerGroup) : first;
}

function rangeOf(table: MovedTable, group: number): KeyRange | undefined {
  if (!isNumbered(table)) return undefined;
  const width = table.keyColumns === 1 ? numbersPerGroup : 1;
  return { from: group * width, to: (group + 1) * width };
}

async function sumsOf(
  place: MovePlace,
  table: MovedTable,
  range: KeyRange | undefined,
): Promise<ReadonlyMap<number, Sum>> {
  const sums = new Map<number, Sum>();
  for await (const row of rowsOf(place, table, range)) {
    const group = groupOf(table, keyOf(table, row));
    const sum = sums.get(group) ?? { rows: 0, digest: Buffer.alloc(32) };
    sums.set(group, sum);
    sum.rows += 1;
    const digest = rowDigest(row);
    for (let i = 0; i < digest.length; i += 1) sum.digest[i]! ^= digest[i]!;
  }
  return sums;
}

/** All of them, in the order of their keys. */
export async function* rowsOf(
  place: MovePlace,
  table: MovedTable,
  range?: KeyRange,
  from?: MovedKey,
): AsyncIterable<MovedRow> {
  let after = from;
  for (;;) {
    const page = await place.page(table, after, range);
    yield* page;
    if (page.length < table.pageRows) return;
    after = keyOf(table, page.at(-1)!);
  }
}

const rowDigest = (row: MovedRow): Buffer =>
  hash('sha256', JSON.stringify(row.map(writable)), 'buffer');

const writable = (value: MovedValue): MovedValue =>
  value instanceof Uint8Array ? `x${Buffer.from(value).toString('hex')}` : value;

/** For people. */
export async function described(
  source: MovePlace,
  { table, group, there, here }: Difference,
): Promise<string> {
  const where = await folderNamed(source, table, group);
  return `${table.what}${where}: ${there} there, ${here} here${there === here ? ', not the same' : ''}`;
}

async function folderNamed(
  source: MovePlace,
  { columns }: MovedTable,
  group: number,
): Promise<string> {
  if (columns[0]?.name !== 'folder') return '';
  const [folders, mailboxes] = [tableNamed('folder'), tableNamed('mailbox')];
  const [folder] = await source.rows(folders, [[group]]);
  const mailbox = Number(folder?.[placeOf(folders, 'mailbox')] ?? 0);
  const [owner] = await source.rows(mailboxes, [[mailbox]]);
  if (folder === undefined || owner === undefined) return ` (folder ${group})`;
  return ` of ${owner[placeOf(mailboxes, 'address')]} in ${folder[placeOf(folders, 'path')]}`;
}
