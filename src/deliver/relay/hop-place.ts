// A route as the connections over it see it: which of them may carry which mail, and how to talk to the hosts.

import { isAddressLiteral } from '../../mail/fields/address.ts';
import type { TransportSecurity } from '../../net/transport-security.ts';
import { securityKey } from '../../net/transport-security.ts';
import type { ClientSessionOptions } from '../../smtp/client/options.ts';
import type { HopHost, HopSettings } from './host-walk.ts';
import type { RelayLease, RelayOptions } from './relay.ts';
import type { RelayRoute } from './relay-route.ts';
import type { TlsWish } from './security/require-tls.ts';

/**
 * Connections are shared by what leads to the same place as the same user. Those that carry mail with
 * REQUIRETLS are kept apart: not every host of a place offers it.
 */
export function placeOf({ destination }: RelayLease, route: RelayRoute, wish: TlsWish): string {
  const place = wish === 'required' ? `${destination} REQUIRETLS` : destination;
  if (route.kind !== 'host' || route.login === undefined) return place;
  return `${place} ${route.login.user}`;
}

export const poolKey = (place: string, security: TransportSecurity): string =>
  `${place} ${securityKey(security)}`;

/** Nearly always one: hosts of a destination differ in security only where their records do. */
export const keysOf = (place: string, hosts: readonly HopHost[]): readonly string[] => [
  ...new Set(
    hosts.flatMap(({ security }) => (security === undefined ? [] : poolKey(place, security))),
  ),
];

export const hostName = (route: RelayRoute): string =>
  route.kind === 'mx' ? route.domain : (route.host ?? route.path);

export function hopSettings(
  route: RelayRoute,
  { hostname, timeouts, chunking }: Pick<RelayOptions, 'hostname' | 'timeouts' | 'chunking'>,
  wish: TlsWish,
): HopSettings {
  const protocol = route.kind === 'lmtp' ? 'lmtp' : 'smtp';
  const session: ClientSessionOptions = { protocol, hostname, timeouts, chunking };
  if (route.kind === 'lmtp' && route.path !== undefined)
    return {
      ...{ session, path: route.path, port: undefined, implicitTls: false, login: undefined },
      requireTls: false,
    };
  const port = route.port ?? 25;
  const login = route.kind === 'host' ? route.login : undefined;
  // RFC 8314 §3.3: port 465 is for TLS from the first byte.
  const implicit = route.kind === 'host' ? (route.implicitTls ?? port === 465) : false;
  return {
    ...{ session, port, implicitTls: implicit && route.tls !== 'none', login },
    domain: route.kind === 'mx' && !isAddressLiteral(route.domain) ? route.domain : undefined,
    requireTls: wish === 'required',
  };
}
