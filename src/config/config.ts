// Every setting: its name, type, default, bounds and a sentence about it, in a file for each subsystem in
// `settings/`. From this one schema come the types of a configuration file and of the resolved configuration, the
// list of problems, and docs/config.md. In the resolved form durations are milliseconds, sizes are octets, paths are
// absolute, passwords of routes have been read; nothing else differs from what was written.

import { z } from 'zod';
import type { StoreSettings } from '../store/stores.ts';
import type { CatcherSettings } from './catcher.ts';
import { abuseSettings } from './settings/abuse.ts';
import { activeSyncSettings } from './settings/activesync.ts';
import type { ClientCertificates } from './settings/clients.ts';
import { clientSettings } from './settings/clients.ts';
import { conversionSettings } from './settings/conversion.ts';
import { deliverySettings } from './settings/delivery.ts';
import type { DnsConfig } from './settings/dns.ts';
import { dnsSettings } from './settings/dns.ts';
import type { LocalDeliveryConfig } from './settings/domains.ts';
import { domainSettings } from './settings/domains.ts';
import type { FilterConfig } from './settings/filters.ts';
import { filterSettings } from './settings/filters.ts';
import { hookSettings } from './settings/hooks.ts';
import { limitSettings } from './settings/limits.ts';
import type { ListenerConfig } from './settings/listeners.ts';
import { listenerSettings } from './settings/listeners.ts';
import { mailboxSettings } from './settings/mailboxes.ts';
import { queueSettings } from './settings/queue.ts';
import { reportSettings } from './settings/reports.ts';
import type { RouteConfig } from './settings/routes.ts';
import { routeSettings } from './settings/routes.ts';
import { ruleSettings } from './settings/rules.ts';
import { serverSettings } from './settings/server.ts';
import type { TlsConfig } from './settings/tls.ts';
import { tlsSettings } from './settings/tls.ts';
import { transportSettings } from './settings/transport.ts';
import { trustSettings } from './settings/trust.ts';
import type { WebConfig } from './settings/web.ts';
import { webSettings } from './settings/web.ts';
import type { WebhookConfig } from './settings/webhooks.ts';
import { webhookSettings } from './settings/webhooks.ts';

/** In the order of docs/config.md. */
export const schema = z.strictObject({
  ...serverSettings,
  ...domainSettings,
  ...listenerSettings,
  ...tlsSettings,
  ...clientSettings,
  ...limitSettings,
  ...routeSettings,
  ...queueSettings,
  ...deliverySettings,
  ...transportSettings,
  ...dnsSettings,
  ...mailboxSettings,
  ...webSettings,
  ...activeSyncSettings,
  ...webhookSettings,
  ...trustSettings,
  ...reportSettings,
  ...ruleSettings,
  ...abuseSettings,
  ...filterSettings,
  ...conversionSettings,
  ...hookSettings,
});

/** What one writes. */
export type ConfigInput = z.input<typeof schema>;
export type ParsedConfig = z.output<typeof schema>;

type Resolved =
  | 'aliases'
  | 'filters'
  | 'listeners'
  | 'routes'
  | 'tls'
  | 'clientCertificates'
  | 'localDelivery'
  | 'store'
  | 'dns'
  | 'http'
  | 'webhooks';

/** What the server works with. Durations in milliseconds, sizes in octets, paths absolute. */
export interface Config extends Readonly<Omit<ParsedConfig, Resolved>> {
  readonly aliases: ReadonlyMap<string, readonly string[]>;
  readonly listeners: readonly ListenerConfig[];
  readonly routes: readonly RouteConfig[];
  readonly filters: readonly FilterConfig[];
  readonly tls: TlsConfig | undefined;
  readonly http: WebConfig;
  readonly webhooks: readonly WebhookConfig[];
  readonly dns: DnsConfig;
  readonly clientCertificates: ClientCertificates | undefined;
  readonly localDelivery: LocalDeliveryConfig;
  readonly store: StoreSettings;
  /**
   * `postrider dev`: any address has an inbox, any password is right, nothing leaves the machine.
   * Cannot be written in a file.
   */
  readonly dev: boolean;
  /** Of `dev` alone. */
  readonly catcher?: CatcherSettings | undefined;
}

/** Gives a configuration its type; changes nothing. */
export function defineConfig(config: ConfigInput): ConfigInput {
  return config;
}
