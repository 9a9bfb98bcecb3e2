// From what was written to what the server works with: the schema, then the rules that concern
// several settings at once, then paths made absolute and files looked at. Every problem is found in
// one pass: a wrong listener does not hide a wrong route.

import { resolve } from 'node:path';
import type { Advice } from './advice.ts';
import { adviceOn } from './advice.ts';
import type { Config, ParsedConfig } from './config.ts';
import { schema } from './config.ts';
import type { Findings, NamedFile } from './named-files.ts';
import { completed, readEachSetting } from './partly-read.ts';
import type { Problem } from './problems.ts';
import { formatPath } from './problems.ts';
import { checkTags } from './settings/abuse.ts';
import { readClientCertificates } from './settings/clients.ts';
import { checkDelivery } from './settings/delivery.ts';
import { checkDns, readDns } from './settings/dns.ts';
import { checkDomains, readLocalDelivery } from './settings/domains.ts';
import { readFilter } from './settings/filters.ts';
import { checkDuplicates, readListener } from './settings/listeners.ts';
import { checkQueue } from './settings/queue.ts';
import { readRoute } from './settings/routes.ts';
import { readStore } from './settings/store.ts';
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
  const parsed = readEachSetting(input, problems);
  const listeners = sparse(parsed.listeners, (l, i) => readListener(l, i, parsed.tls, findings));
  checkDuplicates(listeners, findings);
  const routes = sparse(parsed.routes, (r, i) => readRoute(r, i, findings));
  const filters = sparse(parsed.filters, (f, i) => readFilter(f, i, findings));
  const webhooks = sparse(parsed.webhooks, (w, i) => readWebhook(w, i, findings));
  checkWebhookNames(webhooks, findings);
  const tls = readTls(parsed.tls, { hostname: parsed.hostname, listeners }, findings);
  const http = readWeb(parsed.http ?? schema.shape.http.parse({}), findings);
  const clientCertificates = readClientCertificates(
    parsed.clientCertificates,
    parsed.tls !== undefined,
    findings,
  );
  const store = readStore(parsed.store, findings);
  const localDelivery = readLocalDelivery(parsed.localDelivery, findings);
  checkDomains(parsed, findings);
  checkTags(parsed, parsed.domains, findings);
  checkQueue(parsed, findings);
  checkDelivery(parsed, findings);
  checkDns(parsed, findings);
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
    ...{ clientCertificates, localDelivery, store },
    dev: false,
  });
  if (problems.length === 0)
    return { kind: 'ok', advice, files, config: wholeOf(parsed as ParsedConfig) };
  const isObject = typeof input === 'object' && input !== null && !Array.isArray(input);
  const partial = isObject ? wholeOf(completed(parsed)) : undefined;
  return { kind: 'problems', advice, files, problems, partial };
}

/** Maps what is there and keeps positions. */
function sparse<T, R>(
  items: readonly (T | undefined)[] | undefined,
  read: (item: T, index: number) => R | undefined,
): readonly (R | undefined)[] {
  return (items ?? []).map((item, i) => (item === undefined ? undefined : read(item, i)));
}
