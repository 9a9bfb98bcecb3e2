// A map that never grows beyond its limit: the entry set first makes room for a new one. For caches
// whose keys come from strangers; reading costs what a Map costs.

/**
 * Limit: changes that drive nothing out before the walk is given up. A walk that rests holds what the Map was in
 * before it grew or shrank.
 */
const restMax = 1_000;

export class BoundedMap<K, V> {
  readonly #entries = new Map<K, V>();
  /**
   * A walk from the oldest to the newest, whose next is always the oldest: what it has come by was driven out. Kept,
   * because a new one passes everything that was deleted before: a stranger's new key would cost as much as all of them.
   */
  #oldest: MapIterator<K> | undefined;
  #rested = 0;
  readonly #max: number;

  constructor(max: number) {
    this.#max = Math.max(1, max);
  }

  get size(): number {
    return this.#entries.size;
  }

  get(key: K): V | undefined {
    return this.#entries.get(key);
  }

  /** Makes the entry the newest, also when it was there already. */
  set(key: K, value: V): void {
    this.#entries.delete(key);
    if (this.#entries.size >= this.#max) this.#driveOut();
    else this.#rest();
    this.#entries.set(key, value);
  }

  #driveOut(): void {
    this.#rested = 0;
    this.#oldest ??= this.#entries.keys();
    const { done, value } = this.#oldest.next();
    if (done === true) this.#oldest = undefined;
    else this.#entries.delete(value);
  }

  #rest(): void {
    if (this.#oldest === undefined) return;
    this.#rested += 1;
    if (this.#rested > restMax) this.#oldest = undefined;
  }

  delete(key: K): boolean {
    this.#rest();
    return this.#entries.delete(key);
  }

  clear(): void {
    this.#oldest = undefined;
    this.#entries.clear();
  }
}
