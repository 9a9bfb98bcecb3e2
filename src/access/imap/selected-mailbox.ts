// A folder as one session has it selected: which messages it knows under which numbers, and what it
// has not been told yet. RFC 9051 §2.3.1.2 and §7.5, RFC 7162 §3.2.10, RFC 9586.

import { flagsText, systemFlags } from '../../mailbox/flags.ts';
import type { FolderRows } from '../../mailbox/folder-rows.ts';
import { MailboxView, type News } from '../../mailbox/mailbox-view.ts';
import type { OpenFolder } from '../../mailbox/open-folder.ts';
import { RecentUids } from '../../mailbox/recent-uids.ts';
import type { FolderFacts, MailColumns } from '../../store/folder-store.ts';
import { rightOf } from './acl.ts';
import type { KnownStructure } from './fetch/message-source.ts';
import type { Rights } from './located-folder.ts';
import { formatSet } from './number-set.ts';
import type { Voice } from './voice.ts';

/** Limit: large messages of a session whose structure is kept. */
const structuresMax = 4;

const nothing = new Uint32Array(0);

export interface SelectedParts {
  readonly open: OpenFolder;
  readonly readOnly: boolean;
  readonly rights: Rights;
  /** As the account that is logged in names it. */
  readonly name: string;
  /** RFC 9051 App. E: not once IMAP4rev2 is on. */
  readonly showsRecent: () => boolean;
}

export interface SyncOptions {
  readonly mayExpunge: boolean;
  /** False: changes of flags are of no interest now. */
  readonly flags?: boolean;
  /** UIDs are named in any case. */
  readonly named?: boolean;
}

interface ToldFlags {
  readonly number: number;
  readonly uid: number;
  /** Asked for by its UID. */
  readonly named: boolean;
  readonly modseq: number;
  /** With parentheses. */
  readonly flags: string;
}

type Told = Pick<Voice, 'isEnabled' | 'untagged'>;

export class SelectedMailbox {
  readonly open: OpenFolder;
  readonly readOnly: boolean;
  readonly name: string;
  readonly view: MailboxView;
  readonly #recent = new RecentUids();
  readonly #showsRecent: () => boolean;
  /** What RECENT said last. */
  #toldRecent = 0;
  /** RFC 5182 §2.1: the result that SEARCH saved, as UIDs, so that no expunge changes it. */
  saved: Uint32Array = nothing;
  #rights: Rights;
  #keywordSets: number;
  readonly #structures = new Map<number, KnownStructure>();

  constructor({ open, readOnly, rights, name, showsRecent }: SelectedParts) {
    this.open = open;
    this.readOnly = readOnly;
    this.#rights = rights;
    this.name = name;
    this.view = new MailboxView(open.rows, open.modseq);
    this.#keywordSets = open.rows.keywordSets.length;
    this.#showsRecent = showsRecent;
    this.#noteRecent();
  }

  get folder(): FolderFacts {
    return this.open.facts;
  }

  get rights(): Rights {
    return this.#rights;
  }

  /** RFC 4314 §5.1.1: what has changed is told, to whoever may still read it. */
  allow(rights: Rights, context: Told): void {
    const isSame = rights === this.#rights;
    this.#rights = rights;
    if (isSame || !rights.includes('r')) return;
    context.untagged(this.flagsResponse());
    context.untagged(this.permanentFlagsResponse());
  }

  get rows(): FolderRows {
    return this.open.rows;
  }

  get uids(): Uint32Array {
    return this.view.uids;
  }

  /** Messages the session has been told of. */
  get messages(): number {
    return this.view.messages;
  }

  /** RFC 3501 §2.3.2: this session was the first to be told of it. */
  isRecent(uid: number): boolean {
    return !this.#recent.isEmpty && this.#showsRecent() && this.#recent.has(uid);
  }

  /** FLAGS of a row as this session sees it, with parentheses. */
  flagsText(row: number): string {
    return this.#withRecent(this.rows.uid[row]!, this.rows.flagsText(row));
  }

  #withRecent(uid: number, text: string): string {
    if (!this.isRecent(uid)) return text;
    return text === '()' ? '(\\Recent)' : `(\\Recent ${text.slice(1)}`;
  }

  /** RFC 3501 §6.3.2: EXAMINE takes from no other session what is recent. */
  #noteRecent(): void {
    const { open, readOnly } = this;
    this.#recent.add(readOnly ? open.recentFrom : open.takeRecent(), open.facts.uidNext);
  }

  /** RFC 3501 §7.3.2; nothing where it would be of no use. */
  tellRecent(context: Told): void {
    this.#toldRecent = this.#recent.countIn(this.uids);
    if (this.#showsRecent()) context.untagged(`${this.#toldRecent} RECENT`);
  }

  /** UID of a message number from 1. */
  uidAt(number: number): number | undefined {
    return this.view.uidAt(number);
  }

  /** Message number of a UID, or undefined where the session knows none. */
  numberOf(uid: number): number | undefined {
    return this.view.numberOf(uid);
  }

  /** For a large message: what is found out about it is found here again. */
  structureOf(uid: number): KnownStructure {
    const known = this.#structures.get(uid) ?? { root: undefined };
    this.#structures.delete(uid);
    this.#structures.set(uid, known);
    const [oldest] = this.#structures.keys();
    if (this.#structures.size > structuresMax) this.#structures.delete(oldest!);
    return known;
  }

  /** Whether sync() would say anything. */
  isCurrent(flags: boolean): boolean {
    return this.view.isCurrent(this.rows, this.open.modseq, flags);
  }

  /** RFC 4314 §4: which flags may be changed by these rights. */
  mayChange(flag: string): boolean {
    return this.rights.includes(rightOf(flag));
  }

  /** Says what changed, once. Expunged messages keep their numbers until they may be told. */
  sync(context: Told, options: SyncOptions): News {
    const { mayExpunge, flags = true, named = false } = options;
    const news = this.view.pull(this.rows, this.open.modseq, mayExpunge, flags);
    if (news.expunged.length > 0) this.#tellExpunged(context, news.expunged);
    if (news.exists !== undefined) {
      this.#noteRecent();
      context.untagged(`${news.exists} EXISTS`);
    }
    if (news.exists !== undefined || this.#recent.countIn(this.uids) !== this.#toldRecent)
      this.tellRecent(context);
    this.tellKeywords(context);
    for (const { number, uid } of news.changed) this.tellMessage(context, number, uid, named);
    return news;
  }

  /** FLAGS and PERMANENTFLAGS when there are new keywords. RFC 9051 §7.3.5. */
  tellKeywords(context: Told): void {
    const { length } = this.rows.keywordSets;
    if (length === this.#keywordSets) return;
    this.#keywordSets = length;
    context.untagged(this.flagsResponse());
    context.untagged(this.permanentFlagsResponse());
  }

  flagsResponse(): string {
    return `FLAGS ${flagsText(0x1f, this.rows.keywordsInUse.join(' '))}`;
  }

  // RFC 9051 §7.1: PERMANENTFLAGS; \* says that new keywords can be made.
  permanentFlagsResponse(): string {
    if (this.readOnly) return 'OK [PERMANENTFLAGS ()] Nothing can be changed';
    const flags: string[] = systemFlags.filter((flag) => this.mayChange(flag));
    if (this.rights.includes('w')) flags.push(...this.rows.keywordsInUse, '\\*');
    return `OK [PERMANENTFLAGS (${flags.join(' ')})] Flags that stay`;
  }

  #tellExpunged(context: Told, expunged: News['expunged']): void {
    // RFC 7162 §3.2.10, RFC 9586 §3: VANISHED instead of EXPUNGE.
    if (context.isEnabled('QRESYNC') || context.isEnabled('UIDONLY')) {
      const uids = expunged.map(({ uid }) => uid).reverse();
      context.untagged(`VANISHED ${formatSet(uids)}`);
    } else for (const { number } of expunged) context.untagged(`${number} EXPUNGE`);
  }

  /** FLAGS of a message, which the session knows from now on. `named`: it is one for its UID. */
  tellMessage(context: Told, number: number, uid: number, named = false): void {
    const row = this.rows.rowOf(uid, number - 1);
    if (row < 0) return;
    const modseq = this.rows.modseq[row]!;
    this.#tellFlags(context, { number, uid, named, modseq, flags: this.flagsText(row) });
    this.view.tellOf(uid, modseq);
  }

  /** FLAGS as a change left them, of a message that may have gone since. */
  tellStored(context: Told, messages: MailColumns, index: number, named: boolean): void {
    const uid = messages.uid[index]!;
    const number = this.numberOf(uid);
    if (number === undefined) return;
    if (this.rows.rowOf(uid, number - 1) >= 0) {
      this.tellMessage(context, number, uid, named);
      return;
    }
    const words = messages.keywordSets[messages.keywords[index]!]!;
    const flags = this.#withRecent(uid, flagsText(messages.flags[index]!, words));
    this.#tellFlags(context, { number, uid, named, modseq: messages.modseq[index]!, flags });
  }

  #tellFlags(context: Told, { number, uid, named, modseq, flags }: ToldFlags): void {
    const uidOnly = context.isEnabled('UIDONLY');
    const condstore = context.isEnabled('CONDSTORE') || context.isEnabled('QRESYNC');
    // RFC 7162 §3.2.4: the UID is in every FETCH; RFC 9051 §7.5.2 wants it, too.
    const withUid = !uidOnly && (named || condstore || context.isEnabled('IMAP4REV2'));
    // RFC 7162 §3.1.4.2: and so is MODSEQ.
    const modseqText = condstore ? ` MODSEQ (${modseq})` : '';
    const items = `${withUid ? `UID ${uid} ` : ''}FLAGS ${flags}${modseqText}`;
    context.untagged(uidOnly ? `${uid} UIDFETCH (${items})` : `${number} FETCH (${items})`);
  }
}

/** The first message without \Seen, or undefined. RFC 3501 §7.1, UNSEEN. */
export function firstUnseen({ length, flags }: MailColumns): number | undefined {
  for (let row = 0; row < length; row += 1) if ((flags[row]! & 1) === 0) return row + 1;
  return undefined;
}
