// Messages of the history as rows: where each is, from what was recorded of it so far.

import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { AttemptResult, HistoryEvent } from '../../history.ts';
import type { Direction, MessageState } from '../../history-search.ts';
import { messageKey } from '../../message-key.ts';
import type { Origin } from '../../queue-store.ts';
import type { Row } from '../../row.ts';
import { integer, text, textOrNull } from '../../row.ts';
import { prepareRun } from '../database.ts';
import { pruneRows } from './prune-rows.ts';

export interface MessageRow {
  readonly key: number;
  readonly id: string;
  readonly file: number;
  readonly received: number;
  readonly sender: string;
  /** Lines. */
  recipients: string;
  readonly recipientCount: number;
  readonly size: number;
  readonly messageId: string | null;
  readonly service: string;
  readonly client: string | null;
  readonly hello: string | null;
  readonly account: string | null;
  readonly direction: Direction;
  state: MessageState;
  reply: string | null;
  lastEvent: number;
  delivered: number;
  failed: number;
  cancelled: number;
}

type Received = Extract<HistoryEvent, { readonly kind: 'received' }>;

interface Pending {
  readonly row: MessageRow;
  /** It has a row already, whose words are those of this text. */
  readonly before: string | undefined;
}

/** Limit: characters of the recipients that are kept; the first are always named. */
const recipientsMax = 4000;

export class MessageRows {
  readonly #sql: ReturnType<typeof prepareStatements>;
  /** What this slice has changed. */
  readonly #pending = new Map<number, Pending>();

  constructor(database: DatabaseSync) {
    this.#sql = prepareStatements(database);
  }

  /** Within a transaction; each row that the slice changes is written once. */
  apply(events: readonly HistoryEvent[], file: number): void {
    // A slice that could not be written comes again as a whole.
    this.#pending.clear();
    for (const event of events) this.#applyOne(event, file);
    this.#write();
  }

  #applyOne(event: HistoryEvent, file: number): void {
    if (event.kind === 'received') this.#received(event, file);
    else if (event.kind === 'attempt') this.#attempted(event);
    else if (event.kind === 'cancelled')
      this.#change(event, (row) => {
        row.cancelled += event.recipients.length;
      });
  }

  #write(): void {
    for (const [key, { row, before }] of this.#pending) {
      const words = wordsOf(row);
      const now = words.join('\n');
      this.#sql.put.run(...valuesOf(row));
      if (now === before) continue;
      if (before !== undefined) this.#sql.forgetWords.run(key);
      this.#sql.putWords.run(key, ...words);
    }
  }

  /** Of the oldest rows at most `limit` whose file is gone; how many that were. */
  prune(oldestFile: number, limit: number): number {
    return pruneRows(this.#sql, oldestFile, limit);
  }

  #received(event: Received, file: number): void {
    const key = messageKey(event.id);
    // Field: after a crash the same may be recorded once more.
    if (this.#known(key, event.id) !== undefined) return;
    this.#pending.set(key, { row: newRow(key, event, file), before: undefined });
  }

  #attempted(event: Extract<HistoryEvent, { readonly kind: 'attempt' }>): void {
    this.#change(event, (row) => {
      for (const { result } of event.results) {
        if (result === 'delivered' || result === 'relayed') row.delivered += 1;
        else if (result === 'failed' || result === 'expired') row.failed += 1;
      }
      row.reply = worst(event.results)?.reply ?? row.reply;
      row.recipients = withAddresses(row.recipients, event.results);
    });
  }

  #change(event: HistoryEvent, change: (row: MessageRow) => void): void {
    const key = messageKey(event.id);
    const known = this.#known(key, event.id);
    if (known === undefined) return; // it was received before there was a history
    change(known.row);
    known.row.lastEvent = event.at;
    known.row.state = stateOf(known.row);
    this.#pending.set(key, known);
  }

  #known(key: number, id: string): Pending | undefined {
    const pending = this.#pending.get(key);
    if (pending !== undefined) return pending.row.id === id ? pending : undefined;
    const found = this.#sql.get.get(key);
    if (found === undefined || found.id !== id) return undefined;
    const row = messageRow(found);
    return { row, before: wordsOf(row).join('\n') };
  }
}

function prepareStatements(database: DatabaseSync) {
  const marks = Array.from({ length: 20 }, () => '?').join(', ');
  return {
    get: database.prepare('SELECT * FROM message WHERE key = ?'),
    put: prepareRun(database, `INSERT OR REPLACE INTO message VALUES (${marks})`),
    putWords: prepareRun(
      database,
      `INSERT INTO message_words (rowid, sender, recipients, client, account, words, marks)
       VALUES (?, ?, ?, ?, ?, ?, ?)`,
    ),
    forgetWords: prepareRun(database, 'DELETE FROM message_words WHERE rowid = ?'),
    oldest: database.prepare('SELECT key, file FROM message ORDER BY key LIMIT ?'),
    remove: prepareRun(database, 'DELETE FROM message WHERE key = ?'),
  } satisfies Record<string, StatementSync>;
}

function newRow(key: number, event: Received, file: number): MessageRow {
  const { id, at, sender, recipients, recipientCount, size, messageId, origin } = event;
  return {
    ...{ key, id, file, received: at, sender, recipients: recipients.join('\n') },
    ...{ recipientCount, size, messageId: messageId ?? null, service: origin.service },
    client: origin.clientAddress ?? null,
    hello: origin.hello ?? null,
    account: origin.account ?? null,
    direction: directionOf(origin),
    ...{ state: 'queued', reply: null, lastEvent: at, delivered: 0, failed: 0, cancelled: 0 },
  };
}

function directionOf({ protocol, service, account }: Origin): Direction {
  if (protocol === 'local') return 'own';
  return account !== undefined || service === 'submission' ? 'outbound' : 'inbound';
}

function stateOf(row: MessageRow): MessageState {
  const { recipientCount, delivered, failed, cancelled } = row;
  if (delivered + failed + cancelled < recipientCount) return 'deferred';
  if (failed > 0) return 'bounced';
  return cancelled > 0 ? 'cancelled' : 'delivered';
}

const badness = ['delivered', 'relayed', 'skipped', 'deferred', 'expired', 'failed'] as const;

/** What an operator wants to read first. */
const worst = (results: readonly AttemptResult[]): AttemptResult | undefined =>
  results.reduce<AttemptResult | undefined>(
    (found, one) =>
      found === undefined || badness.indexOf(one.result) > badness.indexOf(found.result)
        ? one
        : found,
    undefined,
  );

/** Those that were not named when the message came in, because there were many or an alias led to them. */
function withAddresses(known: string, results: readonly AttemptResult[]): string {
  let all = known;
  for (const { address } of results) {
    if (all.length + address.length > recipientsMax) return all;
    if (!`\n${all}\n`.includes(`\n${address}\n`)) all = `${all}\n${address}`;
  }
  return all;
}

/** In the order of the columns of the words' table. */
const wordsOf = (row: MessageRow): readonly string[] => [
  row.sender,
  row.recipients,
  row.client ?? '',
  row.account ?? '',
  [row.id, row.messageId, row.hello, row.reply].filter((word) => word !== null).join('\n'),
  `${row.state} ${row.direction}`,
];

const valuesOf = (row: MessageRow): (string | number | null)[] => [
  ...[row.key, row.id, row.file, row.received, row.sender, row.recipients, row.recipientCount],
  ...[row.size, row.messageId, row.service, row.client, row.hello, row.account, row.direction],
  ...[row.state, row.reply, row.lastEvent, row.delivered, row.failed, row.cancelled],
];

export const messageRow = (row: Row): MessageRow => ({
  key: integer(row.key),
  id: text(row.id),
  file: integer(row.file),
  received: integer(row.received),
  sender: text(row.sender),
  recipients: text(row.recipients),
  recipientCount: integer(row.recipient_count),
  size: integer(row.size),
  messageId: textOrNull(row.message_id),
  service: text(row.service),
  client: textOrNull(row.client),
  hello: textOrNull(row.hello),
  account: textOrNull(row.account),
  direction: text(row.direction) as Direction,
  state: text(row.state) as MessageState,
  reply: textOrNull(row.reply),
  lastEvent: integer(row.last_event),
  delivered: integer(row.delivered),
  failed: integer(row.failed),
  cancelled: integer(row.cancelled),
});
