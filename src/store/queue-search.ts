// What an operator looks for in the queue.

import type { Reply } from '../smtp/reply.ts';

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

export interface QueueTotals {
  readonly messages: number;
  readonly recipients: number;
  /** When the oldest was taken in. */
  readonly oldest: number | undefined;
  /** Recipients, by state, destination and last reply; the largest first. */
  readonly states: Readonly<Record<QueueState, number>>;
  readonly destinations: readonly QueueShare[];
  readonly replies: readonly { readonly reply: Reply; readonly recipients: number }[];
  /** False: it would have taken longer than it was given, and there are at least as many. */
  readonly complete: boolean;
}

export interface QueueShare {
  readonly name: string;
  readonly recipients: number;
}

/** What waits for one destination. */
export interface QueueBacklog {
  readonly destination: string;
  /** In the queue, and those of them that are held. */
  readonly recipients: number;
  readonly held: number;
}

export interface BacklogTimes {
  /** When the oldest was taken in. */
  readonly oldest?: number;
  readonly nextAttempt?: number;
}

/** Limit: destinations and replies of totals. */
export const sharesMax = 50;
