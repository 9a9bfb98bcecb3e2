// Messages read before they are asked for, so that a client that fetches one after the other does not
// wait for the store each time: small ones come many at once. Never holds more than it may.

import type { Clock } from '../../base/clock.ts';
import type { Content } from '../../store/content.ts';

/** Limit: octets of one batch, two of which a session may have: one being sent, one being read. */
const batchBytesMax = 256 * 2 ** 10;
/** Limit: messages of one batch. */
const batchMessagesMax = 128;
/** How many messages the first batch of a client that pipelines has. */
const pipelinedFirst = 16;
/** What nobody asked for after this long is dropped. */
const keepMs = 2_000;

/** What all sessions share. */
export class Budget {
  readonly #bytesMax: number;
  #bytes = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** False, and nothing is taken, where there is not as much. */
  take(octets: number): boolean {
    if (this.#bytes + octets > this.#bytesMax) return false;
    this.#bytes += octets;
    return true;
  }

  give(octets: number): void {
    this.#bytes -= octets;
  }
}

export interface ReadAheadParts {
  /** Reads these messages; large ones are read when they are sent. */
  readonly load: (indexes: readonly number[]) => Promise<readonly (Content | undefined)[]>;
  readonly length: number;
  readonly sizeAt: (index: number) => number;
  readonly budget: Pick<Budget, 'take' | 'give'>;
  readonly clock: Clock;
}

type Found = Content | undefined;

/** The messages `from` up to `end`, on their way. */
interface Loading {
  readonly from: number;
  readonly end: number;
  readonly done: Promise<void>;
}

export class ReadAhead {
  readonly #parts: ReadAheadParts;
  readonly #found = new Map<number, Found>();
  #loading: Loading | undefined;
  /** What a client that goes on in order asks for next. */
  #next = 0;
  /** Messages of the next batch. */
  #window = 1;
  /** What the budget gave us. */
  #octets = 0;
  #reads = 0;
  #cancelExpiry: (() => void) | undefined;
  /** Counts up with each drop(): a batch that arrives after it is nobody's. */
  #era = 0;

  constructor(parts: ReadAheadParts) {
    this.#parts = parts;
  }

  read(index: number, more: boolean): Found | Promise<Found> {
    this.#reads += 1;
    const inOrder = index === this.#next;
    this.#next = index + 1;
    if (this.#found.has(index)) return this.#take(index);
    const loading = this.#loading;
    if (loading !== undefined && index >= loading.from && index < loading.end)
      return this.#arrival(index, loading.done);
    // The client does not ask in order: it will not ask for what was read ahead.
    this.drop();
    if (!inOrder && !more) this.#window = 1;
    else this.#window = Math.max(this.#window, more ? pipelinedFirst : 2);
    if (this.#window === 1 || index + 1 >= this.#parts.length) return this.#one(index);
    return this.#arrival(index, this.#load(index));
  }

  /** Forgets what was read ahead. */
  drop(): void {
    this.#era += 1;
    this.#found.clear();
    this.#loading = undefined;
    this.#parts.budget.give(this.#octets);
    this.#octets = 0;
    this.#cancelExpiry?.();
    this.#cancelExpiry = undefined;
  }

  async #arrival(index: number, done: Promise<void>): Promise<Found> {
    await done;
    return this.#found.has(index) ? this.#take(index) : this.#one(index);
  }

  async #one(index: number): Promise<Found> {
    return (await this.#parts.load([index]))[0];
  }

  #take(index: number): Found {
    const found = this.#found.get(index);
    this.#found.delete(index);
    const octets = this.#memoryOf(index);
    this.#octets -= octets;
    this.#parts.budget.give(octets);
    // The next batch is read while this one is sent.
    const { size } = this.#found;
    if (this.#loading === undefined && size <= this.#window / 2) {
      const from = index + 1 + size;
      if (from < this.#parts.length) void this.#load(from).catch(() => {});
    }
    return found;
  }

  /** Large messages lie in files and are read when they are sent. */
  #memoryOf(index: number): number {
    const size = this.#parts.sizeAt(index);
    return size > batchBytesMax ? 0 : size;
  }

  #load(from: number): Promise<void> {
    const indexes = this.#batch(from);
    const [first] = indexes;
    if (first === undefined) return Promise.resolve();
    this.#window = Math.min(2 * this.#window, batchMessagesMax);
    const era = this.#era;
    const arrive = async () => {
      try {
        const contents = await this.#parts.load(indexes);
        if (era !== this.#era) return;
        for (let i = 0; i < indexes.length; i += 1) this.#found.set(indexes[i]!, contents[i]);
        this.#loading = undefined;
        this.#expireLater();
      } catch (error) {
        if (era === this.#era) this.drop();
        throw error;
      }
    };
    const done = arrive();
    this.#loading = { from, end: from + indexes.length, done };
    return done;
  }

  /** From this message on, as many as the window, the batch and the budget have room for. */
  #batch(from: number): number[] {
    const { length, budget } = this.#parts;
    const indexes: number[] = [];
    let octets = 0;
    for (let i = from; i < length && indexes.length < this.#window; i += 1) {
      octets += this.#memoryOf(i);
      if (octets > batchBytesMax || !budget.take(this.#memoryOf(i))) break;
      this.#octets += this.#memoryOf(i);
      indexes.push(i);
    }
    return indexes;
  }

  #expireLater(): void {
    if (this.#cancelExpiry !== undefined) return;
    const reads = this.#reads;
    this.#cancelExpiry = this.#parts.clock.after(keepMs, () => {
      this.#cancelExpiry = undefined;
      if (this.#found.size === 0) return;
      if (this.#reads === reads) this.drop();
      else this.#expireLater();
    });
  }
}
