// The three ways the configuration names domains: `example.net` is exactly that one, `.example.net`
// everything below it, `*` every domain. Found by hashing, so that ten thousand patterns cost no
// more than ten. Names are compared as keys (mail/fields/address.ts): U-labels and A-labels are one name.

import { domainKey } from '../../mail/fields/address.ts';

export class DomainPatterns {
  readonly #exact = new Map<string, number>();
  readonly #below = new Map<string, number>();
  #any: number | undefined;

  constructor(patterns: readonly string[]) {
    for (const [index, pattern] of patterns.entries()) {
      if (pattern === '*') this.#any ??= index;
      else if (pattern.startsWith('.')) addFirst(this.#below, domainKey(pattern.slice(1)), index);
      else addFirst(this.#exact, domainKey(pattern), index);
    }
  }

  /** Positions of the patterns that match, the most specific first. `key` is of domainKey(). */
  matches(key: string): readonly number[] {
    const found: number[] = [];
    const exact = this.#exact.get(key);
    if (exact !== undefined) found.push(exact);
    if (this.#below.size > 0) {
      for (let dot = key.indexOf('.'); dot !== -1; dot = key.indexOf('.', dot + 1)) {
        const below = this.#below.get(key.slice(dot + 1));
        if (below !== undefined) found.push(below);
      }
    }
    if (this.#any !== undefined) found.push(this.#any);
    return found;
  }
}

function addFirst(map: Map<string, number>, key: string, index: number): void {
  if (!map.has(key)) map.set(key, index);
}
