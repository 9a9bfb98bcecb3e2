// Routes: where mail goes, and the login that a next hop asks for.

import { resolve } from 'node:path';
import { z } from 'zod';
import type { RouteTls } from '../../deliver/relay/relay-route.ts';
import { addressKey, parseMailbox } from '../../mail/fields/address.ts';
import { isLoopback } from '../../net/network.ts';
import { credentialProblem } from '../../sasl/client.ts';
import type { Findings } from '../named-files.ts';
import { secretIn } from '../named-files.ts';
import * as setting from './setting.ts';

const { choice, hopPort, hostAndPort, shown, text } = setting;

const route = z.strictObject({
  domain: setting.domainPattern(
    {
      about:
        "Recipients it is for: `'example.net'` exactly, `'.example.net'` its subdomains, `'*'` everything. The first route that matches is taken.",
    },
    { star: true },
  ),
  via: choice(['mx', 'discard', 'atrn'], {
    about:
      '`mx`: the hosts the DNS names (RFC 5321 §5.1); `discard`: taken and thrown away; `atrn`: kept until `account` fetches it (RFC 2645).',
  }).optional(),
  account: text('an address', {
    about: "Goes with `via: 'atrn'`: who may fetch the mail, logged in.",
  }).optional(),
  host: setting.host({ about: 'The next hop, whatever the DNS says.' }).optional(),
  port: hopPort({ about: 'Its port.', default: '25' }).optional(),
  lmtp: text("a socket path or 'host:port'", {
    about: "LMTP server: the path of a Unix socket, or `'host:port'`.",
  }).optional(),
  tls: choice(['none', 'opportunistic', 'require', 'verify'], {
    about:
      '`opportunistic` encrypts where it is offered, `require` always, `verify` also checks the certificate (RFC 7817).',
    default: "'opportunistic'",
  }).prefault('opportunistic'),
  user: text(
    'a user name',
    { about: 'Logs in to `host` under this name.' },
    (name) => credentialProblem({ user: name })?.message,
  ).optional(),
  passwordFile: setting
    .file({ about: 'File with the password on its first line; readable by us alone, please.' })
    .optional(),
});

export const routeSettings = {
  routes: z
    .array(route)
    .max(10_000)
    .prefault([{ domain: '*', via: 'mx' }])
    .meta({
      about: 'How mail leaves. First match; what no route matches goes by MX.',
      kind: 'a list of routes',
      default: "[{ domain: '*', via: 'mx' }]",
    }),
};

type ParsedRoute = z.output<typeof route>;

export type RouteConfig = { readonly domain: string } & (
  | { readonly kind: 'mx'; readonly tls: RouteTls }
  | { readonly kind: 'atrn'; readonly account: string }
  | { readonly kind: 'discard' }
  | {
      readonly kind: 'host';
      readonly host: string;
      readonly port: number;
      readonly tls: RouteTls;
      readonly login: { readonly user: string; readonly password: string } | undefined;
    }
  | { readonly kind: 'lmtp'; readonly path: string }
  | { readonly kind: 'lmtp'; readonly host: string; readonly port: number }
);

export function readRoute(
  route: ParsedRoute,
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
    const password = secretIn(passwordFile, at('passwordFile'), findings);
    if (password !== undefined) login = { user, password };
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
  const place = hostAndPort(text);
  if (place === undefined)
    add(
      path,
      `must be a socket path such as '/run/dovecot/lmtp' or 'host:port', not ${shown(text)}`,
    );
  return { kind: 'lmtp', ...(place ?? { host: '', port: 0 }) };
}
