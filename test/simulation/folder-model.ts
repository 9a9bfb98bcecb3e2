// What a FolderStore is, told in the simplest way: arrays in memory and no derived state. Tests and
// simulations of what stands on a FolderStore hold it against the real ones, and race with it.

import assert from 'node:assert/strict';
import { messageFacts } from '../../src/mail/digest/message-facts.ts';
import { findHeaderEnd, parseHeader } from '../../src/mail/header/header.ts';
import { memoryContent, storedSize } from '../../src/store/content.ts';
import { NoSuchFolderError } from '../../src/store/folder-errors.ts';
import type {
  ContentTerm,
  CopyOptions,
  CopyResult,
  FlagChange,
  FolderFacts,
  FolderStore,
  MailboxEvent,
  MailColumns,
  NewMail,
  StoreResult,
} from '../../src/store/folder-store.ts';
import { changedFlags, type StoredFlags, storedFlags } from '../../src/store/folders/flags.ts';

interface Mail {
  readonly uid: number;
  readonly email: number;
  modseq: number;
  flags: StoredFlags;
  readonly bytes: Uint8Array;
  readonly received: number;
  readonly saved: number;
}

interface Box {
  readonly id: number;
  readonly account: string;
  path: string;
  uidNext: number;
  recentFrom: number;
  modseq: number;
  readonly specialUse: string | undefined;
  mails: Mail[];
  readonly expunged: { uid: number; modseq: number }[];
  readonly acl: Map<string, string>;
}

const uidValidity = 7;

async function notAsked(): Promise<never> {
  throw new Error('no session asks for this');
}

export class FolderModel implements FolderStore {
  readonly #boxes = new Map<number, Box>();
  readonly #subscriptions = new Set<string>();
  readonly #listeners = new Set<(event: MailboxEvent) => void>();
  readonly #notes = new Map<string, Map<string, Uint8Array>>();
  #emails = 0;
  #folders = 0;
  /** Waits before anything is read or changed. */
  delay: () => Promise<void> = async () => {};
  now: () => number = () => 0;
  /** Expunges before this modseq are not remembered. */
  forgottenBefore = 0;

  // What no IMAP session asks for.
  readonly owners = notAsked;
  readonly removeAll = notAsked;
  readonly index = notAsked;
  readonly list = notAsked;
  readonly mails = notAsked;
  readonly counts = notAsked;
  readonly copies = notAsked;
  readonly deliver = notAsked;
  readonly removeMessages = notAsked;
  readonly accountState = notAsked;
  readonly changedEmails = notAsked;
  readonly changedFolders = notAsked;

  async ensure(account: string): Promise<void> {
    if ((await this.find(account, 'INBOX')) === undefined) this.#make(account, 'INBOX', undefined);
  }

  async folders(account: string): Promise<readonly FolderFacts[]> {
    await this.delay();
    return [...this.#boxes.values()]
      .filter((box) => box.account === account)
      .map(factsOf)
      .sort((one, other) => (one.path < other.path ? -1 : 1));
  }

  async folder(id: number): Promise<FolderFacts | undefined> {
    await this.delay();
    const box = this.#boxes.get(id);
    return box && factsOf(box);
  }

  async find(account: string, path: string): Promise<FolderFacts | undefined> {
    return (await this.folders(account)).find((folder) => folder.path === path);
  }

  async create(account: string, path: string, specialUse: string | undefined) {
    await this.delay();
    const box = this.#make(account, path, specialUse);
    this.#tell({ kind: 'folders', account });
    return factsOf(box);
  }

  async rename(account: string, from: string, to: string): Promise<void> {
    await this.delay();
    for (const box of this.#boxes.values())
      if (box.account === account && (box.path === from || box.path.startsWith(`${from}/`)))
        box.path = to + box.path.slice(from.length);
    this.#tell({ kind: 'folders', account });
  }

  async remove(account: string, path: string): Promise<void> {
    await this.delay();
    for (const [id, box] of this.#boxes)
      if (box.account === account && box.path === path) this.#boxes.delete(id);
    this.#tell({ kind: 'folders', account });
  }

  async subscriptions(account: string): Promise<readonly string[]> {
    const prefix = `${account}\n`;
    return [...this.#subscriptions]
      .filter((each) => each.startsWith(prefix))
      .map((each) => each.slice(prefix.length));
  }

  async subscribe(account: string, path: string, on: boolean): Promise<void> {
    if (on) this.#subscriptions.add(`${account}\n${path}`);
    else this.#subscriptions.delete(`${account}\n${path}`);
    this.#tell({ kind: 'folders', account });
  }

  async snapshot(folder: number) {
    await this.delay();
    const box = this.#boxes.get(folder);
    return box && { folder: factsOf(box), messages: columnsOf(box.mails) };
  }

  async changes(folder: number, since: number) {
    await this.delay();
    const box = this.#boxes.get(folder);
    if (box === undefined) return undefined;
    const vanished = box.expunged
      .filter(({ modseq }) => modseq > since && modseq >= this.forgottenBefore)
      .map(({ uid }) => uid);
    return {
      folder: factsOf(box),
      changed: columnsOf(box.mails.filter(({ modseq }) => modseq > since)),
      vanished: Uint32Array.from(vanished).sort(),
      complete: since >= this.forgottenBefore,
    };
  }

  watch(listener: (event: MailboxEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async append(folder: number, messages: readonly NewMail[]) {
    await this.delay();
    const box = this.#box(folder);
    const modseq = this.#changed(box);
    const uids = messages.map((message) => this.#add(box, modseq, message));
    return { uidValidity, uids };
  }

  async copy(
    from: number,
    uids: readonly number[],
    to: number,
    options?: CopyOptions,
  ): Promise<CopyResult> {
    await this.delay();
    assert.deepEqual(options?.without ?? [], [], 'one account, which may set all flags');
    return this.#copy(this.#box(from), uids, this.#box(to));
  }

  async move(from: number, uids: readonly number[], to: number): Promise<CopyResult> {
    await this.delay();
    const box = this.#box(from);
    const result = this.#copy(box, uids, this.#box(to));
    if (result.source.length > 0) this.#expunge(box, new Set(result.source));
    return result;
  }

  async replace(from: number, uid: number, to: number, message: NewMail) {
    await this.delay();
    const target = this.#box(to);
    const added = this.#add(target, this.#changed(target), message);
    this.#expunge(this.#box(from), new Set([uid]));
    return { uidValidity, uid: added };
  }

  async store(
    folder: number,
    uids: readonly number[],
    change: FlagChange | readonly FlagChange[],
    unchangedSince?: number,
  ): Promise<StoreResult> {
    await this.delay();
    const box = this.#box(folder);
    const wanted = new Set(uids);
    const found = box.mails.filter(({ uid }) => wanted.has(uid));
    const late = found.filter(({ modseq }) => modseq > (unchangedSince ?? Number.MAX_VALUE));
    const messages = found.filter((mail) => !late.includes(mail));
    const changes = messages.filter((mail) => {
      const after = [change].flat().reduce(changedFlags, mail.flags);
      const same = after.bits === mail.flags.bits && after.keywords === mail.flags.keywords;
      if (!same) mail.flags = after;
      return !same;
    });
    if (changes.length > 0) {
      const modseq = this.#changed(box);
      for (const mail of changes) mail.modseq = modseq;
    }
    return { modseq: box.modseq, messages: columnsOf(messages), modified: late.map((m) => m.uid) };
  }

  async expunge(folder: number, uids?: readonly number[]) {
    await this.delay();
    const box = this.#box(folder);
    const wanted = uids && new Set(uids);
    const gone = box.mails
      .filter(({ uid, flags }) => (flags.bits & 8) !== 0 && (wanted?.has(uid) ?? true))
      .map(({ uid }) => uid);
    if (gone.length > 0) this.#expunge(box, new Set(gone));
    return { uids: gone, modseq: box.modseq };
  }

  async digests(folder: number, uids: readonly number[]) {
    return (await this.#mails(folder, uids)).map((mail) => mail && messageFacts(mail.bytes).digest);
  }

  async headers(folder: number, uids: readonly number[]) {
    return (await this.#mails(folder, uids)).map((mail) =>
      mail?.bytes.subarray(0, findHeaderEnd(mail.bytes)),
    );
  }

  async open(folder: number, uids: readonly number[]) {
    return (await this.#mails(folder, uids)).map((mail) => {
      if (mail === undefined) return undefined;
      const content = memoryContent(mail.bytes);
      return mail.bytes.length > 128 * 2 ** 10 ? { ...content, bytes: undefined } : content;
    });
  }

  async search(folder: number, term: ContentTerm): Promise<Uint32Array> {
    await this.delay();
    const found = this.#box(folder).mails.filter(({ bytes }) => matches(bytes, term));
    return Uint32Array.from(found.map(({ uid }) => uid));
  }

  async sortFacts(folder: number, uids?: readonly number[]) {
    await this.delay();
    const wanted = uids && new Set(uids);
    return this.#box(folder)
      .mails.filter(({ uid }) => wanted?.has(uid) ?? true)
      .map(({ uid, bytes, received }) => {
        const { sentMs, ...keys } = messageFacts(bytes).sortKeys;
        return { uid, sent: sentMs ?? received, ...keys };
      });
  }

  async countFrom(folder: number, uid: number): Promise<number> {
    return (this.#boxes.get(folder)?.mails ?? []).filter((mail) => mail.uid >= uid).length;
  }

  async leaveRecent(folder: number, below: number): Promise<void> {
    const box = this.#boxes.get(folder);
    if (box !== undefined) box.recentFrom = Math.max(box.recentFrom, below);
  }

  async usage(account: string) {
    const folders = await this.folders(account);
    return {
      bytes: folders.reduce((sum, { bytes }) => sum + bytes, 0),
      messages: folders.reduce((sum, { messages }) => sum + messages, 0),
    };
  }

  async acl(folder: number): Promise<ReadonlyMap<string, string>> {
    return new Map(this.#box(folder).acl);
  }

  async setAcl(folder: number, identifier: string, rights: string): Promise<void> {
    const { acl, account } = this.#box(folder);
    if (rights === '') acl.delete(identifier);
    else acl.set(identifier, rights);
    this.#tell({ kind: 'folders', account });
  }

  async sharedWith(identifiers: readonly string[]): Promise<readonly FolderFacts[]> {
    return [...this.#boxes.values()]
      .filter(({ acl }) => identifiers.some((each) => acl.has(each)))
      .map(factsOf);
  }

  async annotations(account: string, folder: number | undefined) {
    return new Map(this.#notes.get(`${account} ${folder ?? ''}`));
  }

  async annotate(
    account: string,
    folder: number | undefined,
    entries: ReadonlyMap<string, Uint8Array | undefined>,
  ): Promise<void> {
    const key = `${account} ${folder ?? ''}`;
    const notes = this.#notes.get(key) ?? new Map<string, Uint8Array>();
    for (const [name, value] of entries)
      if (value === undefined) notes.delete(name);
      else notes.set(name, value);
    this.#notes.set(key, notes);
    this.#tell({ kind: 'folders', account });
  }

  #make(account: string, path: string, specialUse: string | undefined): Box {
    const id = ++this.#folders;
    const common = { id, account, path, specialUse, uidNext: 1, recentFrom: 1, modseq: 1 };
    const box: Box = { ...common, mails: [], expunged: [], acl: new Map() };
    this.#boxes.set(id, box);
    return box;
  }

  #box(id: number): Box {
    const box = this.#boxes.get(id);
    if (box === undefined) throw new NoSuchFolderError(`there is no folder ${id}`);
    return box;
  }

  /** The modseq of a change that is being made; it is told at once. */
  #changed(box: Box): number {
    this.#tell({ kind: 'messages', folder: box.id, account: box.account });
    return ++box.modseq;
  }

  #tell(event: MailboxEvent): void {
    for (const listener of this.#listeners) queueMicrotask(() => listener(event));
  }

  #add(box: Box, modseq: number, { content, flags, received }: NewMail): number {
    if (content.kind !== 'inline' || storedSize(content) < 0) throw new Error('only in memory');
    const uid = box.uidNext++;
    const { bytes } = content;
    const kept = { email: ++this.#emails, bytes, received, saved: this.now() };
    box.mails.push({ ...kept, uid, modseq, flags: storedFlags(flags) });
    return uid;
  }

  #copy(from: Box, uids: readonly number[], to: Box): CopyResult {
    const wanted = new Set(uids);
    const mails = from.mails.filter(({ uid }) => wanted.has(uid));
    if (mails.length === 0) return { uidValidity, source: [], target: [] };
    const modseq = this.#changed(to);
    const target: number[] = [];
    for (const mail of mails) {
      target.push(to.uidNext);
      to.mails.push({ ...mail, uid: to.uidNext++, modseq, saved: this.now() });
    }
    return { uidValidity, source: mails.map(({ uid }) => uid), target };
  }

  #expunge(box: Box, uids: ReadonlySet<number>): void {
    const modseq = this.#changed(box);
    box.mails = box.mails.filter(({ uid }) => !uids.has(uid));
    for (const uid of uids) box.expunged.push({ uid, modseq });
  }

  async #mails(folder: number, uids: readonly number[]): Promise<(Mail | undefined)[]> {
    await this.delay();
    const { mails } = this.#box(folder);
    const byUid = new Map(mails.map((mail) => [mail.uid, mail]));
    return uids.map((uid) => byUid.get(uid));
  }
}

function factsOf(box: Box): FolderFacts {
  const { id, account, path, uidNext, recentFrom, modseq, specialUse, mails } = box;
  return {
    ...{ id, account, path, uidValidity, uidNext, recentFrom, modseq, specialUse },
    changes: modseq,
    messages: mails.length,
    unseen: mails.filter(({ flags }) => (flags.bits & 1) === 0).length,
    deleted: mails.filter(({ flags }) => (flags.bits & 8) !== 0).length,
    bytes: mails.reduce((sum, { bytes }) => sum + bytes.length, 0),
  };
}

function columnsOf(mails: readonly Mail[]): MailColumns {
  const keywordSets = ['', ...new Set(mails.map(({ flags }) => flags.keywords))];
  return {
    length: mails.length,
    uid: Uint32Array.from(mails, ({ uid }) => uid),
    email: Float64Array.from(mails, ({ email }) => email),
    modseq: Float64Array.from(mails, ({ modseq }) => modseq),
    flags: Uint8Array.from(mails, ({ flags }) => flags.bits),
    keywords: Uint32Array.from(mails, ({ flags }) => keywordSets.indexOf(flags.keywords)),
    keywordSets,
    size: Float64Array.from(mails, ({ bytes }) => bytes.length),
    received: Float64Array.from(mails, ({ received }) => received),
    saved: Float64Array.from(mails, ({ saved }) => saved),
  };
}

function matches(bytes: Uint8Array, term: ContentTerm): boolean {
  const { digest, text } = messageFacts(bytes);
  const has = (whole: string, part: string) => whole.toLowerCase().includes(part.toLowerCase());
  switch (term.kind) {
    case 'header':
      return parseHeader(bytes).some(
        ({ lowerName, value }) => lowerName === term.name && has(value, term.text),
      );
    case 'body':
      return has(text, term.text);
    case 'text':
      return has(Buffer.from(bytes).toString('latin1'), term.text);
    case 'sent': {
      const day = digest.envelope.sent?.day;
      if (day === undefined) return false;
      if (term.is === 'on') return day === term.day;
      return term.is === 'before' ? day < term.day : day >= term.day;
    }
  }
}
