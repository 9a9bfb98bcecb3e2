// The queue's deliveries: what QueueStore promises of them, inside a transaction that somebody else
// holds. Leases and the schedule of destinations are in memory; see leases.ts and schedule.ts.

import { assert, unreachable } from '../../../base/assert.ts';
import { requestsOf } from '../../../smtp/envelope-requests.ts';
import type { Quota } from '../../folder-store.ts';
import type { Row } from '../../row.ts';
import { blob, integer, integerOrNull, text } from '../../row.ts';
import type { Schedule } from '../../schedule.ts';
import type { ContentTable } from '../content-table.ts';
import type { RecordTable } from '../record-table.ts';
import type {
  AdoptedRow,
  AppendRow,
  ClaimRow,
  ContentRow,
  EffectRow,
  EnqueuedRow,
  LeasedRecipientRow,
  LeaseRow,
  MessageRow,
  QueueRequests,
  RoomRow,
  SettlementRow,
  StoredMessageRow,
} from '../requests.ts';
import { recipientValues } from '../requests.ts';
import type { Rooms } from '../rooms.ts';
import type { Work } from '../work.ts';
import type { DueOrder } from './due-order.ts';
import type { Leases } from './leases.ts';
import type { MemoryTable } from './memory-table.ts';
import type { DeskRequest } from './queue-desk.ts';
import { columnsOf, leasedRecipient } from './queue-readings.ts';
import type { QueueStatements } from './queue-statements.ts';

// Limit: octets of content that one claim brings into memory; the first lease always comes.
const claimBytesMax = 16 * 2 ** 20;

export interface QueueTablesParts {
  readonly statements: QueueStatements;
  readonly work: Work;
  readonly contents: ContentTable;
  readonly leases: Leases;
  readonly schedule: Schedule;
  readonly order: DueOrder;
  readonly rooms: Rooms;
  /** What an account has in its mailbox. */
  readonly usage: (account: string) => Quota;
  /** Local deliveries that belong to a settlement. */
  readonly append: (message: AppendRow, now: number) => void;
  /** If there is none, and there may be. */
  readonly createFolder: (wanted: Pick<AppendRow, 'account' | 'folder'>, now: number) => void;
  /** What accounts remember. */
  readonly memory: MemoryTable;
  readonly records: Pick<RecordTable, 'addRecords'>;
}

export class QueueTables implements Omit<QueueRequests, DeskRequest> {
  readonly #parts: QueueTablesParts;
  readonly #sql: QueueStatements;
  #owned = true;

  constructor(parts: QueueTablesParts) {
    this.#parts = parts;
    this.#sql = parts.statements;
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
    return this.#enqueue(message, leaseUntil, allOf(message));
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

  #enqueue(
    message: MessageRow<ContentRow | number>,
    leaseUntil: number | null,
    chosen: Chosen,
  ): number {
    const [key, , received] = message.columns;
    if (message.records !== undefined) this.#parts.records.addRecords(message.records, received);
    if (leaseUntil === null) {
      this.#insert(message, chosen, { due: received, attempts: 0 });
      if (message.held) this.#parts.order.refresh(this.#sql.hold.all(key));
      return 0;
    }
    assert(!message.held, 'what is held is nobody’s to attempt');
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
    this.#parts.leases.adopt(lease.fence, key, { indexes, expires: lease.expires });
    return true;
  }

  claim({ now, limit, perDestination, skip, leaseMs }: ClaimRow): readonly LeaseRow[] {
    this.#assertOwned();
    this.#expire(now);
    const { order } = this.#parts;
    const { schedule } = order;
    const leases: LeaseRow[] = [];
    let bytes = 0;
    for (const destination of schedule.dueAt(now, skip, limit)) {
      let next: number | undefined;
      for (let taken = 0; ; taken += 1) {
        const first = order.first(destination, now);
        next = first?.due;
        if (first === undefined || first.due > now) break;
        if (taken === perDestination || leases.length === limit || bytes > claimBytesMax) break;
        const lease = this.#claim(first.message, destination, now, leaseMs);
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
      case 'enqueue':
        this.#enqueue(effect.message, null, allOf(effect.message));
        return;
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
    const due = this.#parts.order.schedule.next(skip);
    const expiry = this.#parts.leases.nextExpiry();
    if (due === undefined || expiry === undefined) return due ?? expiry;
    return Math.min(due, expiry);
  }

  message(key: number): StoredMessageRow | undefined {
    const row = this.#sql.selectMessage.get(key);
    if (row === undefined) return undefined;
    return { columns: columnsOf(row), content: this.#content(row) };
  }

  take(key: number, now: number, leaseMs: number): readonly LeaseRow[] {
    this.#assertOwned();
    this.#expire(now);
    const message = this.message(key);
    if (message === undefined) return [];
    const rows = this.#sql.take.all(key);
    this.#parts.order.refresh(rows);
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
    const { priority, release } = requestsOf({ params: words(params), received });
    const { schedule } = this.#parts;
    schedule.addLevel(priority);
    const dueThen = due === null ? null : Math.max(due, release ?? 0);
    for (const index of indexes) {
      const at = recipientValues * index;
      const destination = recipients[at + 3]!;
      this.#sql.insertRecipient.run(
        ...[key, index, recipients[at]!, recipients[at + 1]!, recipients[at + 2]!, destination],
        ...[recipients[at + 4]!],
        ...[dueThen, attempts, needs?.[index]?.account ?? null, needs?.[index]?.bytes ?? null],
        ...[priority, release ?? null],
      );
      const need = needs?.[index];
      if (need !== undefined) this.#parts.rooms.take(key, index, need);
      if (dueThen !== null) schedule.add(destination, dueThen);
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
    if (row === undefined || row.held !== 0) return;
    this.#parts.schedule.add(text(row.destination), integer(row.due));
  }

  #removeIfDone(key: number): void {
    if (this.#sql.anyRecipient.get(key) !== undefined) return;
    const content = this.#sql.deleteMessage.get(key)?.content;
    if (typeof content === 'number') this.#parts.contents.release(content);
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

const none: readonly string[] = [];
/** Parameters as a row has them. */
const words = (text: string): readonly string[] => (text === '' ? none : text.split(' '));

const allOf = ({ recipients }: Pick<MessageRow, 'recipients'>): Chosen => ({
  indexes: Array.from({ length: recipients.length / recipientValues }, (_, i) => i),
});

const byIndex = (a: { readonly index: number }, b: { readonly index: number }): number =>
  a.index - b.index;
