// A folder that is open in this process: its messages as columns, the same for all sessions that look
// at it, brought up to date once for all of them when the store says that something changed.

import type { FolderFacts, FolderStore, MailColumns } from '../store/folder-store.ts';
import { FolderRows } from './folder-rows.ts';

const none = new Uint32Array(0);

export class OpenFolder {
  readonly id: number;
  readonly rows: FolderRows;
  #facts: FolderFacts;
  #recentFrom: number;
  #gone = false;
  #stale = false;
  readonly #store: Pick<FolderStore, 'changes' | 'snapshot' | 'leaveRecent'>;
  readonly #listeners = new Set<() => void>();
  #running: Promise<void> | undefined;
  #next: Promise<void> | undefined;

  constructor(
    store: Pick<FolderStore, 'changes' | 'snapshot' | 'leaveRecent'>,
    snapshot: { readonly folder: FolderFacts; readonly messages: MailColumns },
  ) {
    this.#store = store;
    this.#facts = snapshot.folder;
    this.#recentFrom = snapshot.folder.recentFrom;
    this.id = snapshot.folder.id;
    this.rows = new FolderRows(snapshot.messages, snapshot.folder.modseq);
  }

  get facts(): FolderFacts {
    return this.#facts;
  }

  /** HIGHESTMODSEQ of what the columns hold. */
  get modseq(): number {
    return this.#facts.modseq;
  }

  /** Deleted: its messages are gone, too. */
  get gone(): boolean {
    return this.#gone;
  }

  /** No session of this process has been told of messages with this UID and above. */
  get recentFrom(): number {
    return this.#recentFrom;
  }

  /**
   * A session is told of all that the columns hold: from which UID on it is the first. RFC 3501
   * §2.3.2: no other one is, in this process; one of another node may be told of it in the same moment, which the RFC
   * allows. The store hears of it when it has time.
   */
  takeRecent(): number {
    const from = this.#recentFrom;
    const { uidNext } = this.#facts;
    if (from >= uidNext) return uidNext;
    this.#recentFrom = uidNext;
    // What the store does not hear is recent once more after a restart.
    this.#store.leaveRecent(this.id, uidNext).catch(() => {});
    return from;
  }

  get bytes(): number {
    return this.rows.bytes;
  }

  /** Calls back after each change. */
  listen(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  get listeners(): number {
    return this.#listeners.size;
  }

  /** The store has something new. Without listeners it is read when somebody asks. */
  touch(): void {
    this.#stale = true;
    // What fails here fails again for whoever asks.
    if (this.#listeners.size > 0) void this.refresh().catch(() => {});
  }

  /** Whether the columns hold everything the store told of. */
  get isCurrent(): boolean {
    return !this.#stale && this.#running === undefined;
  }

  /** Resolves when what the store told of is in the columns; undefined when it is. */
  current(): Promise<void> | undefined {
    if (this.#stale) return this.refresh();
    return this.#next ?? this.#running;
  }

  /** Reads what changed; one reading serves all who ask before it begins. */
  refresh(): Promise<void> {
    if (this.#next !== undefined) return this.#next;
    if (this.#running === undefined) return this.#start();
    const next = this.#running.then(
      () => this.#startNext(),
      () => this.#startNext(),
    );
    this.#next = next;
    return next;
  }

  #startNext(): Promise<void> {
    this.#next = undefined;
    return this.#start();
  }

  #start(): Promise<void> {
    const running = this.#read().finally(() => {
      if (this.#running === running) this.#running = undefined;
    });
    this.#running = running;
    return running;
  }

  async #read(): Promise<void> {
    if (this.#gone) return;
    this.#stale = false;
    try {
      await this.#readChanges();
    } catch (error) {
      this.#stale = true;
      throw error;
    }
  }

  async #readChanges(): Promise<void> {
    const since = this.#facts.modseq;
    const changes = await this.#store.changes(this.id, since);
    if (changes === undefined) return this.#goAway();
    if (!changes.complete) return this.#reload();
    const { folder, changed, vanished } = changes;
    this.#learn(folder);
    if (changed.length === 0 && vanished.length === 0) return;
    this.rows.apply(changed, vanished, folder.modseq);
    this.#tell();
  }

  async #reload(): Promise<void> {
    const snapshot = await this.#store.snapshot(this.id);
    if (snapshot === undefined) return this.#goAway();
    const { folder, messages } = snapshot;
    const { modseq } = this.#facts;
    const here = new Set(messages.uid.subarray(0, messages.length));
    const vanished = this.rows.uids.filter((uid) => !here.has(uid));
    this.#learn(folder);
    this.rows.apply(changedRows(messages, modseq), vanished, folder.modseq);
    this.#tell();
  }

  /** What sessions of another process were told of is not recent here either. */
  #learn(facts: FolderFacts): void {
    this.#facts = facts;
    this.#recentFrom = Math.max(this.#recentFrom, facts.recentFrom);
  }

  #goAway(): void {
    this.#gone = true;
    this.rows.apply(changedRows(this.rows, Number.POSITIVE_INFINITY), this.rows.uids, this.modseq);
    this.#tell();
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }
}

/** Those with a modseq above `since`. */
function changedRows(messages: MailColumns, since: number): MailColumns {
  const rows: number[] = [];
  for (let row = 0; row < messages.length; row += 1)
    if (messages.modseq[row]! > since) rows.push(row);
  const pick = <T extends Uint8Array | Uint32Array | Float64Array>(column: T, empty: T): T => {
    for (const [index, row] of rows.entries()) empty[index] = column[row]!;
    return empty;
  };
  const { length } = rows;
  return {
    length,
    uid: pick(messages.uid, length === 0 ? none : new Uint32Array(length)),
    email: pick(messages.email, new Float64Array(length)),
    modseq: pick(messages.modseq, new Float64Array(length)),
    flags: pick(messages.flags, new Uint8Array(length)),
    keywords: pick(messages.keywords, new Uint32Array(length)),
    keywordSets: messages.keywordSets,
    size: pick(messages.size, new Float64Array(length)),
    received: pick(messages.received, new Float64Array(length)),
    saved: pick(messages.saved, new Float64Array(length)),
  };
}
