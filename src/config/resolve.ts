// From what was written to what the server works with: the schema, then the rules that concern
// several settings at once, then paths made absolute and files looked at. Every problem is found in
// one pass: a wrong listener does not hide a wrong route.

import { accessSync, constants, readFileSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { z } from 'zod';
import { isPem, secretPath } from '../base/secret.ts';
import { parseMailbox } from '../mail/address.ts';
import { certificateNameKey } from '../net/certificate-names.ts';
import { isAddress, isLoopback, parseNetwork } from '../net/network.ts';
import type { Advice } from './advice.ts';
import { adviceOn } from './advice.ts';
import type {
  Config,
  ListenerConfig,
  LocalDeliveryConfig,
  ParsedConfig,
  RouteConfig,
  TlsConfig,
} from './config.ts';
import { schema } from './config.ts';
import type { Problem } from './problems.ts';
import { formatPath, problemsOf } from './problems.ts';
import { isDomain, shown } from './setting.ts';

/** What the server reads besides its configuration: certificates, keys, passwords. */
export interface NamedFile {
  /** Of the setting that names it. */
  readonly path: string;
  readonly file: string;
  readonly secret: boolean;
}

export type Resolution = {
  /** What would work but is hardly meant. */
  readonly advice: readonly Advice[];
  readonly files: readonly NamedFile[];
} & (
  | { readonly kind: 'ok'; readonly config: Config }
  | {
      readonly kind: 'problems';
      readonly problems: readonly Problem[];
      /** What could be read; for the rest the defaults. In lists, what could not be read is left out. */
      readonly partial: Config | undefined;
    }
);

interface Findings {
  readonly directory: string;
  readonly add: (path: readonly PropertyKey[], message: string) => void;
  /** A file that cannot be read. */
  readonly addFile: (path: readonly PropertyKey[], message: string) => void;
  readonly files: NamedFile[];
}

/** `directory` is what relative paths are relative to: the configuration file's. */
export function resolveConfig(input: unknown, directory: string): Resolution {
  const problems: Problem[] = [];
  const findings: Findings = {
    directory,
    add: (path, message) => problems.push({ path: formatPath(path), message }),
    addFile: (path, message) => problems.push({ path: formatPath(path), message, file: true }),
    files: [],
  };
  const parsed = parse(input, problems);
  const listeners = sparse(parsed.listeners, (l, i) => readListener(l, i, parsed, findings));
  checkDuplicates(listeners, findings);
  const routes = sparse(parsed.routes, (r, i) => readRoute(r, i, findings));
  const tls = readTls(parsed, findings);
  const clientCertificates = readClientCertificates(parsed, findings);
  const localDelivery = readLocalDelivery(parsed, findings);
  checkAliases(parsed, findings);
  checkOthers(parsed, findings);
  const complete = problems.every(({ file }) => file === true);
  const advice = adviceOn({ parsed, listeners, routes, complete });
  const { files } = findings;
  const wholeOf = (settings: ParsedConfig): Config => ({
    ...settings,
    dataDirectory: resolve(directory, settings.dataDirectory),
    aliases: new Map(Object.entries(settings.aliases)),
    listeners: listeners.filter((l) => l !== undefined),
    routes: routes.filter((r) => r !== undefined),
    tls,
    clientCertificates,
    localDelivery: localDelivery ?? { kind: 'mailbox' },
    dev: false,
  });
  if (problems.length === 0)
    return { kind: 'ok', advice, files, config: wholeOf(parsed as ParsedConfig) };
  const isObject = typeof input === 'object' && input !== null && !Array.isArray(input);
  const partial = isObject ? wholeOf(completed(parsed)) : undefined;
  return { kind: 'problems', advice, files, problems, partial };
}

/** Defaults for what could not be read. */
function completed(parsed: Partially): ParsedConfig {
  const read = Object.entries(parsed).filter(([, value]) => value !== undefined);
  const readable = read.map(([key, value]) => [key, withoutHoles(value)]);
  return { ...schema.parse({}), ...Object.fromEntries(readable) };
}

const withoutHoles = (value: unknown): unknown =>
  Array.isArray(value) ? value.filter((item) => item !== undefined) : value;

type Partially = { readonly [K in keyof ParsedConfig]?: ParsedConfig[K] | undefined };
type ParsedListener = ParsedConfig['listeners'][number];
type ParsedRoute = ParsedConfig['routes'][number];

/**
 * The settings that can be read, even when others cannot: so that the rules across settings report
 * in the same run. Lists keep their positions; what cannot be read in them is undefined.
 */
function parse(input: unknown, problems: Problem[]): Partially {
  const whole = schema.safeParse(input);
  if (whole.success) return whole.data;
  problems.push(...problemsOf(whole.error, input, knownKeys));
  if (typeof input !== 'object' || input === null || Array.isArray(input)) return {};
  const readable = new Map<string, unknown>();
  for (const [key, type] of Object.entries(schema.shape)) {
    const value: unknown = Object.getOwnPropertyDescriptor(input, key)?.value;
    const element = elementOf(type);
    if (element !== undefined && Array.isArray(value)) {
      const items = value.map((item) => element.safeParse(item));
      readable.set(
        key,
        items.map((item) => (item.success ? item.data : undefined)),
      );
      continue;
    }
    const result = type.safeParse(value);
    if (result.success) readable.set(key, result.data);
  }
  return Object.fromEntries(readable) as Partially;
}

/** Without defaults and the like. */
export function unwrap(type: z.core.$ZodType): z.core.$ZodType {
  let inner = type;
  while (inner instanceof z.ZodPrefault || inner instanceof z.ZodOptional)
    inner = inner.def.innerType;
  return inner;
}

function elementOf(type: z.core.$ZodType): z.ZodType | undefined {
  const inner = unwrap(type);
  return inner instanceof z.ZodArray ? (inner.element as z.ZodType) : undefined;
}

/** The names that are known at a path, for suggestions. */
function knownKeys(path: readonly PropertyKey[]): readonly string[] {
  let types: z.core.$ZodType[] = [schema];
  const branches = (type: z.core.$ZodType): z.core.$ZodType[] => {
    const inner = unwrap(type);
    return inner instanceof z.ZodUnion ? inner.options.flatMap(branches) : [inner];
  };
  for (const key of path)
    types = types.flatMap(branches).flatMap((type) => {
      if (type instanceof z.ZodArray) return [type.element];
      if (!(type instanceof z.ZodObject)) return [];
      const member = new Map(Object.entries(type.shape)).get(String(key));
      return member === undefined ? [] : [member as z.core.$ZodType];
    });
  const objects = types.flatMap(branches).filter((type) => type instanceof z.ZodObject);
  return [...new Set(objects.flatMap((type) => Object.keys(type.shape)))];
}

/** Maps what is there and keeps positions. */
function sparse<T, R>(
  items: readonly (T | undefined)[] | undefined,
  read: (item: T, index: number) => R | undefined,
): readonly (R | undefined)[] {
  return (items ?? []).map((item, i) => (item === undefined ? undefined : read(item, i)));
}

function readListener(
  listener: ParsedListener,
  index: number,
  { tls: ourTls }: Partially,
  { directory, add }: Findings,
): ListenerConfig | undefined {
  const at = (key: string) => ['listeners', index, key];
  const { service, path, port, insecureAuth } = listener;
  if (service === 'http') {
    add(at('service'), 'http is not built yet: leave this listener out');
    return undefined;
  }
  if (path === undefined && port === undefined)
    add(
      at('port'),
      service === 'lmtp' ? 'is missing: give a port or a path' : 'is missing: give a port',
    );
  if (path !== undefined && port !== undefined)
    add(at('path'), 'a listener has a port or a path, not both');
  const hosts = path !== undefined ? [] : [listener.host].flat();
  const tls = listener.tls ?? (ourTls !== undefined && path === undefined ? 'starttls' : 'none');
  if (tls !== 'none' && ourTls === undefined)
    add(at('tls'), `${tls} needs a certificate: set \`tls\`, for instance to 'self-signed'`);
  const local = path !== undefined || hosts.every(isLoopback);
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
    withhold: listener.withhold,
  };
}

/** Two listeners in one place, also where '::' takes the address that another one names. */
function checkDuplicates(
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

function readRoute(route: ParsedRoute, index: number, findings: Findings): RouteConfig | undefined {
  const { add } = findings;
  const at = (key: string) => ['routes', index, key];
  const { domain, via, host, lmtp, tls, user, passwordFile } = route;
  const ways = [via, host, lmtp].filter((way) => way !== undefined).length;
  if (ways !== 1) {
    add(['routes', index], "must have exactly one of `host`, `lmtp` and `via: 'mx'`");
    return undefined;
  }
  if (host === undefined && route.port !== undefined)
    add(at('port'), "goes with `host`; an LMTP server's is written `lmtp: 'host:port'`");
  if (host === undefined && (user !== undefined || passwordFile !== undefined))
    add(at('user'), 'logging in goes with `host`');
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

function readTls({ tls }: Partially, findings: Findings): TlsConfig | undefined {
  if (tls === undefined || tls === 'self-signed') return tls;
  if ('acme' in tls) {
    findings.add(['tls', 'acme'], "is not available in this version: use files or 'self-signed'");
    return undefined;
  }
  const certificate = resolve(findings.directory, tls.certificate);
  const privateKey = resolve(findings.directory, tls.privateKey);
  readable(tls.certificate, ['tls', 'certificate'], findings);
  readable(tls.privateKey, ['tls', 'privateKey'], findings);
  return { certificate, privateKey };
}

function readClientCertificates({ clientCertificates, tls }: Partially, findings: Findings) {
  if (clientCertificates === undefined) return undefined;
  if (tls === undefined) findings.add(['clientCertificates'], 'needs `tls`');
  const authorities = resolve(findings.directory, clientCertificates.authorities);
  readable(clientCertificates.authorities, ['clientCertificates', 'authorities'], findings);
  const accounts = new Map<string, string>();
  for (const [name, address] of Object.entries(clientCertificates.accounts)) {
    if (parseMailbox(address)?.domain) accounts.set(certificateNameKey(name), address);
    else
      findings.add(
        ['clientCertificates', 'accounts', name],
        `must be an address such as 'ann@example.org', not ${shown(address)}`,
      );
  }
  return { authorities, accounts };
}

function readLocalDelivery(
  { localDelivery: given }: Partially,
  { directory, add }: Findings,
): LocalDeliveryConfig | undefined {
  if (given === undefined || given.kind === 'mailbox') return given;
  if (given.kind === 'maildir')
    return { kind: 'maildir', directory: resolve(directory, given.directory) };
  const { path, host, port } = given;
  if (path !== undefined && host === undefined && port === undefined)
    return { kind: 'lmtp', path: resolve(directory, path) };
  if (path === undefined && host !== undefined && port !== undefined)
    return { kind: 'lmtp', host, port };
  add(['localDelivery'], 'must have either `path` or both `host` and `port`');
  return undefined;
}

/** Keys are addresses, '@domain', or a bare local part for every domain of ours. */
function checkAliases({ aliases }: Partially, { add }: Findings): void {
  for (const [key, targets] of Object.entries(aliases ?? {})) {
    const domain = key.slice(key.lastIndexOf('@') + 1);
    if (!isDomain(domain) || !(key.startsWith('@') || parseMailbox(key)?.domain))
      add(['aliases', key], "must be an address such as 'ann@example.org', or '@example.org'");
    for (const [i, target] of targets.entries())
      if (!parseMailbox(target)?.domain)
        add(
          ['aliases', key, i],
          `must be an address such as 'ann@example.org', not ${shown(target)}`,
        );
  }
}

function checkOthers(parsed: Partially, findings: Findings): void {
  const { add } = findings;
  const { domains, relayDomains, recipientDelimiter, store, queue, delivery, dns } = parsed;
  const ours = new Set(domains);
  for (const [i, domain] of (relayDomains ?? []).entries())
    if (domain !== undefined && ours.has(domain))
      add(
        ['relayDomains', i],
        `${domain} is in \`domains\` already: it is delivered here or relayed, not both`,
      );
  if (recipientDelimiter !== undefined && recipientDelimiter.length > 1)
    add(['recipientDelimiter'], `must be one character, not ${shown(recipientDelimiter)}`);
  if (recipientDelimiter === '@') add(['recipientDelimiter'], "cannot be '@'");
  if (store?.kind === 'postgres')
    add(['store', 'kind'], "postgres is not available in this version: use 'sqlite'");
  if (queue !== undefined && queue.warnAfter >= queue.expireAfter)
    add(['queue', 'warnAfter'], 'must be shorter than `queue.expireAfter`');
  if (delivery?.sourceAddress !== undefined && !isAddress(delivery.sourceAddress))
    add(
      ['delivery', 'sourceAddress'],
      `must be an IP address, not ${shown(delivery.sourceAddress)}`,
    );
  for (const [i, server] of (dns?.servers ?? []).entries())
    if (!isServer(server))
      add(
        ['dns', 'servers', i],
        `must be an address such as '192.0.2.53' or '[2001:db8::53]:5353', not ${shown(server)}`,
      );
}

const isServer = (text: string): boolean =>
  parseNetwork(
    text.replace(/^\[(.*)\](?::\d{1,5})?$/, '$1').replace(/^([\d.]+):\d{1,5}$/, '$1'),
  ) !== undefined && !text.includes('/');

/** What is in a file; its name is shown only where it cannot be the secret itself. */
function readable(
  written: string,
  at: readonly PropertyKey[],
  { directory, addFile, files }: Findings,
): string | undefined {
  const path = resolve(directory, written);
  const secret = at.includes('privateKey') || at.includes('passwordFile');
  files.push({ path: formatPath(at), file: path, secret });
  try {
    accessSync(path, constants.R_OK);
    if (!statSync(path).isFile()) throw Object.assign(new Error(), { code: 'EISDIR' });
    return readFileSync(path, 'utf8');
  } catch (error) {
    addFile(at, isPem(written) ? inPlace : `${secretPath(written, path)}: ${whyUnreadable(error)}`);
    return undefined;
  }
}

const inPlace = 'must be the path of a PEM file, not what is in one';

function whyUnreadable(error: unknown): string {
  switch ((error as NodeJS.ErrnoException).code) {
    case 'ENOENT':
      return 'there is no such file';
    case 'EACCES':
      return 'may not be read by us; check its owner and mode';
    case 'EISDIR':
      return 'is not a file';
    default:
      return 'cannot be read';
  }
}
