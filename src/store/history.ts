// What happened to messages, kept after they have left the queue: for `why`. History is a diary, not
// a ledger: it is written behind the message path, a crash may cost its last moments, and nothing
// is ever decided by it.

import { addressKey } from '../mail/fields/address.ts';
import type { Finding } from '../mail/finding.ts';
import type { Origin } from './queue-store.ts';

export type HistoryEvent =
  | {
      readonly id: string;
      readonly at: number;
      readonly kind: 'received';
      readonly sender: string;
      /** The first of them; `recipientCount` says how many there were. */
      readonly recipients: readonly string[];
      readonly recipientCount: number;
      readonly size: number;
      readonly messageId?: string | undefined;
      readonly origin: Origin;
      /** What its sender asked for, in words. */
      readonly asked?: readonly string[] | undefined;
      /** The message that this one, a delivery status notification, reports on. */
      readonly reportsOn?: string | undefined;
    }
  | {
      readonly id: string;
      readonly at: number;
      readonly kind: 'attempt';
      readonly destination: string;
      /** Undefined when nothing was attempted, because the destination had just been found dead. */
      readonly durationMs: number | undefined;
      readonly results: readonly AttemptResult[];
    }
  | {
      readonly id: string;
      readonly at: number;
      readonly kind: 'cancelled';
      readonly recipients: readonly string[];
      readonly silent: boolean;
      /** Why the sender was not told though nobody wished it so. */
      readonly untold?: Untold | undefined;
    }
  /** A notification was sent: `report` is its queue id. */
  | {
      readonly id: string;
      readonly at: number;
      readonly kind: 'report';
      readonly report: string;
      readonly action: string;
    }
  /** Another message followed from it when it was delivered: it was sent on, or answered. */
  | {
      readonly id: string;
      readonly at: number;
      readonly kind: 'derived';
      /** `redirect`, `vacation` … */
      readonly reason: string;
      readonly message: string;
      /** The first of its recipients. */
      readonly recipients: readonly string[];
    }
  /** An address does not exist, and gets nothing that is submitted here until then. */
  | {
      readonly id: string;
      readonly at: number;
      readonly kind: 'suppressed';
      readonly address: string;
      readonly until: number;
    }
  /** Mail failed, and nobody was told. */
  | {
      readonly id: string;
      readonly at: number;
      readonly kind: 'untold';
      readonly reason: Untold;
    }
  | RefusedEvent;

/** What a client was refused: there is no message, `id` is the session's or ''. */
export interface RefusedEvent {
  readonly id: string;
  readonly at: number;
  readonly kind: 'refused';
  readonly refusal: RefusalFacts;
  /** What it is found by: keys of the addresses, the bare Message-ID. */
  readonly keys: readonly string[];
}

export interface RefusalFacts {
  readonly service?: string | undefined;
  /** The client's address, '' on a Unix socket. */
  readonly client: string;
  /** What the client called itself. */
  readonly hello?: string | undefined;
  /** The reverse-path, '' for the null one. */
  readonly from?: string | undefined;
  /** The first recipient it concerns; `recipients` says how many there are if it is not alone. */
  readonly to?: string | undefined;
  readonly recipients?: number | undefined;
  readonly messageId?: string | undefined;
  /** The account that is logged in, or the name that somebody tried to log in with. */
  readonly account?: string | undefined;
  /** What was refused: `connect`, `helo`, `mail`, `rcpt`, `data`, `content`, `auth`, `starttls`, … */
  readonly stage: string;
  /** `550 5.1.1 No such mailbox here`; undefined where nothing could be said. */
  readonly reply?: string | undefined;
  /** Why, where the reply does not say it to strangers; otherwise its words. */
  readonly reason: string;
  /** What policies had found out by then. */
  readonly findings?: readonly Finding[] | undefined;
}

/**
 * Why nobody is told of a failure: the null reverse-path is never answered (RFC 5321 §4.5.5), the
 * sender did not want it (RFC 3461 §4.1), or the sender's address is one of ours and leads nowhere.
 */
export type Untold = 'null-sender' | 'not-wanted' | 'no-mailbox';

export interface AttemptResult {
  readonly address: string;
  /** 1 for the first; of what was skipped, the number of those made so far. */
  readonly attempt: number;
  /** `expired`: deferred once too often, and given up. `skipped`: not attempted at all. */
  readonly result: 'delivered' | 'relayed' | 'deferred' | 'skipped' | 'failed' | 'expired';
  /** `250 2.0.0 OK`. Of what was skipped: what had been said to another attempt. */
  readonly reply: string;
  /** When it will be tried again. */
  readonly until?: number | undefined;
  /** The next hop can be asked where it is (RFC 3885). */
  readonly tracked?: boolean | undefined;
  /** Host and address that answered, port, TLS facts, and the hosts tried before. */
  readonly host?: string | undefined;
  readonly tls?: string | undefined;
  readonly tried?: readonly string[] | undefined;
  /** Under which it was sent on, where that is not the message's own. */
  readonly sender?: string | undefined;
  /** What else there is to say of it. */
  readonly note?: string | undefined;
}

export interface HistoryStore extends AsyncDisposable {
  /** Never throws, never waits. */
  record(event: HistoryEvent): void;
  /**
   * Everything known of a queue id, or of all messages with this Message-ID (with or without its
   * angle brackets); oldest first, bounded.
   */
  find(idOrMessageId: string): Promise<readonly HistoryEvent[]>;
  /** The latest refusals with this address, Message-ID or session; oldest first, bounded. */
  findRefused(text: string): Promise<readonly RefusedEvent[]>;
  /** Resolves when what was recorded so far is in the file. */
  flush(): Promise<void>;
}

/** Limit: a message is not attempted more often in any schedule that makes sense. */
export const historyEventsMax = 10_000;

/** Limit: octets of a line of its files: an attempt for 100,000 recipients, each with what was said to it. */
export const historyLineBytesMax = 64 * 2 ** 20;
/** Limit: refusals that are shown. */
export const refusalsMax = 100;

/** Whether a refusal is one that `findRefused` is asked for. */
export function refusalMatcher(text: string): (event: HistoryEvent) => event is RefusedEvent {
  const wanted = refusalKeys(text);
  return (event): event is RefusedEvent =>
    event.kind === 'refused' &&
    (event.id === text || event.keys.some((key) => wanted.includes(key)));
}

/** As an address, and as a Message-ID. */
export const refusalKeys = (text: string): readonly string[] => [
  addressKey(text.replace(/^<|>$/g, '')),
  bareMessageId(text),
];

export const bareMessageId = (messageId: string): string => messageId.replace(/^<|>$/g, '');

export const sameMessageId = (a: string | undefined, b: string): boolean =>
  a !== undefined && bareMessageId(a) === bareMessageId(b);
