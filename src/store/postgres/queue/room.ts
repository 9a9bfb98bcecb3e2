// Room in mailboxes: what is there, what the queue holds for them already and what comes are added up in the
// transaction that enqueues it.

import type { Quota } from '../../folder-store.ts';
import { messageKey } from '../../message-key.ts';
import type { NewMessage, QueueStore, RoomAsked, RoomNeed } from '../../queue-store.ts';
import type { ContentTable } from '../content/content-table.ts';
import type { Database, Transaction } from '../database.ts';
import type { Deliveries } from '../deliveries.ts';
import { lockRoom, roomTaken } from '../deliveries.ts';
import type { DueRow, Entering } from './message-rows.ts';
import { enter } from './message-rows.ts';

export interface RoomParts {
  readonly database: Database;
  readonly contents: ContentTable;
  readonly deliveries: Pick<Deliveries, 'usage'>;
}

export interface EnteredWithRoom {
  /** Which replies say no. */
  readonly full: readonly number[];
  /** Which recipients are queued, and whose room they have. */
  readonly chosen: ReadonlyMap<number, RoomNeed | undefined>;
  readonly due: readonly DueRow[];
}

export class Room {
  readonly #parts: RoomParts;

  constructor(parts: RoomParts) {
    this.#parts = parts;
  }

  enqueue(
    message: NewMessage,
    room: RoomAsked,
    lease: Entering['lease'],
  ): Promise<EnteredWithRoom> {
    const { database, contents } = this.#parts;
    return database.transaction(async (transaction) => {
      const fits = await this.#fits(transaction, room.quota, room.needs);
      const full: number[] = [];
      const found = new Set<number>();
      for (const [reply, recipients] of room.replies.entries())
        if (recipients.some((index) => fits[index]))
          for (const index of recipients) found.add(index);
        else full.push(reply);
      const queued = [...found].sort((a, b) => a - b);
      const chosen = new Map(
        queued.map((index) => [index, fits[index] ? room.needs[index] : undefined]),
      );
      if (queued.length === 0) return { full, chosen, due: [] };
      const entering = { message, content: message.content, lease, chosen };
      const { added, due } = await enter(transaction, [entering], contents);
      if (added[0] !== true) throw new Error(`the queue has a message ${message.id} already`);
      return { full, chosen, due };
    });
  }

  take(
    id: string,
    index: number,
    { account, bytes, quota }: Parameters<QueueStore['takeRoom']>[2],
  ): Promise<boolean> {
    const at = [messageKey(id), index];
    return this.#parts.database.transaction(async (transaction) => {
      const [row] = await transaction.rows(
        'SELECT account FROM recipient WHERE message = $1 AND idx = $2',
        at,
      );
      if (row === undefined) return false;
      if (row.account === account) return true;
      if ((await this.#fits(transaction, quota, [{ account, bytes }]))[0] !== true) return false;
      const sql = 'UPDATE recipient SET account = $3, room = $4 WHERE message = $1 AND idx = $2';
      return (await transaction.run(sql, [...at, account, bytes])) > 0;
    });
  }

  /** Whether each fits, those before it taken into account. */
  async #fits(
    transaction: Transaction,
    quota: Quota,
    needs: RoomAsked['needs'],
  ): Promise<readonly boolean[]> {
    const accounts = [...new Set(needs.flatMap((need) => need?.account ?? []))];
    if (accounts.length > 0) await lockRoom(transaction, accounts);
    const sums = new Map<string, { bytes: number; messages: number }>();
    for (const account of accounts) {
      const stored = await this.#parts.deliveries.usage(transaction, account);
      const queued = await roomTaken(transaction, account);
      sums.set(account, {
        bytes: stored.bytes + queued.bytes,
        messages: stored.messages + queued.messages,
      });
    }
    return needs.map((need) => {
      const sum = need && sums.get(need.account);
      if (need === undefined || sum === undefined) return true;
      if (sum.bytes + need.bytes > quota.bytes || sum.messages + 1 > quota.messages) return false;
      sum.bytes += need.bytes;
      sum.messages += 1;
      return true;
    });
  }
}
