// Where a recipient's mail goes next, by the configuration; and the destination it is queued under,
// which is what concurrency limits and fairness are about. First match among `routes`, else MX.
// Domains of ours are delivered here, unless a route names them: `*` means everybody else.
//
// Destinations are stored in the queue, so they must mean the same after a restart: `local`,
// `discard`, `mx:DOMAIN`, `atrn:DOMAIN`, `lmtp:PATH`, `lmtp:HOST:PORT`, `host:HOST:PORT#N` (N: position in
// `routes`, so that two logins at one host do not mix); `by-hand:…` where an operator named it for a message.

import { unreachable } from '../base/assert.ts';
import { BoundedMap } from '../base/bounded-map.ts';
import { domainKey } from '../mail/fields/address.ts';
import { DomainPatterns } from '../policy/addresses/domain-patterns.ts';
import type { Way } from '../store/queue-store.ts';
import type { HostRoute, LmtpRoute, MxRoute, RelayRoute } from './relay/relay-route.ts';

export type Route =
  | { readonly kind: 'local' }
  | { readonly kind: 'discard' }
  | OnDemandRoute
  | RelayRoute;

/** Kept until its account fetches it (ATRN, RFC 2645). */
export interface OnDemandRoute {
  readonly kind: 'atrn';
  readonly account: string;
}

/** One entry of `routes`: whom it is for, and where it leads. */
export type RouteRule = { readonly domain: string } & (
  | Omit<MxRoute, 'domain'>
  | HostRoute
  | LmtpRoute
  | { readonly kind: 'discard' }
  | OnDemandRoute
);

export interface RouterOptions {
  /** Domains delivered here: `example.net`, or `.example.net` for the subdomains. */
  readonly domains: readonly string[];
  readonly routes: readonly RouteRule[];
  /** How mail for `domains` is delivered. Maildir folders are `local`, too. */
  readonly localDelivery?: { readonly kind: 'mailbox' | 'maildir' } | LmtpRoute | undefined;
  /** `postrider dev`: everything is delivered here, whatever the domain. */
  readonly catchAll?: boolean | undefined;
}

export interface Router {
  /** `address` is in wire form. */
  route(address: string): Route;
  wayOf(address: string): Way;
  /** What an operator names for single messages: `mx:DOMAIN`, `HOST:PORT`; undefined if it is neither. */
  wayByHand(named: string): Way | undefined;
  /** Undefined when no route leads there any more: such recipients have to be rerouted. */
  routeOfDestination(destination: string): Route | undefined;
}

interface RoutedWay {
  readonly route: Route;
  readonly way: Way;
}

/** Limit: domains whose way is remembered. */
const waysKnownMax = 10_000;

const discarded: RoutedWay = {
  route: { kind: 'discard' },
  way: { delivery: 'discard', destination: 'discard' },
};

export function createRouter(options: RouterOptions): Router {
  const { routes, localDelivery, catchAll } = options;
  const ours = new DomainPatterns(options.domains);
  const patterns = new DomainPatterns(routes.map(({ domain }) => domain));
  const route: Route = localDelivery?.kind === 'lmtp' ? localDelivery : { kind: 'local' };
  const local: RoutedWay = { route, way: { delivery: 'local', destination: 'local' } };
  // The domain as written is the key: a domain seen before costs no more than a lookup.
  const known = new BoundedMap<string, RoutedWay>(waysKnownMax);
  const ways = routes.map(fixedWay);
  const fixed = new Map<string, Route>();
  for (const one of [local, discarded, ...ways])
    if (one !== undefined && !fixed.has(one.way.destination))
      fixed.set(one.way.destination, one.route);

  function routedWay(address: string): RoutedWay {
    const at = address.lastIndexOf('@');
    // RFC 5321 §4.5.1: `<postmaster>` without a domain is ours.
    if (catchAll || at === -1) return local;
    const domain = address.slice(at + 1);
    let way = known.get(domain);
    if (way === undefined) {
      way = findWay(domainKey(domain));
      known.set(domain, way);
    }
    return way;
  }

  function findWay(domain: string): RoutedWay {
    const isOurs = ours.matches(domain).length > 0;
    const first = patterns
      .matches(domain)
      .filter((index) => !(isOurs && routes[index]!.domain === '*'))
      .reduce((least, index) => Math.min(least, index), routes.length);
    const rule = routes[first];
    if (rule === undefined && isOurs) return local;
    if (rule === undefined) return relayedWay({ kind: 'mx', domain }, `mx:${domain}`);
    if (rule.kind !== 'mx') return ways[first]!;
    return relayedWay({ ...rule, domain }, `mx:${domain}`);
  }

  /** The same host at another position in `routes`, if there is just one such. */
  function movedHost(destination: string): Route | undefined {
    const prefix = destination.slice(0, destination.lastIndexOf('#') + 1);
    if (!prefix.startsWith('host:')) return undefined;
    const same = ways.filter((one) => one?.way.destination.startsWith(prefix));
    return same.length === 1 ? same[0]!.route : undefined;
  }

  return {
    route: (address) => routedWay(address).route,
    wayOf: (address) => routedWay(address).way,
    wayByHand: (named) =>
      routeByHand(named) && { delivery: 'relay', destination: `${byHand}${named}` },
    routeOfDestination(destination) {
      if (isByHand(destination)) {
        const named = destination.slice(byHand.length);
        // A route of the configuration to the same host has the login, and what it asks of TLS.
        return movedHost(`host:${named}#`) ?? routeByHand(named);
      }
      if (!destination.startsWith('mx:')) return fixed.get(destination) ?? movedHost(destination);
      // As the configuration has it now for that domain, with what its route says of TLS.
      const { route } = routedWay(`@${destination.slice(3)}`);
      return route.kind === 'mx' ? route : undefined;
    },
  };
}

const byHand = 'by-hand:';

/** An operator chose it: it stays when routes change. */
export const isByHand = (destination: string): boolean => destination.startsWith(byHand);

function routeByHand(named: string): RelayRoute | undefined {
  if (/^mx:[^\s:]+$/.test(named)) return { kind: 'mx', domain: domainKey(named.slice(3)) };
  const [, host, digits] = /^(\[[0-9a-f:.]+\]|[^\s:[\]]+):(\d{1,5})$/i.exec(named) ?? [];
  const port = Number(digits);
  if (host === undefined || port < 1 || port > 65_535) return undefined;
  return { kind: 'host', host: host.replace(/^\[|\]$/g, ''), port, tls: 'opportunistic' };
}

const relayedWay = (route: Route, destination: string): RoutedWay => ({
  route,
  way: { delivery: 'relay', destination },
});

/** The way of a rule that is the same for all its recipients; MX leads to each domain's own hosts. */
function fixedWay(rule: RouteRule, index: number): RoutedWay | undefined {
  const { domain: _pattern, ...route } = rule;
  switch (route.kind) {
    case 'mx':
      return undefined;
    case 'host':
      return relayedWay(route, `host:${route.host}:${route.port}#${index}`);
    case 'lmtp': {
      const { path, host, port } = route;
      return relayedWay(route, path === undefined ? `lmtp:${host}:${port}` : `lmtp:${path}`);
    }
    case 'discard':
      return discarded;
    case 'atrn':
      return relayedWay(route, `atrn:${rule.domain}`);
    default:
      return unreachable(route);
  }
}
