// A store moves to one of another kind while servers work on it: everything once, then what changed meanwhile, which
// the store itself notes; then they end, the last changes follow, both sides are compared, and the old store says from
// then on that it is not one any more. Whatever ends this, at any moment: begun again, it goes on where it was.

import { type Clock, sleep } from '../../base/clock.ts';
import { Comparison, described } from './comparison.ts';
import type { OnMoveProgress } from './contents.ts';
import { MovedContents } from './contents.ts';
import type { MovedKey, MovedTable } from './moved-tables.ts';
import { keyOf, keyText, movedTables, placeOf } from './moved-tables.ts';
import type { Change, MovedRows, MoveSource, MoveTarget } from './places.ts';
import { MoveError } from './places.ts';

export interface MoveOptions {
  readonly source: MoveSource;
  readonly target: MoveTarget;
  readonly clock: Clock;
  /** Tells servers that are at work on the source to end, where the store cannot. */
  readonly stopServers: () => Promise<void>;
  /** Everything is there and the same: the last moment before the old store is left. */
  readonly onVerified?: (() => Promise<void>) | undefined;
  readonly onProgress?: OnMoveProgress | undefined;
}

export interface MoveResult {
  /** What there is now, for each table that has something. */
  readonly rows: readonly { readonly what: string; readonly rows: number }[];
  readonly contents: number;
  readonly bytes: number;
  /** From when servers were told to end until everything was here; undefined when none was at work. */
  readonly switchMs: number | undefined;
}

/** Limit: notes of changes that are looked at at a time. */
const changesPerPage = 1000;
/** When so few were left in a round, what is left is for the switch. */
const changesLeftMax = 200;
/** Limit: rounds, where more changes than can be copied. */
const roundsMax = 1000;
/** Limit: comparisons while servers go on, and what is short enough for the one when they do not. */
const comparisonsMax = 5;
const shortMs = 2000;
/** Limit: how long servers may take to end. */
const serversEndMs = 180_000;
const lookMs = 200;

/** @throws MoveError, StoreOpenError */
export async function moveStore(options: MoveOptions): Promise<MoveResult> {
  const move = new Move(options);
  return (await move.resumedAtItsEnd()) ?? (await move.run());
}

class Move {
  readonly #options: MoveOptions;
  readonly #contents: MovedContents;
  readonly #comparison: Comparison;

  constructor(options: MoveOptions) {
    this.#options = options;
    const { source, target } = options;
    this.#contents = new MovedContents(source, target);
    this.#comparison = new Comparison(source, target);
  }

  /** The last one broke off when the old store had been left already. */
  async resumedAtItsEnd(): Promise<MoveResult | undefined> {
    const { source, target } = this.#options;
    const left = await source.left();
    if (left === undefined) return undefined;
    if (left.to !== target.name || !(await target.isUnderWay(left.id)))
      throw new MoveError(`everything in ${source.name} was moved to ${left.to} already`);
    await target.begin(left.id);
    await this.#options.onVerified?.();
    await target.finish(await source.counters());
    await target.optimise();
    return this.#result(undefined);
  }

  async run(): Promise<MoveResult> {
    const { source, target, clock, onProgress } = this.#options;
    // Before anything is noted there: notes grow until a move ends.
    await target.assertFree();
    const id = await source.watch();
    await target.begin(id);
    for (const table of movedTables) await this.#copyTable(table);
    await this.#catchUp();
    await this.#contents.verify(onProgress);
    await this.#compare();
    const began = await this.#stopServers();
    await source.quiet();
    while ((await this.#copyChanges()) > 0);
    await this.#contents.complete();
    await this.#contents.verify();
    await this.#assertSame();
    const counters = await source.counters();
    await this.#options.onVerified?.();
    await source.leave({ id, to: target.name, at: clock.now() });
    await target.finish(counters);
    const switchMs = began === undefined ? undefined : clock.now() - began;
    await target.optimise();
    return this.#result(switchMs);
  }

  async #copyTable(table: MovedTable): Promise<void> {
    const { source, target, onProgress } = this.#options;
    let after = await target.cursor(table);
    if (after === 'done') return;
    const total = await source.count(table);
    let done = after === undefined ? 0 : await target.count(table);
    for (;;) {
      const page = await source.page(table, after);
      const isLast = page.length < table.pageRows;
      after = page.length === 0 ? after : keyOf(table, page.at(-1)!);
      await this.#write(table, {
        keys: page.map((row) => keyOf(table, row)),
        rows: page,
        ...(isLast ? { cursor: 'done' } : after !== undefined && { cursor: after }),
      });
      done += page.length;
      onProgress?.(table.what, done, Math.max(done, total));
      if (isLast) return;
    }
  }

  /** While servers go on: until there is little left. */
  async #catchUp(): Promise<void> {
    const { onProgress } = this.#options;
    let done = 0;
    for (let round = 0; round < roundsMax; round += 1) {
      const found = await this.#copyChanges();
      done += found;
      onProgress?.('what changed meanwhile', done, done + found);
      if (found <= changesLeftMax) return;
    }
  }

  /**
   * While servers go on: what is the same now need not be read again when everybody waits, but for what was changed since
   * the last round. So there is another one until a round is short.
   */
  async #compare(): Promise<void> {
    const { clock, onProgress } = this.#options;
    for (let round = 0; round < comparisonsMax; round += 1) {
      const began = clock.now();
      await this.#comparison.differences(onProgress);
      await this.#catchUp();
      if (clock.now() - began < shortMs) return;
    }
  }

  /** How many notes there were. */
  async #copyChanges(): Promise<number> {
    const { source } = this.#options;
    const changes = await source.changes(changesPerPage);
    for (const [table, keys] of keysOf(changes)) {
      this.#comparison.touched(table, keys);
      await this.#write(table, { keys, rows: await source.rows(table, keys) });
    }
    await source.forget(changes.map(({ note }) => note));
    return changes.length;
  }

  async #write(table: MovedTable, given: MovedRows): Promise<void> {
    const content = placeOf(table, 'content');
    if (content >= 0)
      await this.#contents.copy(
        given.rows.flatMap((row) => (row[content] === null ? [] : Number(row[content]))),
      );
    await this.#options.target.write(table, given);
  }

  /** When they were told to. @throws MoveError when one of them does not end */
  async #stopServers(): Promise<number | undefined> {
    const { source, stopServers, clock, onProgress } = this.#options;
    let names = await source.servers();
    if (names.length === 0) return undefined;
    const began = clock.now();
    onProgress?.('servers end', 0, names.length);
    if (!(await source.drain(names))) await stopServers();
    for (;;) {
      names = await source.servers();
      if (names.length === 0) return began;
      if (clock.now() - began > serversEndMs)
        throw new MoveError(`${names.join(', ')} did not end: stop it, and move again`);
      await sleep(clock, lookMs);
    }
  }

  async #assertSame(): Promise<void> {
    const { source, target, onProgress } = this.#options;
    const differences = await this.#comparison.differences(onProgress);
    if (differences.length === 0) return;
    const lines = await Promise.all(differences.slice(0, 5).map((one) => described(source, one)));
    throw new MoveError(
      `${target.name} is not the same as ${source.name}, which stays what it was: ${lines.join('; ')}. ` +
        'Begin again with --restart',
    );
  }

  async #result(switchMs: number | undefined): Promise<MoveResult> {
    const { target } = this.#options;
    const rows: { readonly what: string; readonly rows: number }[] = [];
    for (const table of movedTables) {
      const count = await target.count(table);
      if (count > 0) rows.push({ what: table.what, rows: count });
    }
    return { rows, ...(await target.contents()), switchMs };
  }
}

/** Each key once. */
function keysOf(changes: readonly Change[]): ReadonlyMap<MovedTable, readonly MovedKey[]> {
  const found = new Map<MovedTable, Map<string, MovedKey>>();
  for (const { table, key } of changes) {
    const keys = found.get(table) ?? new Map<string, MovedKey>();
    found.set(table, keys.set(keyText(key), key));
  }
  return new Map([...found].map(([table, keys]) => [table, [...keys.values()]]));
}
