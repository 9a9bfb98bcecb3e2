// What the queue writes into the history of a message.

import type { Action } from '../../mail/status/delivery-status.ts';
import { storedSize } from '../../store/content.ts';
import type { HistoryStore, Untold } from '../../store/history.ts';
import type { Effect, NewMessage, QueuedMessage } from '../../store/queue-store.ts';
import { requestsText } from '../requests-text.ts';

type Diary = Pick<HistoryStore, 'record'>;

/** Limit: recipients named when a message comes in; the others are named by their attempts. */
const recipientsMax = 20;

export function recordReceived(
  history: Diary,
  message: Omit<NewMessage, 'content'>,
  size: number,
  reportsOn?: string,
): void {
  const { id, received, sender, recipients, messageId, origin } = message;
  const asked = requestsText(message);
  history.record({
    id,
    at: received,
    kind: 'received',
    sender,
    recipients:
      recipients.length === 1
        ? [recipients[0]!.address]
        : recipients.slice(0, recipientsMax).map(({ address }) => address),
    recipientCount: recipients.length,
    size,
    messageId,
    origin,
    ...(asked.length > 0 && { asked }),
    reportsOn,
  });
}

/** A notification about the message `id` was made: both know of each other. */
export function recordReport(history: Diary, id: string, action: Action, report: NewMessage): void {
  history.record({ id, at: report.received, kind: 'report', report: report.id, action });
  recordReceived(history, report, storedSize(report.content), id);
}

/** Mail follows from the message, with its settlement: both know of each other. */
export function recordDerived(
  history: Diary,
  { id, content }: QueuedMessage,
  effects: readonly Effect[],
): void {
  for (const effect of effects) {
    if (effect.kind !== 'enqueue') continue;
    const { message, reason } = effect;
    const { received: at, recipients } = message;
    const to = recipients.slice(0, recipientsMax).map(({ address }) => address);
    history.record({ id, at, kind: 'derived', reason, message: message.id, recipients: to });
    const size = message.content.kind === 'queued' ? content.size : storedSize(message.content);
    recordReceived(history, message, size);
  }
}

/** Mail failed, and its sender does not hear of it. */
export function recordUntold(history: Diary, id: string, at: number, reason: Untold): void {
  history.record({ id, at, kind: 'untold', reason });
}
