// What a slice of a node's files says of each message: the sums that its row is changed by, and the events as lines.
// Nodes copy in any order, so that all of it adds up whichever comes first.

import type { ReceivedEvent } from '../../history/message-row.ts';
import { directionOf, withAddresses, worst } from '../../history/message-row.ts';
import type { HistoryEvent } from '../../history.ts';
import { bareMessageId } from '../../history.ts';
import { messageKey } from '../../message-key.ts';
import type { Transaction, Value } from '../database.ts';
import { storable } from '../folders/texts.ts';
import { joinedTexts, splitTexts } from '../joined-texts.ts';
import { Terms } from './terms.ts';

type MessageEvent = Exclude<HistoryEvent, { readonly kind: 'refused' }>;

export class MessageLot {
  readonly key: number;
  readonly id: string;
  readonly #terms = new Terms();
  #received: ReceivedEvent | undefined;
  #recipients = '';
  #delivered = 0;
  #failed = 0;
  #cancelled = 0;
  #changes = 0;
  #reply: string | null = null;
  #replyAt = 0;
  #lastEvent = 0;
  /** Of events but `received`. */
  readonly lines: string[] = [];

  constructor(id: string) {
    this.key = messageKey(id);
    this.id = id;
  }

  add(event: MessageEvent): void {
    if (event.kind === 'received') {
      this.#lastEvent = Math.max(this.#lastEvent, event.at);
      this.#arrived(event);
      return;
    }
    this.lines.push(JSON.stringify(event));
    if (event.kind !== 'attempt' && event.kind !== 'cancelled') return;
    this.#lastEvent = Math.max(this.#lastEvent, event.at);
    this.#changes += 1;
    if (event.kind === 'cancelled') this.#cancelled += event.recipients.length;
    else this.#attempted(event);
  }

  /** Whether the row says something else now. */
  get isChange(): boolean {
    return this.#received !== undefined || this.#changes > 0;
  }

  /** In the order of `columns`. */
  get values(): readonly Value[] {
    const received = this.#received;
    return [
      ...[this.key, storable(this.id), received === undefined ? null : JSON.stringify(received)],
      ...[storable(this.#recipients), received?.recipientCount ?? null],
      received === undefined ? null : directionOf(received.origin),
      ...[this.#delivered, this.#failed, this.#cancelled, this.#changes],
      ...[this.#reply === null ? null : storable(this.#reply), this.#replyAt, this.#lastEvent],
      this.#terms.lines,
    ];
  }

  #arrived(event: ReceivedEvent): void {
    // Field: after a crash the same may be recorded once more.
    if (this.#received !== undefined) return;
    this.#received = event;
    const { id, sender, recipients, messageId, origin } = event;
    const { clientAddress: client, hello, account } = origin;
    this.#recipients = withAddresses(
      recipients.join('\n'),
      lines(this.#recipients).map((address) => ({ address })),
    );
    this.#terms.words(id).address('sender', sender);
    for (const recipient of recipients) this.#terms.address('recipient', recipient);
    if (client !== undefined) this.#terms.fact('client', client).words(client);
    if (account !== undefined) this.#terms.address('account', account);
    if (messageId !== undefined)
      this.#terms.fact('messageId', bareMessageId(messageId)).words(messageId);
    if (hello !== undefined) this.#terms.words(hello);
  }

  #attempted({ at, results }: Extract<HistoryEvent, { readonly kind: 'attempt' }>): void {
    for (const { result } of results) {
      if (result === 'delivered' || result === 'relayed') this.#delivered += 1;
      else if (result === 'failed' || result === 'expired') this.#failed += 1;
    }
    const known = this.#recipients;
    this.#recipients = withAddresses(known, results);
    if (this.#recipients !== known)
      for (const { address } of results) this.#terms.address('recipient', address);
    const reply = worst(results)?.reply;
    if (reply === undefined) return;
    this.#reply = reply;
    this.#replyAt = at;
    this.#terms.words(reply);
  }
}

/** One for each message that the events are of, in the order of their keys: so no two nodes wait for each other. */
export function messageLots(events: readonly HistoryEvent[], oldest: number): MessageLot[] {
  const lots = new Map<string, MessageLot>();
  for (const event of events) {
    if (event.kind === 'refused') continue;
    const lot = lots.get(event.id) ?? new MessageLot(event.id);
    lot.add(event);
    lots.set(event.id, lot);
  }
  return [...lots.values()].filter(({ key }) => key >= oldest).sort((a, b) => a.key - b.key);
}

const columns = [
  ['key', 'bigint'],
  ['id', 'text'],
  ['received', 'text'],
  ['recipients', 'text'],
  ['recipient_count', 'integer'],
  ['direction', 'text'],
  ['delivered', 'integer'],
  ['failed', 'integer'],
  ['cancelled', 'integer'],
  ['changes', 'integer'],
  ['reply', 'text'],
  ['reply_at', 'bigint'],
  ['last_event', 'bigint'],
  ['terms', 'text'],
] as const;

/** Those of `b` that `a` has not, behind it. */
const merged = (a: string, b: string): string =>
  `${a} || ARRAY(SELECT r FROM unnest(${b}) WITH ORDINALITY AS u(r, n) WHERE r <> ALL (${a}) ORDER BY n)`;

/** Limit: recipients of a row that grows. */
const recipientsMax = 200;

const names = columns.map(([name]) => name).join(', ');
const insertMessages = `
  INSERT INTO history_message AS m (${names})
  SELECT ${columns.map(([name]) => {
    if (name === 'recipients') return `string_to_array(coalesce(t.recipients, ''), E'\\n')`;
    return name === 'terms'
      ? `array_to_tsvector(string_to_array(coalesce(t.terms, ''), E'\\n'))`
      : `t.${name}`;
  })}
  FROM unnest(${columns.map(([, type], i) => (type === 'text' ? splitTexts(i + 1) : `$${i + 1}::${type}[]`))}) AS t (${names})
  ON CONFLICT (key) DO UPDATE SET
    received = coalesce(m.received, excluded.received),
    recipients = CASE
      WHEN m.recipients @> excluded.recipients OR cardinality(m.recipients) >= ${recipientsMax} THEN m.recipients
      WHEN m.received IS NULL AND excluded.received IS NOT NULL
        THEN ${merged('excluded.recipients', 'm.recipients')}
      ELSE ${merged('m.recipients', 'excluded.recipients')} END,
    recipient_count = coalesce(m.recipient_count, excluded.recipient_count),
    direction = coalesce(m.direction, excluded.direction),
    delivered = m.delivered + excluded.delivered,
    failed = m.failed + excluded.failed,
    cancelled = m.cancelled + excluded.cancelled,
    changes = m.changes + excluded.changes,
    reply = CASE WHEN excluded.reply_at >= m.reply_at AND excluded.reply IS NOT NULL
      THEN excluded.reply ELSE m.reply END,
    reply_at = greatest(m.reply_at, excluded.reply_at),
    last_event = greatest(m.last_event, excluded.last_event),
    terms = m.terms || excluded.terms
  WHERE m.id = excluded.id`;

export async function putMessages(
  transaction: Transaction,
  lots: readonly MessageLot[],
): Promise<void> {
  const rows = lots.filter(({ isChange }) => isChange).map(({ values }) => values);
  if (rows.length > 0)
    await transaction.run(
      insertMessages,
      columns.map(([, type], i) => {
        const column = rows.map((row) => row[i]!);
        return type === 'text' ? joinedTexts(column as readonly (string | null)[]) : column;
      }),
    );
  const told = lots.filter(({ lines }) => lines.length > 0);
  if (told.length > 0)
    await transaction.run(
      `INSERT INTO history_event (key, lines) SELECT * FROM unnest($1::bigint[], ${splitTexts(2)})`,
      [told.map(({ key }) => key), joinedTexts(told.map(({ lines }) => lines.join('\n')))],
    );
}

const lines = (text: string): readonly string[] => (text === '' ? [] : text.split('\n'));
