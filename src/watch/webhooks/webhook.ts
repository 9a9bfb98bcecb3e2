// What a webhook is: where, what it is told, and what came of it.

import type { MessageEvent } from '../message-news.ts';

export const webhookEvents = [
  'received',
  'delivered',
  'deferred',
  'bounced',
  'cancelled',
  'refused',
] as const satisfies readonly (MessageEvent extends `message.${infer Name}` ? Name : never)[];
export type WebhookEvent = (typeof webhookEvents)[number];

export interface WebhookTarget {
  readonly name: string;
  readonly url: string;
  /** Of the signatures. */
  readonly key: Uint8Array;
  readonly events: readonly WebhookEvent[];
  readonly filter: WebhookFilter;
  /** Whether it may be where the Internet does not reach. */
  readonly allowPrivate: boolean;
}

/** Patterns with `*` and `?`; all that is given must fit. */
export interface WebhookFilter {
  readonly sender?: string | undefined;
  readonly recipient?: string | undefined;
  /** Of the sender or of a recipient. */
  readonly domain?: string | undefined;
}

/** Limit of a webhook: attempts that are shown. */
export const attemptsShown = 20;

/** One request, and what came of it. */
export interface WebhookAttempt {
  readonly at: number;
  readonly event: string;
  /** In `webhook-id`: the same in every attempt. */
  readonly id: string;
  /** 1 for the first. */
  readonly attempt: number;
  /** Of the answer, if there was one. */
  readonly status?: number | undefined;
  readonly ms: number;
  /** Why it is tried again; undefined: it was taken. */
  readonly problem?: string | undefined;
  /** Not before, as the answer said (RFC 9110 §10.2.3); in milliseconds since 1970. */
  readonly retryAt?: number | undefined;
}

/** What a webhook is to be told. */
export interface Notice {
  readonly id: string;
  readonly event: string;
  /** In milliseconds since 1970. */
  readonly since: number;
  /** JSON. */
  readonly body: string;
}
