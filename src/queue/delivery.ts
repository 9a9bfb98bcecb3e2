// The seam between the queue and whoever delivers: one lease in, one result per recipient out.

import type { TlsSession } from '../report/tls-session.ts';
import type { Reply } from '../smtp/reply.ts';
import type { Effect, Lease } from '../store/queue-store.ts';

/** What happened at the other end, for the queue, for reports (RFC 3464) and for `why`. */
export interface AttemptFacts {
  /** Name of the host that answered, or the last one tried. */
  readonly host?: string | undefined;
  readonly address?: string | undefined;
  readonly port?: number | undefined;
  /** 'TLSv1.3 TLS_AES_256_GCM_SHA384 verified', or undefined in the clear. */
  readonly tls?: string | undefined;
  /** Hosts tried before it, with what they said. */
  readonly tried?: readonly string[] | undefined;
  /** Under which it was sent on, where that is not the message's own. */
  readonly sender?: string | undefined;
  /** For `why` and the log alone. */
  readonly note?: string | undefined;
}

export type RecipientResult = { readonly facts?: AttemptFacts | undefined } & (
  | {
      readonly kind: 'delivered';
      readonly reply: Reply;
      /** What follows from it, in the transaction that settles. */
      readonly effects?: readonly Effect[];
    }
  /** Handed on. `dsn`: the next hop offered DSN and got our parameters (RFC 3461 §5.2.2). */
  | {
      readonly kind: 'relayed';
      readonly reply: Reply;
      readonly dsn: boolean;
      /** The next hop offered DELIVERBY: it knows by when (RFC 2852 §4.1.4.2). */
      readonly deliverBy?: boolean;
      /** The next hop offered MTRK and can be asked where the message is. */
      readonly tracked?: boolean;
    }
  /** `remote` as with `failed`; absent means that the words are ours. */
  | { readonly kind: 'deferred'; readonly reply: Reply; readonly remote?: boolean }
  /** `remote`: the words are the next hop's, not ours. */
  | { readonly kind: 'failed'; readonly reply: Reply; readonly remote: boolean }
);

/** Nothing was attempted, for another attempt there had just ended like this. */
export interface Skipped {
  readonly kind: 'skipped';
  readonly reply: Reply;
  readonly remote?: boolean | undefined;
  readonly facts?: AttemptFacts | undefined;
}

export interface DeliveryResult {
  /** One for each recipient of the lease, in order. */
  readonly recipients: readonly RecipientResult[];
  /**
   * How the destination did, for its concurrency limit: `ok` it talked to us, `busy` it wants less
   * (421, connection refused while others are open), `down` no host could be reached.
   */
  readonly health: 'ok' | 'busy' | 'down';
  /** What was begun for it with hosts of the domain, for TLS reports. RFC 8460. */
  readonly sessions?: readonly TlsSession[] | undefined;
}

/**
 * Attempts one lease. Anything thrown means "deferred" for all recipients.
 * `signal` is aborted when the server is told to stop at once.
 */
export type Deliver = (lease: Lease, signal: AbortSignal) => Promise<DeliveryResult>;
