// The composition root: configuration → stores → services → listeners. Constructs and connects; the
// logic is below. Whatever a reload can change lies in one object, `live`, that is replaced whole.

import { join } from 'node:path';
import { Maildrops } from './access/maildrops.ts';
import { Pop3Service } from './access/pop3-service.ts';
import type { Clock } from './base/clock.ts';
import { systemClock } from './base/clock.ts';
import type { Log } from './base/log.ts';
import type { Random } from './base/random.ts';
import { systemRandom } from './base/random.ts';
import type { Config, ListenerConfig } from './config/config.ts';
import { createDelivery } from './deliver/dispatch.ts';
import { createLocalDelivery } from './deliver/local.ts';
import { createMaildirDelivery } from './deliver/maildir.ts';
import type { RemoteDelivery } from './deliver/remote.ts';
import { createRemoteDelivery } from './deliver/remote.ts';
import type { Router } from './deliver/route.ts';
import { createRouter } from './deliver/route.ts';
import type { Resolver } from './dns/resolver.ts';
import { domainKey, parseMailbox } from './mail/address.ts';
import type { Dialer } from './net/dialer.ts';
import { createDialer } from './net/dialer.ts';
import type { Listener } from './net/listener.ts';
import { listen, startServerTls } from './net/listener.ts';
import type { Networks } from './net/network.ts';
import { createNetworks } from './net/network.ts';
import type { Peer } from './net/peer.ts';
import { createResolver } from './net/resolver.ts';
import type { SocketPeer } from './net/socket-peer.ts';
import type { LoadedServerTls } from './net/tls.ts';
import { loadServerTls } from './net/tls.ts';
import { createAuthenticator, createDevAuthenticator } from './policy/authenticator.ts';
import { createConnectionLimits } from './policy/connection-limits.ts';
import type { Directory } from './policy/directory.ts';
import { createDirectory } from './policy/directory.ts';
import { DomainPatterns } from './policy/domain-patterns.ts';
import { createLoginThrottle, slowedAuthenticator } from './policy/login-throttle.ts';
import type { Policy } from './policy/policy.ts';
import { inOrder } from './policy/policy.ts';
import { qualifiedDomain } from './policy/qualified-domain.ts';
import { createSenderRule } from './policy/sender-owner.ts';
import { defaultPop3Limits } from './pop3/limits.ts';
import type { Deliver } from './queue/delivery.ts';
import { createMessageIds } from './queue/message-id.ts';
import type { QueueSettings } from './queue/runner.ts';
import { QueueRunner } from './queue/runner.ts';
import { Login } from './receive/login.ts';
import type { Reception } from './receive/reception.ts';
import type { SmtpServiceSettings } from './receive/smtp-service.ts';
import { SmtpService } from './receive/smtp-service.ts';
import { createSaslServer, offeredMechanisms } from './sasl/server.ts';
import { defaultTimeouts } from './smtp/client/timeouts.ts';
import type { SessionLimits } from './smtp/limits.ts';
import { reply } from './smtp/reply.ts';
import { FileHistory } from './store/files/history.ts';
import type { HistoryStore } from './store/history.ts';
import type { NewRecipient } from './store/queue-store.ts';
import type { Stores } from './store/sqlite/stores.ts';
import { openSqliteStores } from './store/sqlite/stores.ts';

export interface ServerOptions {
  readonly config: Config;
  readonly log: Log;
  readonly clock?: Clock;
  readonly random?: Random;
  readonly resolver?: Resolver;
  /** Instead of the ones in the data directory; the server closes them at the end. */
  readonly stores?: Stores;
  /** Asked before our own, in order. */
  readonly policies?: readonly Policy[];
  /** Called once the ports are bound, before the data directory is opened. */
  readonly dropPrivileges?: () => void | Promise<void>;
}

export interface ListeningOn {
  readonly service: ListenerConfig['service'];
  readonly host: string;
  readonly port: number;
  readonly path: string | undefined;
  readonly tls: ListenerConfig['tls'];
}

export interface RunningServer extends AsyncDisposable {
  readonly listeners: readonly ListeningOn[];
  readonly stores: Stores;
  readonly history: HistoryStore;
  readonly runner: QueueRunner;
  readonly config: Config;
  readonly directory: Directory;
  /** @throws when something of it cannot be had (a port, a certificate): the old one stays. */
  reload(config: Config): Promise<void>;
  /** No new connections, 421 to the idle; transactions and deliveries get up to `graceMs`. */
  stop(options: { readonly graceMs: number }): Promise<void>;
}

/** Everything that follows from the configuration alone. */
interface Live {
  readonly config: Config;
  readonly router: Router;
  readonly directory: Directory;
  readonly remote: RemoteDelivery;
  readonly trusted: Networks;
  readonly relayed: DomainPatterns;
  readonly limits: SessionLimits;
  readonly queue: QueueSettings;
}

/** What takes connections. */
interface Service {
  accept(peer: Peer): void;
  shutdown(): Promise<void>;
  destroy(): void;
}

/** One listening socket, and what it does with connections once everything is ready. */
interface Door {
  readonly spec: ListenerConfig;
  readonly at: ListeningOn;
  readonly listener: Listener;
  service: Service | undefined;
}

/** @throws ListenError, TlsError, StorageError with a message for the operator. */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const { log, clock = systemClock(), random = systemRandom } = options;
  const tls = await loadTls(options.config);
  for (const warning of tls?.warnings ?? []) log.warn(warning);

  // Connections made before everything is ready wait for it.
  const ready = Promise.withResolvers<void>();
  let doors = await openDoors(options.config.listeners, tls, ready.promise);
  await options.dropPrivileges?.();

  const { dataDirectory, history: historySettings } = options.config;
  const stores =
    options.stores ?? (await openSqliteStores({ directory: dataDirectory, log, clock }));
  const history = new FileHistory({
    directory: join(dataDirectory, 'history'),
    bytesMax: historySettings.size,
    clock,
    log,
  });
  const resolver = options.resolver ?? createDnsResolver(options.config, random, log);
  const dialer = createDialer();
  const parts = { stores, resolver, dialer, clock, random, log };
  let live = goLive(options.config, parts);
  const messageId = createMessageIds({ clock, random });
  const runner = new QueueRunner({
    store: stores.queue,
    deliver: createDelivery({
      router: { routeOfDestination: (destination) => live.router.routeOfDestination(destination) },
      local: localDelivery(() => live, { clock, log }),
      remote: (lease, signal) => live.remote(lease, signal),
    }),
    clock,
    random,
    log,
    history,
    get hostname() {
      return live.config.hostname;
    },
    get settings() {
      return live.queue;
    },
    ids: messageId,
    resolve: (address) => recipientsOf(live, address),
  });

  const authenticator = options.config.dev
    ? createDevAuthenticator()
    : createAuthenticator({
        accounts: stores.accounts,
        clock,
        tokenVerifier: options.config.tokenVerifier,
      });
  const throttle = createLoginThrottle({ clock, ...live.config.login });
  const connections = createConnectionLimits(connectionLimits(live));
  const senderRule = options.config.dev
    ? undefined
    : createSenderRule({ accounts: stores.accounts, directory: () => live.directory });

  const login = (reception: Reception): Login => {
    const address = reception.client.remote.address;
    const slowed = slowedAuthenticator(authenticator, { throttle, clock, address });
    return new Login({
      clientAddress: address,
      throttle,
      clock,
      startSasl: (mechanism) =>
        createSaslServer(mechanism, {
          authenticator: slowed,
          tls: reception.client.tls,
        }),
      onSuccess: (account) => {
        reception.loggedIn(account);
        log.info('logged in', { session: reception.client.session, account, address });
      },
      onFailure: (mechanism, { reason, user, cause }) =>
        log.warn('login failed', {
          session: reception.client.session,
          mechanism,
          reason,
          user,
          address,
          ...(cause !== undefined && { error: String(cause) }),
        }),
    });
  };

  const policies = options.policies ?? [];
  const hooks = inOrder(policies);
  const submissionHooks = inOrder([
    ...policies,
    qualifiedDomain({ isOurs: (domain) => live.directory.isOurs(domain) }),
  ]);

  const settingsFor = (spec: SmtpListener) => (): SmtpServiceSettings => ({
    hostname: live.config.hostname,
    service: spec.service,
    startTls: tls !== undefined && spec.tls === 'starttls',
    bareNewlines: spec.bareNewlines,
    authRequired: spec.service === 'submission',
    withheld: new Set(spec.withhold),
    limits: live.limits,
    isTrusted: live.trusted.has,
    mechanisms: (peer) =>
      spec.service === 'lmtp'
        ? []
        : offeredMechanisms({ authenticator, tls: peer.tls, insecureAuth: spec.insecureAuth }),
    login,
    directory: live.directory,
    destinationOf: live.router.destinationOf,
    senderRule,
    vrfy: live.config.vrfy,
    hooks: spec.service === 'submission' ? submissionHooks : hooks,
  });

  const startTls = (peer: Peer) => {
    if (tls === undefined) throw new Error('STARTTLS without a certificate');
    return startServerTls(peer as SocketPeer, tls);
  };
  const maildrops = new Maildrops({ mailboxes: stores.mailboxes, clock });
  const pop3Service = (spec: ListenerConfig): Service =>
    new Pop3Service({
      settings: () => ({
        hostname: live.config.hostname,
        startTls: tls !== undefined && spec.tls === 'starttls',
        insecureAuth: spec.insecureAuth,
        loginDelayMs: live.config.pop3.loginDelay,
        limits: { ...defaultPop3Limits, idleMs: live.config.pop3.idleTimeout },
      }),
      ...{ maildrops, authenticator, throttle, connections, startTls, clock, random, log },
    });
  const smtpService = (spec: SmtpListener): Service =>
    new SmtpService({
      settings: settingsFor(spec),
      connections,
      startTls,
      spool: stores.spool,
      submit: (message) => runner.submit(message),
      messageId,
      startQueue: async (node) => {
        // RFC 1985 §5.3: a retry of everything due for a domain we relay for.
        if (!live.relayed.matches(domainKey(node)).length)
          return reply(458, '7.1', `Unable to queue for ${node}`);
        runner.wake();
        return reply(250, '0.0', `Queuing for node ${node} started`);
      },
      clock,
      random,
      log,
    });
  const serve = (door: Door): void => {
    const { spec } = door;
    door.service = isSmtp(spec) ? smtpService(spec) : pop3Service(spec);
  };

  await rerouteQueue(stores, live, log);
  for (const door of doors) serve(door);
  runner.start();
  ready.resolve();

  let stopping: Promise<void> | undefined;
  async function stopAll(graceMs: number): Promise<void> {
    await Promise.all(doors.map(({ listener }) => listener.close()));
    const services = doors.flatMap(({ service }) => service ?? []);
    const cancel = clock.after(graceMs, () => {
      for (const service of services) service.destroy();
    });
    await Promise.all(services.map((service) => service.shutdown()));
    cancel();
    await runner.stop({ graceMs });
    await live.remote.close();
    await history[Symbol.asyncDispose]();
    await stores[Symbol.asyncDispose]();
  }
  const stop = ({ graceMs }: { readonly graceMs: number }) => (stopping ??= stopAll(graceMs));

  return {
    get listeners() {
      return doors.map(({ at }) => at);
    },
    get config() {
      return live.config;
    },
    get directory() {
      return live.directory;
    },
    stores,
    history,
    runner,
    async reload(config) {
      const next = goLive(config, parts);
      if (config.tls !== undefined) await tls?.reload(config.tls, tlsOptions(config));
      const kept = doors.filter(({ spec }) => config.listeners.some((one) => isSame(one, spec)));
      const added = config.listeners.filter((one) => !kept.some(({ spec }) => isSame(one, spec)));
      const opened = await openDoors(added, tls, Promise.resolve());
      const closed = doors.filter((door) => !kept.includes(door));
      const { remote } = live;
      live = next;
      void remote.close();
      throttle.update(config.login);
      connections.update(connectionLimits(live));
      for (const door of opened) serve(door);
      doors = [...kept, ...opened];
      for (const { listener, service } of closed) {
        await listener.close();
        void service?.shutdown();
      }
      await rerouteQueue(stores, live, log);
      runner.wake();
    },
    stop,
    [Symbol.asyncDispose]: () => stop({ graceMs: live.config.shutdownGrace }),
  };
}

interface LiveParts {
  readonly stores: Stores;
  readonly resolver: Resolver;
  readonly dialer: Dialer;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

function goLive(config: Config, parts: LiveParts): Live {
  const { limits, queue } = config;
  const { stores, log } = parts;
  const router = createRouter({
    domains: config.domains,
    routes: config.routes,
    localDelivery: config.localDelivery,
    catchAll: config.dev,
  });
  return {
    config,
    router,
    remote: remoteDelivery(config, router, parts),
    directory: createDirectory({
      accounts: stores.accounts,
      domains: config.domains,
      relayDomains: config.relayDomains,
      aliases: config.aliases,
      recipientDelimiter: config.recipientDelimiter,
      acceptAll: config.dev,
      hostname: config.hostname,
      log,
    }),
    trusted: createNetworks(config.trustedNetworks),
    relayed: new DomainPatterns(config.relayDomains),
    limits: {
      commandBytes: 512,
      messageBytes: limits.messageSize,
      textLineBytes: limits.textLine,
      headerBytes: limits.headerSize,
      recipients: limits.recipients,
      errors: limits.errorsPerConnection,
      idleCommands: limits.commandsWithoutMail,
      messages: limits.messagesPerConnection,
      commandMs: limits.commandTimeout,
      contentMs: limits.contentTimeout,
    },
    queue: {
      retryAfterMs: queue.retryAfter,
      warnAfterMs: queue.warnAfter,
      expireAfterMs: queue.expireAfter,
      connectionsPerDestination: queue.connectionsPerDestination,
      activeMax: queue.deliveries,
      memoryBytesMax: queue.memory,
    },
  };
}

/** Our mailboxes or Maildir folders, by the configuration in force. */
function localDelivery(live: () => Live, { clock, log }: { clock: Clock; log: Log }): Deliver {
  const directory = {
    accountOf: (address: string) => live().directory.accountOf(address),
  };
  const mailbox = createLocalDelivery({ directory, clock });
  let maildir: { readonly path: string; readonly deliver: Deliver } | undefined;
  return (lease, signal) => {
    const { localDelivery: kind, hostname } = live().config;
    if (kind.kind !== 'maildir') return mailbox(lease, signal);
    if (maildir?.path !== kind.directory)
      maildir = {
        path: kind.directory,
        deliver: createMaildirDelivery({
          directory: kind.directory,
          recipients: directory,
          hostname,
          log,
        }),
      };
    return maildir.deliver(lease, signal);
  };
}

function remoteDelivery(config: Config, router: Router, parts: LiveParts): RemoteDelivery {
  const { delivery, queue } = config;
  return createRemoteDelivery({
    ...parts,
    hostname: config.hostname,
    routeOf: (destination) => router.routeOfDestination(destination),
    ourNames: new Set([domainKey(config.hostname)]),
    limits: {
      hostsMax: delivery.hostsPerMessage,
      connectMs: delivery.connectTimeout,
      idleMs: delivery.idleTimeout,
      messagesPerConnection: queue.messagesPerConnection,
    },
    timeouts: {
      ...defaultTimeouts,
      greetingMs: delivery.greetingTimeout,
      commandMs: delivery.commandTimeout,
      endOfDataMs: delivery.contentTimeout,
    },
    eightBitConversion: delivery.eightBitConversion,
    localAddress: delivery.sourceAddress,
  });
}

const connectionLimits = ({ config, trusted }: Live) => ({
  connections: config.limits.connections,
  connectionsPerClient: config.limits.connectionsPerClient,
  isExempt: trusted.has,
});

const tlsOptions = (config: Config) => ({
  directory: join(config.dataDirectory, 'tls'),
  hostname: config.hostname,
  clientAuthorities: config.clientCertificates?.authorities,
});

async function loadTls(config: Config): Promise<LoadedServerTls | undefined> {
  return config.tls === undefined ? undefined : loadServerTls(config.tls, tlsOptions(config));
}

const createDnsResolver = ({ dns }: Config, random: Random, log: Log): Resolver =>
  createResolver({
    servers: dns.servers,
    timeoutMs: dns.timeout,
    attempts: dns.attempts,
    trustAd: dns.trustAd,
    cacheEntriesMax: dns.cacheEntries,
    random,
    log,
  });

type SmtpListener = ListenerConfig & { readonly service: SmtpServiceSettings['service'] };
const isSmtp = (spec: ListenerConfig): spec is SmtpListener => spec.service !== 'pop3';

/** All of them, or none: what was opened before one that fails is closed again. */
async function openDoors(
  specs: readonly ListenerConfig[],
  tls: LoadedServerTls | undefined,
  ready: Promise<void>,
): Promise<Door[]> {
  const doors: Door[] = [];
  try {
    for (const spec of specs) {
      const { service, path } = spec;
      for (const host of path === undefined ? spec.hosts : ['']) {
        let door: Door | undefined;
        const listener = await listen({
          ...(path === undefined ? { host, port: spec.port } : { path }),
          tls,
          implicitTls: spec.tls === 'implicit',
          onConnection: (peer) => {
            if (door?.service !== undefined) door.service.accept(peer);
            else void ready.then(() => door?.service?.accept(peer));
          },
        });
        const at = { service, host, port: listener.port, path, tls: spec.tls };
        door = { spec, at, listener, service: undefined };
        doors.push(door);
      }
    }
    return doors;
  } catch (error) {
    for (const { listener } of doors) await listener.close();
    throw error;
  }
}

const isSame = (a: ListenerConfig, b: ListenerConfig): boolean =>
  JSON.stringify(a) === JSON.stringify(b);

async function rerouteQueue(stores: Stores, live: Live, log: Log): Promise<void> {
  const recipients = await stores.queue.reroute(live.router.destinationOf);
  if (recipients > 0) log.info('rerouted', { recipients });
}

/** Whom a notification for this address goes to: aliases work for those as for other mail. */
async function recipientsOf({ directory, router }: Live, address: string): Promise<NewRecipient[]> {
  const mailbox = parseMailbox(address);
  if (mailbox === undefined) return [];
  const resolution = await directory.resolve(mailbox, { mayRelay: true });
  if (resolution.kind === 'refuse') return [];
  return resolution.recipients.map((one) => ({
    address: one.address,
    params: [],
    destination: router.destinationOf(one.address),
  }));
}
