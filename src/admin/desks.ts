// What a server that runs lets operators see and do beyond its stores: connections, statistics, webhooks, mail that
// is handed in.

/** Connections that are open. */
export interface SessionDesk {
  list(): readonly OpenSession[];
  /** False when it is gone. */
  end(id: string): boolean;
}

export interface OpenSession {
  readonly id: string;
  readonly service: string;
  readonly client: string;
  /** In milliseconds since 1970. */
  readonly since: number;
  readonly secure: boolean;
  readonly account?: string | undefined;
  readonly phase?: string | undefined;
  readonly bytesIn: number;
  readonly bytesOut: number;
}

export interface WebhookDesk {
  list(): readonly WebhookState[];
  test(name: string): Promise<WebhookAttempt>;
}

export interface WebhookState {
  readonly name: string;
  readonly url: string;
  readonly events: readonly string[];
  readonly waiting: number;
  readonly givenUp: number;
  readonly nextAttempt?: number | undefined;
  readonly attempts: readonly WebhookAttempt[];
}

export interface WebhookAttempt {
  readonly at: number;
  readonly event: string;
  readonly id: string;
  /** 1 for the first. */
  readonly attempt: number;
  readonly status?: number | undefined;
  readonly ms: number;
  readonly problem?: string | undefined;
}

/** How far back, and how long each point of it is: a minute, five minutes, an hour, an hour. */
export const periods = ['hour', 'day', 'month', 'quarter'] as const;
export type StatisticsPeriod = (typeof periods)[number];

type Counts = readonly number[];
/** Null where nothing was measured. */
type Measures = readonly (number | null)[];
type Top = readonly { readonly name: string; readonly count: number }[];

export interface Statistics {
  /** Of the first point, ISO 8601; each covers `stepSeconds`. */
  readonly from: string;
  readonly stepSeconds: number;
  readonly received: Counts;
  readonly refused: Counts;
  readonly delivered: Counts;
  readonly deferred: Counts;
  readonly bounced: Counts;
  readonly queued: Measures;
  /** In seconds. */
  readonly latency: { readonly p50: Measures; readonly p95: Measures; readonly p99: Measures };
  readonly top: {
    readonly deferrals: Top;
    readonly refusals: Top;
    readonly senders: Top;
    readonly destinations: Top;
  };
}

type Mailboxes = string | string[] | undefined;

/** A message that a program hands in. */
export interface HandedIn {
  readonly from: string;
  readonly to?: Mailboxes;
  readonly cc?: Mailboxes;
  readonly bcc?: Mailboxes;
  readonly replyTo?: Mailboxes;
  readonly subject?: string | undefined;
  readonly text?: string | undefined;
  readonly html?: string | undefined;
  readonly attachments?: readonly HandedInAttachment[] | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** The whole message, as base64. */
  readonly raw?: string | undefined;
  readonly account?: string | undefined;
  readonly idempotencyKey?: string | undefined;
}

export interface HandedInAttachment {
  readonly filename: string;
  readonly contentType?: string | undefined;
  /** base64 */
  readonly content: string;
  readonly contentId?: string | undefined;
}

export interface Submitted {
  readonly id: string;
  readonly messageId: string;
  readonly accepted: readonly string[];
  readonly rejected: readonly { readonly address: string; readonly reply: string }[];
}
