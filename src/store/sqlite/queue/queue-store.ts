// The embedded QueueStore: turns the queue's types into rows for the engine, and rows back into
// leases. See ../queue-store.ts for what it promises and requests.ts for the rows.

import type { Clock } from '../../../base/clock.ts';
import type { Content, StoredContent } from '../../content.ts';
import { memoryContent } from '../../content.ts';
import type { Quota } from '../../folder-store.ts';
import { freshLeases } from '../../fresh-leases.ts';
import { messageKey } from '../../message-key.ts';
import type { BacklogTimes, QueueBacklog, QueueFilter, QueueTotals } from '../../queue-search.ts';
import type {
  EnqueuedWithRoom,
  Lease,
  NewMessage,
  QueuedMessage,
  QueueEntry,
  QueueFound,
  QueueStore,
  Settlement,
  Way,
} from '../../queue-store.ts';
import { parseOrigin, rememberedKey, words } from '../../queue-texts.ts';
import type { Spool } from '../../spool.ts';
import type { GroupCommit } from '../group-commit.ts';
import type { ReaderClient } from '../reader/reader-client.ts';
import type { AdoptedRow, ContentRow, LeaseRow, RouteRow, StoredMessageRow } from '../requests.ts';
import {
  contentOf,
  contentRow,
  effectRows,
  entryOf,
  leasedRecipient,
  messageRow,
  outcomeRow,
  totalsOf,
} from './queue-rows.ts';

// Limit: rows that one request brings into memory.
const routesPerPage = 2000;

const noEffects: readonly never[] = [];

export interface SqliteQueueStoreParts {
  readonly commit: GroupCommit;
  readonly reader: Pick<ReaderClient, 'call'>;
  readonly spool: Spool;
  readonly clock: Clock;
}

export class SqliteQueueStore implements QueueStore {
  readonly #parts: SqliteQueueStoreParts;

  constructor(parts: SqliteQueueStoreParts) {
    this.#parts = parts;
  }

  async enqueue(
    message: NewMessage,
    { leaseUntil }: { leaseUntil: number | undefined },
  ): Promise<readonly Lease[]> {
    const row = messageRow(message, contentRow(message.content));
    const args = [row, leaseUntil ?? null] as const;
    const fence = await this.#parts.commit.call('enqueue', [...args], [row.content]);
    if (leaseUntil === undefined) return [];
    const content = this.#stored(message.content);
    return freshLeases(message, { content, fence, expires: leaseUntil });
  }

  async enqueueWithRoom(
    message: NewMessage,
    { leaseUntil, room }: Parameters<QueueStore['enqueueWithRoom']>[1],
  ): Promise<EnqueuedWithRoom> {
    const row = messageRow(message, contentRow(message.content));
    const args = [row, leaseUntil ?? null, room] as const;
    const enqueued = await this.#parts.commit.call('enqueueWithRoom', [...args], [row.content]);
    const { fence, full, queued, roomy } = enqueued;
    if (leaseUntil === undefined || queued.length === 0) return { leases: [], full, queued };
    const content = this.#stored(message.content);
    const roomOf = new Map(queued.map((index) => [index, '']));
    for (const index of roomy) roomOf.set(index, room.needs[index]!.account);
    const leases = freshLeases(message, { content, fence, expires: leaseUntil, roomOf });
    return { leases, full, queued };
  }

  takeRoom(
    id: string,
    index: number,
    { account, bytes, quota }: Parameters<QueueStore['takeRoom']>[2],
  ): Promise<boolean> {
    const need = { account, bytes };
    return this.#parts.commit.call('takeRoom', [messageKey(id), index, need, quota]);
  }

  roomTaken(account: string): Promise<Quota> {
    return this.#parts.commit.call('roomTaken', [account]);
  }

  /**
   * Takes a message over from the journal, with those of its recipients that are left: under the
   * lease they have, or due at `due`. False when it is here already. Durable once resolved.
   */
  adopt(
    message: NewMessage,
    left: Pick<AdoptedRow, 'indexes' | 'lease' | 'due'>,
  ): Promise<boolean> {
    const row = messageRow(message, contentRow(message.content));
    return this.#parts.commit.call('adopt', [{ message: row, ...left }], [row.content]);
  }

  async claim(options: Parameters<QueueStore['claim']>[0]): Promise<readonly Lease[]> {
    const rows = await this.#parts.commit.call('claim', [options]);
    return rows.map((row) => this.#lease(row, options.now + options.leaseMs));
  }

  settle({ message, outcomes, effects }: Settlement): Promise<boolean> {
    const { commit, clock } = this.#parts;
    const key = messageKey(message);
    const now = clock.now();
    if (effects.length === 0)
      return commit.call('settle', [
        { key, outcomes: outcomes.map(outcomeRow), effects: noEffects, now },
      ]);
    const { rows, contents } = effectRows(effects);
    const row = { key, outcomes: outcomes.map(outcomeRow), effects: rows, now };
    return commit.call('settle', [row], contents, 'durable');
  }

  remembered(account: string, key: string): Promise<boolean> {
    const now = this.#parts.clock.now();
    return this.#parts.commit.call('remembered', [account, rememberedKey(key), now]);
  }

  async release(leases: readonly Lease[]): Promise<void> {
    const rows = leases.map(({ message, recipients }) => ({
      key: messageKey(message.id),
      fence: recipients[0]?.fence ?? 0,
      indexes: recipients.map(({ index }) => index),
    }));
    await this.#parts.commit.call('release', [rows, this.#parts.clock.now()]);
  }

  nextDue(skip: ReadonlySet<string>): Promise<number | undefined> {
    return this.#parts.commit.call('nextDue', [skip]);
  }

  /** Leases lie in the memory of one process: nobody takes them from it. */
  get isSure(): boolean {
    return true;
  }

  isLost(): boolean {
    return false;
  }

  /** Who changes something beside us asks us to look. */
  watch(): () => void {
    return () => {};
  }

  async search(
    filter: QueueFilter,
    { after, limit }: { readonly after?: string | undefined; readonly limit: number },
  ): Promise<QueueFound> {
    const { commit, reader } = this.#parts;
    const key = after === undefined ? -1 : messageKey(after);
    // A page of everything costs as little as a delivery, and whoever has the database open sees it
    // even when its file is gone.
    const { entries, more } = isAll(filter)
      ? await commit.call('queuePage', [key, limit])
      : await reader.call('queuePage', filter, key, limit);
    const last = entries.at(-1);
    return {
      entries: entries.map(entryOf),
      next: more && last !== undefined ? last.columns[1] : null,
    };
  }

  async totals(
    filter: QueueFilter,
    { withinMs = Number.POSITIVE_INFINITY }: { readonly withinMs?: number | undefined } = {},
  ): Promise<QueueTotals> {
    return totalsOf(await this.#parts.reader.call('queueTotals', filter, withinMs));
  }

  recipientCount(): Promise<number> {
    return this.#parts.commit.call('recipientCount', []);
  }

  backlogs(): Promise<readonly QueueBacklog[]> {
    return this.#parts.reader.call('queueBacklogs');
  }

  backlogTimes(destinations: readonly string[]): Promise<readonly BacklogTimes[]> {
    return this.#parts.reader.call('queueBacklogTimes', destinations);
  }

  async get(id: string): Promise<QueueEntry | undefined> {
    const row = await this.#parts.commit.call('entry', [messageKey(id)]);
    return row === undefined || row.columns[1] !== id ? undefined : entryOf(row);
  }

  async open(id: string): Promise<QueuedMessage | undefined> {
    const row = await this.#parts.commit.call('message', [messageKey(id)]);
    return row === undefined || row.columns[1] !== id ? undefined : this.#message(row);
  }

  newest(): Promise<string | undefined> {
    return this.#parts.commit.call('newest', []);
  }

  async retry(ids: readonly string[] | undefined, now: number): Promise<number> {
    if (ids !== undefined)
      return this.#each(ids, (key) => this.#parts.commit.call('retry', [key, now]));
    let recipients = 0;
    let after: number | undefined = -1;
    while (after !== undefined) {
      const page: { recipients: number; next: number | undefined } = await this.#parts.commit.call(
        'retryPage',
        [after, now],
      );
      recipients += page.recipients;
      after = page.next;
    }
    return recipients;
  }

  hold(ids: readonly string[]): Promise<number> {
    return this.#each(ids, (key) => this.#parts.commit.call('hold', [key]));
  }

  unhold(ids: readonly string[], now: number): Promise<number> {
    return this.#each(ids, (key) => this.#parts.commit.call('unhold', [key, now]));
  }

  async take(
    id: string,
    { now, leaseMs }: { now: number; leaseMs: number },
  ): Promise<readonly Lease[]> {
    const rows = await this.#parts.commit.call('take', [messageKey(id), now, leaseMs]);
    return rows.map((row) => this.#lease(row, now + leaseMs));
  }

  async rerouteSome(ids: readonly string[], wayOf: (address: string) => Way): Promise<number> {
    const { commit } = this.#parts;
    const found = await Promise.all(ids.map((id) => commit.call('routesOf', [messageKey(id)])));
    const rows = found.flat().map((row) => ({ ...row, ...wayOf(row.address) }));
    return rows.length === 0 ? 0 : commit.call('reroute', [rows]);
  }

  async reroute(wayOf: Parameters<QueueStore['reroute']>[0]): Promise<number> {
    let changed = 0;
    let after: readonly [number, number] = [-1, -1];
    for (;;) {
      const rows = await this.#parts.commit.call('routes', [after, routesPerPage]);
      const last = rows.at(-1);
      if (last === undefined) return changed;
      after = [last.key, last.index];
      const moved: RouteRow[] = [];
      for (const row of rows) {
        const { delivery, destination } = wayOf(row.address, row.destination);
        if (destination !== row.destination || delivery !== row.delivery)
          moved.push({ ...row, delivery, destination });
      }
      if (moved.length > 0) changed += await this.#parts.commit.call('reroute', [moved]);
    }
  }

  /** Everything asked for is answered first. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#parts.commit.close();
  }

  async #each(ids: readonly string[], change: (key: number) => Promise<number>): Promise<number> {
    const counts = await Promise.all([...new Set(ids)].map((id) => change(messageKey(id))));
    return counts.reduce((sum, count) => sum + count, 0);
  }

  #lease({ message, destination, fence, recipients }: LeaseRow, expires: number): Lease {
    return {
      message: this.#message(message),
      destination,
      recipients: recipients.map((row) => leasedRecipient(row, fence)),
      expires,
    };
  }

  #message({ columns, content }: StoredMessageRow): QueuedMessage {
    const [, id, received, sender, params, origin, messageId, prefix] = columns;
    return {
      ...{ id, received, sender, params: words(params), prefix, content: this.#content(content) },
      ...{ origin: parseOrigin(origin), messageId: messageId ?? undefined },
    };
  }

  #content(row: ContentRow): Content {
    return contentOf(row, this.#parts.spool);
  }

  #stored(content: StoredContent): Content {
    return content.kind === 'inline'
      ? memoryContent(content.bytes)
      : this.#parts.spool.open(content);
  }
}

const isAll = (filter: QueueFilter): boolean =>
  Object.values(filter).every((wanted) => wanted === undefined);
