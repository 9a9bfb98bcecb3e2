// What nodes tell each other so that nobody has to wait for his next look: NOTIFY, outside of any transaction that
// matters (within one it would put all commits in a row); those that would be many are gathered. Nothing depends on it: where
// it is switched off, or a pooler swallows it, everybody looks by himself.

import type pg from 'pg';
import type { Clock } from '../../base/clock.ts';
import type { Database } from './database.ts';

const channel = 'postrider';

/** Limit: a signal costs so many milliseconds, of which so many have been saved up at most: 20 a second where it lasts. */
const gatherMs = 50;
const savedMs = 500;
/** Limit: https://www.postgresql.org/docs/15/sql-notify.html, less than 8000 octets. */
const payloadBytesMax = 7900;
/** A connection that listens and is lost is made again after so long. */
const againMs = 1000;

export interface SignalsParts {
  readonly database: Database;
  readonly clock: Clock;
  /** Of this process, which does not hear itself. */
  readonly session: number;
  /** False: nothing is said, and nobody listens. */
  readonly isOn?: boolean;
}

/** Undefined: something happened, and nobody knows what. */
type Listener = (said: readonly unknown[] | undefined) => void;

export class Signals implements AsyncDisposable {
  readonly #parts: SignalsParts;
  readonly #listeners = new Map<string, Set<Listener>>();
  #waiting = new Map<string, Map<string, unknown>>();
  #isGathering = false;
  #cancelGathering: (() => void) | undefined;
  /** When all signals so far have been paid for: up to `savedMs` ahead they go at once. */
  #paidAt = Number.NEGATIVE_INFINITY;
  #sending: Promise<void> = Promise.resolve();
  #client: pg.Client | undefined;
  #cancelAgain: (() => void) | undefined;
  #wasLost = false;
  #isClosed = false;

  constructor(parts: SignalsParts) {
    this.#parts = parts;
  }

  /** Soon, to all others that listen: the same thing once. */
  send(topic: string, said: unknown): void {
    if (this.#isClosed || this.#parts.isOn === false) return;
    const of = this.#waiting.get(topic) ?? new Map<string, unknown>();
    this.#waiting.set(topic, of.set(JSON.stringify(said), said));
    if (this.#isGathering) return;
    this.#isGathering = true;
    const { clock } = this.#parts;
    const wait = this.#paidAt + gatherMs - savedMs - clock.now();
    if (wait <= 0) setImmediate(() => this.#flush());
    else this.#cancelGathering = clock.after(Math.min(wait, gatherMs), () => this.#flush());
  }

  listen(topic: string, listener: Listener): () => void {
    const of = this.#listeners.get(topic) ?? new Set();
    this.#listeners.set(topic, of.add(listener));
    // One that was lost comes back by itself.
    const isThere = this.#client !== undefined || this.#cancelAgain !== undefined;
    if (!isThere && this.#parts.isOn !== false) void this.#connect();
    return () => of.delete(listener);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    this.#cancelAgain?.();
    this.#cancelGathering?.();
    await this.#sending;
    await this.#client?.end().catch(() => {});
  }

  #flush(): void {
    this.#isGathering = false;
    if (this.#isClosed) return;
    const waiting = this.#waiting;
    this.#waiting = new Map();
    this.#paidAt = Math.max(this.#paidAt, this.#parts.clock.now()) + gatherMs;
    const before = this.#sending;
    const sent = this.#notify(waiting).catch(() => {}); // they look by themselves
    this.#sending = sent.then(() => before);
  }

  async #notify(waiting: ReadonlyMap<string, ReadonlyMap<string, unknown>>): Promise<void> {
    const { database, session } = this.#parts;
    for (const [topic, said] of waiting) {
      const whole = JSON.stringify({ from: session, topic, said: [...said.values()] });
      const fits = Buffer.byteLength(whole) <= payloadBytesMax;
      await database.run('SELECT pg_notify($1, $2)', [
        ...[channel, fits ? whole : JSON.stringify({ from: session, topic })],
      ]);
    }
  }

  async #connect(): Promise<void> {
    this.#cancelAgain = undefined;
    const client = this.#parts.database.client('postrider listens');
    this.#client = client;
    const lost = () => {
      if (this.#client !== client || this.#isClosed) return;
      this.#client = undefined;
      this.#wasLost = true;
      client.end().catch(() => {});
      this.#cancelAgain = this.#parts.clock.after(againMs, () => void this.#connect());
    };
    client.on('error', lost);
    client.on('end', lost);
    client.on('notification', ({ payload }) => this.#heard(payload ?? ''));
    try {
      await client.connect();
      await client.query(`LISTEN ${channel}`);
      if (this.#wasLost)
        // What was said meanwhile nobody heard.
        for (const [, listeners] of this.#listeners) for (const one of listeners) one(undefined);
    } catch {
      lost();
    }
  }

  #heard(payload: string): void {
    const { from, topic, said } = read(payload);
    if (from === this.#parts.session || typeof topic !== 'string') return;
    for (const listener of this.#listeners.get(topic) ?? [])
      listener(Array.isArray(said) ? said : undefined);
  }
}

function read(payload: string): { from?: unknown; topic?: unknown; said?: unknown } {
  try {
    const found: unknown = JSON.parse(payload);
    return typeof found === 'object' && found !== null ? found : {};
  } catch {
    return {};
  }
}
