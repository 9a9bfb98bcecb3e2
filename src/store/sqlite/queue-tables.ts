// The queue's SQL: what QueueStore promises, inside a transaction that somebody else holds. Leases
// and the schedule of destinations are in memory; see leases.ts and schedule.ts.

import type { DatabaseSync } from 'node:sqlite';
import { assert, unreachable } from '../../base/assert.ts';
import type { Quota } from '../folder-store.ts';
import type { Way } from '../queue-store.ts';
import type { ContentTable } from './content-table.ts';
import type { Leases } from './leases.ts';
import type { MemoryTable } from './memory-table.ts';
import type {
  AdoptedRow,
  AppendRow,
  ClaimRow,
  ContentRow,
  EffectRow,
  EnqueuedRow,
  EntryRow,
  LeasedRecipientRow,
  LeaseRow,
  MessageColumns,
  MessageRow,
  QueueOperations,
  RoomRow,
  RouteRow,
  SettlementRow,
  StoredMessageRow,
} from './requests.ts';
import { recipientValues } from './requests.ts';
import type { Rooms } from './rooms.ts';
import type { Row } from './row.ts';
import { blob, DamagedRowError, integer, integerOrNull, text, textOrNull } from './row.ts';
import type { Schedule } from './schedule.ts';
import type { Work } from './work.ts';

// Limit: octets of content that one claim brings into memory; the first lease always comes.
const claimBytesMax = 16 * 2 ** 20;
// Limit: messages that one page of a bulk change touches, so that it does not hold up new mail.
const messagesPerPage = 1000;

// Limit: recipients that one page of a listing brings into memory; the first message always comes.
const recipientsPerPage = 2000;

const leasedColumns =
  'idx, address, params, delivery, destination, original, attempts, warned, account';

export function prepareStatements(database: DatabaseSync) {
  const prepare = (sql: string) => database.prepare(sql);
  return {
    insertMessage: prepare(`
      INSERT INTO message
        (key, id, received, sender, params, origin, message_id, prefix, size, content, bytes)
      VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`),
    insertRecipient: prepare(`
      INSERT INTO recipient
        (message, idx, address, params, delivery, destination, original, due, attempts, account, room)
      VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`),
    takeRoom: prepare(`
      UPDATE recipient SET account = ?, room = ? WHERE message = ? AND idx = ? RETURNING 1`),
    rooms: prepare('SELECT message, idx, account, room FROM recipient WHERE account IS NOT NULL'),
    selectMessage: prepare('SELECT * FROM message WHERE key = ?'),
    sizeOf: prepare('SELECT size FROM message WHERE key = ?'),
    selectEntry: prepare(`
      SELECT key, id, received, sender, params, origin, message_id, prefix, size
      FROM message WHERE key = ?`),
    selectEntries: prepare(`
      SELECT key, id, received, sender, params, origin, message_id, prefix, size
      FROM message WHERE key > ? ORDER BY key LIMIT ?`),
    newest: prepare('SELECT id FROM message ORDER BY key DESC LIMIT 1'),
    selectRecipients: prepare('SELECT * FROM recipient WHERE message = ? ORDER BY idx'),
    countMessages: prepare('SELECT count(*) AS n FROM message'),
    countRecipients: prepare('SELECT count(*) AS n FROM recipient'),
    firstDues: prepare(`
      SELECT destination, min(due) AS due FROM recipient
      WHERE due IS NOT NULL AND held = 0 GROUP BY destination ORDER BY destination`),
    firstDue: prepare(`
      SELECT message, due FROM recipient
      WHERE destination = ? AND due IS NOT NULL AND held = 0 ORDER BY due LIMIT 1`),
    claim: prepare(`
      UPDATE recipient SET due = NULL, attempts = attempts + 1
      WHERE message = ? AND +destination = ? AND due <= ? AND held = 0
      RETURNING ${leasedColumns}`),
    take: prepare(`
      UPDATE recipient SET due = NULL WHERE message = ? AND due IS NOT NULL
      RETURNING ${leasedColumns}`),
    giveBack: prepare(`
      UPDATE recipient SET due = ?, attempts = max(attempts - ?, 0)
      WHERE message = ? AND idx = ? AND due IS NULL RETURNING destination, held`),
    defer: prepare(`
      UPDATE recipient SET due = ?, reply = ?, warned = coalesce(?, warned)
      WHERE message = ? AND idx = ? RETURNING destination, held`),
    skip: prepare(`
      UPDATE recipient
      SET due = ?, attempts = max(attempts - 1, 0), warned = coalesce(?, warned)
      WHERE message = ? AND idx = ? RETURNING destination, held`),
    deleteRecipient: prepare('DELETE FROM recipient WHERE message = ? AND idx = ?'),
    anyRecipient: prepare('SELECT 1 FROM recipient WHERE message = ? LIMIT 1'),
    deleteMessage: prepare('DELETE FROM message WHERE key = ? RETURNING content'),
    share: prepare('UPDATE message SET content = ?, bytes = NULL WHERE key = ?'),
    retry: prepare(`
      UPDATE recipient SET due = ?1
      WHERE message = ?2 AND due > ?1 AND held = 0 RETURNING destination`),
    pageEnd: prepare('SELECT key FROM message WHERE key > ? ORDER BY key LIMIT 1 OFFSET ?'),
    retryRange: prepare(`
      UPDATE recipient SET due = ?1
      WHERE message > ?2 AND message <= ?3 AND due > ?1 AND held = 0`),
    hold: prepare(`
      UPDATE recipient SET held = 1 WHERE message = ? AND held = 0 RETURNING destination`),
    unhold: prepare(`
      UPDATE recipient SET held = 0, due = iif(due IS NULL, NULL, ?)
      WHERE message = ? AND held = 1 RETURNING destination`),
    routes: prepare(`
      SELECT message, idx, address, delivery, destination FROM recipient
      WHERE (message, idx) > (?, ?) ORDER BY message, idx LIMIT ?`),
    reroute: prepare(`
      UPDATE recipient SET delivery = ?, destination = ? WHERE message = ? AND idx = ?`),
    recover: prepare('UPDATE recipient SET due = ? WHERE due IS NULL'),
    clamp: prepare('UPDATE recipient SET due = ?1 WHERE due > ?1'),
  };
}

export interface QueueTablesParts {
  readonly database: DatabaseSync;
  readonly work: Work;
  readonly contents: ContentTable;
  readonly leases: Leases;
  readonly schedule: Schedule;
  readonly rooms: Rooms;
  /** What an account has in its mailbox. */
  readonly usage: (account: string) => Quota;
  /** Local deliveries that belong to a settlement. */
  readonly append: (message: AppendRow, now: number) => void;
  /** If there is none, and there may be. */
  readonly createFolder: (wanted: Pick<AppendRow, 'account' | 'folder'>, now: number) => void;
  /** What accounts remember. */
  readonly memory: MemoryTable;
}

export class QueueTables implements QueueOperations {
  readonly #parts: QueueTablesParts;
  readonly #sql: ReturnType<typeof prepareStatements>;

  #owned = true;

  constructor(parts: QueueTablesParts) {
    this.#parts = parts;
    this.#sql = prepareStatements(parts.database);
  }

  /** After opening: nobody's leases fall due, and no clock set back keeps mail waiting. */
  recover(now: number, delayMsMax: number): number {
    this.#sql.clamp.run(now + delayMsMax);
    for (const row of this.#sql.rooms.all()) {
      const room = { account: text(row.account), bytes: integer(row.room) };
      this.#parts.rooms.take(integer(row.message), integer(row.idx), room);
    }
    return Number(this.#sql.recover.run(now).changes);
  }

  /** Leases are in another process's memory: ours would be news to it. */
  disown(): void {
    this.#owned = false;
  }

  enqueue(message: MessageRow, leaseUntil: number | null): number {
    return this.#enqueue(message, leaseUntil, {
      indexes: range(message.recipients.length / recipientValues),
    });
  }

  enqueueWithRoom(message: MessageRow, leaseUntil: number | null, room: RoomRow): EnqueuedRow {
    this.#assertOwned();
    const fits = this.#fits(room);
    const full: number[] = [];
    const found = new Set<number>();
    for (const [reply, recipients] of room.replies.entries())
      if (recipients.some((index) => fits[index])) for (const index of recipients) found.add(index);
      else full.push(reply);
    const queued = [...found].sort((a, b) => a - b);
    const needs = room.needs.map((need, index) => (fits[index] ? need : undefined));
    if (queued.length === 0) return { fence: 0, full, queued, roomy: [] };
    const fence = this.#enqueue(message, leaseUntil, { indexes: queued, needs });
    return { fence, full, queued, roomy: queued.filter((index) => needs[index] !== undefined) };
  }

  takeRoom(key: number, index: number, need: RoomRow['needs'][number], quota: Quota): boolean {
    this.#assertOwned();
    const { rooms } = this.#parts;
    if (need === undefined || rooms.of(key, index) === need.account) return true;
    if (!this.#fits({ quota, needs: [need] })[0]) return false;
    if (this.#sql.takeRoom.get(need.account, need.bytes, key, index) === undefined) return false;
    rooms.give(key, index);
    rooms.take(key, index, need);
    return true;
  }

  roomTaken(account: string): Quota {
    return this.#parts.rooms.takenBy(account);
  }

  /** Whether each fits, those before it taken into account. */
  #fits({ quota, needs }: Pick<RoomRow, 'quota' | 'needs'>): boolean[] {
    const sums = new Map<string, { bytes: number; messages: number }>();
    return needs.map((need) => {
      if (need === undefined) return true;
      const { account, bytes } = need;
      const sum = sums.get(account) ?? this.#expected(account);
      sums.set(account, sum);
      if (sum.bytes + bytes > quota.bytes || sum.messages + 1 > quota.messages) return false;
      sum.bytes += bytes;
      sum.messages += 1;
      return true;
    });
  }

  /** What the mailbox will hold when everything accepted for it is there. */
  #expected(account: string): { bytes: number; messages: number } {
    const stored = this.#parts.usage(account);
    const queued = this.#parts.rooms.takenBy(account);
    return { bytes: stored.bytes + queued.bytes, messages: stored.messages + queued.messages };
  }

  #enqueue(message: MessageRow, leaseUntil: number | null, chosen: Chosen): number {
    const [key, , received] = message.columns;
    if (leaseUntil === null) {
      this.#insert(message, chosen, { due: received, attempts: 0 });
      return 0;
    }
    this.#assertOwned();
    this.#insert(message, chosen, { due: null, attempts: 1 });
    return this.#parts.leases.grant(key, chosen.indexes, leaseUntil);
  }

  adopt({ message, indexes, lease, due }: AdoptedRow): boolean {
    const [key, id] = message.columns;
    // After a crash between our commit and the journal's word of it.
    if (lease === null && this.#sql.selectEntry.get(key)?.id === id) return false;
    this.#insert(message, { indexes }, { due: lease === null ? due : null, attempts: 1 });
    if (lease === null) return true;
    this.#assertOwned();
    const { fence, expires } = lease;
    this.#parts.leases.adopt(fence, key, { indexes, expires });
    return true;
  }

  claim({ now, limit, perDestination, skip, leaseMs }: ClaimRow): readonly LeaseRow[] {
    this.#assertOwned();
    this.#expire(now);
    const schedule = this.#knownSchedule();
    const leases: LeaseRow[] = [];
    let bytes = 0;
    for (const destination of schedule.dueAt(now, skip, limit)) {
      let next: number | undefined;
      for (let taken = 0; ; taken += 1) {
        const first = this.#sql.firstDue.get(destination);
        next = first === undefined ? undefined : integer(first.due);
        if (next === undefined || next > now) break;
        if (taken === perDestination || leases.length === limit || bytes > claimBytesMax) break;
        const lease = this.#claim(integer(first!.message), destination, now, leaseMs);
        bytes += lease.message.content.bytes?.length ?? 0;
        leases.push(lease);
      }
      schedule.served(destination, next);
      if (leases.length === limit || bytes > claimBytesMax) break;
    }
    return leases;
  }

  settle({ key, outcomes, effects, now }: SettlementRow): boolean {
    const { leases, schedule } = this.#parts;
    for (const [index, fence] of outcomes) if (!leases.holds(key, fence, index)) return false;
    for (const effect of effects) this.#apply(effect, now);
    let gone = false;
    for (const [index, fence, due, reply, warned] of outcomes) {
      leases.drop(fence, index);
      if (due === undefined || reply === undefined) {
        this.#sql.deleteRecipient.run(key, index);
        this.#parts.rooms.give(key, index);
        gone = true;
        continue;
      }
      const notice = warned == null ? null : Number(warned);
      const row =
        reply === null
          ? this.#sql.skip.get(due, notice, key, index)
          : this.#sql.defer.get(due, reply, notice, key, index);
      if (row !== undefined && row.held === 0) schedule.add(text(row.destination), due);
    }
    if (gone) this.#removeIfDone(key);
    return true;
  }

  remembered(account: string, key: string, now: number): boolean {
    return this.#parts.memory.has(account, key, now);
  }

  #apply(effect: EffectRow, now: number): void {
    switch (effect.kind) {
      case 'append':
        if (effect.create) this.#parts.createFolder(effect.message, now);
        this.#parts.append(effect.message, now);
        return;
      case 'enqueue': {
        const { message } = effect;
        const [, , due] = message.columns;
        const indexes = range(message.recipients.length / recipientValues);
        this.#insert(message, { indexes }, { due, attempts: 0 });
        return;
      }
      case 'remember':
        this.#parts.memory.add(effect, now);
        return;
      default:
        unreachable(effect);
    }
  }

  release(
    leases: readonly { key: number; fence: number; indexes: readonly number[] }[],
    now: number,
  ): void {
    for (const { key, fence, indexes } of leases)
      for (const index of indexes) {
        if (!this.#parts.leases.holds(key, fence, index)) continue;
        this.#parts.leases.drop(fence, index);
        this.#giveBack(key, index, now, 1);
      }
  }

  nextDue(skip: ReadonlySet<string>): number | undefined {
    const due = this.#knownSchedule().next(skip);
    const expiry = this.#parts.leases.nextExpiry();
    if (due === undefined || expiry === undefined) return due ?? expiry;
    return Math.min(due, expiry);
  }

  entries(after: number, limit: number): readonly EntryRow[] {
    const entries: EntryRow[] = [];
    let recipients = 0;
    for (const row of this.#sql.selectEntries.all(after, limit)) {
      const entry = this.#entry(row);
      entries.push(entry);
      recipients += entry.recipients.length;
      if (recipients >= recipientsPerPage) break;
    }
    return entries;
  }

  entry(key: number): EntryRow | undefined {
    const row = this.#sql.selectEntry.get(key);
    return row === undefined ? undefined : this.#entry(row);
  }

  message(key: number): StoredMessageRow | undefined {
    const row = this.#sql.selectMessage.get(key);
    if (row === undefined) return undefined;
    return { columns: columnsOf(row), content: this.#content(row) };
  }

  count(): { messages: number; recipients: number } {
    return {
      messages: integer(this.#sql.countMessages.get()?.n),
      recipients: integer(this.#sql.countRecipients.get()?.n),
    };
  }

  newest(): string | undefined {
    const row = this.#sql.newest.get();
    return row === undefined ? undefined : text(row.id);
  }

  retry(key: number, now: number): number {
    const rows = this.#sql.retry.all(now, key);
    for (const row of rows) this.#parts.schedule.add(text(row.destination), now);
    return rows.length;
  }

  retryPage(after: number, now: number): { recipients: number; next: number | undefined } {
    const last = this.#sql.pageEnd.get(after, messagesPerPage)?.key;
    const next = last === undefined ? undefined : integer(last);
    const { changes } = this.#sql.retryRange.run(now, after, next ?? Number.MAX_SAFE_INTEGER);
    if (changes !== 0) this.#parts.schedule.forget();
    return { recipients: Number(changes), next };
  }

  hold(key: number): number {
    const rows = this.#sql.hold.all(key);
    this.#refresh(rows);
    return rows.length;
  }

  unhold(key: number, now: number): number {
    const rows = this.#sql.unhold.all(now, key);
    this.#refresh(rows);
    return rows.length;
  }

  take(key: number, now: number, leaseMs: number): readonly LeaseRow[] {
    this.#assertOwned();
    this.#expire(now);
    const message = this.message(key);
    if (message === undefined) return [];
    const rows = this.#sql.take.all(key);
    this.#refresh(rows);
    const groups = new Map<string, LeasedRecipientRow[]>();
    for (const recipient of rows.map(leasedRecipient)) {
      const group = groups.get(recipient.destination);
      if (group === undefined) groups.set(recipient.destination, [recipient]);
      else group.push(recipient);
    }
    return [...groups].map(([destination, recipients]) => ({
      message,
      destination,
      fence: this.#grant(key, recipients, now + leaseMs),
      recipients: recipients.sort(byIndex),
    }));
  }

  routes(after: readonly [key: number, index: number], limit: number): readonly RouteRow[] {
    return this.#sql.routes.all(...after, limit).map((row) => ({
      key: integer(row.message),
      index: integer(row.idx),
      address: text(row.address),
      ...wayOf(row),
    }));
  }

  reroute(rows: readonly RouteRow[]): number {
    let changed = 0;
    for (const { key, index, delivery, destination } of rows)
      changed += Number(this.#sql.reroute.run(delivery, destination, key, index).changes);
    this.#parts.schedule.forget();
    return changed;
  }

  /** For a mailbox: the content of a queued message as a row that both refer to. */
  share(key: number): number {
    const row = this.#sql.selectMessage.get(key);
    if (row === undefined) throw new Error('the message whose content is shared is not queued');
    const content = integerOrNull(row.content);
    if (content !== null) return content;
    const shared = this.#parts.contents.insert(this.#content(row));
    this.#sql.share.run(shared, key);
    return shared;
  }

  #insert(
    { columns, recipients, content }: MessageRow<ContentRow | number>,
    { indexes, needs }: Chosen,
    { due, attempts }: { readonly due: number | null; readonly attempts: number },
  ): void {
    const [key, id, received, sender, params, origin, messageId, prefix] = columns;
    // What mailboxes will share goes where they can share it; what is relayed stays in its row.
    let shared: number | null = null;
    let bytes: Uint8Array | null = null;
    let size: number;
    if (typeof content === 'number') {
      shared = this.share(content);
      size = integer(this.#sql.sizeOf.get(content)?.size);
    } else {
      size = content.size;
      if (content.bytes === null || isLocal(recipients))
        shared = this.#parts.contents.insert(content);
      else bytes = content.bytes;
    }
    this.#sql.insertMessage.run(
      ...[key, id, received, sender, params, origin, messageId, prefix, size, shared, bytes],
    );
    for (const index of indexes) {
      const at = recipientValues * index;
      const destination = recipients[at + 3]!;
      this.#sql.insertRecipient.run(
        ...[key, index, recipients[at]!, recipients[at + 1]!, recipients[at + 2]!, destination],
        ...[recipients[at + 4]!],
        ...[due, attempts, needs?.[index]?.account ?? null, needs?.[index]?.bytes ?? null],
      );
      const need = needs?.[index];
      if (need !== undefined) this.#parts.rooms.take(key, index, need);
      if (due !== null) this.#parts.schedule.add(destination, due);
    }
  }

  #claim(key: number, destination: string, now: number, leaseMs: number): LeaseRow {
    const message = this.message(key);
    if (message === undefined) throw new Error(`the store is damaged: message ${key} is missing`);
    if (message.content.bytes !== null) this.#parts.work.transfer(message.content.bytes);
    const rows = this.#sql.claim.all(key, destination, now);
    const recipients = rows.map(leasedRecipient).sort(byIndex);
    const fence = this.#grant(key, recipients, now + leaseMs);
    return { message, destination, fence, recipients };
  }

  #assertOwned(): void {
    assert(this.#owned, 'only the process that has the queue to itself leases from it');
  }

  #grant(key: number, recipients: readonly LeasedRecipientRow[], expires: number): number {
    const indexes = recipients.map(({ index }) => index);
    return this.#parts.leases.grant(key, indexes, expires);
  }

  #expire(now: number): void {
    for (const { key, indexes } of this.#parts.leases.expire(now))
      for (const index of indexes) this.#giveBack(key, index, now, 0);
  }

  #giveBack(key: number, index: number, now: number, attempts: number): void {
    const row = this.#sql.giveBack.get(now, attempts, key, index);
    if (row !== undefined && row.held === 0) this.#parts.schedule.add(text(row.destination), now);
  }

  #removeIfDone(key: number): void {
    if (this.#sql.anyRecipient.get(key) !== undefined) return;
    const content = this.#sql.deleteMessage.get(key)?.content;
    if (typeof content === 'number') this.#parts.contents.release(content);
  }

  #knownSchedule(): Schedule {
    const { schedule } = this.#parts;
    if (!schedule.known)
      schedule.fill(
        this.#sql.firstDues.all().map((row) => [text(row.destination), integer(row.due)]),
      );
    return schedule;
  }

  #refresh(rows: readonly Row[]): void {
    for (const destination of new Set(rows.map((row) => text(row.destination)))) {
      const due = this.#sql.firstDue.get(destination)?.due;
      this.#parts.schedule.set(destination, due === undefined ? undefined : integer(due));
    }
  }

  #entry(row: Row): EntryRow {
    const columns = columnsOf(row);
    const recipients = this.#sql.selectRecipients.all(columns[0]).map((recipient) => ({
      ...leasedRecipient(recipient),
      due: integerOrNull(recipient.due),
      held: integer(recipient.held) !== 0,
      reply: textOrNull(recipient.reply),
    }));
    return { columns, size: integer(row.size), recipients };
  }

  #content(row: Row): ContentRow {
    const content = integerOrNull(row.content);
    if (content !== null) return this.#parts.contents.read(content);
    return { bytes: blob(row.bytes), size: integer(row.size), file: null };
  }
}

/** Recipients of a message that is inserted, and what they need. */
interface Chosen {
  readonly indexes: readonly number[];
  readonly needs?: RoomRow['needs'];
}

function isLocal(recipients: readonly (string | null)[]): boolean {
  for (let at = 2; at < recipients.length; at += recipientValues)
    if (recipients[at] === 'local') return true;
  return false;
}

const deliveries: ReadonlySet<string> = new Set<Way['delivery']>(['local', 'remote', 'discard']);

function wayOf({ delivery, destination }: Row): Way {
  const how = text(delivery);
  if (!deliveries.has(how)) throw new DamagedRowError(`the store is damaged: a delivery by ${how}`);
  return { delivery: how as Way['delivery'], destination: text(destination) };
}

const range = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

const byIndex = (a: { readonly index: number }, b: { readonly index: number }): number =>
  a.index - b.index;

const columnsOf = (row: Row): MessageColumns => [
  integer(row.key),
  text(row.id),
  integer(row.received),
  text(row.sender),
  text(row.params),
  text(row.origin),
  textOrNull(row.message_id),
  text(row.prefix),
];

const leasedRecipient = (row: Row): LeasedRecipientRow => ({
  index: integer(row.idx),
  address: text(row.address),
  params: text(row.params),
  ...wayOf(row),
  original: textOrNull(row.original),
  attempts: integer(row.attempts),
  warned: integer(row.warned) !== 0,
  account: textOrNull(row.account),
});
