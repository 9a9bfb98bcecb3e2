// Routes: where mail goes, and the login that a next hop asks for.

import { resolve } from 'node:path';
import { addressKey, parseMailbox } from '../mail/address.ts';
import { isAddress, isLoopback } from '../net/network.ts';
import type { ParsedConfig, RouteConfig } from './config.ts';
import type { Findings } from './named-files.ts';
import { readable } from './named-files.ts';
import { isDomain, shown } from './setting.ts';

export function readRoute(
  route: ParsedConfig['routes'][number],
  index: number,
  findings: Findings,
): RouteConfig | undefined {
  const { add } = findings;
  const at = (key: string) => ['routes', index, key];
  const { domain, via, host, lmtp, tls, user, passwordFile, account } = route;
  const ways = [via, host, lmtp].filter((way) => way !== undefined).length;
  if (ways !== 1) {
    add(['routes', index], "must have exactly one of `host`, `lmtp` and `via: 'mx'`");
    return undefined;
  }
  if (host === undefined && route.port !== undefined)
    add(at('port'), "goes with `host`; an LMTP server's is written `lmtp: 'host:port'`");
  if (host === undefined && (user !== undefined || passwordFile !== undefined))
    add(at('user'), 'logging in goes with `host`');
  const owner = account === undefined ? undefined : parseMailbox(account);
  if (
    (via === 'atrn') !== (account !== undefined) ||
    (account !== undefined && owner === undefined)
  ) {
    add(
      at('account'),
      "must be the address of an account, with `via: 'atrn'` and with nothing else",
    );
    return undefined;
  }
  if (owner !== undefined) return { domain, kind: 'atrn', account: addressKey(owner) };
  if (via === 'mx') return { domain, kind: 'mx', tls };
  if (via === 'discard') return { domain, kind: 'discard' };
  if (lmtp !== undefined) return { domain, ...readLmtp(lmtp, at('lmtp'), findings) };
  let login: { user: string; password: string } | undefined;
  if ((user === undefined) !== (passwordFile === undefined))
    add(at(user === undefined ? 'user' : 'passwordFile'), 'is missing: both or none');
  else if (user !== undefined && passwordFile !== undefined) {
    const text = readable(passwordFile, at('passwordFile'), findings);
    const password = text?.split(/\r?\n/, 1)[0];
    if (password === '') add(at('passwordFile'), `${passwordFile}: its first line is empty`);
    else if (password?.includes('\0'))
      add(at('passwordFile'), `${passwordFile}: its first line has a NUL in it`);
    else if (password !== undefined) login = { user, password };
    if (tls === 'none' && !isLoopback(host!))
      add(at('tls'), "would send the password in the clear: use 'require' or 'verify'");
  }
  return { domain, kind: 'host', host: host!, port: route.port ?? 25, tls, login };
}

/** '/run/x', './x' are paths; the rest is host:port. */
function readLmtp(
  text: string,
  path: readonly PropertyKey[],
  { directory, add }: Findings,
): { kind: 'lmtp'; path: string } | { kind: 'lmtp'; host: string; port: number } {
  if (text.includes('/')) return { kind: 'lmtp', path: resolve(directory, text) };
  const [, written = '', port = ''] = /^(.+):(\d{1,5})$/.exec(text) ?? [];
  const host = written.replace(/^\[(.*)\]$/, '$1');
  if (!(isAddress(host) || isDomain(host)) || Number(port) > 65_535)
    add(
      path,
      `must be a socket path such as '/run/dovecot/lmtp' or 'host:port', not ${shown(text)}`,
    );
  return { kind: 'lmtp', host, port: Number(port) };
}
