// What a device changed in a folder, done here: flags and categories, deletions, drafts. [MS-ASCMD] 2.2.3.24, 2.2.3.42.2,
// 2.2.3.7.2. What somebody else changed since the device was told is not written over, unless it wants that (Conflict).

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
import type { AttachedFiles, CollectionState, CommandResult, Renamed } from '../collection-book.ts';
import { renamedMax, shownUid } from '../collection-book.ts';
import type { Context } from '../context.ts';
import { MailNotTaken } from '../context.ts';
import { addDraft, changeDraft, sendDraft } from '../drafts.ts';
import { isDrafts, messageId, specialFolder } from '../folder-names.ts';
import type { ItemFacts } from '../items.ts';
import { answerBytesMax, itemsOf } from '../items.ts';
import { factsOf } from '../message-facts.ts';
import { uidOf } from '../named-message.ts';
import { markedKey } from '../outgoing.ts';
import { isKnown } from '../sync-window.ts';
import { attachedIn } from './attached-files.ts';
import { syncStatus } from './sync-status.ts';

export interface Applied {
  readonly results: readonly CommandResult[];
  /** UIDs and the modseq that came of the device's own change. */
  readonly own: ReadonlyMap<number, number>;
  readonly removed: readonly number[];
  readonly added: readonly number[];
  readonly renamed: Renamed;
  /** As in Collection. */
  readonly rewritten: Renamed;
}

const nothingApplied = ({ renamed, rewritten }: ApplyParts): Applied => ({
  ...{ results: [], removed: [], added: [], renamed, rewritten },
  own: new Map(),
});

interface Parts {
  readonly folder: number;
  readonly asked: SyncCollection;
  readonly renamed: Renamed;
}

interface ApplyParts extends Parts {
  /** What the device knows. */
  readonly state: CollectionState;
  /** What has become of its drafts by a request whose answer it has not heard. */
  readonly rewritten: Renamed;
  /** [MS-ASCMD] 2.2.3.34 */
  readonly conflict: number;
}

export async function applyCommands(context: Context, parts: ApplyParts): Promise<Applied> {
  if (parts.asked.commands.every(({ kind }) => kind === 'fetch')) return nothingApplied(parts);
  const folder = await context.store.folder(parts.folder);
  if (folder === undefined) return nothingApplied(parts);
  const work = new Work(context, folder, parts);
  for (const command of parts.asked.commands) await work.apply(command);
  return work;
}

/** [MS-ASCMD] 2.2.3.34 */
const clientWins = 0;

class Work implements Applied {
  readonly results: CommandResult[] = [];
  readonly own = new Map<number, number>();
  readonly removed: number[] = [];
  readonly added: number[] = [];
  renamed: Renamed;
  rewritten: Renamed;
  readonly #context: Context;
  readonly #folder: FolderFacts;
  readonly #parts: ApplyParts;

  constructor(context: Context, folder: FolderFacts, parts: ApplyParts) {
    this.#context = context;
    this.#folder = folder;
    this.#parts = parts;
    this.renamed = parts.renamed;
    this.rewritten = parts.rewritten;
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
    const say = (status: string, serverId?: string, attached?: AttachedFiles) =>
      this.results.push({ command: 'Add', clientId, serverId, status, attached });
    const draft = readDraft(data);
    const { version } = this.#context.call.line;
    // Before 16.0 mail is made by SendMail alone.
    if (draft === undefined || !isAtLeast(version, '16.0')) return void say(syncStatus.conversion);
    const status = await statusOf(async () => {
      if (send) {
        await sendDraft(this.#context, draft, undefined, clientId);
        say(syncStatus.ok, `sent-${clientId}`.slice(0, 64));
        return;
      }
      const uid = await addDraft(this.#context, { folder: this.#folder.id, clientId }, draft);
      await this.#noteAdded(uid);
      say(syncStatus.ok, messageId(this.#folder.id, uid), attachedIn(draft));
    });
    if (status !== syncStatus.ok) say(status);
  }

  async #change({ id, data, send }: Extract<SyncCommand, { kind: 'change' }>): Promise<void> {
    const say = (status: string, attached?: AttachedFiles) =>
      this.results.push({ command: 'Change', serverId: id, status, attached });
    const uid = uidOf(id, this.#folder.id, this.renamed);
    if (uid === undefined) return void say(syncStatus.notFound);
    const draftAt = { folder: this.#folder.id, uid, shown: id };
    const status = await statusOf(async () => {
      const draft = readDraft(data);
      const knowsDrafts = isAtLeast(this.#context.call.line.version, '16.0');
      if (knowsDrafts && (send || draft !== undefined)) await this.#mustBeDraft(uid);
      if (knowsDrafts && send) {
        await sendDraft(this.#context, draft, draftAt);
        this.#noteRemoved(uid);
        return say(syncStatus.ok);
      }
      if (knowsDrafts && draft !== undefined) {
        const is = await changeDraft(this.#context, draftAt, draft);
        if (is === undefined) return say(syncStatus.notFound);
        await this.#noteRenamed(uid, is);
        return say(syncStatus.ok, attachedIn(draft));
      }
      const flagged = await this.#flags(uid, data);
      return flagged === syncStatus.ok ? undefined : say(flagged);
    });
    if (status !== syncStatus.ok) say(status);
  }

  /** The device is not told of its own. */
  async #noteAdded(uid: number): Promise<void> {
    this.added.push(uid);
    const facts = await factsOf(this.#context, this.#folder.id, uid);
    if (facts !== undefined) this.own.set(uid, facts.modseq);
  }

  /** The id stays what it was, as far as there is room to remember it. */
  async #noteRenamed(uid: number, is: number): Promise<void> {
    const shown = shownUid(this.renamed, uid);
    const others = this.renamed.filter(([each]) => each !== shown);
    if (!isDrafts(this.#folder) || others.length >= renamedMax) return;
    this.renamed = [...others, [shown, is]];
    const was = this.#noteRemoved(uid);
    this.rewritten = [...this.rewritten.filter(([each]) => each !== was), [was, is]];
    await this.#noteAdded(is);
  }

  /** Also as the device has it, which may not have heard that it was written anew. That UID. */
  #noteRemoved(uid: number): number {
    const was = shownUid(this.rewritten, uid);
    this.removed.push(uid, ...(was === uid ? [] : [was]));
    return was;
  }

  /** What has come to somebody is never written anew, nor sent. @throws MailNotTaken */
  async #mustBeDraft(uid: number): Promise<void> {
    if (isDrafts(this.#folder)) return;
    const facts = await factsOf(this.#context, this.#folder.id, uid);
    if (facts !== undefined && !facts.draft) throw new MailNotTaken('it is no draft');
  }

  /**
   * The status. [MS-ASCMD] 2.2.3.34: of two who changed a message the device's word is dropped, and it is told what holds,
   * unless it says 0. Where both want the same there is no conflict. Deviation: whether it was read is put together, being
   * on or off; so nobody has to read twice what somebody else has answered meanwhile.
   */
  async #flags(uid: number, data: Element): Promise<string> {
    const { store } = this.#context;
    const folder = this.#folder.id;
    const { state, conflict } = this.#parts;
    const before = await factsOf(this.#context, folder, uid);
    if (before === undefined) return syncStatus.notFound;
    const changes = flagChanges(data, before);
    if (changes.length === 0) return syncStatus.ok;
    const isRead = changes.every(({ flags }) => flags.includes('\\Seen'));
    const gives = !isRead && conflict !== clientWins;
    const isNews = !isKnown(state, this, uid, before.modseq);
    // That it has answered the message itself is nobody else's change.
    const [told, marked] =
      this.#context.marked.get(markedKey(this.#context, { folder, uid })) ?? [];
    const isOwn = marked === before.modseq && isKnown(state, this, uid, told!);
    if (isNews && gives && !isOwn) return syncStatus.conflict;
    const first = await store.store(folder, [uid], changes, before.modseq);
    // Somebody changed it since it was looked at.
    const isOvertaken = first.modified.length > 0;
    if (isOvertaken && gives) return syncStatus.conflict;
    const { messages } = isOvertaken ? await store.store(folder, [uid], changes) : first;
    if (messages.length === 0) return syncStatus.notFound;
    // What somebody else changed it is to be told with that.
    if (!isNews && !isOvertaken) this.own.set(uid, messages.modseq[0]!);
    return syncStatus.ok;
  }

  async #delete({ id }: Extract<SyncCommand, { kind: 'delete' }>): Promise<void> {
    const uid = uidOf(id, this.#folder.id, this.renamed);
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
    this.#noteRemoved(uid);
  }
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

/** What makes a difference. [MS-ASEMAIL] 2.2.2.58 (Read), 2.2.2.34 (Flag), 2.2.2.9 (Categories). */
function flagChanges(data: Element, { seen, flagged, keywords }: ItemFacts): readonly FlagChange[] {
  const read = childFlag(data, 'Email:Read');
  const flag = child(data, 'Email:Flag');
  const categories = child(data, 'Email:Categories');
  const changes: FlagChange[] = [];
  const set = (flags: readonly string[], on: boolean) => {
    if (flags.length > 0) changes.push({ kind: on ? 'add' : 'remove', flags });
  };
  if (read !== undefined && read !== seen) set(['\\Seen'], read);
  const wantsFlag = flag && childText(flag, 'Email:Status') === '2';
  if (wantsFlag !== undefined && wantsFlag !== flagged) set(['\\Flagged'], wantsFlag);
  if (categories !== undefined) {
    const wanted = children(categories, 'Email:Category').flatMap((each) =>
      keywordOf(textOf(each)),
    );
    set(
      categoriesOf(keywords).filter((word) => !wanted.includes(word)),
      false,
    );
    set(
      wanted.filter((word) => !keywords.includes(word)),
      true,
    );
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
  { folder, asked, renamed }: Parts,
  shape: ItemShape,
): Promise<readonly Element[]> {
  const answers: Element[] = [];
  let spent = 0;
  for (const command of asked.commands) {
    if (command.kind !== 'fetch') continue;
    const isFull = spent >= answerBytesMax;
    const uid = uidOf(command.id, folder, renamed);
    const facts = uid === undefined || isFull ? undefined : await factsOf(context, folder, uid);
    const { store, call } = context;
    const shownAs = (each: number) => shownUid(renamed, each);
    const parts = { store, folder, shape, version: call.line.version, room: call.room, shownAs };
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
