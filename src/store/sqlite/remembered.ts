// What was read of the store, for whoever asks again before it changes: phones say who they are, and what they know, with
// each request. Whoever changes it forgets it, before and after: what is read meanwhile is remembered by nobody.

import { BoundedMap } from '../../base/bounded-map.ts';

export class Remembered<V> {
  readonly #known: BoundedMap<string, V>;
  /** Of each key, the read that is remembered when it ends. */
  readonly #reading = new Map<string, Promise<V | undefined>>();

  /** `max` of them; then the one is forgotten that was read longest ago. */
  constructor(max: number) {
    this.#known = new BoundedMap(max);
  }

  /** Undefined is not remembered. */
  async get(key: string, read: () => Promise<V | undefined>): Promise<V | undefined> {
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const mine = read();
    this.#reading.set(key, mine);
    try {
      const found = await mine;
      if (found !== undefined && this.#reading.get(key) === mine) this.#known.set(key, found);
      return found;
    } finally {
      if (this.#reading.get(key) === mine) this.#reading.delete(key);
    }
  }

  /** As it is in the store now. */
  set(key: string, value: V): void {
    this.forget(key);
    this.#known.set(key, value);
  }

  forget(key: string): void {
    this.#known.delete(key);
    this.#reading.delete(key);
  }

  clear(): void {
    this.#known.clear();
    this.#reading.clear();
  }
}
