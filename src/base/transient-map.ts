// A map for what comes and goes by the thousand a second: connections, messages under way. A Map makes itself a new
// table every so often, and the table before, once it has grown old, keeps whatever is in the new one from being
// collected with the young: all of it grows old as well, and waits for a collection of the whole heap. Here the
// tables have numbers only, and what is removed is let go at once.

export class TransientMap<K extends string | number, V> {
  readonly #slots = new Map<K, number>();
  readonly #values: (V | undefined)[] = [];
  readonly #free: number[] = [];

  get size(): number {
    return this.#slots.size;
  }

  has(key: K): boolean {
    return this.#slots.has(key);
  }

  get(key: K): V | undefined {
    const slot = this.#slots.get(key);
    return slot === undefined ? undefined : this.#values[slot];
  }

  /** What has a value already keeps its place in the order. */
  set(key: K, value: V): void {
    let slot = this.#slots.get(key);
    if (slot === undefined) {
      slot = this.#free.pop() ?? this.#values.length;
      this.#slots.set(key, slot);
    }
    this.#values[slot] = value;
  }

  /** False when it was not there. */
  delete(key: K): boolean {
    const slot = this.#slots.get(key);
    if (slot === undefined) return false;
    this.#slots.delete(key);
    this.#values[slot] = undefined;
    this.#free.push(slot);
    return true;
  }

  clear(): void {
    this.#slots.clear();
    this.#values.length = 0;
    this.#free.length = 0;
  }

  keys(): IterableIterator<K> {
    return this.#slots.keys();
  }

  /** In the order of their coming; as with a Map, what is removed on the way is left out. */
  *values(): Generator<V, void> {
    for (const slot of this.#slots.values()) yield this.#values[slot] as V;
  }
}
