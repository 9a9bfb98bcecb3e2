// The messages of an open folder as columns that grow, in UID order: binary search finds a row, and a
// change costs what changed. The list of UIDs is never written to where somebody may look at it:
// sessions hold on to the list as it was when they were told.

import type { MailColumns } from '../store/folder-store.ts';
import { flagsText, seenBit } from './flags.ts';

/** Limit: octets that a row takes, of all columns together. */
export const rowBytes = 4 + 8 + 8 + 1 + 4 + 8 + 8 + 8;

/** Limit: changes remembered one by one; who lags behind further has all rows looked at. */
const logMax = 16_384;

type Column = Uint8Array | Uint32Array | Float64Array;

export class FolderRows implements MailColumns {
  length = 0;
  uid: Uint32Array = new Uint32Array(0);
  email: Float64Array = new Float64Array(0);
  modseq: Float64Array = new Float64Array(0);
  flags: Uint8Array = new Uint8Array(0);
  keywords: Uint32Array = new Uint32Array(0);
  size: Float64Array = new Float64Array(0);
  received: Float64Array = new Float64Array(0);
  saved: Float64Array = new Float64Array(0);
  readonly keywordSets: string[] = [''];
  /** All UIDs; another object after messages came or went, the same until then. */
  uids: Uint32Array = this.uid;
  /** Counts up whenever messages went. */
  expunges = 0;

  readonly #keywordIndex = new Map([['', 0]]);
  /** By keywords × 32 + flags. */
  readonly #texts = new Map<number, string>();
  /** Rows that changed, and the modseq of the folder after that; no new ones. */
  #log: number[] = [];
  #logModseqs: number[] = [];
  /** The log has everything after this. */
  #logFloor: number;
  #removed: { before: Uint32Array; expunges: number; uids: Uint32Array } | undefined;

  constructor(messages: MailColumns, modseq: number) {
    this.#logFloor = modseq;
    this.#append(messages, 0);
    this.uids = this.uid.subarray(0, this.length);
  }

  get lastUid(): number {
    return this.length === 0 ? 0 : this.uid[this.length - 1]!;
  }

  get bytes(): number {
    return this.uid.length * rowBytes;
  }

  /** The row of a UID, or -1. `hint` is where it may well be. */
  rowOf(uid: number, hint = -1): number {
    if (hint >= 0 && hint < this.length && this.uid[hint] === uid) return hint;
    const row = lowerBound(this.uid, uid, this.length);
    return row < this.length && this.uid[row] === uid ? row : -1;
  }

  /** Without \Seen; false for what is gone. */
  isUnseen(uid: number): boolean {
    const row = this.rowOf(uid);
    return row >= 0 && (this.flags[row]! & seenBit) === 0;
  }

  /** FLAGS of a row, with parentheses. */
  flagsText(row: number): string {
    const key = this.keywords[row]! * 32 + this.flags[row]!;
    const known = this.#texts.get(key);
    if (known !== undefined) return known;
    const text = flagsText(this.flags[row]!, this.keywordSets[this.keywords[row]!]!);
    this.#texts.set(key, text);
    return text;
  }

  /**
   * Keywords that messages have, or had while the folder was open, in the order of their coming; each
   * as it was written first. RFC 9051 §2.3.2: case makes no difference.
   */
  get keywordsInUse(): readonly string[] {
    const found = new Map<string, string>();
    for (const word of this.keywordSets.join(' ').split(' ')) {
      const key = word.toLowerCase();
      if (word !== '' && !found.has(key)) found.set(key, word);
    }
    return [...found.values()];
  }

  /** `modseq` is the folder's after the changes. */
  apply(changed: MailColumns, vanished: Uint32Array, modseq: number): void {
    const known = this.#update(changed, modseq);
    const grown = known < changed.length;
    if (grown) this.#append(changed, known);
    const shrunk = vanished.length > 0 && this.#remove(vanished);
    if (grown || shrunk) this.uids = this.uid.subarray(0, this.length);
  }

  /** UIDs of messages that changed after `modseq`, ascending; new ones may be missing. */
  changedSince(modseq: number): Iterable<number> {
    if (modseq < this.#logFloor) return this.#scan(modseq);
    let at = this.#log.length;
    while (at > 0 && this.#logModseqs[at - 1]! > modseq) at -= 1;
    if (this.#log.length - at <= 1) return this.#log.slice(at);
    return [...new Set(this.#log.slice(at))].sort((one, other) => one - other);
  }

  /** What of `before`, which is ascending, is not here any more. */
  removedFrom(before: Uint32Array): Uint32Array {
    const cached = this.#removed;
    // Sessions that were told the same share the list: it is compared once for all of them.
    if (cached?.before === before && cached.expunges === this.expunges) return cached.uids;
    const gone: number[] = [];
    let row = 0;
    for (const uid of before) {
      while (row < this.length && this.uid[row]! < uid) row += 1;
      if (row >= this.length || this.uid[row] !== uid) gone.push(uid);
    }
    const uids = Uint32Array.from(gone);
    this.#removed = { before, expunges: this.expunges, uids };
    return uids;
  }

  *#scan(modseq: number): Generator<number> {
    for (let row = 0; row < this.length; row += 1)
      if (this.modseq[row]! > modseq) yield this.uid[row]!;
  }

  /** How many of `changed` were here already: they come first. */
  #update(changed: MailColumns, modseq: number): number {
    const last = this.lastUid;
    let i = 0;
    for (; i < changed.length && changed.uid[i]! <= last; i += 1) {
      const row = this.rowOf(changed.uid[i]!);
      if (row < 0) continue;
      this.modseq[row] = changed.modseq[i]!;
      this.flags[row] = changed.flags[i]!;
      this.keywords[row] = this.#keywordsOf(changed, i);
      this.#log.push(changed.uid[i]!);
      this.#logModseqs.push(modseq);
    }
    if (this.#log.length > logMax) this.#shortenLog();
    return i;
  }

  #shortenLog(): void {
    let cut = this.#log.length - logMax / 2;
    this.#logFloor = this.#logModseqs[cut - 1]!;
    while (cut < this.#log.length && this.#logModseqs[cut] === this.#logFloor) cut += 1;
    this.#log = this.#log.slice(cut);
    this.#logModseqs = this.#logModseqs.slice(cut);
  }

  #append(messages: MailColumns, from: number): void {
    const count = messages.length - from;
    this.#reserve(this.length + count);
    // Octets behind `length` have been shown to nobody.
    const copy = (to: Column, source: Column) =>
      to.set(source.subarray(from, messages.length), this.length);
    copy(this.uid, messages.uid);
    copy(this.email, messages.email);
    copy(this.modseq, messages.modseq);
    copy(this.flags, messages.flags);
    copy(this.size, messages.size);
    copy(this.received, messages.received);
    copy(this.saved, messages.saved);
    for (let i = from; i < messages.length; i += 1)
      this.keywords[this.length + i - from] = this.#keywordsOf(messages, i);
    this.length += count;
  }

  #keywordsOf(messages: MailColumns, index: number): number {
    const set = messages.keywordSets[messages.keywords[index]!]!;
    const known = this.#keywordIndex.get(set);
    if (known !== undefined) return known;
    const added = this.keywordSets.push(set) - 1;
    this.#keywordIndex.set(set, added);
    return added;
  }

  #reserve(rows: number): void {
    if (rows <= this.uid.length) return;
    // The first time exactly: most folders hardly change while they are open.
    const capacity = this.length === 0 ? rows + 16 : Math.ceil(rows * 1.25) + 16;
    const grown = <T extends Column>(column: T, empty: T): T => {
      empty.set(column.subarray(0, this.length));
      return empty;
    };
    this.uid = grown(this.uid, new Uint32Array(capacity));
    this.email = grown(this.email, new Float64Array(capacity));
    this.modseq = grown(this.modseq, new Float64Array(capacity));
    this.flags = grown(this.flags, new Uint8Array(capacity));
    this.keywords = grown(this.keywords, new Uint32Array(capacity));
    this.size = grown(this.size, new Float64Array(capacity));
    this.received = grown(this.received, new Float64Array(capacity));
    this.saved = grown(this.saved, new Float64Array(capacity));
  }

  /** Whether any of them was here. */
  #remove(vanished: Uint32Array): boolean {
    const rows = new Set<number>();
    for (const uid of vanished) {
      const row = this.rowOf(uid);
      if (row >= 0) rows.add(row);
    }
    if (rows.size === 0) return false;
    const gone = Uint32Array.from(rows).sort();
    const uid = new Uint32Array(this.uid.length);
    uid.set(this.uid.subarray(0, this.length));
    // The list of UIDs that sessions look at stays as it was.
    this.uid = uid;
    for (const column of [uid, this.email, this.modseq, this.flags, this.keywords])
      close(column, gone, this.length);
    for (const column of [this.size, this.received, this.saved]) close(column, gone, this.length);
    this.length -= gone.length;
    this.expunges += 1;
    return true;
  }
}

/** Moves what stands behind removed rows to the front. `gone` is ascending. */
function close(column: Column, gone: Uint32Array, length: number): void {
  let to = gone[0]!;
  for (let i = 0; i < gone.length; i += 1) {
    const from = gone[i]! + 1;
    const end = i + 1 < gone.length ? gone[i + 1]! : length;
    column.copyWithin(to, from, end);
    to += end - from;
  }
}

/** The index of the first element that is not below `value`. */
export function lowerBound(sorted: Uint32Array, value: number, length = sorted.length): number {
  let low = 0;
  let high = length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (sorted[middle]! < value) low = middle + 1;
    else high = middle;
  }
  return low;
}
