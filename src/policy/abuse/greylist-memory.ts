// What greylisting remembers, durably: who was sent away and when, which networks came back, which domains send from
// everywhere, and whom people here have written to. Bounded; everything expires. RFC 6647 §5

import { createHash } from 'node:crypto';
import { BoundedMap } from '../../base/bounded-map.ts';
import type { Clock } from '../../base/clock.ts';
import type { RecordStore } from '../../store/record-store.ts';

export interface GreylistMemoryParts {
  readonly records: Pick<RecordStore, 'get' | 'put' | 'count'>;
  readonly clock: Pick<Clock, 'now'>;
}

const kind = 'greylist';
/** Limit: records. Beyond it nobody new is sent away, for there is nowhere to note that they were. */
export const recordsMax = 200_000;
/** How old the count may be. */
const countMs = 60_000;
/** What is known is written again when so much of its time has passed, or half of it where that is less. */
const renewMs = 24 * 60 * 60_000;
/** Limit: what was looked up or written lately. */
const recentMax = 20_000;

/** Somebody who may pass: a network, a domain, a correspondent. */
export type Known =
  | { readonly what: 'network'; readonly network: string }
  | { readonly what: 'domain'; readonly domain: string }
  /** The account has written to the address. */
  | { readonly what: 'correspondent'; readonly account: string; readonly address: string };

export class GreylistMemory {
  readonly #parts: GreylistMemoryParts;
  #count: { readonly at: number; readonly records: number } | undefined;
  /** When it was written last, so that a busy sender costs one write a day. */
  readonly #written = new BoundedMap<string, number>(recentMax);

  constructor(parts: GreylistMemoryParts) {
    this.#parts = parts;
  }

  async isKnown(known: Known): Promise<boolean> {
    return (await this.#parts.records.get(kind, keyOf(known))) !== undefined;
  }

  /** Remembers it for `forMs` from now. */
  async know(known: Known, forMs: number): Promise<void> {
    const { records, clock } = this.#parts;
    const key = keyOf(known);
    const now = clock.now();
    const written = this.#written.get(key);
    if (written !== undefined && now - written < Math.min(renewMs, forMs / 2)) return;
    if (await this.#isFull()) return;
    await records.put([{ kind, key, value: '', expires: now + forMs }]);
    this.#written.set(key, now);
  }

  /**
   * When this attempt was made first, within `withinMs`; now, if it was not. Undefined where there is no
   * room to remember it.
   */
  async firstSeen(attempt: readonly string[], withinMs: number): Promise<number | undefined> {
    const { records, clock } = this.#parts;
    const key = `attempt ${digest(attempt)}`;
    const record = await records.get(kind, key);
    if (record !== undefined) return Number(record.value);
    if (await this.#isFull()) return undefined;
    const now = clock.now();
    await records.put([{ kind, key, value: String(now), expires: now + withinMs }]);
    return now;
  }

  async #isFull(): Promise<boolean> {
    const { records, clock } = this.#parts;
    const now = clock.now();
    if (this.#count === undefined || now - this.#count.at > countMs)
      this.#count = { at: now, records: await records.count(kind) };
    return this.#count.records >= recordsMax;
  }
}

function keyOf(known: Known): string {
  switch (known.what) {
    case 'network':
      return `network ${known.network}`;
    case 'domain':
      return `domain ${known.domain.slice(0, 255)}`;
    case 'correspondent':
      return `correspondent ${digest([known.account, known.address])}`;
  }
}

/** Names of strangers may be long, and who writes to whom is nobody's business. */
const digest = (parts: readonly string[]): string =>
  createHash('sha256').update(parts.join('\0')).digest('base64url').slice(0, 24);
