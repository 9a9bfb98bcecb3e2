// Tells whoever watches what changed in the mailboxes: what this process committed, each folder once a turn; and
// what others did, which they say in a signal, if that comes, and which is looked for all the same.

import type { Clock } from '../../../base/clock.ts';
import type { MailboxEvent } from '../../folder-store.ts';
import { integer, text } from '../../row.ts';
import type { Database } from '../database.ts';
import type { Signals } from '../signals.ts';

/** How late a change of another node is noticed where signals do not come. */
const pollAfterMs = 1000;
// Limit: events of one signal; more, and everybody looks for himself.
const signalledMax = 100;
const topic = 'mail';

interface Polling {
  cancel: () => void;
}

export interface MailboxEventsParts {
  readonly database: Database;
  readonly signals: Signals;
  readonly clock: Clock;
  readonly session: number;
}

export class MailboxEvents {
  readonly #parts: MailboxEventsParts;
  readonly #listeners = new Set<(event: MailboxEvent) => void>();
  #waiting = new Map<string, MailboxEvent>();
  /** Transactions from here on may not have been seen yet. */
  #seen: string | undefined;
  /** While anybody watches: looks that began before are none of it. */
  #polling: Polling | undefined;
  #unlisten: (() => void) | undefined;

  constructor(parts: MailboxEventsParts) {
    this.#parts = parts;
  }

  watch(listener: (event: MailboxEvent) => void): () => void {
    // The same function may watch twice.
    const entry = (event: MailboxEvent) => listener(event);
    this.#listeners.add(entry);
    if (this.#polling === undefined) this.#begin();
    return () => {
      this.#listeners.delete(entry);
      if (this.#listeners.size === 0) this.close();
    };
  }

  /** What this process has committed. */
  publish(events: readonly MailboxEvent[]): void {
    this.#tellSoon(events);
    for (const event of events) this.#parts.signals.send(topic, event);
  }

  close(): void {
    this.#polling?.cancel();
    this.#unlisten?.();
    this.#polling = undefined;
    this.#unlisten = undefined;
    this.#seen = undefined;
  }

  #begin(): void {
    this.#unlisten = this.#parts.signals.listen(topic, (said) => this.#heard(said));
    this.#polling = { cancel: () => {} };
    this.#poll(this.#polling);
  }

  #tellSoon(events: readonly MailboxEvent[]): void {
    if (this.#listeners.size === 0) return;
    if (this.#waiting.size === 0 && events.length > 0) setImmediate(() => this.#tell());
    for (const event of events) this.#waiting.set(keyOf(event), event);
  }

  #tell(): void {
    const events = this.#waiting;
    this.#waiting = new Map();
    for (const event of events.values())
      for (const listener of [...this.#listeners]) listener(event);
  }

  /** Undefined: so much, or nobody knows what. */
  #heard(said: readonly unknown[] | undefined): void {
    if (said === undefined || said.length > signalledMax) this.#tellSoon([{ kind: 'unknown' }]);
    else this.#tellSoon(said.flatMap((one) => eventOf(one) ?? []));
  }

  /** The first look tells nothing but where to start from. */
  #poll(polling: Polling): void {
    const again = () => {
      if (this.#polling === polling)
        polling.cancel = this.#parts.clock.after(pollAfterMs, () => this.#poll(polling));
    };
    // A database that is away or closing: the next look may fare better.
    this.#look(polling).then(again, again);
  }

  /**
   * Changes of others since the last look. A transaction that is over has a number from the oldest on that was
   * under way then: what is found may have been told already, and nothing is left out.
   */
  async #look(polling: Polling): Promise<void> {
    const rows = await this.#parts.database.rows(
      `SELECT pg_snapshot_xmin(pg_current_snapshot())::text AS seen, changed.*
       FROM (SELECT) one LEFT JOIN LATERAL (
         SELECT mailbox.address, mailbox.folders_touched >= $1::xid8 AS folders, folder.id
         FROM mailbox LEFT JOIN folder ON folder.mailbox = mailbox.id
           AND folder.touched >= $1::xid8 AND folder.touched_by <> $2
         WHERE mailbox.touched >= $1::xid8
           AND (mailbox.folders_touched >= $1::xid8 OR folder.id IS NOT NULL)) changed
         ON $1::xid8 IS NOT NULL`,
      [this.#seen ?? null, this.#parts.session],
    );
    if (this.#polling !== polling) return;
    this.#seen = text(rows[0]?.seen);
    this.#tellSoon(
      rows.flatMap(({ address, folders, id }): MailboxEvent[] => {
        if (address === null) return [];
        const account = text(address);
        return [
          ...(folders ? [{ kind: 'folders', account } as const] : []),
          ...(id === null ? [] : [{ kind: 'messages', folder: integer(id), account } as const]),
        ];
      }),
    );
  }
}

const keyOf = (event: MailboxEvent): string => {
  switch (event.kind) {
    case 'messages':
      return `messages ${event.folder}`;
    case 'folders':
      return `folders ${event.account}`;
    case 'unknown':
      return 'unknown';
  }
};

/** What another node said, which may be of another version. */
function eventOf(said: unknown): MailboxEvent | undefined {
  if (typeof said !== 'object' || said === null || !('kind' in said)) return undefined;
  if (!('account' in said) || typeof said.account !== 'string') return undefined;
  const { kind, account } = said;
  if (kind === 'folders') return { kind, account };
  if (kind !== 'messages' || !('folder' in said) || typeof said.folder !== 'number')
    return undefined;
  return { kind, folder: said.folder, account };
}
