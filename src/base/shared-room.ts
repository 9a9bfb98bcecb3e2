// Room in memory that all clients of a service share: what is larger than a piece and has to be held whole. Whoever
// finds too little of it left waits, in the order in which they came.

interface Waiting {
  readonly octets: number;
  readonly begin: () => void;
}

export class SharedRoom {
  #left: number;
  readonly #octets: number;
  readonly #waiting: Waiting[] = [];

  constructor(octets: number) {
    this.#octets = octets;
    this.#left = octets;
  }

  /**
   * Resolves to what gives it back, once. What is larger than the room has all of it. Whoever leaves while it waits
   * is in nobody's way. @throws the reason of `left`
   */
  async take(octets: number, left?: AbortSignal): Promise<() => void> {
    left?.throwIfAborted();
    const wanted = Math.min(octets, this.#octets);
    if (this.#waiting.length > 0 || wanted > this.#left) await this.#turn(wanted, left);
    else this.#left -= wanted;
    let isGivenBack = false;
    return () => {
      if (isGivenBack) return;
      isGivenBack = true;
      this.#left += wanted;
      this.#next();
    };
  }

  #turn(octets: number, left?: AbortSignal): Promise<void> {
    return new Promise((begin, reject) => {
      const waiting = { octets, begin };
      this.#waiting.push(waiting);
      left?.addEventListener('abort', () => {
        const at = this.#waiting.indexOf(waiting);
        if (at === -1) return;
        this.#waiting.splice(at, 1);
        reject(left.reason);
        this.#next();
      });
    });
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
