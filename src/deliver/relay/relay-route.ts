// Where mail for somebody else's mailbox goes next: by the DNS, to a host the operator named, or to
// an LMTP server. Made by deliver/route.ts from the configuration, followed by attempt.ts.

/**
 * `none` never asks for TLS; `opportunistic` takes it when it works and goes on without it when it
 * does not; `require` insists on encryption; `verify` also on a certificate for the host's name.
 */
export type RouteTls = 'none' | 'opportunistic' | 'require' | 'verify';

export interface RouteLogin {
  readonly user: string;
  readonly password: string;
}

export type RelayRoute = MxRoute | HostRoute | LmtpRoute;

/** To the hosts that the DNS names for a domain, or to an address literal. RFC 5321 §5.1. */
export interface MxRoute {
  readonly kind: 'mx';
  readonly domain: string;
  /** Default: opportunistic. */
  readonly tls?: RouteTls | undefined;
  /** Default: 25. */
  readonly port?: number | undefined;
}

/** To one host by name or address, without a look at its MX records. */
export interface HostRoute {
  readonly kind: 'host';
  readonly host: string;
  readonly port: number;
  readonly tls: RouteTls;
  /** TLS from the first byte. Default: on port 465 (RFC 8314 §3.3), unless `tls` is 'none'. */
  readonly implicitTls?: boolean | undefined;
  readonly login?: RouteLogin | undefined;
}

/** To an LMTP server (RFC 2033): a socket path, or a host and a port. */
export type LmtpRoute =
  | {
      readonly kind: 'lmtp';
      readonly path: string;
      readonly host?: undefined;
      readonly port?: undefined;
    }
  | {
      readonly kind: 'lmtp';
      readonly path?: undefined;
      readonly host: string;
      readonly port: number;
      /** Default: opportunistic. */
      readonly tls?: RouteTls | undefined;
    };

/** What a route asks for. A Unix socket needs no TLS. */
export function tlsOf(route: RelayRoute): RouteTls {
  if (route.kind === 'lmtp' && route.path !== undefined) return 'none';
  return route.tls ?? 'opportunistic';
}
