// When the next recipient of each destination falls due, in memory: one number a destination, so
// that 100,000 recipients waiting for a dead host cost a claim nothing, and destinations take turns.

export class Schedule {
  /** In the order of turns: who was served goes to the end. */
  readonly #due = new Map<string, number>();
  /** Priorities that recipients may have. */
  readonly #levels = new Set<number>();
  #known = false;

  /** False after a rollback, or when another process wrote: fill() it again. */
  get known(): boolean {
    return this.#known;
  }

  forget(): void {
    this.#known = false;
  }

  get levels(): ReadonlySet<number> {
    return this.#levels;
  }

  addLevel(priority: number): void {
    this.#levels.add(priority);
  }

  fill(
    rows: Iterable<readonly [destination: string, due: number]>,
    levels: Iterable<number>,
  ): void {
    this.#levels.clear();
    for (const level of levels) this.#levels.add(level);
    const before = [...this.#due.keys()];
    const next = new Map(rows);
    this.#due.clear();
    // The turns go on where they were.
    for (const destination of before) {
      const due = next.get(destination);
      if (due === undefined) continue;
      this.#due.set(destination, due);
      next.delete(destination);
    }
    for (const [destination, due] of next) this.#due.set(destination, due);
    this.#known = true;
  }

  /** One more recipient, due then. */
  add(destination: string, due: number): void {
    const first = this.#due.get(destination);
    if (first === undefined || due < first) this.#due.set(destination, due);
  }

  set(destination: string, due: number | undefined): void {
    if (due === undefined) this.#due.delete(destination);
    else this.#due.set(destination, due);
  }

  /** Served: behind all others, or gone. */
  served(destination: string, due: number | undefined): void {
    this.#due.delete(destination);
    if (due !== undefined) this.#due.set(destination, due);
  }

  /** The first `limit` destinations with something due, in the order of turns. */
  dueAt(now: number, skip: ReadonlySet<string>, limit: number): string[] {
    const found: string[] = [];
    for (const [destination, due] of this.#due) {
      if (due > now || skip.has(destination)) continue;
      found.push(destination);
      if (found.length === limit) break;
    }
    return found;
  }

  next(skip: ReadonlySet<string>): number | undefined {
    let first: number | undefined;
    for (const [destination, due] of this.#due)
      if ((first === undefined || due < first) && !skip.has(destination)) first = due;
    return first;
  }
}
