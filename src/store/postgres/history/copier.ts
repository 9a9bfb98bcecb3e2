// Copies what a node wrote into its files to where all nodes can ask for it. Where it is, is moved in the transaction that
// writes what was read, so that all of it comes once, whatever dies. Mail never waits for it, nor does any disk: while the
// database is away, what happened waits in the files.

import { join } from 'node:path';
import type { Clock } from '../../../base/clock.ts';
import { messageOf } from '../../../base/error-text.ts';
import type { Log } from '../../../base/log.ts';
import { StorageError } from '../../../smtp/smtp-error.ts';
import type { DiaryPosition } from '../../history/diary-reader.ts';
import { diaryBegin, readDiary } from '../../history/diary-reader.ts';
import type { HistoryEvent } from '../../history.ts';
import { integer, text } from '../../row.ts';
import type { Database, Transaction } from '../database.ts';
import { isPassing } from '../database-errors.ts';
import { type HistoryDays, hasNoDay } from './days.ts';
import { MessageLot, messageLots, putMessages } from './lots.ts';
import { putRefusals, type RefusalLot, refusalLots } from './refusal-lots.ts';

export interface HistoryCopierParts {
  readonly database: Database;
  readonly clock: Clock;
  readonly log: Log;
  readonly days: HistoryDays;
  /** Of this node's files. */
  readonly directory: string;
  readonly node: { readonly name: string; readonly number: number };
}

const diaries = ['messages', 'refused'] as const;
type Diary = (typeof diaries)[number];

/** What is written is copied after so long, together with what comes meanwhile. */
const gatherMs = 1000;
/** What could not be copied is tried again after so long. */
const againMs = 5000;
/** Limit: slices in a row; after them others have their turn for as long as these took. */
const slicesMax = 4;

interface Position extends DiaryPosition {
  /** Key of the last refusal. */
  readonly last: number;
}

export class HistoryCopier implements AsyncDisposable {
  readonly #parts: HistoryCopierParts;
  /** As they were when we looked last: another process under our name may have moved them. */
  readonly #positions = new Map<Diary, Position>();
  #cancel: (() => void) | undefined;
  #copying: Promise<boolean> | undefined;
  #isFailing = false;
  #isClosed = false;

  constructor(parts: HistoryCopierParts) {
    this.#parts = parts;
  }

  wrote(): void {
    // Also while something is copied, which may have read to the end already.
    this.#later(gatherMs);
  }

  /** What was written until now, as much of it as goes within `ms`; true when that is all. @throws StorageError */
  async catchUp(ms: number): Promise<boolean> {
    const { clock } = this.#parts;
    const end = clock.now() + ms;
    await this.#copying?.catch(() => {});
    const isOver = () => clock.now() >= end;
    const copying = this.#copySlices(isOver);
    this.#copying = copying;
    try {
      const isAll = await copying;
      this.#isFailing = false;
      if (!isAll) this.#later(gatherMs);
      return isAll;
    } finally {
      if (this.#copying === copying) this.#copying = undefined;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    this.#cancel?.();
    await this.#copying?.catch(() => {});
  }

  #later(ms: number): void {
    if (this.#isClosed) return;
    this.#cancel ??= this.#parts.clock.after(ms, () => {
      this.#cancel = undefined;
      void this.#follow();
    });
  }

  /** Never rejects. */
  async #follow(): Promise<void> {
    if (this.#copying !== undefined) return this.#later(gatherMs);
    const { clock } = this.#parts;
    const began = clock.now();
    let slices = 0;
    const isOver = () => {
      slices += 1;
      return slices >= slicesMax;
    };
    const copying = this.#copySlices(isOver);
    this.#copying = copying;
    try {
      const isAll = await copying;
      this.#isFailing = false;
      if (!isAll) this.#later(Math.max(1, clock.now() - began));
    } catch (error) {
      this.#failed(error);
    } finally {
      if (this.#copying === copying) this.#copying = undefined;
    }
  }

  /** A database that is away has said so itself. */
  #failed(error: unknown): void {
    const isAway = error instanceof StorageError;
    if (!isAway && !this.#isFailing)
      this.#parts.log.warn('history not shared', { error: messageOf(error) });
    this.#isFailing = !isAway;
    this.#positions.clear();
    this.#later(againMs);
  }

  async #copySlices(isOver: () => boolean): Promise<boolean> {
    for (;;) {
      let more = false;
      for (const diary of diaries) more = (await this.#copySlice(diary)) || more;
      if (!more) return true;
      if (isOver()) return false;
    }
  }

  /** False when there is nothing to copy. */
  async #copySlice(diary: Diary): Promise<boolean> {
    const { directory, days } = this.#parts;
    const from = await this.#positionOf(diary);
    const folder = diary === 'messages' ? directory : join(directory, 'refused');
    let read = readDiary(folder, from);
    // The files are others: what is in them is new.
    if (read === 'lost') read = readDiary(folder, diaryBegin);
    if (read === undefined || read === 'lost') return false;
    const slice = { diary, from, to: read.position, events: read.events };
    try {
      await this.#put(slice);
    } catch (error) {
      if (error instanceof StorageError) throw error;
      if (hasNoDay(error)) days.forget();
      // Something in it cannot be had: all the rest can.
      await this.#put(slice, { oneByOne: true });
    }
    return true;
  }

  async #positionOf(diary: Diary): Promise<Position> {
    const known = this.#positions.get(diary);
    if (known !== undefined) return known;
    const { database, node } = this.#parts;
    const [row] = await database.rows(
      `INSERT INTO history_position (node, diary, file, identity, at, last) VALUES ($1, $2, 0, '', 0, 0)
       ON CONFLICT (node, diary) DO UPDATE SET node = excluded.node
       RETURNING file, identity, at, last`,
      [node.name, diary],
    );
    const position = {
      ...{ file: integer(row?.file), identity: text(row?.identity) },
      ...{ offset: integer(row?.at), last: integer(row?.last) },
    };
    this.#positions.set(diary, position);
    return position;
  }

  async #put({ diary, from, to, events }: Slice, { oneByOne = false } = {}): Promise<void> {
    const { database, days, node } = this.#parts;
    const { oldest } = days;
    const messages = messageLots(events, oldest);
    const refusals = refusalLots(events, { node: node.number, last: from.last, oldest });
    await days.make([...messages, ...refusals].map(({ key }) => key));
    const moved = { ...to, last: refusals.at(-1)?.key ?? from.last };
    const isOurs = await database.transaction(async (transaction) => {
      await transaction.run('SET LOCAL synchronous_commit = off');
      if (!(await this.#move(transaction, diary, [from, moved]))) return false;
      if (oneByOne) await this.#each(transaction, [...messages, ...refusals]);
      else {
        await putMessages(transaction, messages);
        await putRefusals(transaction, refusals);
      }
      return true;
    });
    // Another process was here: we go on from where that is.
    if (isOurs) this.#positions.set(diary, moved);
    else this.#positions.delete(diary);
  }

  /** False when the position is not what it was: this has been copied. */
  async #move(
    transaction: Transaction,
    diary: Diary,
    [from, to]: readonly [Position, Position],
  ): Promise<boolean> {
    const moved = await transaction.run(
      `UPDATE history_position SET file = $3, identity = $4, at = $5, last = $6
       WHERE node = $1 AND diary = $2 AND file = $7 AND identity = $8 AND at = $9`,
      [
        ...[this.#parts.node.name, diary, to.file, to.identity, to.offset, to.last],
        ...[from.file, from.identity, from.offset],
      ],
    );
    return moved > 0;
  }

  /** Each by itself; what cannot be had is left out. */
  async #each(transaction: Transaction, lots: readonly (MessageLot | RefusalLot)[]): Promise<void> {
    for (const lot of lots) {
      await transaction.run('SAVEPOINT lot');
      try {
        if (lot instanceof MessageLot) await putMessages(transaction, [lot]);
        else await putRefusals(transaction, [lot]);
      } catch (error) {
        if (isPassing(error)) throw error;
        await transaction.run('ROLLBACK TO SAVEPOINT lot');
        this.#parts.log.warn('history not shared', { error: messageOf(error) });
      }
    }
  }
}

interface Slice {
  readonly diary: Diary;
  readonly from: Position;
  readonly to: DiaryPosition;
  readonly events: readonly HistoryEvent[];
}
