// Folders that were read lately, so that looking at one again costs what changed in it since.

import type { MailColumns } from '../folder-store.ts';

// Limit: octets of all of them; a message takes 45. The one used longest ago goes first.
const bytesMax = 64 * 2 ** 20;
const bytesPerMessage = 45;
// Limit: lists of keywords, those that nobody uses any more among them, before a folder is read anew.
const keywordSetsMax = 10_000;

interface Known {
  readonly modseq: number;
  readonly columns: MailColumns;
}

export class ColumnsCache {
  readonly #known = new Map<number, Known>();
  #bytes = 0;

  get(folder: number): Known | undefined {
    const known = this.#known.get(folder);
    if (known === undefined) return undefined;
    this.#known.delete(folder);
    this.#known.set(folder, known);
    return known;
  }

  set(folder: number, known: Known): void {
    this.#delete(folder);
    this.#known.set(folder, known);
    this.#bytes += size(known);
    for (const oldest of this.#known.keys()) {
      if (this.#bytes <= bytesMax) return;
      this.#delete(oldest);
    }
  }

  clear(): void {
    this.#known.clear();
    this.#bytes = 0;
  }

  #delete(folder: number): void {
    const known = this.#known.get(folder);
    if (known === undefined) return;
    this.#known.delete(folder);
    this.#bytes -= size(known);
  }
}

const size = ({ columns }: Known): number => columns.length * bytesPerMessage;

export const copyColumns = (columns: MailColumns): MailColumns => ({
  length: columns.length,
  uid: columns.uid.slice(),
  email: columns.email.slice(),
  modseq: columns.modseq.slice(),
  flags: columns.flags.slice(),
  keywords: columns.keywords.slice(),
  keywordSets: columns.keywordSets,
  size: columns.size.slice(),
  received: columns.received.slice(),
  saved: columns.saved.slice(),
});

/** Undefined when it is simpler to read everything anew. */
export function mergeColumns(
  old: MailColumns,
  changed: MailColumns,
  vanished: Uint32Array,
): MailColumns | undefined {
  if (changed.length * 4 > old.length || old.keywordSets.length > keywordSetsMax) return undefined;
  const gone = new Set(vanished);
  const merged = emptyColumns(old.length + changed.length);
  const keywordSets = [...old.keywordSets];
  const setOf = changed.keywordSets.map((words) => {
    const known = keywordSets.indexOf(words);
    return known === -1 ? keywordSets.push(words) - 1 : known;
  });
  let length = 0;
  let next = 0;
  const take = (from: MailColumns, at: number, keywords: number) => {
    for (const name of numberColumns) merged[name][length] = from[name][at]!;
    merged.keywords[length] = keywords;
    length += 1;
  };
  const takeChanged = () => {
    if (!gone.has(changed.uid[next]!)) take(changed, next, setOf[changed.keywords[next]!]!);
    next += 1;
  };
  for (let at = 0; at < old.length; at += 1) {
    const uid = old.uid[at]!;
    while (next < changed.length && changed.uid[next]! < uid) takeChanged();
    if (changed.uid[next] === uid) takeChanged();
    else if (!gone.has(uid)) take(old, at, old.keywords[at]!);
  }
  while (next < changed.length) takeChanged();
  return { length, keywordSets, ...firstOf(merged, length) };
}

const numberColumns = ['uid', 'email', 'modseq', 'flags', 'size', 'received', 'saved'] as const;

type Arrays = Omit<MailColumns, 'length' | 'keywordSets'>;

const emptyColumns = (length: number): Arrays => ({
  uid: new Uint32Array(length),
  email: new Float64Array(length),
  modseq: new Float64Array(length),
  flags: new Uint8Array(length),
  keywords: new Uint32Array(length),
  size: new Float64Array(length),
  received: new Float64Array(length),
  saved: new Float64Array(length),
});

const firstOf = (arrays: Arrays, length: number): Arrays => ({
  uid: arrays.uid.slice(0, length),
  email: arrays.email.slice(0, length),
  modseq: arrays.modseq.slice(0, length),
  flags: arrays.flags.slice(0, length),
  keywords: arrays.keywords.slice(0, length),
  size: arrays.size.slice(0, length),
  received: arrays.received.slice(0, length),
  saved: arrays.saved.slice(0, length),
});
