// The clock of one simulated process: the world's time, set wrong by some amount, until the process
// dies. The dead hear no timers.

import type { Clock } from '../../src/base/clock.ts';
import type { FakeClock } from '../../src/base/fake-clock.ts';

export class ProcessClock implements Clock {
  readonly #world: FakeClock;
  readonly #offsetMs: number;
  #dead = false;

  constructor(world: FakeClock, offsetMs: number) {
    this.#world = world;
    this.#offsetMs = offsetMs;
  }

  now(): number {
    return this.#world.now() + this.#offsetMs;
  }

  after(delayMs: number, callback: () => void): () => void {
    return this.#world.after(delayMs, () => {
      if (!this.#dead) callback();
    });
  }

  die(): void {
    this.#dead = true;
  }
}
