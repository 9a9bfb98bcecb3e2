// What an operator looks for in the queue.

import type { Reply } from '../smtp/reply.ts';
import type { QueueEntry } from './queue-store.ts';

/** `deferred`: it waits after an attempt; `queued`: it waits for its first. */
export const queueStates = ['queued', 'deferred', 'active', 'held'] as const;
export type QueueState = (typeof queueStates)[number];

/** All of it is to hold, for a recipient that is in the queue. */
export interface QueueFilter {
  /** An address, or `@domain`; '' is the null reverse-path. */
  readonly sender?: string | undefined;
  readonly recipient?: string | undefined;
  /** As the queue calls it: `mx:example.net`. */
  readonly destination?: string | undefined;
  readonly state?: QueueState | undefined;
  /** Part of an address, of the Message-ID or of the last reply, in whatever case. */
  readonly text?: string | undefined;
  /** Taken in then; in milliseconds since 1970, `until` itself is not among them. */
  readonly since?: number | undefined;
  readonly until?: number | undefined;
}

export interface QueueFound {
  /** Oldest first. */
  readonly entries: readonly QueueEntry[];
  /** For the page after; null on the last. */
  readonly next: string | null;
}

export interface QueueTotals {
  readonly messages: number;
  readonly recipients: number;
  /** When the oldest was taken in. */
  readonly oldest: number | undefined;
  /** Recipients, by state, destination and last reply; the largest first. */
  readonly states: Readonly<Record<QueueState, number>>;
  readonly destinations: readonly QueueShare[];
  readonly replies: readonly { readonly reply: Reply; readonly recipients: number }[];
}

export interface QueueShare {
  readonly name: string;
  readonly recipients: number;
}

/** Limit: destinations and replies of totals. */
export const sharesMax = 50;

/** Whether the filter holds for it. */
export function isFound(entry: QueueEntry, filter: QueueFilter): boolean {
  const { sender, since, until, text } = filter;
  if (sender !== undefined && !addressIs(entry.sender, sender)) return false;
  if (since !== undefined && entry.received < since) return false;
  if (until !== undefined && entry.received >= until) return false;
  const named = text === undefined || holds(text, entry.sender, entry.messageId);
  return entry.recipients.some((one) => isOf(one, filter, named));
}

/** Whether the rest of it holds for this recipient. */
export function isOf(
  one: QueueEntry['recipients'][number],
  { recipient, destination, state, text = '' }: QueueFilter,
  isNamed: boolean,
): boolean {
  if (recipient !== undefined && !addressIs(one.address, recipient)) return false;
  if (destination !== undefined && one.destination !== destination) return false;
  if (state !== undefined && stateOf(one) !== state) return false;
  return isNamed || holds(text, one.address, one.lastReply?.lines.join(' '));
}

export function stateOf({ state, attempts }: QueueEntry['recipients'][number]): QueueState {
  return state === 'queued' && attempts > 0 ? 'deferred' : state;
}

const addressIs = (address: string, wanted: string): boolean => {
  const [have, want] = [address.toLowerCase(), wanted.toLowerCase()];
  return want.startsWith('@') ? have.endsWith(want) : have === want;
};

const holds = (text: string, ...all: readonly (string | undefined)[]): boolean =>
  all.some((one) => one?.toLowerCase().includes(text.toLowerCase()) === true);
