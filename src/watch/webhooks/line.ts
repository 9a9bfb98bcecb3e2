// What waits for one webhook, and when it is tried. Each notice has a schedule of its own, so that one that the
// receiver cannot digest holds up no other; where several in a row fail, the receiver is down, and is asked by one
// request now and then until it answers.

import type { Clock } from '../../base/clock.ts';
import { stackOf } from '../../base/error-text.ts';
import type { Log } from '../../base/log.ts';
import type { Random } from '../../base/random.ts';
import type { Waiting, WebhookOutbox } from './outbox.ts';
import { keptMs } from './outbox.ts';
import type { Notice, WebhookAttempt } from './webhook.ts';
import { attemptsShown } from './webhook.ts';

const secondMs = 1000;
const minuteMs = 60 * secondMs;
const hourMs = 60 * minuteMs;

/** After the first attempt, the second … : the schedule that Standard Webhooks recommends. Each is longer by up to a fifth, by chance. */
export const retryMs: readonly number[] = [
  ...([5 * secondMs, 5 * minuteMs, 30 * minuteMs, 2 * hourMs, 5 * hourMs] as const),
  ...([10 * hourMs, 14 * hourMs, 20 * hourMs, 24 * hourMs] as const),
];
const jitter = 0.2;
/** How long a store that failed is left alone. */
const storeAgainMs = minuteMs;

/** Limits of one webhook: notices that wait, requests at a time. */
export const waitingMax = 10_000;
export const requestsMax = 4;

/** So many failures in a row mean that the receiver is down; pauses then double from the first to the last. */
export const failuresUntilPause = 5;
const pauseMs = { first: 5 * secondMs, last: 15 * minuteMs };

export interface LineParts {
  readonly name: string;
  readonly outbox: WebhookOutbox;
  readonly clock: Clock;
  readonly random: Pick<Random, 'fraction'>;
  readonly log: Log;
  readonly post: (notice: Notice & { readonly attempt: number }) => Promise<WebhookAttempt>;
  readonly onAttempt: (attempt: WebhookAttempt) => void;
}

export class WebhookLine {
  readonly #parts: LineParts;
  readonly #ready = new Set<Waiting>();
  readonly #later = new Set<Waiting>();
  readonly #flying = new Map<Waiting, Promise<void>>();
  #attempts: readonly WebhookAttempt[] = [];
  #failures = 0;
  #pausedUntil = 0;
  #givenUp = 0;
  #full = false;
  #stopped = false;
  #cancel: (() => void) | undefined;

  constructor(parts: LineParts) {
    this.#parts = parts;
  }

  get waiting(): number {
    return this.#ready.size + this.#later.size + this.#flying.size;
  }

  /** Of all that waits, or is being told. */
  get ids(): readonly string[] {
    return [...this.#ready, ...this.#later, ...this.#flying.keys()].map(({ id }) => id);
  }

  get state() {
    const { waiting } = this;
    const attempts = this.#attempts;
    return { waiting, givenUp: this.#givenUp, nextAttempt: this.#next(), attempts };
  }

  /** Whether one more may wait. If not, it is counted as given up. */
  hasRoom(also: number): boolean {
    const hasRoom = this.waiting + also < waitingMax;
    if (!hasRoom) this.#givenUp += 1;
    if (!hasRoom && !this.#full)
      this.#parts.log.warn('webhook events given up', {
        ...{ webhook: this.#parts.name, reason: `${waitingMax} wait already` },
      });
    this.#full = !hasRoom;
    return hasRoom;
  }

  /** It is in the outbox, and this node's to tell. */
  add(waiting: Waiting): void {
    this.#later.add(waiting);
    this.#go();
  }

  /** Somebody asked for it, beside the line. */
  show(attempt: WebhookAttempt): void {
    this.#attempts = [attempt, ...this.#attempts].slice(0, attemptsShown);
    this.#parts.onAttempt(attempt);
  }

  /** No further attempts. Resolves when those under way have ended. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancel?.();
    await Promise.all(this.#flying.values());
  }

  /** When something is tried next; undefined: nothing waits, or requests are under way. */
  #next(): number | undefined {
    if (this.#ready.size > 0) return Math.max(this.#pausedUntil, this.#parts.clock.now());
    let first = Number.POSITIVE_INFINITY;
    for (const { due } of this.#later) first = Math.min(first, due);
    return this.#later.size === 0 ? undefined : Math.max(first, this.#pausedUntil);
  }

  #go(): void {
    if (this.#stopped) return;
    const now = this.#parts.clock.now();
    if (now >= this.#pausedUntil) {
      for (const one of this.#later)
        if (one.due <= now && this.#later.delete(one)) this.#ready.add(one);
      const max = this.#failures < failuresUntilPause ? requestsMax : 1;
      for (const one of this.#ready) {
        if (this.#flying.size >= max) break;
        this.#ready.delete(one);
        this.#fly(one);
      }
    }
    this.#cancel?.();
    const next = this.#next();
    // What might begin now waits for a request to end, and who has ended goes on.
    if (next === undefined || next <= now) return;
    this.#cancel = this.#parts.clock.after(next - now, () => this.#go());
  }

  #fly(one: Waiting): void {
    const flight = this.#attempt(one)
      .catch((error: unknown) => {
        // The store, which is looked at again in a while. What was told already is told twice then.
        const { log, name, clock } = this.#parts;
        log.warn('webhook events not kept', { webhook: name, error: stackOf(error) });
        this.#later.add(one);
        this.#pausedUntil = Math.max(this.#pausedUntil, clock.now() + storeAgainMs);
      })
      .finally(() => {
        this.#flying.delete(one);
        this.#go();
      });
    this.#flying.set(one, flight);
  }

  async #attempt(one: Waiting): Promise<void> {
    const { outbox, name, post, clock } = this.#parts;
    const notice = await outbox.get(name, one.id);
    if (notice === 'taken') return undefined;
    // It became too old meanwhile.
    if (notice === undefined) return this.#giveUp(one, 'too old');
    if (this.#stopped) return;
    const attempt = await post({ ...notice, attempt: one.attempts + 1 });
    if (this.#stopped && attempt.problem !== undefined) return;
    this.show(attempt);
    this.#learn(attempt);
    if (attempt.problem === undefined) return outbox.remove(name, [one.id]);
    const delay = retryMs[one.attempts];
    const due = Math.max(
      clock.now() + (delay ?? 0) * (1 + jitter * this.#parts.random.fraction()),
      attempt.retryAt ?? 0,
    );
    if (delay === undefined || due > one.since + keptMs) {
      this.#giveUp(one, attempt.problem);
      return outbox.remove(name, [one.id]);
    }
    const next = { ...one, attempts: one.attempts + 1, due };
    await outbox.put([{ ...notice, ...next, name }]);
    this.#later.add(next);
  }

  #giveUp({ id }: Waiting, reason: string): void {
    this.#givenUp += 1;
    const { log, name } = this.#parts;
    log.warn('webhook events given up', { webhook: name, id, reason });
  }

  #learn({ problem, retryAt = 0 }: WebhookAttempt): void {
    const { clock, log, name } = this.#parts;
    if (problem === undefined) {
      if (this.#failures >= failuresUntilPause)
        log.info('webhook answers again', { webhook: name });
      this.#failures = 0;
      this.#pausedUntil = 0;
      return;
    }
    // Whoever asks for patience gets it for all that waits, but no longer than who is down.
    const patience = Math.min(retryAt, clock.now() + pauseMs.last);
    this.#pausedUntil = Math.max(this.#pausedUntil, patience);
    this.#failures += 1;
    const beyond = this.#failures - failuresUntilPause;
    if (beyond < 0) return;
    const pause = Math.min(pauseMs.last, pauseMs.first * 2 ** beyond);
    this.#pausedUntil = Math.max(clock.now() + pause, patience);
    if (beyond === 0) log.warn('webhook does not answer', { webhook: name, problem });
  }
}
