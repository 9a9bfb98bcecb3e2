// What a relay is: it attempts what goes to other servers, in this thread (attempt.ts) or in another
// (thread.ts). All that it is given is plain data, so that neither the queue nor the routes
// can tell the difference.

import type { Clock } from '../../base/clock.ts';
import type { Log } from '../../base/log.ts';
import type { Random } from '../../base/random.ts';
import type { Resolver } from '../../dns/resolver.ts';
import type { Dialer } from '../../net/dialer.ts';
import type { ResolverSettings } from '../../net/resolver.ts';
import type { DeliveryResult } from '../../queue/delivery.ts';
import type { ClientTimeouts } from '../../smtp/client/timeouts.ts';
import { reply } from '../../smtp/reply.ts';
import type { PoolLimits } from './connection-pool.ts';
import type { Addressee, HopMessage } from './next-hop.ts';
import type { RelayRoute } from './relay-route.ts';
import type { DaneSettings } from './security/dane.ts';
import type { StsPolicySource } from './security/sts.ts';
import type { OutboundSettings } from './steps/outbound-steps.ts';
import type { WalkLimits } from './walk-limits.ts';

export interface Relay {
  /** One lease on its way. Anything thrown means "deferred" for all its recipients. */
  attempt(lease: RelayLease, route: RelayRoute, signal: AbortSignal): Promise<DeliveryResult>;
  /** What was found dead, or without TLS that works, is worth another try. */
  forget(): void;
  /** Says goodbye on idle connections; those at work follow when they are done. */
  close(): Promise<void>;
}

export type OpenRelay = (settings: RelaySettings) => Relay;

/** What of a lease is needed on the way. */
export interface RelayLease {
  readonly message: HopMessage & { readonly id: string };
  readonly destination: string;
  readonly recipients: readonly Addressee[];
}

export interface RelayLimits extends PoolLimits, WalkLimits {
  /** Hosts of a domain worth trying. RFC 5321 §5.1: at least two. */
  readonly hostsPerMessage: number;
  /** Recipients in one transaction. RFC 5321 §4.5.3.1.8: every server takes 100. */
  readonly recipientsMax: number;
}

/** Plain data: a function could not go to another thread. */
export interface RelaySettings {
  /** Where no resolver is given. */
  readonly dns?: ResolverSettings | undefined;
  /** Without it nobody looks for TLSA records. */
  readonly dane?: DaneSettings | undefined;
  /** Our name, for EHLO. */
  readonly hostname: string;
  /** Names of this server, and the addresses at which it takes mail, by port, so that MX records that lead back are known. */
  readonly ourNames: ReadonlySet<string>;
  readonly ourAddresses?: ReadonlyMap<number, ReadonlySet<string>> | undefined;
  readonly limits?: Partial<RelayLimits> | undefined;
  readonly timeouts?: ClientTimeouts | undefined;
  /** For what is done with each message on its way out. */
  readonly outbound?: OutboundSettings | undefined;
  /** BDAT also where it only saves a round trip. Default: true. */
  readonly chunking?: boolean | undefined;
  /** The address to call from. */
  readonly localAddress?: string | undefined;
}

/** What a relay needs beside its settings where it runs. */
export interface RelayOptions extends RelaySettings {
  /** Where the policies of other domains are known: MTA-STS. */
  readonly policies?: StsPolicySource | undefined;
  readonly resolver: Resolver;
  readonly dialer: Dialer;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

// RFC 3463 §3.4: X.3.2, the system is not accepting messages.
export const stopped = reply(451, '3.2', 'The server was stopped during the delivery');
