// What is done with messages in folders: what FolderStore promises to change of them, inside a
// transaction that somebody else holds. Everything is checked before anything is written, so that a
// refusal is an answer like any other and fails nobody else's request.

import type { DatabaseSync } from 'node:sqlite';
import { NoSuchFolderError } from '../../folder-errors.ts';
import type {
  CopyResult,
  Expunged,
  ListedMessage,
  Quota,
  StoreResult,
} from '../../folder-store.ts';
import { flagNames, flagsRefusal, storedFlags } from '../../folders/flags.ts';
import { columnBuffers, mailColumns } from '../../folders/mail-columns.ts';
import { emailId } from '../../object-id.ts';
import { integer } from '../../row.ts';
import { prepareArrays } from '../arrays.ts';
import { limit, noFolder } from '../refusal.ts';
import type {
  AppendRow,
  ArrivalRow,
  FlagChangeRow,
  MessageRequests,
  NewMailRow,
  RefusedRow,
  TransferRow,
} from '../requests.ts';
import type { Rooms } from '../rooms.ts';
import type { Work } from '../work.ts';
import type { ChangeLog } from './change-log.ts';
import { columnsSql } from './columns-sql.ts';
import type { EmailTable } from './email-table.ts';
import type { Arrival, MailTable } from './mail-table.ts';
import type { MailboxTable } from './mailbox-table.ts';

export function prepareStatements(database: DatabaseSync) {
  const changed = prepareArrays(
    database,
    columnsSql(`
      SELECT * FROM mail WHERE folder = ? AND uid IN (SELECT value FROM json_each(?))
      ORDER BY uid`),
  );
  return { changed, highest: database.prepare('SELECT modseq FROM folder WHERE id = ?') };
}

export interface MessageTablesParts {
  readonly database: DatabaseSync;
  readonly work: Work;
  readonly emails: EmailTable;
  readonly mails: MailTable;
  readonly mailboxes: MailboxTable;
  readonly log: ChangeLog;
  readonly rooms: Rooms;
}

const none: Quota = { bytes: 0, messages: 0 };

export class MessageTables implements MessageRequests {
  readonly #parts: MessageTablesParts;
  readonly #sql: ReturnType<typeof prepareStatements>;

  constructor(parts: MessageTablesParts) {
    this.#parts = parts;
    this.#sql = prepareStatements(parts.database);
  }

  deliver(message: AppendRow, now: number): ListedMessage {
    const folder = this.#folderFor(message, now);
    if (folder === undefined) throw NoSuchFolderError.of(message.account, message.folder);
    return this.#deliverTo(folder, message, now);
  }

  /** Inside a settlement: a folder that is gone is no reason to lose mail. RFC 5228 §2.10.2. */
  deliverOrInbox(message: AppendRow, now: number): void {
    const folder = this.#folderFor(message, now);
    if (folder === undefined) this.deliver({ ...message, folder: 'INBOX' }, now);
    else this.#deliverTo(folder, message, now);
  }

  appendMails(
    folder: number,
    mails: readonly NewMailRow[],
    quota: Quota | undefined,
    now: number,
  ): ArrivalRow | RefusedRow {
    const bytes = mails.reduce((sum, { content }) => sum + content.size, 0);
    const refusal =
      refusedFlags(mails) ?? this.#refusal(folder, quota, { bytes, messages: mails.length });
    return refusal ?? this.#append(folder, mails, now);
  }

  copyMails(row: TransferRow): CopyResult | RefusedRow {
    const { from, uids, to, quota } = row;
    const more = quota === undefined ? none : this.#parts.mails.sizeOf(from, uids);
    return this.#refusal(to, quota, more) ?? this.#copy(row);
  }

  moveMails(row: TransferRow): CopyResult | RefusedRow {
    const { from, uids, to, quota } = row;
    const { mails } = this.#parts;
    // Within an account nothing is added.
    const grows = quota !== undefined && mails.owner(from) !== mails.owner(to);
    const more = grows ? mails.sizeOf(from, uids) : none;
    const refusal = this.#refusal(to, grows ? quota : undefined, more);
    if (refusal !== undefined) return refusal;
    const move = () => {
      const copied = this.#copy(row);
      mails.remove(from, copied.source, false);
      return copied;
    };
    return from === to ? move() : this.#parts.log.together(move);
  }

  replaceMail(row: TransferRow, mail: NewMailRow): ArrivalRow | RefusedRow {
    const { from, uids, to, quota, now } = row;
    const { mails } = this.#parts;
    const old = mails.owner(from) === mails.owner(to) ? mails.sizeOf(from, uids) : none;
    const more = { bytes: mail.content.size - old.bytes, messages: 1 - old.messages };
    const refusal = refusedFlags([mail]) ?? this.#refusal(to, quota, more);
    if (refusal !== undefined) return refusal;
    const arrived = this.#append(to, [mail], now);
    mails.remove(from, uids, false);
    return arrived;
  }

  storeFlags(
    folder: number,
    uids: readonly number[],
    changes: readonly FlagChangeRow[],
    unchangedSince: number | undefined,
  ): StoreResult | RefusedRow {
    const stored = this.#parts.mails.store(folder, uids, changes, unchangedSince);
    if ('refused' in stored) return stored;
    const { present, modified } = stored;
    const row = this.#sql.changed.get(folder, JSON.stringify(present));
    const messages = mailColumns(row as unknown as readonly unknown[]);
    for (const buffer of columnBuffers(messages)) this.#parts.work.transfer(new Uint8Array(buffer));
    const modseq = this.#sql.highest.get(folder)?.modseq;
    return { modseq: modseq === undefined ? 0 : integer(modseq), messages, modified };
  }

  expungeMarked(folder: number, uids: readonly number[] | undefined): Expunged {
    return this.#parts.mails.remove(folder, uids, true);
  }

  removeMails(folder: number, uids: readonly number[]): Expunged {
    return this.#parts.mails.remove(folder, uids, false);
  }

  /** Undefined when there is no such folder, even among the standard ones. */
  #folderFor({ account, folder }: AppendRow, now: number): number | undefined {
    const { mailboxes } = this.#parts;
    const found = mailboxes.folderOf(account, folder);
    if (found !== undefined) return found;
    mailboxes.ensure(account, now);
    return mailboxes.folderOf(account, folder);
  }

  #deliverTo(folder: number, message: AppendRow, now: number): ListedMessage {
    const { received } = message;
    const { emails, mails } = this.#parts;
    const { email, size, from, subject } = emails.insert(message.content, message.prefix);
    const flags = storedFlags(message.flags);
    const { uid, modseq } = mails.append(folder, [{ email, size, flags, received }], now)!;
    return {
      ...{ folder, uid, modseq, flags: flagNames(flags), received, saved: now, size },
      ...{ id: emailId(email), from, subject },
    };
  }

  #append(folder: number, mails: readonly NewMailRow[], now: number): Arrival {
    const rows = mails.map(({ content, flags, received }) => {
      const { email, size } = this.#parts.emails.insert(content, '');
      return { email, size, received, flags: storedFlags(flags) };
    });
    return this.#parts.mails.append(folder, rows, now)!;
  }

  #copy({ from, uids, to, without, now }: TransferRow): CopyResult {
    const { mails } = this.#parts;
    const { uidValidity, uid, source } = mails.copy(from, uids, to, now)!;
    const target = source.map((_, i) => uid + i);
    if (without.length > 0 && target.length > 0)
      mails.store(to, target, [{ kind: 'remove', flags: without }], undefined);
    return { uidValidity, source, target };
  }

  /** Why nothing more goes into `folder`. */
  #refusal(folder: number, quota: Quota | undefined, more: Quota): RefusedRow | undefined {
    const account = this.#parts.mails.owner(folder);
    if (account === undefined) return noFolder(folder);
    if (quota === undefined || (more.bytes <= 0 && more.messages <= 0)) return undefined;
    const { bytes, messages } = this.#parts.mailboxes.usage(account);
    // Mail that was accepted and is not delivered yet has its room already.
    const queued = this.#parts.rooms.takenBy(account);
    if (
      bytes + queued.bytes + more.bytes <= quota.bytes &&
      messages + queued.messages + more.messages <= quota.messages
    )
      return undefined;
    return { refused: 'over-quota', message: `${account} is over quota` };
  }
}

function refusedFlags(mails: readonly NewMailRow[]): RefusedRow | undefined {
  for (const { flags } of mails) {
    const refusal = flagsRefusal(storedFlags(flags));
    if (refusal !== undefined) return limit(refusal);
  }
  return undefined;
}
