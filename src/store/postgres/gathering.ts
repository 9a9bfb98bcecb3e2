// Group commit: what comes while something is under way waits for it, and is then done together, in one
// statement and one flush. One that fails because of itself does not fail its neighbours.

import { StorageError } from '../../smtp/smtp-error.ts';

export interface GatheringParts<Item, Answer> {
  /** Does all of them, or none; answers in their order. */
  readonly run: (items: readonly Item[]) => Promise<readonly Answer[]>;
  readonly itemsMax: number;
  /** Limit: what all of them may weigh; the first always goes. */
  readonly weightMax?: number;
  readonly weigh?: (item: Item) => number;
  /** Two of the same key are not done together. */
  readonly keyOf?: (item: Item) => number | string;
  /** How many batches may be under way; one without. */
  readonly batchesMax?: number;
  /** What has to wait before another one begins beside one that is under way: so many, or so much weight. */
  readonly besideFrom?: { readonly items: number; readonly weight: number };
  /** After a batch during which others came: for how long they wait for more to come. */
  readonly pause?: () => Promise<void>;
}

interface Waiting<Item, Answer> {
  readonly item: Item;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: unknown) => void;
}

export class Gathering<Item, Answer> {
  readonly #parts: GatheringParts<Item, Answer>;
  #waiting: Waiting<Item, Answer>[] = [];
  /** Of all that wait. */
  #weight = 0;
  #batches = 0;
  /** At the end of this turn it is seen whether another one begins. */
  #isNear = false;
  #whenIdle: (() => void)[] = [];

  constructor(parts: GatheringParts<Item, Answer>) {
    this.#parts = parts;
  }

  add(item: Item): Promise<Answer> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ item, resolve, reject });
      this.#weight += this.#parts.weigh?.(item) ?? 0;
      // What comes in the same turn goes along.
      if (this.#isNear) return;
      this.#isNear = true;
      queueMicrotask(() => this.#next());
    });
  }

  /** Nothing waits, nothing is under way. */
  async idle(): Promise<void> {
    if (this.#waiting.length === 0 && this.#batches === 0) return;
    await new Promise<void>((resolve) => this.#whenIdle.push(resolve));
  }

  #next(): void {
    this.#isNear = false;
    while (this.#mayBegin()) {
      this.#batches += 1;
      void this.#batch(this.#take()).then(() => {
        this.#batches -= 1;
        this.#next();
        if (this.#waiting.length === 0 && this.#batches === 0)
          for (const resolve of this.#whenIdle.splice(0)) resolve();
      });
    }
  }

  #mayBegin(): boolean {
    const { batchesMax = 1, besideFrom } = this.#parts;
    const { length } = this.#waiting;
    if (length === 0 || this.#batches === 0) return length > 0;
    if (this.#batches >= batchesMax) return false;
    return (
      besideFrom === undefined || length >= besideFrom.items || this.#weight >= besideFrom.weight
    );
  }

  /** Who is alone waits for nobody, and nobody for him. */
  async #batch(batch: readonly Waiting<Item, Answer>[]): Promise<void> {
    await this.#run(batch);
    if (this.#waiting.length > 0) await this.#parts.pause?.();
  }

  #take(): readonly Waiting<Item, Answer>[] {
    const { itemsMax, weightMax = Number.POSITIVE_INFINITY, weigh, keyOf } = this.#parts;
    const taken: Waiting<Item, Answer>[] = [];
    const left: Waiting<Item, Answer>[] = [];
    const keys = new Set<number | string>();
    let weight = 0;
    for (const one of this.#waiting) {
      const key = keyOf?.(one.item);
      const isFull = taken.length === itemsMax || (taken.length > 0 && weight > weightMax);
      if (isFull || (key !== undefined && keys.has(key))) {
        left.push(one);
        continue;
      }
      if (key !== undefined) keys.add(key);
      weight += weigh?.(one.item) ?? 0;
      taken.push(one);
    }
    this.#waiting = left;
    this.#weight -= weight;
    return taken;
  }

  async #run(batch: readonly Waiting<Item, Answer>[]): Promise<void> {
    try {
      const answers = await this.#parts.run(batch.map(({ item }) => item));
      for (const [i, { resolve }] of batch.entries()) resolve(answers[i]!);
    } catch (error) {
      if (batch.length === 1 || error instanceof StorageError)
        for (const { reject } of batch) reject(error);
      // Somebody's own mistake: each for itself.
      else for (const one of batch) await this.#run([one]);
    }
  }
}
