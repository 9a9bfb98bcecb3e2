// Everything that follows from the configuration alone, so that a reload replaces it whole: routing,
// the directory, remote delivery, limits. What lasts from start to stop is in server.ts.

import { networkInterfaces } from 'node:os';
import type { Clock } from './base/clock.ts';
import type { Log } from './base/log.ts';
import type { Config } from './config/config.ts';
import { createLocalDelivery } from './deliver/local.ts';
import { createMaildirDelivery } from './deliver/maildir.ts';
import type { OpenRelay, RelaySettings } from './deliver/relay.ts';
import type { RemoteDelivery } from './deliver/remote.ts';
import { deliveryBy } from './deliver/remote.ts';
import type { Router } from './deliver/route.ts';
import { createRouter } from './deliver/route.ts';
import { domainKey, parseMailbox } from './mail/address.ts';
import type { Networks } from './net/network.ts';
import { createNetworks } from './net/network.ts';
import type { ConnectionLimitsOptions } from './policy/connection-limits.ts';
import type { Directory } from './policy/directory.ts';
import { createDirectory } from './policy/directory.ts';
import { DomainPatterns } from './policy/domain-patterns.ts';
import { quotaOf } from './policy/quota.ts';
import type { Deliver } from './queue/delivery.ts';
import type { QueueSettings } from './queue/runner.ts';
import { defaultTimeouts } from './smtp/client/timeouts.ts';
import type { SessionLimits } from './smtp/limits.ts';
import type { NewRecipient } from './store/queue-store.ts';
import type { Stores } from './store/sqlite/stores.ts';

/** Everything that follows from the configuration alone. */
export interface Live {
  readonly config: Config;
  readonly router: Router;
  readonly directory: Directory;
  readonly remote: RemoteDelivery;
  readonly trusted: Networks;
  readonly relayed: DomainPatterns;
  readonly limits: SessionLimits;
  readonly queue: QueueSettings;
}

export interface LiveParts {
  readonly stores: Pick<Stores, 'accounts'>;
  /** In this thread or in another. */
  readonly openRelay: OpenRelay;
  readonly log: Log;
}

export function goLive(config: Config, { stores, openRelay, log }: LiveParts): Live {
  const { limits, queue } = config;
  const router = createRouter({
    domains: config.domains,
    routes: config.routes,
    localDelivery: config.localDelivery,
    catchAll: config.dev,
  });
  return {
    config,
    router,
    remote: deliveryBy(openRelay(relaySettings(config)), router.routeOfDestination),
    directory: createDirectory({
      accounts: stores.accounts,
      domains: config.domains,
      relayDomains: config.relayDomains,
      aliases: config.aliases,
      recipientDelimiter: config.recipientDelimiter,
      acceptAll: config.dev,
      hostname: config.hostname,
      ourAddresses: ownAddresses(),
      log,
    }),
    trusted: createNetworks(config.trustedNetworks),
    relayed: new DomainPatterns(config.relayDomains),
    limits: {
      commandBytes: 512,
      messageBytes: limits.messageSize,
      textLineBytes: limits.textLine,
      headerBytes: limits.headerSize,
      localPartBytes: limits.localPart,
      recipients: limits.recipients,
      errors: limits.errorsPerConnection,
      idleCommands: limits.commandsWithoutMail,
      messages: limits.messagesPerConnection,
      recipientDomains: limits.domainsPerConnection,
      commandMs: limits.commandTimeout,
      contentMs: limits.contentTimeout,
    },
    queue: {
      retryAfterMs: queue.retryAfter,
      warnAfterMs: queue.warnAfter,
      expireAfterMs: queue.expireAfter,
      connectionsPerDestination: queue.connectionsPerDestination,
      activeMax: queue.deliveries,
      memoryBytesMax: queue.memory,
    },
  };
}

/** Of this machine. RFC 5321 §4.1.3: mail may be addressed to them in brackets. */
const ownAddresses = (): ReadonlySet<string> =>
  new Set(
    Object.values(networkInterfaces()).flatMap((all = []) => all.map(({ address }) => address)),
  );

/** Our mailboxes or Maildir folders, by the configuration in force. */
export function localDelivery(
  live: () => Live,
  { clock, log, stores }: { clock: Clock; log: Log; stores: Pick<Stores, 'queue' | 'spool'> },
): Deliver {
  const directory = {
    accountOf: (address: string) => live().directory.accountOf(address),
  };
  const mailbox = createLocalDelivery({
    ...{ directory, clock, spool: stores.spool, queue: stores.queue },
    quota: () => {
      const { size, messages } = live().config.mailboxes.quota;
      return quotaOf({ bytes: size, messages });
    },
  });
  let maildir: { readonly path: string; readonly deliver: Deliver } | undefined;
  return (lease, signal) => {
    const { localDelivery: kind, hostname } = live().config;
    if (kind.kind !== 'maildir') return mailbox(lease, signal);
    if (maildir?.path !== kind.directory)
      maildir = {
        path: kind.directory,
        deliver: createMaildirDelivery({
          directory: kind.directory,
          recipients: directory,
          hostname,
          log,
        }),
      };
    return maildir.deliver(lease, signal);
  };
}

function relaySettings({ hostname, delivery, queue, dns }: Config): RelaySettings {
  return {
    dns: {
      servers: dns.servers,
      timeoutMs: dns.timeout,
      attempts: dns.attempts,
      trustAd: dns.trustAd,
      cacheEntriesMax: dns.cacheEntries,
    },
    hostname,
    ourNames: new Set([domainKey(hostname)]),
    limits: {
      hostsMax: delivery.hostsPerMessage,
      connectMs: delivery.connectTimeout,
      idleMs: delivery.idleTimeout,
      messagesPerConnection: queue.messagesPerConnection,
    },
    timeouts: {
      ...defaultTimeouts,
      greetingMs: delivery.greetingTimeout,
      commandMs: delivery.commandTimeout,
      endOfDataMs: delivery.contentTimeout,
    },
    eightBitConversion: delivery.eightBitConversion,
    localAddress: delivery.sourceAddress,
  };
}

export function connectionLimits({ limits, trustedNetworks }: Config): ConnectionLimitsOptions {
  const { connections, connectionsPerClient } = limits;
  const trusted = createNetworks(trustedNetworks);
  // Whoever comes by a Unix socket has no address, and is a program of this machine.
  const isExempt = (address: string) => address === '' || trusted.has(address);
  return { connections, connectionsPerClient, isExempt };
}

/** Whom a notification for this address goes to: aliases work for those as for other mail. */
export async function recipientsOf(
  { directory, router }: Live,
  address: string,
): Promise<NewRecipient[]> {
  const mailbox = parseMailbox(address);
  if (mailbox === undefined) return [];
  const resolution = await directory.resolve(mailbox, { mayRelay: true });
  if (resolution.kind === 'refuse') return [];
  return resolution.recipients.map((one) => ({
    address: one.address,
    params: [],
    destination: router.destinationOf(one.address),
  }));
}
