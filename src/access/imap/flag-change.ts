// The flags that a message must have after a STORE, as its client reckons: if it has others, it is told so even
// where it asked for .SILENT.
// Pure. RFC 9051 §6.4.6.

import { bitOf } from '../../mailbox/flags.ts';
import type { FlagChange } from '../../store/folder-store.ts';

export class ExpectedFlags {
  readonly #kind: FlagChange['kind'];
  #mask = 0;
  readonly #words = new Set<string>();
  /** By the keywords before. */
  readonly #known = new Map<string, string>();

  constructor({ kind, flags }: FlagChange) {
    this.#kind = kind;
    for (const flag of flags) {
      const bit = bitOf(flag);
      if (bit !== 0) this.#mask |= bit;
      else if (!flag.startsWith('\\')) this.#words.add(flag.toLowerCase());
    }
  }

  bits(before: number): number {
    if (this.#kind === 'replace') return this.#mask;
    return this.#kind === 'add' ? before | this.#mask : before & ~this.#mask;
  }

  /** In lower case and sorted, as sortedKeywords() gives them. */
  keywords(before: string): string {
    const known = this.#known.get(before);
    if (known !== undefined) return known;
    const words = new Set(this.#kind === 'replace' ? [] : wordsOf(before));
    for (const word of this.#words)
      if (this.#kind === 'remove') words.delete(word);
      else words.add(word);
    const text = [...words].sort().join(' ');
    this.#known.set(before, text);
    return text;
  }
}

export const sortedKeywords = (keywords: string): string => wordsOf(keywords).sort().join(' ');

const wordsOf = (keywords: string): string[] =>
  keywords === '' ? [] : keywords.toLowerCase().split(' ');
