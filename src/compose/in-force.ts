// What is in force: everything that follows from the configuration alone, so that a reload replaces it
// whole: routing, the address map, relays, limits. What lasts from start to stop is in server.ts.

import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import { silentLog } from '../base/log.ts';
import type { Config } from '../config/config.ts';
import type { OpenRelay } from '../deliver/relay/relay.ts';
import type { Forwarded, RelayDelivery, Signs, Tagged } from '../deliver/relay/relay-delivery.ts';
import { deliveryBy } from '../deliver/relay/relay-delivery.ts';
import { isOurReport } from '../deliver/reports/report-queue.ts';
import type { Router } from '../deliver/route.ts';
import { createRouter } from '../deliver/route.ts';
import type { Mailbox } from '../mail/fields/address.ts';
import { addressKey, domainKey, formatMailbox, parseMailbox } from '../mail/fields/address.ts';
import type { Networks } from '../net/network.ts';
import { createNetworks } from '../net/network.ts';
import type { AddressMap } from '../policy/addresses/address-map.ts';
import { createAddressMap } from '../policy/addresses/address-map.ts';
import { DomainPatterns } from '../policy/addresses/domain-patterns.ts';
import { forwardedAs } from '../policy/addresses/forwarded.ts';
import { ReturnAddresses } from '../policy/addresses/return-addresses.ts';
import type { QuotaLimits } from '../policy/quota.ts';
import type { AccountStore } from '../store/account-store.ts';
import type { NewRecipient } from '../store/queue-store.ts';
import type { Stores } from '../store/stores.ts';
import { DkimKeyRing } from '../trust/dkim-key-ring.ts';
import { ownAddresses } from './own-addresses.ts';
import { relaySettings, signingKeys } from './relay-settings.ts';

/** Whose an address is, and where mail for it goes. */
export interface Addresses {
  readonly config: Config;
  readonly router: Router;
  readonly addressMap: AddressMap;
}

/** Everything that follows from the configuration alone. */
export interface InForce extends Addresses {
  readonly relay: RelayDelivery;
  readonly trusted: Networks;
  /** Who may say by XCLIENT for whom they speak. */
  readonly proxies: Networks;
  readonly relayed: DomainPatterns;
  /** What we say ourselves for a domain is signed. */
  readonly hasKeys: (domain: string) => boolean;
  /** Our mail of the domain goes out under tagged senders. */
  readonly tags: (domain: string) => boolean;
  /** What the routes and listeners make possible; looked up for each connection. */
  readonly offers: {
    /** Somebody's mail is kept to be fetched. */
    readonly atrn: boolean;
    /** Where messages are can be asked for. */
    readonly mtrk: boolean;
    /** Conversions that authors permit are seen to behind us. */
    readonly conperm: boolean;
    /** What the device of a recipient can show; undefined where it is known of nobody. */
    readonly featureSetOf: ((recipient: Mailbox) => string | undefined) | undefined;
  };
}

export interface InForceParts {
  readonly stores: Pick<Stores, 'accounts'>;
  /** In this thread or in another. */
  readonly openRelay: OpenRelay;
  readonly clock: Clock;
  readonly log: Log;
}

export function putInForce(
  config: Config,
  { stores, openRelay, clock, log }: InForceParts,
): InForce {
  const returnAddresses = new ReturnAddresses({ secret: () => stores.accounts.secret(), clock });
  const addresses = addressesOf(config, { accounts: stores.accounts, returnAddresses, log });
  const trusted = createNetworks(config.trustedNetworks);
  const relay = openRelay(relaySettings(config));
  const keys = signingKeys(config);
  // The relay has a ring of its own, which tells of what is wrong with keys.
  const ring =
    keys === undefined ? undefined : new DkimKeyRing({ directory: keys, clock, log: silentLog });
  const ours = oursFor(trusted);
  const tags = tagsOf(addresses);
  return {
    ...addresses,
    relay: deliveryBy(relay, addresses.router.routeOfDestination, {
      signs: ring === undefined ? undefined : (origin) => !ring.isEmpty && ours(origin),
      forwarded: forwardingOf(addresses, returnAddresses),
      log,
      tagged:
        config.backscatter.tag.length === 0 ? undefined : taggingOf(ours, tags, returnAddresses),
    }),
    trusted,
    proxies: createNetworks(config.xclientNetworks),
    relayed: new DomainPatterns(config.relayDomains),
    hasKeys: (domain) => ring?.keysFor(domain) !== undefined,
    tags,
    offers: {
      atrn: config.routes.some(({ kind }) => kind === 'atrn'),
      mtrk: config.listeners.some(({ service }) => service === 'mtqp'),
      conperm: config.contentConversion.permission,
      featureSetOf: featureSetsOf(config),
    },
  };
}

/** What enters the mail system here, and what we say ourselves; never what strangers send through us. */
function oursFor(trusted: Networks): Signs {
  return ({ account, service, protocol, clientAddress }) => {
    if (protocol === 'local') return service === 'queue' || isOurReport({ service });
    if (account !== undefined || service === 'submission') return true;
    return service === 'smtp' && clientAddress !== undefined && trusted.has(clientAddress);
  };
}

/** RFC 4141 §3.2: as the operator says, of an address or of a whole domain. */
function featureSetsOf({
  contentConversion: { features },
}: Config): InForce['offers']['featureSetOf'] {
  const sets = new Map(
    Object.entries(features).map(([name, set]) => [
      name.startsWith('@') ? `@${domainKey(name.slice(1))}` : addressKey(name),
      set,
    ]),
  );
  if (sets.size === 0) return undefined;
  return (recipient) =>
    sets.get(addressKey(recipient)) ?? sets.get(`@${domainKey(recipient.domain)}`);
}

/** Only where tags are taken off again: in domains that are ours. */
function tagsOf({ config, addressMap }: Addresses): (domain: string) => boolean {
  const patterns = new DomainPatterns(config.backscatter.tag);
  return (domain) => patterns.matches(domainKey(domain)).length > 0 && addressMap.isOurs(domain);
}

function taggingOf(
  ours: Signs,
  tags: (domain: string) => boolean,
  returnAddresses: ReturnAddresses,
): Tagged {
  return async ({ sender, origin }) => {
    const mailbox = ours(origin) ? parseMailbox(sender) : undefined;
    if (mailbox === undefined || !tags(mailbox.domain)) return undefined;
    const tagged = await returnAddresses.tagged(mailbox);
    return tagged && formatMailbox(tagged);
  };
}

function forwardingOf(
  { config, addressMap }: Addresses,
  returnAddresses: ReturnAddresses,
): Forwarded | undefined {
  const { forwarding, hostname, domains } = config;
  if (!forwarding.rewriteSender && !forwarding.seal) return undefined;
  const parts = {
    ...{ ...forwarding, hostname, returnAddresses },
    primaryDomain: domains.find((domain) => !domain.startsWith('.')) ?? hostname,
    isOurs: (domain: string) => addressMap.isOurs(domain),
  };
  return ({ sender, origin: { findings = [] } }, original) =>
    forwardedAs({ sender, findings }, original, parts);
}

export interface AddressParts {
  readonly accounts: AccountStore;
  readonly returnAddresses?: ReturnAddresses | undefined;
  readonly log: Log;
}

export function addressesOf(
  config: Config,
  { accounts, returnAddresses, log }: AddressParts,
): Addresses {
  const { domains, relayDomains, aliases, recipientDelimiter, hostname, dev } = config;
  return {
    config,
    router: createRouter({
      domains,
      routes: config.routes,
      localDelivery: config.localDelivery,
      catchAll: dev,
    }),
    addressMap: createAddressMap({
      ...{ accounts, domains, relayDomains, aliases, recipientDelimiter, hostname, log },
      ...{ returnAddresses },
      acceptAll: dev,
      // RFC 5321 §4.1.3: mail may be addressed to them in brackets.
      ourAddresses: ownAddresses(),
    }),
  };
}

/** What follows from it, made once, and anew after a reload. */
export function whileInForce<V>(inForce: () => InForce, make: (now: InForce) => V): () => V {
  let made: { readonly of: InForce; readonly value: V } | undefined;
  return () => {
    const now = inForce();
    if (made?.of !== now) made = { of: now, value: make(now) };
    return made.value;
  };
}

/** What an account may keep. */
export function quotaInForce({ config }: InForce): QuotaLimits {
  const { size, messages } = config.mailboxes.quota;
  return { bytes: size, messages };
}

/** Whom a notification for this address goes to: aliases work for those as for other mail. */
export async function recipientsOf(
  { addressMap, router }: Addresses,
  address: string,
): Promise<NewRecipient[]> {
  const mailbox = parseMailbox(address);
  if (mailbox === undefined) return [];
  const resolution = await addressMap.resolve(mailbox, { mayRelay: true });
  if (resolution.kind === 'refuse') return [];
  return resolution.recipients.map((one) => ({
    address: one.address,
    params: [],
    ...router.wayOf(one.address),
  }));
}
