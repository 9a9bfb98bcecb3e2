// The mailboxes' SQL: what MailboxStore promises, inside a transaction that somebody else holds.
// A folder's counters and its modseq change with the rows they count.

import type { DatabaseSync } from 'node:sqlite';
import { decodeEncodedWords } from '../../mail/encoded-word.ts';
import { headerValue, parseHeader } from '../../mail/header.ts';
import type { MailboxMessage } from '../mailbox-store.ts';
import { NoSuchFolderError } from '../mailbox-store.ts';
import type { ContentTable } from './content-table.ts';
import { changedFlags, flagNames, seenBit, storedFlags } from './flags.ts';
import type {
  AppendRow,
  ContentRow,
  FlagChangeRow,
  FolderRow,
  MailboxOperations,
  OpenedMailRow,
  PackedMail,
  PackedMailsRow,
} from './operation.ts';
import type { Row } from './row.ts';
import { blob, integer, text, textOrNull } from './row.ts';
import type { Work } from './work.ts';

/** RFC 6154 §2: special-use attributes of the folders every mailbox has. */
const standardFolders: readonly (readonly [path: string, specialUse: string | null])[] = [
  ['INBOX', null],
  ['Sent', 'Sent'],
  ['Drafts', 'Drafts'],
  ['Junk', 'Junk'],
  ['Trash', 'Trash'],
  ['Archive', 'Archive'],
];

// Limit: how much of a message is looked at for From and Subject, and how much of them is kept.
const headBytesMax = 32 * 2 ** 10;
const listingTextMax = 300;
// Ids are reserved in blocks, so that an append does not write a counter.
const idsPerBlock = 1000;
const messageColumns = `mail.uid, mail.email, mail.modseq, mail.flags, mail.keywords,
  mail.received, mail.saved, mail.size, email.sender, email.subject`;

export function prepareStatements(database: DatabaseSync) {
  const prepare = (sql: string) => database.prepare(sql);
  /** Rows as arrays, for what is read by the thousand. */
  const columns = (sql: string) => {
    const statement = database.prepare(sql);
    statement.setReturnArrays(true);
    return statement;
  };
  return {
    mailbox: prepare('SELECT id FROM mailbox WHERE address = ?'),
    insertMailbox: prepare('INSERT INTO mailbox (address) VALUES (?)'),
    // RFC 9051 §2.3.1.1: never the same again, even for a folder made anew in the same second.
    nextValidity: prepare(`
      UPDATE meta SET value = max(value + 1, ?) WHERE name = 'uid_validity' RETURNING value`),
    insertFolder: prepare(`
      INSERT INTO folder (mailbox, path, special_use, uid_validity) VALUES (?, ?, ?, ?)`),
    folderId: prepare(`
      SELECT folder.id FROM folder JOIN mailbox ON mailbox.id = folder.mailbox
      WHERE mailbox.address = ? AND folder.path = ?`),
    folders: prepare(`
      SELECT folder.* FROM folder JOIN mailbox ON mailbox.id = folder.mailbox
      WHERE mailbox.address = ? ORDER BY folder.id`),
    arrive: prepare(`
      UPDATE folder SET uid_next = uid_next + 1, modseq = modseq + 1, messages = messages + 1,
        unseen = unseen + ?, bytes = bytes + ?
      WHERE id = ? RETURNING uid_next - 1 AS uid, modseq`),
    change: prepare(`
      UPDATE folder SET modseq = modseq + 1, messages = messages + ?, unseen = unseen + ?,
        bytes = bytes + ?
      WHERE id = ? RETURNING modseq`),
    reserveIds: prepare(`UPDATE meta SET value = value + ? WHERE name = 'email' RETURNING value`),
    insertEmail: prepare(
      'INSERT INTO email (id, content, sender, subject, prefix) VALUES (?, ?, ?, ?, ?)',
    ),
    insertMail: prepare(`
      INSERT INTO mail (folder, uid, email, modseq, flags, keywords, received, saved, size)
      VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`),
    list: prepare(`
      SELECT ${messageColumns} FROM mail JOIN email ON email.id = mail.email
      WHERE mail.folder = ? AND mail.uid > ? ORDER BY mail.uid LIMIT ?`),
    one: prepare(`
      SELECT ${messageColumns} FROM mail JOIN email ON email.id = mail.email
      WHERE mail.folder = ? AND mail.uid = ?`),
    open: prepare(`
      SELECT ${messageColumns}, email.prefix, email.content, folder.path
      FROM email JOIN mail ON mail.email = email.id JOIN folder ON folder.id = mail.folder
      JOIN mailbox ON mailbox.id = folder.mailbox
      WHERE email.id = ? AND mailbox.address = ? LIMIT 1`),
    index: columns(`
      SELECT uid, email, size FROM mail WHERE folder = ? AND uid > ? ORDER BY uid LIMIT ?`),
    whole: columns(`
      SELECT email.prefix, content.size, content.file, content.bytes
      FROM mail JOIN email ON email.id = mail.email JOIN content ON content.id = email.content
      WHERE mail.folder = ? AND mail.uid = ?`),
    setFlags: prepare(
      'UPDATE mail SET flags = ?, keywords = ?, modseq = ? WHERE folder = ? AND uid = ?',
    ),
    deleteMail: prepare(
      'DELETE FROM mail WHERE folder = ? AND uid = ? RETURNING email, flags, size',
    ),
    anyMail: prepare('SELECT 1 FROM mail WHERE email = ? LIMIT 1'),
    deleteEmail: prepare('DELETE FROM email WHERE id = ? RETURNING content'),
    insertExpunged: prepare('INSERT INTO expunged (folder, modseq, uid) VALUES (?, ?, ?)'),
    usage: prepare(`
      SELECT coalesce(sum(folder.bytes), 0) AS bytes, coalesce(sum(folder.messages), 0) AS messages
      FROM folder JOIN mailbox ON mailbox.id = folder.mailbox WHERE mailbox.address = ?`),
    emailsOf: prepare('SELECT email FROM mail WHERE folder = ?'),
    deleteMails: prepare('DELETE FROM mail WHERE folder = ?'),
    deleteExpunged: prepare('DELETE FROM expunged WHERE folder = ?'),
    deleteFolder: prepare('DELETE FROM folder WHERE id = ?'),
    deleteMailbox: prepare('DELETE FROM mailbox WHERE address = ?'),
  };
}

/** What an append must know of a content. */
interface Head {
  readonly content: number;
  readonly size: number;
  readonly from: string;
  readonly subject: string;
}

export interface MailboxTablesParts {
  readonly database: DatabaseSync;
  readonly work: Work;
  readonly contents: ContentTable;
  /** The content row of a queued message, for sharing. */
  readonly share: (key: number) => number;
  /** The first octets of a content file. */
  readonly readHead: (file: string, bytesMax: number) => Uint8Array;
}

export class MailboxTables implements MailboxOperations {
  readonly #parts: MailboxTablesParts;
  readonly #sql: ReturnType<typeof prepareStatements>;
  #nextId = 0;
  #idsEnd = 0;
  #lastHead: Head | undefined;

  constructor(parts: MailboxTablesParts) {
    this.#parts = parts;
    this.#sql = prepareStatements(parts.database);
  }

  ensure(account: string, now: number): void {
    const found = this.#sql.mailbox.get(account)?.id;
    const mailbox =
      found === undefined
        ? Number(this.#sql.insertMailbox.run(account).lastInsertRowid)
        : integer(found);
    const present = new Set(this.#sql.folders.all(account).map((row) => text(row.path)));
    for (const [path, specialUse] of standardFolders)
      if (!present.has(path)) {
        const row = this.#sql.nextValidity.get(Math.floor(now / 1000));
        this.#sql.insertFolder.run(mailbox, path, specialUse, integer(row?.value));
      }
  }

  append(message: AppendRow, now: number): MailboxMessage {
    const folder = this.#folderFor(message, now);
    return this.#appendTo(folder, message.folder, message, now);
  }

  /** Inside a settlement: a folder that is gone is no reason to lose mail. RFC 5228 §2.10.2. */
  deliver(message: AppendRow, now: number): void {
    if (this.#folderId(message.account, message.folder) === undefined) {
      this.ensure(message.account, now);
      if (this.#folderId(message.account, message.folder) === undefined) {
        this.append({ ...message, folder: 'INBOX' }, now);
        return;
      }
    }
    this.append(message, now);
  }

  folders(account: string): readonly FolderRow[] {
    return this.#sql.folders.all(account).map((row) => ({
      path: text(row.path),
      uidValidity: integer(row.uid_validity),
      uidNext: integer(row.uid_next),
      modseq: integer(row.modseq),
      messages: integer(row.messages),
      unseen: integer(row.unseen),
      specialUse: textOrNull(row.special_use),
    }));
  }

  mails(account: string, path: string, after: number, limit: number): readonly MailboxMessage[] {
    const folder = this.#folderId(account, path);
    if (folder === undefined) return [];
    return this.#sql.list.all(folder, after, limit).map((row) => messageOf(account, path, row));
  }

  openMail(account: string, id: string): OpenedMailRow | undefined {
    const row = this.#sql.open.get(emailNumber(id) ?? -1, account);
    if (row === undefined) return undefined;
    return {
      message: messageOf(account, text(row.path), row),
      prefix: text(row.prefix),
      content: this.#parts.contents.read(integer(row.content)),
    };
  }

  mailIndex(account: string, path: string, after: number, limit: number): Float64Array {
    const folder = this.#folderId(account, path);
    const rows = folder === undefined ? [] : this.#sql.index.all(folder, after, limit);
    const index = new Float64Array(rows.length * 3);
    let at = 0;
    for (const row of rows as unknown as readonly (readonly unknown[])[])
      for (const value of row) index[at++] = integer(value);
    this.#parts.work.transfer(new Uint8Array(index.buffer));
    return index;
  }

  openMails(account: string, path: string, uids: readonly number[]): PackedMailsRow {
    const folder = this.#folderId(account, path);
    const mails: (PackedMail | null)[] = [];
    const pieces: (string | Uint8Array)[] = [];
    let size = 0;
    for (const uid of uids) {
      const row = folder === undefined ? undefined : this.#sql.whole.get(folder, uid);
      if (row === undefined) {
        mails.push(null);
        continue;
      }
      const [prefix, contentSize, file, bytes] = row as unknown as readonly unknown[];
      let length = Buffer.byteLength(text(prefix));
      pieces.push(text(prefix));
      if (file === null) {
        length += blob(bytes).length;
        pieces.push(blob(bytes));
      }
      mails.push([length, textOrNull(file), integer(contentSize)]);
      size += length;
    }
    return { pack: this.#pack(pieces, size), mails };
  }

  /** One buffer, which can be handed over whole. */
  #pack(pieces: readonly (string | Uint8Array)[], size: number): Uint8Array {
    const pack = Buffer.allocUnsafeSlow(size);
    let at = 0;
    for (const piece of pieces)
      if (typeof piece === 'string') at += pack.write(piece, at);
      else {
        pack.set(piece, at);
        at += piece.length;
      }
    this.#parts.work.transfer(pack);
    return pack;
  }

  store(
    account: string,
    path: string,
    uids: readonly number[],
    { kind, flags }: FlagChangeRow,
  ): readonly MailboxMessage[] {
    const folder = this.#folderId(account, path);
    if (folder === undefined) return [];
    const changes: { uid: number; bits: number; keywords: string }[] = [];
    const rows: Row[] = [];
    let unseen = 0;
    for (const uid of new Set(uids)) {
      const row = this.#sql.one.get(folder, uid);
      if (row === undefined) continue;
      rows.push(row);
      const before = { bits: integer(row.flags), keywords: text(row.keywords) };
      const after = changedFlags(before, kind, flags);
      if (after.bits === before.bits && after.keywords === before.keywords) continue;
      unseen += (before.bits & seenBit) - (after.bits & seenBit);
      changes.push({ uid, ...after });
    }
    if (changes.length > 0) {
      const modseq = integer(this.#sql.change.get(0, unseen, 0, folder)?.modseq);
      for (const { uid, bits, keywords } of changes)
        this.#sql.setFlags.run(bits, keywords, modseq, folder, uid);
    }
    return rows.map((row) =>
      messageOf(account, path, this.#sql.one.get(folder, integer(row.uid))!),
    );
  }

  expunge(account: string, path: string, uids: readonly number[]): readonly number[] {
    const folder = this.#folderId(account, path);
    if (folder === undefined) return [];
    const gone: number[] = [];
    let unseen = 0;
    let bytes = 0;
    for (const uid of new Set(uids)) {
      const row = this.#sql.deleteMail.get(folder, uid);
      if (row === undefined) continue;
      gone.push(uid);
      bytes += integer(row.size);
      if ((integer(row.flags) & seenBit) === 0) unseen += 1;
      this.#releaseEmail(integer(row.email));
    }
    if (gone.length === 0) return [];
    const changed = this.#sql.change.get(-gone.length, -unseen, -bytes, folder);
    const modseq = integer(changed?.modseq);
    for (const uid of gone) this.#sql.insertExpunged.run(folder, modseq, uid);
    return gone.sort((a, b) => a - b);
  }

  usage(account: string): { bytes: number; messages: number } {
    const row = this.#sql.usage.get(account);
    return { bytes: integer(row?.bytes), messages: integer(row?.messages) };
  }

  removeMailbox(account: string): void {
    for (const row of this.#sql.folders.all(account)) {
      const folder = integer(row.id);
      const emails = this.#sql.emailsOf.all(folder).map((mail) => integer(mail.email));
      this.#sql.deleteMails.run(folder);
      for (const email of emails) this.#releaseEmail(email);
      this.#sql.deleteExpunged.run(folder);
      this.#sql.deleteFolder.run(folder);
    }
    this.#sql.deleteMailbox.run(account);
  }

  #appendTo(folder: number, path: string, message: AppendRow, now: number): MailboxMessage {
    const { content, prefix, account, received } = message;
    const inserted = typeof content === 'number' ? undefined : content;
    const id =
      typeof content === 'number'
        ? this.#parts.share(content)
        : this.#parts.contents.insert(content);
    const head = this.#head(id, inserted);
    const flags = storedFlags(message.flags);
    const size = Buffer.byteLength(prefix) + head.size;
    const unseen = (flags.bits & seenBit) === 0 ? 1 : 0;
    const arrived = this.#sql.arrive.get(unseen, size, folder);
    const uid = integer(arrived?.uid);
    const modseq = integer(arrived?.modseq);
    const email = this.#newId();
    this.#sql.insertEmail.run(email, id, head.from, head.subject, prefix);
    this.#sql.insertMail.run(
      ...[folder, uid, email, modseq, flags.bits, flags.keywords, received, now, size],
    );
    return {
      ...{ account, folder: path, uid, modseq, flags: flagNames(flags), received, saved: now },
      ...{ size, id: emailText(email), from: head.from, subject: head.subject },
    };
  }

  #folderFor({ account, folder }: AppendRow, now: number): number {
    const found = this.#folderId(account, folder);
    if (found !== undefined) return found;
    this.ensure(account, now);
    const made = this.#folderId(account, folder);
    if (made === undefined) throw NoSuchFolderError.of(account, folder);
    return made;
  }

  #folderId(account: string, path: string): number | undefined {
    // RFC 9051 §5.1: INBOX is the same in any case.
    const name = path.toUpperCase() === 'INBOX' ? 'INBOX' : path;
    const row = this.#sql.folderId.get(account, name);
    return row === undefined ? undefined : integer(row.id);
  }

  #releaseEmail(email: number): void {
    if (this.#sql.anyMail.get(email) !== undefined) return;
    const content = this.#sql.deleteEmail.get(email)?.content;
    if (content !== undefined) this.#parts.contents.release(integer(content));
  }

  #newId(): number {
    if (this.#nextId >= this.#idsEnd) {
      const end = integer(this.#sql.reserveIds.get(idsPerBlock)?.value) + 1;
      this.#nextId = end - idsPerBlock;
      this.#idsEnd = end;
      // Rolled back, the block is nobody's.
      this.#parts.work.undo(() => {
        this.#idsEnd = 0;
      });
    }
    this.#nextId += 1;
    return this.#nextId - 1;
  }

  /** Read once for all the mailboxes that share it: content rows are never renumbered. */
  #head(content: number, inserted: ContentRow | undefined): Head {
    if (this.#lastHead?.content === content) return this.#lastHead;
    const { size, bytes, file } = inserted ?? this.#parts.contents.read(content);
    const head = bytes?.subarray(0, headBytesMax) ?? this.#parts.readHead(file ?? '', headBytesMax);
    const fields = parseHeader(head, { bytesMax: headBytesMax, fieldsMax: 500 });
    const from = listingText(headerValue(fields, 'from'));
    const subject = listingText(headerValue(fields, 'subject'));
    const read = { content, size, from, subject };
    this.#lastHead = read;
    // Rolled back, the number will be another content's.
    this.#parts.work.undo(() => {
      this.#lastHead = undefined;
    });
    return read;
  }
}

const listingText = (value: string | undefined): string =>
  value === undefined ? '' : decodeEncodedWords(value).slice(0, listingTextMax).trim();

// RFC 8474 §7: objectid = 1*255(ALPHA / DIGIT / "_" / "-")
export const emailText = (email: number): string => `m${email.toString(36)}`;

function emailNumber(id: string): number | undefined {
  if (!/^m[0-9a-z]{1,11}$/.test(id)) return undefined;
  const email = Number.parseInt(id.slice(1), 36);
  return Number.isSafeInteger(email) ? email : undefined;
}

function messageOf(account: string, folder: string, row: Row): MailboxMessage {
  return {
    account,
    folder,
    uid: integer(row.uid),
    modseq: integer(row.modseq),
    flags: flagNames({ bits: integer(row.flags), keywords: text(row.keywords) }),
    received: integer(row.received),
    saved: integer(row.saved),
    size: integer(row.size),
    id: emailText(integer(row.email)),
    from: text(row.sender),
    subject: text(row.subject),
  };
}
