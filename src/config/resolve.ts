// From what was written to what the server works with: the schema, then the rules that concern
// several settings at once, then paths made absolute and files looked at. Every problem is found in
// one pass: a wrong listener does not hide a wrong route.

import { resolve } from 'node:path';
import { z } from 'zod';
import { domainKey, parseMailbox } from '../mail/fields/address.ts';
import { certificateNameKey } from '../net/certificate-names.ts';
import { isAddress, parseNetwork } from '../net/network.ts';
import { DomainPatterns } from '../policy/addresses/domain-patterns.ts';
import type { Advice } from './advice.ts';
import { adviceOn } from './advice.ts';
import type { Config, ParsedConfig } from './config.ts';
import { schema } from './config.ts';
import type { Findings, NamedFile } from './named-files.ts';
import { readable } from './named-files.ts';
import type { Problem } from './problems.ts';
import { formatPath, problemsOf } from './problems.ts';
import type { LocalDeliveryConfig } from './settings/domains.ts';
import { readFilter } from './settings/filters.ts';
import { checkDuplicates, readListener } from './settings/listeners.ts';
import { readRoute } from './settings/routes.ts';
import { isDomain, shown } from './settings/setting.ts';
import { readTls } from './settings/tls.ts';
import { readWeb } from './settings/web.ts';
import { checkWebhookNames, readWebhook } from './settings/webhooks.ts';

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
  const listeners = sparse(parsed.listeners, (l, i) => readListener(l, i, parsed.tls, findings));
  checkDuplicates(listeners, findings);
  const routes = sparse(parsed.routes, (r, i) => readRoute(r, i, findings));
  const filters = sparse(parsed.filters, (f, i) => readFilter(f, i, findings));
  const webhooks = sparse(parsed.webhooks, (w, i) => readWebhook(w, i, findings));
  checkWebhookNames(webhooks, findings);
  const tls = readTls(parsed.tls, { hostname: parsed.hostname, listeners }, findings);
  const http = readWeb(parsed.http ?? schema.shape.http.parse({}), findings);
  const clientCertificates = readClientCertificates(parsed, findings);
  const localDelivery = readLocalDelivery(parsed, findings);
  checkAliases(parsed, findings);
  checkTags(parsed, findings);
  checkOthers(parsed, findings);
  const complete = problems.every(({ file }) => file === true);
  const advice = adviceOn({ parsed, listeners, routes, complete });
  const { files } = findings;
  const wholeOf = (settings: ParsedConfig): Config => ({
    ...settings,
    dns: readDns(settings.dns),
    dataDirectory: resolve(directory, settings.dataDirectory),
    aliases: new Map(Object.entries(settings.aliases)),
    listeners: listeners.filter((l) => l !== undefined),
    routes: routes.filter((r) => r !== undefined),
    filters: filters.filter((f) => f !== undefined),
    webhooks: webhooks.filter((w) => w !== undefined),
    ...{ tls, http },
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

/** In 0.1 `trustAd: false` was the default, and meant no more than that nothing was said. */
function readDns({ trustAd, ...dns }: ParsedConfig['dns']): Config['dns'] {
  return trustAd === true ? { ...dns, validating: dns.validating ?? true } : dns;
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

/** Tags are taken off where mail is delivered, and nowhere else. */
function checkTags({ backscatter, domains }: Partially, { add }: Findings): void {
  if (domains === undefined) return;
  const ours = new DomainPatterns(domains.filter((domain) => domain !== undefined));
  for (const [i, domain] of (backscatter?.tag ?? []).entries())
    if (!domains.includes(domain) && ours.matches(domainKey(domain)).length === 0)
      add(['backscatter', 'tag', i], `${domain} is not in \`domains\``);
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
