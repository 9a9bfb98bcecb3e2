// Features that were found in a message, by the names of caniemail's data, and how often.

export class FoundFeatures {
  readonly #counts = new Map<string, number>();

  add(slug: string, count = 1): void {
    this.#counts.set(slug, (this.#counts.get(slug) ?? 0) + count);
  }

  /** Also of what the data has no name for. */
  get counts(): ReadonlyMap<string, number> {
    return this.#counts;
  }
}
