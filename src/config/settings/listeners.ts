// Listeners: what belongs together in one, and that no two of them are in one place.

import { resolve } from 'node:path';
import { isLoopback } from '../net/network.ts';
import type { ListenerConfig, ParsedConfig } from './config.ts';
import type { Findings } from './named-files.ts';

export function readListener(
  listener: ParsedConfig['listeners'][number],
  index: number,
  ourTls: ParsedConfig['tls'] | undefined,
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
