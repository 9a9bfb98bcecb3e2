// A node of the simulation: one process with its clock, which may die, stand still and go on as if nothing had been, or be
// cut off from the database; and the line on which it asks the database, where statements are late, lost before or after
// they happened, or happen when nobody waits for them any more.

import type { Clock } from '../../src/base/clock.ts';
import type { FakeClock } from '../../src/base/fake-clock.ts';
import type { Random } from '../../src/base/random.ts';
import { StorageError } from '../../src/smtp/smtp-error.ts';

/** Probabilities for each statement. */
export interface LineTroubles {
  /** The process dies with a statement before, or after it happened. */
  readonly crashBefore: number;
  readonly crashAfter: number;
  /** The connection is lost before, or after it happened. */
  readonly lost: number;
  readonly answerLost: number;
}

const latencyMsMax = 20;
/** What was on its way when the line was cut may arrive when it is whole again. */
const lateShare = 0.5;

export class NodeProcess implements Clock {
  troubles: LineTroubles;
  isCut = false;
  isDead = false;
  diedAt = 0;
  readonly #world: FakeClock;
  readonly #random: Random;
  readonly #offsetMs: number;
  #isFrozen = false;
  /** What happens when it goes on. */
  #waiting: (() => void)[] = [];
  /** What arrives when the line is whole again. */
  #late: (() => void)[] = [];
  onDeath: () => void = () => {};

  constructor(
    world: FakeClock,
    random: Random,
    { offsetMs, troubles }: { readonly offsetMs: number; readonly troubles: LineTroubles },
  ) {
    this.#world = world;
    this.#random = random;
    this.#offsetMs = offsetMs;
    this.troubles = troubles;
  }

  get isFrozen(): boolean {
    return this.#isFrozen;
  }

  now(): number {
    return this.#world.now() + this.#offsetMs;
  }

  after(delayMs: number, callback: () => void): () => void {
    let isCancelled = false;
    const cancel = this.#world.after(delayMs, () => {
      this.do(() => {
        if (!isCancelled) callback();
      });
    });
    return () => {
      isCancelled = true;
      cancel();
    };
  }

  /** Happens in this process: now, when it goes on, or never. */
  do(what: () => void): void {
    if (this.isDead) return;
    if (this.#isFrozen) this.#waiting.push(what);
    else what();
  }

  /** Goes on when the process does. */
  here(): Promise<void> {
    return new Promise((resolve) => this.do(resolve));
  }

  die(): void {
    if (this.isDead) return;
    this.isDead = true;
    this.diedAt = this.#world.now();
    this.onDeath();
  }

  freeze(): void {
    this.#isFrozen = true;
  }

  /** Everything that came due meanwhile happens at once, in any order. */
  thaw(): void {
    this.#isFrozen = false;
    const waiting = this.#waiting;
    this.#waiting = [];
    while (waiting.length > 0) {
      const [next] = waiting.splice(Math.floor(this.#random.fraction() * waiting.length), 1);
      this.do(next!);
    }
  }

  mend(): void {
    this.isCut = false;
    for (const arrive of this.#late.splice(0)) arrive();
  }

  /** One statement, or a transaction. @throws StorageError after `patienceMs` at the latest */
  ask<T>(statement: () => T, patienceMs: number): Promise<T> {
    return new Promise((resolve, reject) => {
      const { crashBefore, crashAfter, lost, answerLost } = this.troubles;
      if (this.#happens(crashBefore)) return this.die();
      const fail = () => reject(new StorageError('the database does not answer'));
      this.after(patienceMs, fail);
      const happen = () => {
        if (this.#happens(lost)) return this.#later(() => this.do(fail));
        const result = statement();
        if (this.#happens(crashAfter)) return this.die();
        // A line that is cut says nothing: only patience ends.
        if (this.isCut) return;
        const isLost = this.#happens(answerLost);
        this.#later(() => this.do(isLost ? fail : () => resolve(result)));
      };
      this.#later(() => {
        if (!this.isCut) happen();
        else if (this.#happens(lateShare)) this.#late.push(happen);
      });
    });
  }

  #later(what: () => void): void {
    this.#world.after(Math.floor(this.#random.fraction() * latencyMsMax), what);
  }

  #happens(probability: number): boolean {
    return this.#random.fraction() < probability;
  }
}
