// Listeners: where we listen and for what; what belongs together in one, and that no two of them are in one place.

import { resolve } from 'node:path';
import { z } from 'zod';
import { isLoopback } from '../../net/network.ts';
import type { Findings } from '../named-files.ts';
import * as setting from './setting.ts';
import type { ParsedTls } from './tls.ts';

const { choice, flag, port, text } = setting;

const services = ['smtp', 'submission', 'lmtp', 'pop3', 'imap', 'http', 'mtqp'] as const;
const hostKind = 'an IP address or host name';

const listener = z.strictObject({
  service: choice(services, {
    about:
      '`smtp` takes mail for `domains` and `relayDomains` from anyone and relays for `trustedNetworks` and logged-in users; `submission` takes mail after login only; `lmtp` takes mail for the mailboxes here (RFC 2033); `imap` (RFC 9051) and `pop3` let people read it; `mtqp` tells senders where their mail is (RFC 3887, port 1038); `http` has health, metrics, what mail programs ask to set themselves up, and our MTA-STS policy.',
  }),
  host: z
    .union([setting.host({ about: '' }), z.array(setting.host({ about: '' })).min(1)], {
      error: 'must be an address, or a list of them',
    })
    .prefault('::')
    .meta({
      about: "Address or addresses to listen on; `'::'` takes IPv6 and IPv4.",
      kind: `${hostKind}, or a list of them`,
      default: "'::'",
    }),
  port: port({ about: 'TCP port; 0 takes any free one.' }).optional(),
  path: setting.file({ about: 'Unix socket instead of host and port.' }).optional(),
  mode: setting
    .fileMode({
      about:
        'Who may connect to the Unix socket: its permissions in octal. It belongs to `user`, or to whoever starts the server.',
      default: "'0660'",
    })
    .prefault('0660'),
  tls: choice(['none', 'starttls', 'implicit'], {
    about:
      '`implicit` speaks TLS from the first byte; `starttls` offers it. Without this: `starttls` where `tls` is configured and there is no `path`; for `http` `implicit`, but `none` on loopback.',
  }).optional(),
  insecureAuth: flag({
    about: 'Offers AUTH without TLS. Only for listeners bound to loopback.',
    default: 'false',
  }).prefault(false),
  bareNewlines: choice(['refuse', 'normalise'], {
    about:
      'What to do with a CR or LF alone in a message: refuse it (550 5.6.11) or make it a CRLF.',
    default: "'refuse'",
  }).prefault('refuse'),
  proxyProtocol: z
    .array(setting.network({ about: '' }))
    .min(1)
    .optional()
    .meta({
      about:
        'Load balancers that say by the PROXY protocol (1 or 2) who the client is. With this, nobody else may connect here.',
      kind: 'a list of networks',
    }),
  reusePort: flag({
    about:
      'Other processes may listen in the same place, if they say so, too (SO_REUSEPORT); the kernel deals connections out among them. For several nodes on one machine.',
    default: 'false',
  }).prefault(false),
  withhold: z
    .array(text('an EHLO keyword', { about: '' }).transform((keyword) => keyword.toUpperCase()))
    .prefault([])
    .meta({
      about: "Extensions that are not offered here, by EHLO keyword: `['CHUNKING']`.",
      kind: 'a list of EHLO keywords',
      default: '[]',
    }),
});

export const listenerSettings = {
  listeners: z
    .array(listener)
    .min(1)
    .max(100)
    .prefault([{ service: 'smtp', port: 25 }])
    .meta({
      about: 'Where we listen, and for what.',
      kind: 'a list of listeners',
      default: "[{ service: 'smtp', port: 25 }]",
    }),
};

type ParsedListener = z.output<typeof listener>;

export interface ListenerConfig {
  readonly service: (typeof services)[number];
  /** One listening socket for each. Empty with `path`. */
  readonly hosts: readonly string[];
  readonly port: number;
  readonly path: string | undefined;
  /** Of the socket at `path`, in octal. */
  readonly mode: string;
  readonly tls: 'none' | 'starttls' | 'implicit';
  readonly insecureAuth: boolean;
  readonly bareNewlines: 'refuse' | 'normalise';
  /** Networks of proxies, who alone may connect; undefined where there are none. */
  readonly proxyProtocol: readonly string[] | undefined;
  /** Other processes may be in the same place. */
  readonly reusePort: boolean;
  readonly withhold: readonly string[];
}

export function readListener(
  listener: ParsedListener,
  index: number,
  ourTls: ParsedTls | undefined,
  { directory, add }: Findings,
): ListenerConfig | undefined {
  const at = (key: string) => ['listeners', index, key];
  const { service, path, port, insecureAuth } = listener;
  if (path === undefined && port === undefined)
    add(
      at('port'),
      service === 'lmtp' ? 'is missing: give a port or a path' : 'is missing: give a port',
    );
  if (path !== undefined && port !== undefined)
    add(at('path'), 'a listener has a port or a path, not both');
  if (path !== undefined && listener.proxyProtocol !== undefined)
    add(at('proxyProtocol'), 'is for a port: whoever connects to a socket has no address');
  if (listener.reusePort && (path !== undefined || port === 0))
    add(at('reusePort'), 'is for a port that others can name, too');
  const hosts = path !== undefined ? [] : [listener.host].flat();
  const local = path !== undefined || hosts.every(isLoopback);
  const usualTls = service === 'http' ? (local ? 'none' : 'implicit') : 'starttls';
  const tls = listener.tls ?? (ourTls !== undefined && path === undefined ? usualTls : 'none');
  if (service === 'http' && tls === 'starttls')
    add(at('tls'), "http has no STARTTLS: 'implicit' or 'none'");
  if (tls !== 'none' && ourTls === undefined)
    add(at('tls'), `${tls} needs a certificate: set \`tls\`, for instance to 'self-signed'`);
  if (insecureAuth && !local)
    add(at('insecureAuth'), "is only for listeners on loopback: set `host: '127.0.0.1'`");
  if (
    (service === 'submission' || service === 'pop3' || service === 'imap') &&
    tls === 'none' &&
    !insecureAuth
  )
    add(
      at('tls'),
      `${service} needs TLS, since passwords are not taken in the clear: set the top-level \`tls\` and leave this out`,
    );
  return {
    service,
    hosts,
    port: port ?? 0,
    path: path === undefined ? undefined : resolve(directory, path),
    mode: listener.mode,
    tls,
    insecureAuth,
    bareNewlines: listener.bareNewlines,
    proxyProtocol: listener.proxyProtocol,
    reusePort: listener.reusePort,
    withhold: listener.withhold,
  };
}

/** Two listeners in one place, also where '::' takes the address that another one names. */
export function checkDuplicates(
  listeners: readonly (ListenerConfig | undefined)[],
  { add }: Findings,
): void {
  const places = listeners.flatMap((listener, index) => {
    if (listener === undefined || (listener.path === undefined && listener.port === 0)) return [];
    const { path, port, hosts } = listener;
    return path === undefined
      ? hosts.map((host) => ({ index, key: 'port', host, place: `port ${port}` }))
      : [{ index, key: 'path', host: '', place: path }];
  });
  for (const [i, here] of places.entries()) {
    const other = places
      .slice(0, i)
      .find(({ host, place }) => place === here.place && overlaps(host, here.host));
    if (other === undefined) continue;
    const by =
      other.index === here.index ? 'twice in its own list' : `by listeners[${other.index}]`;
    add(['listeners', here.index, here.key], `${here.place} is taken already, ${by}`);
  }
}

/** '::' takes both families; '0.0.0.0' every IPv4 address. */
const overlaps = (a: string, b: string): boolean =>
  a === b ||
  a === '::' ||
  b === '::' ||
  (a === '0.0.0.0' && !b.includes(':')) ||
  (b === '0.0.0.0' && !a.includes(':'));
