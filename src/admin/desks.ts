// What a server that runs lets operators see and do beyond its stores: connections, statistics, webhooks, mail that
// is handed in.

import type { LinkChecker } from '../inbox/checks/link-check.ts';
import type { SpamCheckParts } from '../inbox/checks/spam-check.ts';
import type { ReleaseParts } from '../inbox/release.ts';
import type { OpenSession } from '../net/open-session.ts';
import type { WebhookAttempt } from '../watch/webhooks/webhook.ts';

/** Connections that are open at this node. */
export interface SessionDesk {
  list(): readonly (OpenSession & { readonly service: string })[];
  /** False when it is gone. */
  end(id: string): boolean;
}

/** What looks at a message with the help of others. */
export interface CheckDesk {
  /** Undefined where mail is not only for looking at: a link may do something when it is followed. */
  readonly links: LinkChecker | undefined;
  /** Undefined where there is no rspamd. */
  readonly spam: () => SpamCheckParts | undefined;
}

/** `postrider dev`: what mail is caught for. */
export interface CatcherDesk extends ReleaseParts {
  /** The password of an inbox that has one of its own; undefined: any is right. */
  readonly passwordOf: (address: string) => string | undefined;
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

/** What others find out about us in the DNS. */
export interface PublishedDesk {
  records(): Promise<
    readonly {
      readonly domain: string;
      readonly records: readonly {
        readonly name: string;
        readonly type: string;
        readonly value: string;
        readonly why: string;
      }[];
    }[]
  >;
  /** Never throws for what the DNS says or does not say. */
  check(): Promise<{
    /** In milliseconds since 1970. */
    readonly at: number;
    readonly findings: readonly {
      readonly state: 'ok' | 'warning' | 'failure';
      readonly path: string;
      readonly text: string;
    }[];
  }>;
}
