// What is known of a message that came in, from what was recorded of it so far: the row that searches of the history
// look at, in whatever database.

import type { AttemptResult, HistoryEvent } from '../history.ts';
import type { Direction, MessageFound, MessageState } from '../history-search.ts';
import type { Origin } from '../queue-store.ts';
import type { Row } from '../row.ts';
import { integer, text, textOrNull } from '../row.ts';

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

export type ReceivedEvent = Extract<HistoryEvent, { readonly kind: 'received' }>;

/** Limit: characters of the recipients that are kept; the first are always named. */
const recipientsMax = 4000;

/** Limit: recipients named in a list. */
const recipientsShown = 3;

export function newRow(key: number, event: ReceivedEvent, file: number): MessageRow {
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

export function directionOf({ protocol, service, account }: Origin): Direction {
  if (protocol === 'local') return 'own';
  return account !== undefined || service === 'submission' ? 'outbound' : 'inbound';
}

export function stateOf(row: MessageRow): MessageState {
  const { recipientCount, delivered, failed, cancelled } = row;
  if (delivered + failed + cancelled < recipientCount) return 'deferred';
  if (failed > 0) return 'bounced';
  return cancelled > 0 ? 'cancelled' : 'delivered';
}

const badness = ['delivered', 'relayed', 'skipped', 'deferred', 'expired', 'failed'] as const;

/** What an operator wants to read first. */
export const worst = (results: readonly AttemptResult[]): AttemptResult | undefined =>
  results.reduce<AttemptResult | undefined>(
    (found, one) =>
      found === undefined || badness.indexOf(one.result) > badness.indexOf(found.result)
        ? one
        : found,
    undefined,
  );

/** Those that were not named when the message came in, because there were many or an alias led to them. */
export function withAddresses(
  known: string,
  results: readonly Pick<AttemptResult, 'address'>[],
): string {
  let all = known;
  for (const { address } of results) {
    if (all.length + address.length > recipientsMax) return all;
    if (!`\n${all}\n`.includes(`\n${address}\n`)) all = all === '' ? address : `${all}\n${address}`;
  }
  return all;
}

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

export function messageFound(found: Row): MessageFound {
  const row = messageRow(found);
  return {
    ...{ id: row.id, received: row.received, sender: row.sender, size: row.size },
    recipients: row.recipients.split('\n').slice(0, recipientsShown),
    recipientCount: row.recipientCount,
    messageId: row.messageId ?? undefined,
    service: row.service,
    client: row.client ?? undefined,
    account: row.account ?? undefined,
    ...{ direction: row.direction, state: row.state },
    lastReply: row.reply ?? undefined,
    lastEvent: row.lastEvent,
  };
}
