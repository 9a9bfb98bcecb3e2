// What a device changed in a folder, done here: flags and categories, deletions, drafts. [MS-ASCMD] 2.2.3.24, 2.2.3.42.2,
// 2.2.3.7.2. Flags of two who change one message are put together: each is on or off, so that the last word holds.

import { readDraft } from '../../../activesync/draft.ts';
import { categoriesOf } from '../../../activesync/mail-item.ts';
import type { ItemShape } from '../../../activesync/sync-options.ts';
import type { SyncCollection, SyncCommand } from '../../../activesync/sync-request.ts';
import { isAtLeast } from '../../../activesync/versions.ts';
import type { Element } from '../../../activesync/wbxml/element.ts';
import {
  child,
  childFlag,
  children,
  childText,
  element,
  lengthOf,
  textOf,
} from '../../../activesync/wbxml/element.ts';
import { unreachable } from '../../../base/assert.ts';
import {
  MailboxLimitError,
  NoSuchFolderError,
  OverQuotaError,
} from '../../../store/folder-errors.ts';
import type { FlagChange, FolderFacts } from '../../../store/folder-store.ts';
import { noteMoved } from '../../sorting.ts';
import type { Collection, CommandResult } from '../collection-book.ts';
import type { Context } from '../context.ts';
import { MailNotTaken } from '../context.ts';
import { addDraft, changeDraft, sendDraft } from '../drafts.ts';
import { messageId, messagePlace, specialFolder } from '../folder-names.ts';
import { answerBytesMax, itemsOf } from '../items.ts';
import { factsOf } from '../message-facts.ts';
import { syncStatus } from './sync-status.ts';

export interface Applied {
  readonly results: readonly CommandResult[];
  /** UIDs and the modseq that came of the device's own change. */
  readonly own: ReadonlyMap<number, number>;
  readonly removed: readonly number[];
  readonly added: readonly number[];
  readonly renamed: readonly (readonly [was: number, is: number])[];
}

export const nothingApplied: Applied = {
  ...{ results: [], removed: [], added: [], renamed: [] },
  own: new Map(),
};

interface Parts {
  readonly folder: number;
  readonly asked: SyncCollection;
  readonly known: Collection;
}

export async function applyCommands(context: Context, parts: Parts): Promise<Applied> {
  if (parts.asked.commands.every(({ kind }) => kind === 'fetch')) return nothingApplied;
  const folder = await context.store.folder(parts.folder);
  if (folder === undefined) return nothingApplied;
  const work = new Work(context, folder, parts);
  for (const command of parts.asked.commands) await work.apply(command);
  return work;
}

class Work implements Applied {
  readonly results: CommandResult[] = [];
  readonly own = new Map<number, number>();
  readonly removed: number[] = [];
  readonly added: number[] = [];
  readonly renamed: [was: number, is: number][] = [];
  readonly #context: Context;
  readonly #folder: FolderFacts;
  readonly #parts: Parts;

  constructor(context: Context, folder: FolderFacts, parts: Parts) {
    this.#context = context;
    this.#folder = folder;
    this.#parts = parts;
  }

  async apply(command: SyncCommand): Promise<void> {
    switch (command.kind) {
      case 'add':
        return this.#add(command);
      case 'change':
        return this.#change(command);
      case 'delete':
        return this.#delete(command);
      case 'fetch':
        return undefined;
      default:
        return unreachable(command);
    }
  }

  async #add({ clientId, data, send }: Extract<SyncCommand, { kind: 'add' }>): Promise<void> {
    const say = (status: string, serverId?: string) =>
      this.results.push({ command: 'Add', clientId, serverId, status });
    const draft = readDraft(data);
    const { version } = this.#context.call.line;
    // Before 16.0 mail is made by SendMail alone.
    if (draft === undefined || !isAtLeast(version, '16.0')) return void say(syncStatus.conversion);
    const status = await statusOf(async () => {
      if (send) {
        await sendDraft(this.#context, draft, undefined);
        say(syncStatus.ok, `sent-${clientId}`.slice(0, 64));
        return;
      }
      const uid = await addDraft(this.#context, { folder: this.#folder.id, clientId }, draft);
      this.added.push(uid);
      say(syncStatus.ok, messageId(this.#folder.id, uid));
    });
    if (status !== syncStatus.ok) say(status);
  }

  async #change({ id, data, send }: Extract<SyncCommand, { kind: 'change' }>): Promise<void> {
    const say = (status: string) => this.results.push({ command: 'Change', serverId: id, status });
    const uid = uidOf(id, this.#folder.id, this.#parts.known);
    if (uid === undefined) return void say(syncStatus.notFound);
    const status = await statusOf(async () => {
      const draft = readDraft(data);
      const knowsDrafts = isAtLeast(this.#context.call.line.version, '16.0');
      if (knowsDrafts && (send || draft !== undefined)) await this.#mustBeDraft(uid);
      if (knowsDrafts && send) {
        await sendDraft(this.#context, draft, { folder: this.#folder.id, uid });
        this.removed.push(uid);
        return say(syncStatus.ok);
      }
      if (knowsDrafts && draft !== undefined) {
        const is = await changeDraft(this.#context, { folder: this.#folder.id, uid }, draft);
        if (is === undefined) return say(syncStatus.notFound);
        this.renamed.push([uid, is]);
        return say(syncStatus.ok);
      }
      return (await this.#flags(uid, data)) ? undefined : say(syncStatus.notFound);
    });
    if (status !== syncStatus.ok) say(status);
  }

  /** What has come to somebody is never written anew, nor sent. @throws MailNotTaken */
  async #mustBeDraft(uid: number): Promise<void> {
    if (this.#folder.specialUse?.toLowerCase() === 'drafts') return;
    const facts = await factsOf(this.#context, this.#folder.id, uid);
    if (facts !== undefined && !facts.draft) throw new MailNotTaken('it is no draft');
  }

  /** False when it is gone. */
  async #flags(uid: number, data: Element): Promise<boolean> {
    const { store } = this.#context;
    const keywords = child(data, 'Email:Categories');
    const before = keywords && (await factsOf(this.#context, this.#folder.id, uid));
    const changes = flagChanges(data, before?.keywords ?? []);
    if (changes.length === 0) return true;
    const { messages } = await store.store(this.#folder.id, [uid], changes);
    if (messages.length === 0) return false;
    this.own.set(uid, messages.modseq[0]!);
    return true;
  }

  async #delete({ id }: Extract<SyncCommand, { kind: 'delete' }>): Promise<void> {
    const uid = uidOf(id, this.#folder.id, this.#parts.known);
    const say = (status: string) => this.results.push({ command: 'Delete', serverId: id, status });
    if (uid === undefined) return void say(syncStatus.notFound);
    const { store, call } = this.#context;
    const folder = this.#folder;
    const trash = this.#parts.asked.deletesAsMoves
      ? await specialFolder(store, call.account, 'Trash')
      : undefined;
    if (trash === undefined || trash.id === folder.id) await store.removeMessages(folder.id, [uid]);
    else {
      const { target } = await store.move(folder.id, [uid], trash.id);
      const { sorted } = this.#context;
      noteMoved({ account: call.account, sorted }, { from: folder, to: trash, uids: target });
    }
    this.removed.push(uid);
  }
}

/** The UID of a message of the folder, by the id that the device has for it. */
function uidOf(id: string, folder: number, { renamed }: Collection): number | undefined {
  const place = messagePlace(id);
  if (place === undefined || place.folder !== folder) return undefined;
  let { uid } = place;
  for (const [was, is] of renamed) if (was === uid) uid = is;
  return uid;
}

async function statusOf(work: () => Promise<unknown>): Promise<string> {
  try {
    await work();
    return syncStatus.ok;
  } catch (error) {
    if (error instanceof OverQuotaError || error instanceof MailboxLimitError)
      return syncStatus.noRoom;
    if (error instanceof MailNotTaken) return syncStatus.conversion;
    if (error instanceof NoSuchFolderError) return syncStatus.notFound;
    throw error;
  }
}

/** [MS-ASEMAIL] 2.2.2.58 (Read), 2.2.2.34 (Flag), 2.2.2.9 (Categories). */
function flagChanges(data: Element, keywords: readonly string[]): readonly FlagChange[] {
  const read = childFlag(data, 'Email:Read');
  const flag = child(data, 'Email:Flag');
  const categories = child(data, 'Email:Categories');
  const changes: FlagChange[] = [];
  const set = (flags: readonly string[], on: boolean) => {
    if (flags.length > 0) changes.push({ kind: on ? 'add' : 'remove', flags });
  };
  if (read !== undefined) set(['\\Seen'], read);
  if (flag !== undefined) set(['\\Flagged'], childText(flag, 'Email:Status') === '2');
  if (categories !== undefined) {
    const wanted = children(categories, 'Email:Category').flatMap((each) =>
      keywordOf(textOf(each)),
    );
    set(
      categoriesOf(keywords).filter((word) => !wanted.includes(word)),
      false,
    );
    set(wanted, true);
  }
  return changes;
}

/** Limit: [MS-ASEMAIL] 2.2.2.8 has 255 characters, RFC 9051 atoms alone. */
const keywordMax = 100;

/** A keyword is an atom: what cannot stand in one is `_`. Nothing for what would be a flag of the system. */
function keywordOf(category: string): readonly string[] {
  const word = category
    .trim()
    .replace(/[^!#&'+,\-./0-9:;<=>?@A-Z[^_`a-z|}~]/g, '_')
    .slice(0, keywordMax);
  return word === '' || categoriesOf([word]).length === 0 ? [] : [word];
}

/** What the device wants to see again. */
export async function fetched(
  context: Context,
  { folder, asked, known }: Parts,
  shape: ItemShape,
): Promise<readonly Element[]> {
  const answers: Element[] = [];
  let spent = 0;
  for (const command of asked.commands) {
    if (command.kind !== 'fetch') continue;
    const isFull = spent >= answerBytesMax;
    const uid = uidOf(command.id, folder, known);
    const facts = uid === undefined || isFull ? undefined : await factsOf(context, folder, uid);
    const { store, call } = context;
    const parts = { store, folder, shape, version: call.line.version };
    const [item] = facts === undefined ? [] : await itemsOf(parts, [facts]);
    // What has no room is asked for again: "a server error".
    const missing = isFull ? syncStatus.failed : syncStatus.notFound;
    const answer = element('AirSync:Fetch', [
      element('AirSync:ServerId', command.id),
      element('AirSync:Status', item === undefined ? missing : syncStatus.ok),
      item && element('AirSync:ApplicationData', item),
    ]);
    spent += lengthOf(answer);
    answers.push(answer);
  }
  return answers;
}
