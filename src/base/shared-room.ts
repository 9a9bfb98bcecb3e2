// Room in memory that all clients of a service share: what is larger than a piece and has to be held whole. Whoever
// finds too little of it left waits, in the order in which they came.

export class SharedRoom {
  #left: number;
  readonly #octets: number;
  readonly #waiting: { readonly octets: number; readonly begin: () => void }[] = [];

  constructor(octets: number) {
    this.#octets = octets;
    this.#left = octets;
  }

  /** Resolves to what gives it back, once. What is larger than the room has all of it. */
  async take(octets: number): Promise<() => void> {
    const wanted = Math.min(octets, this.#octets);
    if (this.#waiting.length > 0 || wanted > this.#left)
      await new Promise<void>((begin) => void this.#waiting.push({ octets: wanted, begin }));
    else this.#left -= wanted;
    let isGivenBack = false;
    return () => {
      if (isGivenBack) return;
      isGivenBack = true;
      this.#left += wanted;
      this.#next();
    };
  }

  #next(): void {
    for (let [first] = this.#waiting; first !== undefined; [first] = this.#waiting) {
      if (first.octets > this.#left) return;
      this.#left -= first.octets;
      this.#waiting.shift();
      first.begin();
    }
  }
}
