// What a filter of the queue means, for what is not in a database.

import type { QueueFilter, QueueState } from './queue-search.ts';
import type { QueueEntry } from './queue-store.ts';

/** The recipients for which the filter holds. */
export function recipientsFound(entry: QueueEntry, filter: QueueFilter): QueueEntry['recipients'] {
  const { sender, since, until, text } = filter;
  if (sender !== undefined && !addressIs(entry.sender, sender)) return [];
  if (since !== undefined && entry.received < since) return [];
  if (until !== undefined && entry.received >= until) return [];
  const named = text === undefined || holds(text, entry.sender, entry.messageId);
  return entry.recipients.filter((one) => isOf(one, filter, named));
}

export const isFound = (entry: QueueEntry, filter: QueueFilter): boolean =>
  recipientsFound(entry, filter).length > 0;

/** Whether the rest of it holds for this recipient. */
function isOf(
  one: QueueEntry['recipients'][number],
  { recipient, destination, state, text = '' }: QueueFilter,
  isNamed: boolean,
): boolean {
  if (recipient !== undefined && !addressIs(one.address, recipient)) return false;
  if (destination !== undefined && one.destination !== destination) return false;
  if (state !== undefined && stateOf(one) !== state) return false;
  return isNamed || holds(text, one.address, one.lastReply?.lines.join(' '));
}

/** What an operator calls it: who waits after an attempt is deferred. */
export function stateOf({ state, attempts }: QueueEntry['recipients'][number]): QueueState {
  return state === 'queued' && attempts > 0 ? 'deferred' : state;
}

const addressIs = (address: string, wanted: string): boolean => {
  const [have, want] = [address.toLowerCase(), wanted.toLowerCase()];
  return want.startsWith('@') ? have.endsWith(want) : have === want;
};

const holds = (text: string, ...all: readonly (string | undefined)[]): boolean =>
  all.some((one) => one?.toLowerCase().includes(text.toLowerCase()) === true);
