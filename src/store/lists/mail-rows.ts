// The messages of several folders as one list, newest first, as typed arrays over the columns of each folder:
// 100,000 of them are a few megabytes. Copies of one delivery, and of one message in several folders, are one
// message: what they share is their content. The place that it was stored in first stands for it.

import type { MailColumns } from '../folder-store.ts';
import { seenBit } from '../folders/flags.ts';
import type { MailCount } from '../mail-question.ts';

export interface ListedFolder {
  readonly id: number;
  readonly account: string;
  readonly path: string;
  readonly columns: MailColumns;
}

/** Of one place: a message in a folder. */
export interface MailRow {
  readonly folder: ListedFolder;
  readonly uid: number;
  readonly email: number;
  readonly flags: number;
  readonly keywords: string;
  readonly received: number;
  readonly size: number;
}

export class MailRows {
  readonly folders: readonly ListedFolder[];
  /** Of each message, newest first: the number of the place that stands for it. */
  readonly places: Uint32Array;
  /** What else there is of the message that this place stands for. */
  readonly #others: Map<number, number[]>;
  readonly #folderOf: Uint32Array;
  /** Of each folder: the number of its first place. */
  readonly #starts: readonly number[];
  // Of each place, side by side: lists are gone through as a whole, again and again.
  readonly #emails: Float64Array;
  readonly #flags: Uint8Array;
  #count: MailCount | undefined;
  #tags: ReadonlyMap<string, number> | undefined;

  /** `contentOf` an email: the same for copies of a delivery. `before`: the list as it was, if it is known. */
  constructor(
    folders: readonly ListedFolder[],
    contentOf: (email: number) => number,
    before?: MailRows,
  ) {
    this.folders = folders;
    const length = folders.reduce((sum, { columns }) => sum + columns.length, 0);
    this.#flags = new Uint8Array(length);
    let start = 0;
    for (const { columns } of folders) {
      this.#flags.set(columns.flags, start);
      start += columns.length;
    }
    if (before?.hasPlacesOf(folders) === true) {
      ({ places: this.places } = before);
      this.#others = before.#others;
      this.#folderOf = before.#folderOf;
      this.#starts = before.#starts;
      this.#emails = before.#emails;
      return;
    }
    this.#others = new Map();
    this.#folderOf = new Uint32Array(length);
    this.#emails = new Float64Array(length);
    const starts: number[] = [];
    start = 0;
    folders.forEach(({ columns }, folder) => {
      starts.push(start);
      this.#folderOf.fill(folder, start, start + columns.length);
      this.#emails.set(columns.email, start);
      start += columns.length;
    });
    this.#starts = starts;
    this.places = this.#firstPlaces(this.#newestFirst(length), contentOf);
  }

  /** Nothing came and nothing went: only flags are others. */
  hasPlacesOf(folders: readonly ListedFolder[]): boolean {
    return (
      folders.length === this.folders.length &&
      folders.every(({ id, columns }, i) => {
        const old = this.folders[i]!;
        if (old.columns === columns) return true;
        return (
          old.id === id &&
          old.columns.length === columns.length &&
          isSame(old.columns.email, columns.email) &&
          isSame(old.columns.received, columns.received)
        );
      })
    );
  }

  row(place: number): MailRow {
    const number = this.#folderOf[place]!;
    const folder = this.folders[number]!;
    const { columns } = folder;
    const at = place - this.#starts[number]!;
    return {
      folder,
      uid: columns.uid[at]!,
      email: columns.email[at]!,
      flags: columns.flags[at]!,
      keywords: columns.keywordSets[columns.keywords[at]!]!,
      received: columns.received[at]!,
      size: columns.size[at]!,
    };
  }

  email(place: number): number {
    return this.#emails[place]!;
  }

  isSeen(place: number): boolean {
    return (this.#flags[place]! & seenBit) !== 0;
  }

  /** The place itself first. */
  placesOf(place: number): readonly number[] {
    return [place, ...(this.#others.get(place) ?? [])];
  }

  get count(): MailCount {
    this.#count ??= this.countOf(this.places);
    return this.#count;
  }

  countOf(places: ArrayLike<number>): MailCount {
    let unseen = 0;
    for (let i = 0; i < places.length; i += 1) if (!this.isSeen(places[i]!)) unseen += 1;
    return { messages: places.length, unseen };
  }

  /** How many messages have which tag. */
  get tags(): ReadonlyMap<string, number> {
    this.#tags ??= this.#countTags();
    return this.#tags;
  }

  #countTags(): ReadonlyMap<string, number> {
    const bySet = new Map<string, number>();
    for (const place of this.places) {
      const folder = this.#folderOf[place]!;
      const { keywordSets, keywords } = this.folders[folder]!.columns;
      const set = keywords[place - this.#starts[folder]!]!;
      if (set === 0) continue;
      const words = keywordSets[set]!;
      bySet.set(words, (bySet.get(words) ?? 0) + 1);
    }
    const tags = new Map<string, number>();
    for (const [words, count] of bySet)
      for (const tag of words.split(' ').filter(isTag)) tags.set(tag, (tags.get(tag) ?? 0) + count);
    return new Map([...tags].sort(([a], [b]) => (a < b ? -1 : 1)));
  }

  /** By when they came, and those of one moment by where they are: later in a folder is newer. */
  #newestFirst(length: number): Uint32Array {
    const received = new Float64Array(length);
    this.folders.forEach(({ columns }, folder) => {
      received.set(columns.received, this.#starts[folder]!);
    });
    let oldest = Number.POSITIVE_INFINITY;
    let newest = Number.NEGATIVE_INFINITY;
    for (let place = 0; place < length; place += 1) {
      const at = received[place]!;
      if (at < oldest) oldest = at;
      if (at > newest) newest = at;
    }
    // Numbers are sorted ten times as fast as with a function that compares: time and place as one number, where
    // it has room for both.
    if ((newest - oldest + 1) * length >= Number.MAX_SAFE_INTEGER)
      return Uint32Array.from(received, (_, place) => place).sort(
        (a, b) => received[b]! - received[a]! || b - a,
      );
    for (let place = 0; place < length; place += 1)
      received[place] = (received[place]! - oldest) * length + place;
    received.sort();
    const places = new Uint32Array(length);
    for (let i = 0; i < length; i += 1) places[length - 1 - i] = received[i]! % length;
    return places;
  }

  #firstPlaces(newestFirst: Uint32Array, contentOf: (email: number) => number): Uint32Array {
    const contents = new Float64Array(newestFirst.length);
    for (let i = 0; i < contents.length; i += 1)
      contents[i] = contentOf(this.email(newestFirst[i]!));
    const numberOf = numbersBy(contents);
    const first = new Uint32Array(newestFirst.length);
    let length = 0;
    for (let i = 0; i < newestFirst.length; i += 1) {
      const place = newestFirst[i]!;
      const content = contents[i]!;
      const known = numberOf.get(content);
      if (known === undefined) {
        numberOf.set(content, length);
        first[length] = place;
        length += 1;
        continue;
      }
      const other = first[known]!;
      const others = this.#others.get(other) ?? [];
      this.#others.delete(other);
      const earlier = this.email(place) - this.email(other) || place - other;
      first[known] = earlier < 0 ? place : other;
      this.#others.set(first[known]!, earlier < 0 ? [other, ...others] : [...others, place]);
    }
    return first.subarray(0, length);
  }
}

function isSame(a: Float64Array, b: Float64Array): boolean {
  for (let i = 0; i < a.length; i += 1) if (a[i] !== b[i]) return false;
  return true;
}

/** A number for each of the keys; most are near each other, and an array is quicker than a Map. */
function numbersBy(keys: Float64Array): Pick<Map<number, number>, 'get'> & {
  set(key: number, value: number): unknown;
} {
  let [least, most] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const key of keys) {
    if (key < least) least = key;
    if (key > most) most = key;
  }
  if (keys.length === 0 || most - least >= 8 * keys.length) return new Map();
  const numbers = new Int32Array(most - least + 1);
  return {
    get: (key) => {
      const number = numbers[key - least]!;
      return number === 0 ? undefined : number - 1;
    },
    set: (key, value) => {
      numbers[key - least] = value + 1;
    },
  };
}

/** Keywords with a `$` have a meaning of their own: RFC 5788 §3. */
export const isTag = (keyword: string): boolean => keyword !== '' && !keyword.startsWith('$');
