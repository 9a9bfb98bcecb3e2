// APPEND with several messages, CATENATE and REPLACE: octets go to the spool as they come, and all
// messages are stored in one transaction at the end, or nothing is left of them. RFC 9051 §6.3.12,
// RFC 3502, RFC 4469, RFC 4315 §3 (APPENDUID), RFC 7889, RFC 8508.

import type { AppendMessage, AppendTarget, CatenatePart } from '../../imap/command.ts';
import type { Answer, Completion, Question } from '../../imap/event.ts';
import { isSeen } from '../../mailbox/flags.ts';
import { storeLinesOnly } from '../../mailbox/lines-only.ts';
import { type StoredContent, storedSize } from '../../store/content.ts';
import type { NewMail } from '../../store/folder-store.ts';
import type { ContentWriter } from '../../store/spool.ts';
import { noteMoved } from '../sorting.ts';
import type { CommandContext } from './context.ts';
import type { LocatedFolder } from './located-folder.ts';
import { formatSet, numbersOf } from './number-set.ts';
import { ImapRefusal, ok } from './refusal.ts';
import { requireRights, requireWritable } from './selection.ts';
import { permittedFlags, quotaOf, targetFolder } from './storing.ts';
import { parseMessageUrl } from './urls/imap-url.ts';
import { readMessageUrl } from './urls/url-content.ts';

type QuestionOf<K extends Question['kind']> = Extract<Question, { readonly kind: K }>;

/** One command. */
interface Work {
  readonly folder: LocatedFolder;
  /** RFC 8508: what goes when the message has come. */
  readonly replaces: { readonly folder: number; readonly uid: number } | undefined;
  readonly messages: NewMail[];
  /** Of those messages: released when they are stored, or not wanted. */
  readonly writers: ContentWriter[];
  /** Octets of `messages`. */
  octets: number;
}

/**
 * Takes the messages of one command after the other. What it throws becomes the refusal of what was
 * asked. See Question in src/imap/event.ts.
 */
export class Append {
  readonly #context: CommandContext;
  #work: Work | undefined;
  #message: AppendMessage | undefined;
  #writer: ContentWriter | undefined;
  /** There is a NUL in the message. */
  #hasNul = false;

  constructor(context: CommandContext) {
    this.#context = context;
  }

  async begin({ target, message }: QuestionOf<'append'>): Promise<Answer> {
    this.#work ??= await this.#start(target);
    await this.#refuseQuota(message.octets ?? 0);
    this.#message = message;
    this.#writer = this.#context.spool.create();
    this.#hasNul = false;
    return { kind: 'proceed' };
  }

  async part({ part }: QuestionOf<'append-part'>): Promise<Answer> {
    const size = this.#writer!.size;
    if (part.kind === 'text') this.#refuseOctets(size + part.octets);
    else await this.#copyUrl(part);
    return { kind: 'proceed' };
  }

  content(octets: Uint8Array): Promise<void> | undefined {
    this.#hasNul ||= octets.includes(0);
    return this.#writer!.write(octets);
  }

  async messageEnd(): Promise<void> {
    const { folder, messages } = this.#work!;
    const { flags, date } = this.#message!;
    const writer = this.#writer!;
    this.#writer = undefined;
    const content = await this.#committed(writer);
    this.#work!.octets += storedSize(content);
    // RFC 4314 §4: flags that may not be set are left out.
    const kept = permittedFlags(flags, folder.rights);
    messages.push({ content, flags: kept, received: date ?? this.#context.clock.now() });
  }

  /** What is to be stored. Lines only: RFC 3516 §6. */
  async #committed(writer: ContentWriter): Promise<StoredContent> {
    const content = await writer.commit();
    this.#work!.writers.push(writer);
    if (!this.#hasNul) return content;
    const { spool } = this.#context;
    const discard = async () => {
      if (content.kind === 'file') await spool.remove(content.key);
    };
    try {
      const encoded = await storeLinesOnly(spool.open(content), spool);
      if (encoded !== undefined) await discard();
      return encoded ?? content;
    } catch (error) {
      await discard();
      throw error;
    }
  }

  /** Stores all of it. */
  async end({ target }: QuestionOf<'append-end'>): Promise<Completion> {
    const work = this.#work!;
    const stored = await this.#store(work);
    this.#work = undefined;
    for (const writer of work.writers) writer.release();
    noteMoved(this.#context, { to: work.folder.folder, uids: stored.uids });
    const { selected, updates } = this.#context;
    const unseen = work.messages.filter(({ flags }) => !flags.some(isSeen)).length;
    updates?.know({ kind: 'added', folder: work.folder.folder.id, uids: stored.uids, unseen });
    await selected?.open.refresh();
    const code = `APPENDUID ${stored.uidValidity} ${formatSet(stored.uids)}`;
    if (target.name === 'APPEND') return ok('APPEND completed', code);
    // RFC 8508 §3.2: in an untagged OK, since the message it replaces is expunged after it.
    this.#context.untagged(`OK [${code}] Replacement message ready`);
    updates?.answer();
    const isQresync = this.#context.isEnabled('QRESYNC') && selected !== undefined;
    return ok('REPLACE completed', isQresync ? `HIGHESTMODSEQ ${selected.open.modseq}` : undefined);
  }

  /** Forgets all of it; also called when the connection is lost. */
  async abort(): Promise<void> {
    const writer = this.#writer;
    const work = this.#work;
    this.#writer = undefined;
    this.#work = undefined;
    this.#message = undefined;
    await writer?.abort();
    for (const each of work?.writers ?? []) each.release();
    for (const { content } of work?.messages ?? [])
      if (content.kind === 'file') await this.#context.spool.remove(content.key);
  }

  async #start(target: AppendTarget): Promise<Work> {
    const folder = await targetFolder(this.#context, target.mailbox);
    const replaces = target.name === 'REPLACE' ? this.#replaced(target) : undefined;
    return { folder, replaces, messages: [], writers: [], octets: 0 };
  }

  #replaced({ uid, number }: Extract<AppendTarget, { name: 'REPLACE' }>): Work['replaces'] {
    const selected = requireWritable(this.#context);
    requireRights(selected, 'te');
    const ranges = [{ from: number, to: number }];
    const [found] = numbersOf({ kind: 'ranges', ranges }, selected, uid);
    const name = found === undefined ? undefined : selected.uidAt(found);
    if (name === undefined || selected.rows.rowOf(name) < 0)
      throw new ImapRefusal('NO', 'NONEXISTENT', 'There is no such message to replace');
    return { folder: selected.open.id, uid: name };
  }

  // RFC 7889 §4, RFC 4469 §4.
  #refuseOctets(octets: number): void {
    const { messageSize } = this.#context.limits;
    if (octets > messageSize)
      throw new ImapRefusal('NO', 'TOOBIG', `A message has at most ${messageSize} octets`);
  }

  /** So that nothing is sent that will not be taken; the store decides. RFC 9208 §4.3. */
  async #refuseQuota(octets: number): Promise<void> {
    const { quota, store, account } = this.#context;
    const { folder, octets: before, replaces } = this.#work!;
    if (quota.bytes === undefined || replaces !== undefined) return;
    if (folder.folder.account !== account) return;
    const { bytes } = await store.usage(account);
    if (bytes + before + octets > quota.bytes)
      throw new ImapRefusal('NO', 'OVERQUOTA', 'There is no room for it in the mailbox');
  }

  async #store({ folder, replaces, messages }: Work) {
    const { store } = this.#context;
    const to = folder.folder.id;
    if (replaces === undefined) return store.append(to, messages, quotaOf(this.#context));
    const { uidValidity, uid } = await store.replace(
      replaces.folder,
      replaces.uid,
      to,
      messages[0]!,
      quotaOf(this.#context),
    );
    return { uidValidity, uids: [uid] };
  }

  async #copyUrl({ url }: Extract<CatenatePart, { kind: 'url' }>): Promise<void> {
    const literal = await this.#readUrl(url);
    // RFC 4469 §4.2: the URL is named.
    if (literal === undefined)
      throw new ImapRefusal('NO', `BADURL ${url.replace(/[\]\r\n\0]/g, '')}`, 'No such part');
    const writer = this.#writer!;
    this.#refuseOctets(writer.size + literal.octets);
    for await (const piece of literal.pieces()) await writer.write(piece);
  }

  async #readUrl(url: string) {
    const { names, store, selected } = this.#context;
    const wanted = parseMessageUrl(url);
    if (wanted === undefined) return undefined;
    // RFC 4469 §3: the selected mailbox is the base of a URL that names none.
    const { mailbox } = wanted;
    const located = mailbox === undefined ? selected : await names.locate(mailbox);
    return readMessageUrl(wanted, located, store);
  }
}
