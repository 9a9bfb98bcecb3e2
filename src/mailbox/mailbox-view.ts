// What one session knows of a folder: which messages under which numbers, and up to which change. Pure:
// pull() compares it with the folder and says what the session has to be told, once. Messages that
// are gone keep their numbers for as long as expunging is not allowed. RFC 9051 §2.3.1.2, §7.5.

import type { FolderRows } from './folder-rows.ts';
import { lowerBound } from './folder-rows.ts';

/** What a session is told, in this order. Numbers are those at that point. */
export interface News {
  /** Descending, so that none changes another. */
  readonly expunged: readonly { readonly number: number; readonly uid: number }[];
  /** How many there are now, if new ones came. */
  readonly exists: number | undefined;
  /** The first new one. */
  readonly firstNew: number;
  /** Flags that others changed, by number. */
  readonly changed: readonly { readonly number: number; readonly uid: number }[];
}

export const noNews: News = { expunged: [], exists: undefined, firstNew: 0, changed: [] };

export class MailboxView {
  /** UIDs by number minus one. The folder's own list, unless they differ. */
  #uids: Uint32Array;
  #lastUid: number;
  /** Changes of flags up to this modseq were told. */
  #told: number;
  /** Changes up to this modseq were looked at; those of flags may have been of no interest. */
  #seen: number;
  /** Of messages that were told of by themselves: up to which modseq. */
  readonly #toldOf = new Map<number, number>();
  #expunges: number;

  constructor(rows: FolderRows, modseq: number) {
    this.#uids = rows.uids;
    this.#lastUid = rows.lastUid;
    this.#told = modseq;
    this.#seen = modseq;
    this.#expunges = rows.expunges;
  }

  get uids(): Uint32Array {
    return this.#uids;
  }

  get messages(): number {
    return this.#uids.length;
  }

  uidAt(number: number): number | undefined {
    return number < 1 ? undefined : this.#uids[number - 1];
  }

  numberOf(uid: number): number | undefined {
    const index = lowerBound(this.#uids, uid);
    return this.#uids[index] === uid ? index + 1 : undefined;
  }

  /** Up to which modseq the session knows the flags of a message. */
  toldOf(uid: number): number {
    return Math.max(this.#told, this.#toldOf.get(uid) ?? 0);
  }

  /** The session knows the flags as they are at this modseq. */
  tellOf(uid: number, modseq: number): void {
    if (modseq > this.#told) this.#toldOf.set(uid, modseq);
  }

  /** Whether messages are gone that the session still has numbers for. */
  hasExpunged(rows: FolderRows): boolean {
    return rows.expunges !== this.#expunges && rows.removedFrom(this.#uids).length > 0;
  }

  /** Whether pull() would have anything to say or to do. */
  isCurrent(rows: FolderRows, modseq: number, flags = true): boolean {
    return modseq === (flags ? this.#told : this.#seen) && this.#uids === rows.uids;
  }

  /** Without `flags` their changes are of no interest now, and are kept for when they are. */
  pull(rows: FolderRows, modseq: number, mayExpunge: boolean, flags = true): News {
    if (this.isCurrent(rows, modseq, flags)) return noNews;
    const gone = rows.expunges === this.#expunges ? none : rows.removedFrom(this.#uids);
    const expunged = mayExpunge ? this.#numbersOf(gone) : [];
    const before = this.#uids.length - expunged.length;
    const firstNew = rows.uids.length - this.#countNew(rows);
    const isShared = mayExpunge || gone.length === 0;
    const lastUid = this.#lastUid;
    this.#uids = isShared ? rows.uids : joined(this.#uids, rows.uids.subarray(firstNew));
    this.#lastUid = Math.max(lastUid, rows.lastUid);
    if (isShared) this.#expunges = rows.expunges;
    const changed = flags ? this.#changed(rows, lastUid) : [];
    this.#seen = Math.max(this.#seen, modseq);
    if (flags) this.#forgetTold(modseq);
    const { length } = this.#uids;
    const exists = length > before ? length : undefined;
    return { expunged, exists, firstNew: before + 1, changed };
  }

  #numbersOf(gone: Uint32Array): News['expunged'] {
    const numbers: { number: number; uid: number }[] = [];
    for (const uid of gone) numbers.push({ number: this.numberOf(uid)!, uid });
    return numbers.reverse();
  }

  #countNew(rows: FolderRows): number {
    return rows.uids.length - lowerBound(rows.uids, this.#lastUid + 1);
  }

  #changed(rows: FolderRows, lastUid: number): News['changed'] {
    const changed: { number: number; uid: number }[] = [];
    for (const uid of rows.changedSince(this.#told)) {
      if (uid > lastUid) continue;
      const row = rows.rowOf(uid);
      if (row < 0 || rows.modseq[row]! <= this.toldOf(uid)) continue;
      const number = this.numberOf(uid);
      if (number !== undefined) changed.push({ number, uid });
    }
    return changed;
  }

  #forgetTold(modseq: number): void {
    this.#told = Math.max(this.#told, modseq);
    for (const [uid, told] of this.#toldOf) if (told <= this.#told) this.#toldOf.delete(uid);
  }
}

const none = new Uint32Array(0);

function joined(one: Uint32Array, other: Uint32Array): Uint32Array {
  if (other.length === 0) return one;
  const both = new Uint32Array(one.length + other.length);
  both.set(one);
  both.set(other, one.length);
  return both;
}
