// The embedded store's engine: runs batches of requests, each batch in one transaction, on a database
// that is synchronous. One request that fails does not fail its neighbours. It knows no threads and
// no promises; worker.ts and transport.ts put it where it runs.

import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { MailboxEvent } from '../folder-store.ts';
import { integer } from '../row.ts';
import { Schedule } from '../schedule.ts';
import { AccountTables } from './account-tables.ts';
import { ContentRepair } from './content-repair.ts';
import { ContentTable } from './content-table.ts';
import { codeOf, sqliteCode } from './database.ts';
import { failureOf } from './failure.ts';
import { ChangeLog } from './folders/change-log.ts';
import { EmailTable } from './folders/email-table.ts';
import { FolderTables } from './folders/folder-tables.ts';
import { MailTable } from './folders/mail-table.ts';
import { MailboxTable } from './folders/mailbox-table.ts';
import { MessageTables } from './folders/message-tables.ts';
import type { ReadHead } from './message-source.ts';
import { DueOrder } from './queue/due-order.ts';
import { Leases } from './queue/leases.ts';
import { MemoryTable } from './queue/memory-table.ts';
import { QueueDesk } from './queue/queue-desk.ts';
import { QueueSearch } from './queue/queue-search.ts';
import { prepareQueueStatements } from './queue/queue-statements.ts';
import { QueueTables } from './queue/queue-tables.ts';
import { RecordTable } from './record-table.ts';
import { requestNames } from './request-durability.ts';
import type { Answer, BatchResult, Durability, Request, Requests } from './requests.ts';
import { Rooms } from './rooms.ts';
import { SpamTable } from './spam-table.ts';
import type { Work } from './work.ts';

export interface EngineOptions {
  readonly database: DatabaseSync;
  /** Whether the queue is ours: only its owner recovers, claims and settles. */
  readonly exclusive: boolean;
  readonly now: number;
  readonly readHead: ReadHead;
}

// Limit: how far in the future a retry may lie when the store is opened. A clock that was set back
// while the server was off must not keep mail waiting for years.
const recoveredDelayMsMax = 4 * 60 * 60_000;

// Limit: how often a batch is tried again without its bad requests before each runs by itself.
const badRequestsMax = 8;

type Handler = (...args: readonly unknown[]) => unknown;

export class Engine implements Work {
  readonly #database: DatabaseSync;
  readonly #handlers: ReadonlyMap<string, Handler>;
  readonly #schedule = new Schedule();
  readonly #dataVersion: StatementSync;
  readonly #flush: StatementSync;
  readonly #begin: StatementSync;
  readonly #commit: StatementSync;
  #undos: (() => void)[] = [];
  #freedFiles: string[] = [];
  #transfer: ArrayBuffer[] = [];
  #touched: MailboxEvent[] = [];
  #seenVersion = -1;
  #full = true;
  #unflushed = false;
  /** The disk was full when something was written last. */
  #noRoom = false;
  /** Recipients whose leases ended with the last process. */
  readonly recovered: number;

  constructor({ database, exclusive, now, readHead }: EngineOptions) {
    this.#database = database;
    this.#dataVersion = database.prepare('PRAGMA data_version');
    this.#begin = database.prepare('BEGIN IMMEDIATE');
    this.#commit = database.prepare('COMMIT');
    this.#flush = database.prepare(`UPDATE meta SET value = value + 1 WHERE name = 'flush'`);
    const contents = new ContentTable(database, this);
    const leases = new Leases(this, exclusive ? this.#nextEpoch() : 0);
    const emails: EmailTable = new EmailTable({
      ...{ database, work: this, contents, readHead },
      share: (key) => queue.share(key),
    });
    const log = new ChangeLog(database);
    const mails = new MailTable({ database, work: this, emails, log });
    const mailboxes = new MailboxTable({ database, work: this, emails, mails, log });
    const rooms = new Rooms(this);
    const folders = new FolderTables({ database, work: this, mails, mailboxes, log });
    const messages = new MessageTables({
      database,
      work: this,
      emails,
      mails,
      mailboxes,
      log,
      rooms,
    });
    const memory = new MemoryTable(database);
    const records = new RecordTable(database);
    const statements = prepareQueueStatements(database);
    const schedule = this.#schedule;
    const order = new DueOrder(statements, schedule);
    const queue = new QueueTables({
      ...{ statements, work: this, contents, leases, rooms, schedule, order },
      usage: (account) => mailboxes.usage(account),
      append: (message, at) => messages.deliverOrInbox(message, at),
      // A refusal (it is there, there are too many) is none: the message goes to INBOX then.
      createFolder: ({ account, folder }, at) =>
        void folders.createFolder(account, folder, null, at),
      ...{ memory, records },
    });
    const spam = new SpamTable(database);
    const pages = new QueueSearch(database);
    const accounts = new AccountTables(database, (account) => {
      mailboxes.remove(account);
      memory.remove(account);
      spam.remove(account);
    });
    if (!exclusive) queue.disown();
    this.recovered = exclusive ? queue.recover(now, recoveredDelayMsMax) : 0;
    this.#handlers = handlers(
      {
        flush: () => {
          this.#flush.run();
        },
        files: () => contents.files(),
        version: () => this.#seenVersion,
        queuePage: (after, limit) => pages.page({}, after, limit),
      },
      ...[queue, new QueueDesk(statements, schedule, order), folders, messages, accounts],
      ...[records, spam],
      new ContentRepair({ database, emails, mails }),
    );
  }

  undo(action: () => void): void {
    this.#undos.push(action);
  }

  freeFile(key: string): void {
    this.#freedFiles.push(key);
  }

  touch(event: MailboxEvent): void {
    this.#touched.push(event);
  }

  transfer(bytes: { readonly buffer: ArrayBufferLike; readonly byteLength: number }): void {
    const { buffer } = bytes;
    if (buffer instanceof ArrayBuffer && buffer.byteLength === bytes.byteLength)
      this.#transfer.push(buffer);
  }

  /** Runs a batch; its answers are in the order of the requests. Never throws. */
  transaction(requests: readonly Request[]): BatchResult {
    const answers: Answer[] = new Array(requests.length);
    const freedFiles: string[] = [];
    const transfer: ArrayBuffer[] = [];
    const touched: MailboxEvent[] = [];
    const keep = () => {
      // One by one: a folder of 200,000 files is more than a call takes as arguments.
      for (const key of this.#freedFiles) freedFiles.push(key);
      for (const buffer of this.#transfer) transfer.push(buffer);
      for (const event of this.#touched) touched.push(event);
    };
    let left: readonly number[] = this.#withRoom(requests, answers);
    let mayMakeRoom = true;
    for (let bad = 0; left.length > 0 && bad <= badRequestsMax; bad += 1) {
      const failed = this.#attempt(requests, left, answers);
      if (failed === undefined) {
        keep();
        left = [];
      } else if (this.#noRoom && mayMakeRoom) {
        mayMakeRoom = false;
        left = this.#withRoom(requests, answers);
      } else if (failed >= 0) {
        left = left.filter((i) => i !== failed);
      } else break;
    }
    // The commit itself failed, or too many requests: each for itself.
    for (const i of left) {
      if (this.#attempt(requests, [i], answers) === undefined) keep();
    }
    return {
      answers,
      freedFiles,
      unflushed: this.#unflushed,
      touched: distinct(touched),
      transfer,
    };
  }

  close(): void {
    this.#database.close();
  }

  /**
   * The requests that may be run. What is free on a full disk is first of all for what the WAL holds: else new frames
   * would take it, and the room that the WAL has would be of no use for ever.
   */
  #withRoom(requests: readonly Request[], answers: Answer[]): readonly number[] {
    const all = requests.map((_, i) => i);
    if (!this.#noRoom || this.#durabilityOf(requests, all) === 'read' || this.#makeRoom())
      return all;
    return all.filter((i) => {
      if (requests[i]!.durability === 'read') return true;
      answers[i] = { ok: false, kind: 'storage', message: 'database or disk is full' };
      return false;
    });
  }

  /**
   * Copies what the WAL holds into the database: then it is written from its beginning again, and needs no more than
   * it has. False when the database cannot grow as it would have to.
   */
  #makeRoom(): boolean {
    try {
      this.#database.exec('PRAGMA wal_checkpoint(PASSIVE)');
      this.#noRoom = false;
    } catch {
      // The WAL is as it was.
    }
    return !this.#noRoom;
  }

  /**
   * One transaction. Undefined when it committed; otherwise everything is as before, and the answer
   * of the request that failed is set (its index comes back), or -1 for a failed commit.
   */
  #attempt(
    requests: readonly Request[],
    indexes: readonly number[],
    answers: Answer[],
  ): number | undefined {
    this.#undos = [];
    this.#freedFiles = [];
    this.#transfer = [];
    this.#touched = [];
    let at = -1;
    try {
      const durability = this.#durabilityOf(requests, indexes);
      if (durability !== 'read') {
        this.#synchronise(durability === 'durable');
        this.#begin.run();
      }
      this.#noticeOthers();
      for (const i of indexes) {
        at = i;
        const { name, args } = requests[i]!;
        const value = this.#handlers.get(name)!(...args);
        answers[i] = { ok: true, value };
      }
      at = indexes.length === 1 ? indexes[0]! : -1;
      if (durability !== 'read') {
        this.#commit.run();
        this.#unflushed = durability === 'lazy';
      }
      return undefined;
    } catch (error) {
      this.#rollback();
      this.#noRoom ||= codeOf(error) === sqliteCode.full;
      if (at >= 0) answers[at] = { ok: false, ...failureOf(error) };
      else if (indexes.length === 1) answers[indexes[0]!] = { ok: false, ...failureOf(error) };
      return at;
    }
  }

  #durabilityOf(requests: readonly Request[], indexes: readonly number[]): Durability {
    let found: Durability = 'read';
    for (const i of indexes) {
      const { durability } = requests[i]!;
      if (durability === 'durable') return 'durable';
      if (durability === 'lazy') found = 'lazy';
    }
    return found;
  }

  /**
   * SQLite flushes the whole WAL when a FULL transaction commits, so that such a commit makes what
   * was committed without a flush before it durable too.
   */
  #synchronise(full: boolean): void {
    if (this.#full === full) return;
    this.#database.exec(full ? 'PRAGMA synchronous = FULL' : 'PRAGMA synchronous = NORMAL');
    this.#full = full;
  }

  #noticeOthers(): void {
    const version = integer(this.#dataVersion.get()?.data_version);
    if (version === this.#seenVersion) return;
    this.#seenVersion = version;
    this.#schedule.forget();
  }

  #rollback(): void {
    // SQLite rolls back by itself when the disk is full or fails.
    try {
      if (this.#database.isTransaction) this.#database.exec('ROLLBACK');
    } catch {
      // Nothing more can be done; the next BEGIN fails if it matters.
    }
    for (const undo of this.#undos.reverse()) undo();
    this.#undos = [];
    this.#freedFiles = [];
    this.#transfer = [];
    this.#touched = [];
    this.#schedule.forget();
  }

  #nextEpoch(): number {
    const next = this.#database.prepare(
      `UPDATE meta SET value = value + 1 WHERE name = 'epoch' RETURNING value`,
    );
    return integer(next.get()?.value);
  }
}

function handlers(...tables: readonly Partial<Requests>[]): ReadonlyMap<string, Handler> {
  const found = new Map<string, Handler>();
  for (const name of requestNames)
    for (const table of tables) {
      const handler = table[name] as Handler | undefined;
      if (handler !== undefined) found.set(name, handler.bind(table));
    }
  return found;
}

/** A batch may touch a folder a thousand times. */
function distinct(events: readonly MailboxEvent[]): readonly MailboxEvent[] {
  if (events.length < 2) return events;
  const found = new Map<string | number, MailboxEvent>();
  for (const event of events)
    found.set(event.kind === 'messages' ? event.folder : eventKey(event), event);
  return [...found.values()];
}

const eventKey = (event: MailboxEvent): string =>
  event.kind === 'folders' ? `folders ${event.account}` : event.kind;
