// How a claim is divided among destinations: in the order of their turns each may have as much as it may; what those
// did not have is divided among all the others equally. Two or three questions, however many destinations there are.

export interface Lot {
  readonly destination: string;
  readonly count: number;
}

export class Lots {
  readonly #limit: number;
  readonly #perDestination: number;
  /** In the order of turns: those that may have more. */
  #waiting: readonly string[];
  readonly #got = new Map<string, number>();
  #asked: readonly Lot[] = [];
  #left: number;

  constructor(
    destinations: readonly string[],
    { limit, perDestination }: { readonly limit: number; readonly perDestination: number },
  ) {
    this.#waiting = destinations;
    this.#limit = limit;
    this.#perDestination = perDestination;
    this.#left = limit;
  }

  first(): readonly Lot[] {
    let left = this.#limit;
    const lots: Lot[] = [];
    for (const destination of this.#waiting) {
      if (left === 0) break;
      const count = Math.min(left, this.#perDestination);
      lots.push({ destination, count });
      left -= count;
    }
    return this.#ask(lots);
  }

  next(): readonly Lot[] {
    const waiting = this.#waiting.slice(0, this.#left);
    const share = Math.floor(this.#left / waiting.length);
    return this.#ask(
      waiting.map((destination, i) => ({
        destination,
        count: Math.min(
          share + (i < this.#left % waiting.length ? 1 : 0),
          this.#perDestination - this.#had(destination),
        ),
      })),
    );
  }

  /** What came of it: how much each had. Who had all he was asked for may have more. */
  drawn(found: ReadonlyMap<string, number>): void {
    const empty = new Set<string>();
    for (const { destination, count } of this.#asked) {
      const got = found.get(destination) ?? 0;
      this.#left -= got;
      this.#got.set(destination, this.#had(destination) + got);
      if (got < count || this.#had(destination) >= this.#perDestination) empty.add(destination);
    }
    this.#waiting = this.#waiting.filter((one) => !empty.has(one));
  }

  #had(destination: string): number {
    return this.#got.get(destination) ?? 0;
  }

  #ask(lots: readonly Lot[]): readonly Lot[] {
    this.#asked = this.#left <= 0 ? [] : lots.filter(({ count }) => count > 0);
    return this.#asked;
  }
}
