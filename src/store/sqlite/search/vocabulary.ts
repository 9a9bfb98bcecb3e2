// All words of a full-text index in one string, so that those that contain something are found by
// looking through it: megabytes in milliseconds. Made when it is first needed; words that come later
// are put behind it.

import type { SoughtWord } from '../../search/search-words.ts';

// Limit: characters; beyond that it is read from the index for each search.
const charactersMax = 64 * 2 ** 20;
// Limit: words added later, before everything is read anew.
const addedMax = 200_000;

export class Vocabulary {
  readonly #read: () => readonly string[];
  #words: string | undefined;
  #added = new Set<string>();

  constructor(read: () => readonly string[]) {
    this.#read = read;
  }

  /** Words of an index text that is now in the index. */
  add(text: string): void {
    if (this.#words === undefined) return;
    for (const word of text.match(/[0-9a-z\x80-\uffff]+/g) ?? []) this.#added.add(word);
    if (this.#added.size > addedMax) this.forget();
  }

  forget(): void {
    this.#words = undefined;
    this.#added.clear();
  }

  matching({ word, begins, ends }: SoughtWord): readonly string[] {
    if (begins && ends) return [word];
    const words = this.#words ?? `\n${this.#read().join('\n')}\n`;
    if (words.length <= charactersMax) this.#words = words;
    const found = new Set<string>();
    search(words, (begins ? '\n' : '') + word + (ends ? '\n' : ''), found);
    for (const one of this.#added)
      if (begins ? one.startsWith(word) : ends ? one.endsWith(word) : one.includes(word))
        found.add(one);
    return [...found];
  }
}

function search(words: string, needle: string, found: Set<string>): void {
  for (let at = words.indexOf(needle); at !== -1; ) {
    const start = words[at] === '\n' ? at + 1 : words.lastIndexOf('\n', at) + 1;
    const end = words.indexOf('\n', start);
    found.add(words.slice(start, end));
    at = words.indexOf(needle, end);
  }
}
