// First in, first out, at constant cost however long the line is.

export class Fifo<T> {
  #items: (T | undefined)[] = [];
  #head = 0;

  get length(): number {
    return this.#items.length - this.#head;
  }

  /** The one that comes next. */
  peek(): T | undefined {
    return this.#items[this.#head];
  }

  some(isIt: (item: T) => boolean): boolean {
    return this.#items.some((item) => item !== undefined && isIt(item));
  }

  push(item: T): void {
    this.#items.push(item);
  }

  shift(): T | undefined {
    if (this.#head === this.#items.length) return undefined;
    const item = this.#items[this.#head];
    this.#items[this.#head] = undefined;
    this.#head += 1;
    if (this.#head === this.#items.length || this.#head > 1024) {
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
    return item;
  }

  /** Those, in order; they are gone from here. The others stay in theirs. */
  takeOut(isIt: (item: T) => boolean): T[] {
    if (!this.some(isIt)) return [];
    const [stay, taken]: [T[], T[]] = [[], []];
    for (const item of this.drain()) (isIt(item) ? taken : stay).push(item);
    this.#items = stay;
    return taken;
  }

  /** Everything, in order; the line is empty then. */
  drain(): T[] {
    const items = this.#items.slice(this.#head) as T[];
    this.#items = [];
    this.#head = 0;
    return items;
  }
}
