// What can be read and would work, but not as anybody means it: an open relay, a name that others do
// not take, a port that speaks something else. A failure keeps mail from being safe or from arriving;
// a warning may be meant. From the configuration alone, so that lists keep their positions.

import { isAddressLiteral } from '../mail/fields/address.ts';
import { createNetworks, isLoopback, parseNetwork } from '../net/network.ts';
import type { ParsedConfig } from './config.ts';
import type { Problem } from './problems.ts';
import { formatPath } from './problems.ts';
import type { ListenerConfig } from './settings/listeners.ts';
import type { RouteConfig } from './settings/routes.ts';

export interface Advice extends Problem {
  readonly severity: 'failure' | 'warning';
}

/** What could be read of a configuration; in lists, what could not is undefined. */
export interface Readable {
  readonly parsed: { readonly [K in keyof ParsedConfig]?: ParsedConfig[K] | undefined };
  readonly listeners: readonly (ListenerConfig | undefined)[];
  readonly routes: readonly (RouteConfig | undefined)[];
  /** All of it: what is not there was not written. */
  readonly complete: boolean;
}

class Advices {
  readonly list: Advice[] = [];

  failure(path: readonly PropertyKey[], message: string): void {
    this.list.push({ severity: 'failure', path: formatPath(path), message });
  }

  warning(path: readonly PropertyKey[], message: string): void {
    this.list.push({ severity: 'warning', path: formatPath(path), message });
  }
}

export function adviceOn(readable: Readable): readonly Advice[] {
  const advices = new Advices();
  adviseOnTrust(readable, advices);
  adviseOnHostname(readable, advices);
  adviseOnDomains(readable, advices);
  adviseOnProxies(readable, advices);
  adviseOnListeners(readable, advices);
  adviseOnRoutes(readable, advices);
  return advices.list;
}

// RFC 1918, 6598, 3927, 4193, 4291: whoever is there is near.
const near = [
  ...['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '100.64.0.0/10', '169.254.0.0/16'],
  ...['127.0.0.0/8', 'fc00::/7', 'fe80::/10', '::1'],
].map((text) => ({ networks: createNetworks([text]), prefix: parseNetwork(text)!.prefix }));
/** All of it: `192.168.0.0/8` has the Internet in it. */
const isNear = (address: string, prefix: number): boolean =>
  near.some((one) => prefix >= one.prefix && one.networks.has(address));
/** Limit: a wider one is no network of one owner's; between the two, of very few. */
const prefixFailure = { ipv4: 8, ipv6: 20 } as const;
const prefixWarning = { ipv4: 16, ipv6: 32 } as const;

/** Who is trusted relays to anybody: too many of them, and it is an open relay. */
function adviseOnTrust({ parsed }: Readable, advices: Advices): void {
  for (const [i, text] of (parsed.trustedNetworks ?? []).entries()) {
    const network = text === undefined ? undefined : parseNetwork(text);
    if (network === undefined) continue;
    const { address, prefix, family } = network;
    const at = ['trustedNetworks', i];
    const yours = 'name your own networks, such as 192.168.1.0/24';
    if (prefix === 0)
      advices.failure(at, `${text} is everybody: anyone could send through here; ${yours}`);
    else if (isNear(address, prefix)) continue;
    else if (prefix < prefixFailure[family])
      advices.failure(at, `${text} is a large part of the Internet, an open relay; ${yours}`);
    else if (prefix < prefixWarning[family])
      advices.warning(at, `${text} is very wide: everybody in it sends through here; ${yours}`);
  }
}

/** Who may say who the client is could be anybody, and so a trusted one. */
function adviseOnProxies({ parsed }: Readable, advices: Advices): void {
  const adviseOn = (at: readonly PropertyKey[], text: string | undefined) => {
    if (text !== undefined && parseNetwork(text)?.prefix === 0)
      advices.failure(
        at,
        `${text} is everybody: anyone could claim to be anyone; name your proxies alone`,
      );
  };
  for (const [i, text] of (parsed.xclientNetworks ?? []).entries())
    adviseOn(['xclientNetworks', i], text);
  for (const [i, listener] of (parsed.listeners ?? []).entries())
    for (const [j, text] of (listener?.proxyProtocol ?? []).entries())
      adviseOn(['listeners', i, 'proxyProtocol', j], text);
}

const isReachable = (listener: ListenerConfig | undefined): boolean =>
  listener !== undefined && !listener.hosts.every(isLoopback);

/** Reserved, or what routers give out: nobody else finds these. */
const privateNames =
  /\.(?:local|localdomain|localhost|lan|home|home\.arpa|internal|intranet|invalid|test|alt)$/i;

function adviseOnHostname({ parsed, listeners }: Readable, advices: Advices): void {
  const { hostname } = parsed;
  if (hostname === undefined || isAddressLiteral(hostname)) return;
  const give = "give the name that the DNS has for this machine, such as 'mx.example.org'";
  if (!hostname.includes('.')) {
    const message = `${hostname} is no full name, and other servers refuse mail from one that has none; ${give}`;
    if (listeners.some(isReachable)) advices.failure(['hostname'], message);
    else advices.warning(['hostname'], message);
  } else if (privateNames.test(hostname) && listeners.some(isReachable))
    advices.warning(
      ['hostname'],
      `${hostname} is a name that only your own network knows; ${give}`,
    );
}

function adviseOnDomains({ parsed, listeners, complete }: Readable, advices: Advices): void {
  const { domains, relayDomains, trustedNetworks } = parsed;
  if (!complete || domains === undefined || domains.length + (relayDomains?.length ?? 0) > 0)
    return;
  const services = new Set(listeners.map((listener) => listener?.service));
  if (trustedNetworks?.length === 0 && !services.has('submission') && !services.has('lmtp'))
    advices.failure(
      ['domains'],
      "none, so no mail is taken at all: name yours, as ['example.org']",
    );
  else advices.warning(['domains'], 'none, so mail is only relayed; for mailboxes here name yours');
}

/** RFC 8314 §7.3, RFC 9051 §11: ports on which clients speak TLS from the first byte, or not. */
const usualTls: ReadonlyMap<string, 'implicit' | 'starttls'> = new Map([
  ['submission 465', 'implicit'],
  ['submission 587', 'starttls'],
  ['smtp 25', 'starttls'],
  ['imap 993', 'implicit'],
  ['imap 143', 'starttls'],
  ['pop3 995', 'implicit'],
  ['pop3 110', 'starttls'],
  ['http 443', 'implicit'],
]);

function adviseOnListeners({ parsed, listeners, complete }: Readable, advices: Advices): void {
  for (const [i, listener] of listeners.entries()) {
    if (listener === undefined) continue;
    const { service, port, tls, path } = listener;
    const usual = usualTls.get(`${service} ${port}`);
    const at = (key: string) => ['listeners', i, key];
    if (usual === 'implicit' && tls !== 'implicit')
      advices.failure(
        at('tls'),
        `clients speak TLS from the first byte on port ${port} and would wait for ever: add tls: 'implicit'`,
      );
    if (usual === 'starttls' && tls === 'implicit')
      advices.failure(
        at('tls'),
        `clients begin in the clear on port ${port} and would wait for ever: leave tls out`,
      );
    // Port 80 is where certificate authorities and Thunderbird look, and where nothing else is told.
    if (service === 'http' && tls === 'none' && port !== 80 && isReachable(listener))
      advices.warning(
        at('tls'),
        "in the clear: only this machine and `trustedNetworks` can use the API here; set the top-level `tls`, or host: '127.0.0.1'",
      );
    if (service === 'lmtp' && path === undefined) adviseOnLmtp(listener, i, advices);
  }
  const takesMail = listeners.some((l) => l?.service === 'smtp' || l?.service === 'lmtp');
  if (complete && !takesMail && (parsed.domains?.length ?? 0) > 0)
    advices.warning(
      ['listeners'],
      "none takes mail from other servers: add { service: 'smtp', port: 25 }",
    );
}

function adviseOnLmtp({ hosts, port }: ListenerConfig, index: number, advices: Advices): void {
  if (port === 25)
    advices.failure(['listeners', index, 'port'], 'LMTP must not be on port 25 (RFC 2033 §5)');
  if (!hosts.every(isLoopback))
    advices.failure(
      ['listeners', index, 'host'],
      "whoever reaches LMTP delivers unchecked: set host: '127.0.0.1', or a `path`",
    );
}

function adviseOnRoutes({ routes, listeners }: Readable, advices: Advices): void {
  const seen = new Map<string, number>();
  for (const [i, route] of routes.entries()) {
    if (route === undefined) continue;
    const key = route.domain.toLowerCase();
    const before = seen.get(key);
    if (before !== undefined)
      advices.warning(
        ['routes', i, 'domain'],
        `is never taken: routes[${before}] is for ${key} already`,
      );
    seen.set(key, before ?? i);
    const own = listeners.findIndex(
      (listener) => listener !== undefined && leadsTo(route, listener),
    );
    if (own !== -1)
      advices.failure(
        ['routes', i],
        `leads back to this server, to listeners[${own}]: mail would go round in circles`,
      );
  }
}

/** Nothing is looked up: an address of this machine is known as such only on loopback. */
function leadsTo(route: RouteConfig, { service, path, port, hosts }: ListenerConfig): boolean {
  if (service === 'imap' || service === 'pop3' || service === 'http' || service === 'mtqp')
    return false;
  if (route.kind === 'lmtp' && 'path' in route) return route.path === path;
  if (!('host' in route) || path !== undefined || port === 0 || route.port !== port) return false;
  const everywhere = hosts.includes('::') || hosts.includes('0.0.0.0');
  return hosts.includes(route.host) || (everywhere && isLoopback(route.host));
}
