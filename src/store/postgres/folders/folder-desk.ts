// Changes of mailboxes on their way into the database: what arrives together is one transaction. A refusal is an
// answer to whoever asked, and nothing to those beside him.

import type { Clock } from '../../../base/clock.ts';
import type { StoredContent } from '../../content.ts';
import { storedSize } from '../../content.ts';
import {
  FolderExistsError,
  MailboxLimitError,
  NoSuchFolderError,
  OverQuotaError,
} from '../../folder-errors.ts';
import type { MailboxEvent } from '../../folder-store.ts';
import type { ContentTable } from '../content/content-table.ts';
import type { Database, Transaction } from '../database.ts';
import { Gathering } from '../gathering.ts';
import type { Arrival, Arrived } from './arrivals.ts';
import { arrive } from './arrivals.ts';
import { Change, type Needs } from './change.ts';
import { readListings, storableListing } from './emails.ts';
import type { FolderState } from './states.ts';

/** A message before its content is a row. */
export interface Arriving extends Pick<Arrival, 'flags' | 'prefix' | 'received'> {
  readonly content: StoredContent;
}

interface Step {
  readonly needs: Needs;
  /** What is done with it, after everything that was asked for before it. */
  readonly work:
    | { readonly kind: 'change'; readonly run: (change: Change) => Promise<unknown> }
    | {
        readonly kind: 'arrival';
        readonly messages: readonly Arriving[];
        readonly folder: (change: Change) => Promise<FolderState>;
        readonly answer: (arrived: readonly (Arrived & Arrival)[]) => unknown;
        /** What it adds up is to be true: nothing else arrives together with it. */
        readonly alone?: boolean;
      };
}

/** So many of what arrives, and what they are the answer to. */
interface Awaiting {
  readonly count: number;
  readonly answer: (arrived: readonly (Arrived & Arrival)[]) => unknown;
}

type Answer =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly error: Error };

// Limits: changes of one transaction, and octets of content among them.
const stepsMax = 256;
const bytesMax = 8 * 2 ** 20;
// Limit: transactions at once. What concerns the same folder or account is in the same line.
const lanesMax = 4;

export interface FolderDeskParts {
  readonly database: Database;
  readonly contents: ContentTable;
  readonly clock: Clock;
  readonly session: number;
  /** After the commit. */
  readonly publish: (events: readonly MailboxEvent[]) => void;
}

export class FolderDesk {
  readonly #parts: FolderDeskParts;
  readonly #lanes: readonly Gathering<Step, Answer>[];

  constructor(parts: FolderDeskParts) {
    this.#parts = parts;
    this.#lanes = Array.from(
      { length: lanesMax },
      () =>
        new Gathering<Step, Answer>({
          run: (steps) => parts.database.transaction((it) => this.#together(it, steps)),
          itemsMax: stepsMax,
          weightMax: bytesMax,
          weigh: ({ work }) =>
            work.kind === 'change'
              ? 0
              : work.messages.reduce((sum, { content }) => sum + storedSize(content), 0),
        }),
    );
  }

  /** `about`: what is asked for of the same folder or account is done in order. */
  change<T>(about: number | string, needs: Needs, run: (change: Change) => Promise<T>): Promise<T> {
    return this.#add(about, { needs, work: { kind: 'change', run } }) as Promise<T>;
  }

  arrive<T>(
    about: number | string,
    needs: Needs,
    arrival: {
      readonly messages: readonly Arriving[];
      /** @throws NoSuchFolderError */
      readonly folder: (change: Change) => Promise<FolderState>;
      readonly answer: (arrived: readonly (Arrived & Arrival)[]) => T;
      readonly alone?: boolean;
    },
  ): Promise<T> {
    return this.#add(about, { needs, work: { kind: 'arrival', ...arrival } }) as Promise<T>;
  }

  /** In a transaction that somebody else holds. */
  async within<T>(
    transaction: Transaction,
    needs: Needs,
    now: number | undefined,
    run: (change: Change) => Promise<T>,
  ): Promise<T> {
    const change = await this.#begin(transaction, needs, now);
    const value = await run(change);
    await this.#finish(change);
    return value;
  }

  async idle(): Promise<void> {
    for (const lane of this.#lanes) await lane.idle();
  }

  async #add(about: number | string, step: Step): Promise<unknown> {
    const answer = await this.#lanes[laneOf(about)]!.add(step);
    if (answer.ok) return answer.value;
    throw answer.error;
  }

  async #together(transaction: Transaction, steps: readonly Step[]): Promise<readonly Answer[]> {
    const change = await this.#begin(transaction, {
      accounts: steps.flatMap(({ needs }) => needs.accounts ?? []),
      make: steps.flatMap(({ needs }) => needs.make ?? []),
      folders: steps.flatMap(({ needs }) => needs.folders ?? []),
      rooms: steps.flatMap(({ needs }) => needs.rooms ?? []),
    });
    const answers: Answer[] = [];
    while (answers.length < steps.length) {
      const [first] = steps.slice(answers.length);
      change.nextStep();
      if (first!.work.kind === 'arrival')
        answers.push(...(await this.#arrivals(change, steps, answers.length)));
      else {
        const { run } = first!.work;
        answers.push(await answerOf(() => run(change)));
      }
    }
    await this.#finish(change);
    return answers;
  }

  /** All arrivals from `from` on until something else is asked for. */
  async #arrivals(
    change: Change,
    steps: readonly Step[],
    from: number,
  ): Promise<readonly Answer[]> {
    const places: (readonly [folder: FolderState, arriving: Arriving])[] = [];
    const waiting: (Answer | Awaiting)[] = [];
    for (const { work } of steps.slice(from)) {
      if (work.kind !== 'arrival' || (work.alone && waiting.length > 0)) break;
      const found = await answerOf(() => work.folder(change));
      if (!found.ok) waiting.push(found);
      else {
        for (const message of work.messages) places.push([found.value as FolderState, message]);
        waiting.push({ count: work.messages.length, answer: work.answer });
      }
      if (work.alone) break;
    }
    const arrived = await this.arriveAll(change, places);
    let at = 0;
    return waiting.map((one) => {
      if ('ok' in one) return one;
      at += one.count;
      return { ok: true, value: one.answer(arrived.slice(at - one.count, at)) };
    });
  }

  /** Each into its folder, in order, with its content. */
  async arriveAll(
    change: Change,
    places: readonly (readonly [folder: FolderState, arriving: Arriving])[],
  ): Promise<readonly (Arrived & Arrival)[]> {
    const { transaction } = change;
    const { contents } = this.#parts;
    const stored = places.map(([, { content }]) => content);
    const ids = await contents.insertAll(transaction, stored);
    const large = stored.filter(({ kind }) => kind === 'file').map((content) => ids.get(content)!);
    const listings = large.length === 0 ? undefined : await readListings(transaction, large);
    const arrivals = places.map(([folder, { content, ...rest }]) => {
      const id = ids.get(content)!;
      const listing =
        content.kind === 'inline' ? storableListing(content.bytes) : listings!.get(id)!;
      const size = storedSize(content) + Buffer.byteLength(rest.prefix);
      return [folder, { ...listing, ...rest, content: id, size }] as const;
    });
    const arrived = await arrive(change, arrivals);
    return arrived.map((one, i) => ({ ...arrivals[i]![1], ...one }));
  }

  async #begin(transaction: Transaction, needs: Needs, at?: number): Promise<Change> {
    const { clock, session } = this.#parts;
    const change = new Change({ transaction, session, now: at ?? clock.now() });
    await change.lock(needs);
    return change;
  }

  async #finish(change: Change): Promise<void> {
    const events = await change.finish();
    if (events.length > 0) change.transaction.onCommit(() => this.#parts.publish(events));
  }
}

function laneOf(about: number | string): number {
  if (typeof about === 'number') return about % lanesMax;
  let sum = 0;
  for (let i = 0; i < about.length; i += 1) sum += about.charCodeAt(i);
  return sum % lanesMax;
}

async function answerOf(run: () => Promise<unknown>): Promise<Answer> {
  try {
    return { ok: true, value: await run() };
  } catch (error) {
    if (isRefusal(error)) return { ok: false, error };
    throw error;
  }
}

export const isRefusal = (error: unknown): error is Error =>
  error instanceof NoSuchFolderError ||
  error instanceof FolderExistsError ||
  error instanceof OverQuotaError ||
  error instanceof MailboxLimitError;
