// What has come into the queue: which of its recipients were taken, told to the history.

import { storedSize } from '../../store/content.ts';
import type { HistoryStore } from '../../store/history.ts';
import type { EnqueuedWithRoom, NewMessage } from '../../store/queue-store.ts';
import type { Report } from '../reports/bounce.ts';
import { recordReceived } from './diary.ts';

export interface Arrived {
  /** Aliases that were expanded, of those that were taken; undefined where there are none. */
  readonly report: Report | undefined;
}

/** Undefined when nothing of it was queued, since no mailbox had room. */
export function arrived(
  message: NewMessage,
  { full, queued }: EnqueuedWithRoom,
  expanded: Report | undefined,
  history: Pick<HistoryStore, 'record'>,
): Arrived | undefined {
  const { recipients } = message;
  if (full.length > 0 && queued.length === 0) return undefined;
  const isWhole = full.length === 0 || queued.length === recipients.length;
  const taken = isWhole ? recipients : queued.map((index) => recipients[index]!);
  recordReceived(history, { ...message, recipients: taken }, storedSize(message.content));
  if (expanded === undefined) return { report: undefined };
  const addresses = new Set(taken.map(({ address }) => address));
  const reported = expanded.recipients.filter((one) => addresses.has(one.recipient.address));
  return { report: reported.length === 0 ? undefined : { ...expanded, recipients: reported } };
}
