// The composition root: configuration → stores → services → listeners. Constructs and connects; the
// logic is below. Whatever a reload can change lies in one object, `inForce`, that is replaced whole.

import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import type { Reloaded } from '../admin/operation-parts.ts';
import type { Operations } from '../admin/operations.ts';
import type { Clock } from '../base/clock.ts';
import { systemClock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { Random } from '../base/random.ts';
import { systemRandom } from '../base/random.ts';
import type { Config } from '../config/config.ts';
import type { ListenerConfig } from '../config/settings/listeners.ts';
import type { Resolver } from '../dns/resolver.ts';
import { createResolvers } from '../net/resolver.ts';
import type { Service } from '../net/service.ts';
import type { Directory } from '../policy/directory.ts';
import type { QueueRunner } from '../queue/runner.ts';
import { Tracking } from '../queue/tracking.ts';
import { openDataDirectory } from '../store/files/directory.ts';
import { FileHistory } from '../store/files/history.ts';
import type { HistoryStore } from '../store/history.ts';
import { openStores } from '../store/open-stores.ts';
import type { Stores } from '../store/stores.ts';
import { Acme } from './acme.ts';
import { Admission, authenticatorFor } from './admission.ts';
import { Certificate } from './certificate.ts';
import type { Relays, ResolverFor } from './delivery.ts';
import { createQueue, createRelays } from './delivery.ts';
import type { HttpParts } from './http.ts';
import { createHttp } from './http.ts';
import type { ImapParts } from './imap.ts';
import { createImap } from './imap.ts';
import type { InForce, InForceParts } from './in-force.ts';
import { putInForce } from './in-force.ts';
import type { ListenersParts, ListeningOn } from './listeners.ts';
import { Listeners } from './listeners.ts';
import type { ServerMetrics } from './metrics.ts';
import { createMetrics } from './metrics.ts';
import { createMtqp } from './mtqp.ts';
import { createOperations } from './operations.ts';
import { createPop3 } from './pop3.ts';
import type { Reports } from './reports.ts';
import { createReports } from './reports.ts';
import type { SmtpParts } from './smtp.ts';
import { createSmtp } from './smtp.ts';
import type { Spam } from './spam.ts';
import { createSpam } from './spam.ts';
import { createUrls } from './urls.ts';

export type { ListeningOn } from './listeners.ts';

export interface ServerOptions {
  readonly config: Config;
  readonly log: Log;
  readonly clock?: Clock;
  readonly random?: Random;
  readonly resolver?: Resolver;
  /** Where other servers are talked to. Default: in a thread of its own where processors are plenty. */
  readonly relayIn?: 'own-thread' | 'same-thread';
  /** Instead of the ones in the data directory; the server closes them at the end. */
  readonly stores?: Stores;
  /** Asked in order, after the rule whose address a sender is and before our others. */
  readonly policies?: SmtpParts['policies'];
  /** Called once the ports are bound, before the data directory is opened. */
  readonly dropPrivileges?: () => void | Promise<void>;
  /** Reads the configuration again: what the operation `reload` does. */
  readonly reload?: () => Promise<Reloaded>;
}

export interface RunningServer extends AsyncDisposable {
  readonly listeners: readonly ListeningOn[];
  readonly stores: Stores;
  readonly history: HistoryStore;
  readonly runner: QueueRunner;
  readonly config: Config;
  readonly directory: Directory;
  /** What an operator can ask for. */
  readonly operations: Operations;
  /**
   * Resolves to the settings that were changed and are taken at the next start only.
   * @throws when something of it cannot be had (a port, a certificate): the old one stays.
   */
  reload(config: Config): Promise<readonly string[]>;
  /** No new connections, 421 to the idle; transactions and deliveries get up to `graceMs`. */
  stop(options: { readonly graceMs: number }): Promise<void>;
}

interface Basics {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly metrics: ServerMetrics;
}

/** What lasts from start to stop. */
interface Parts {
  readonly stores: Stores;
  readonly history: FileHistory;
  readonly runner: QueueRunner;
  readonly reports: Reports;
  readonly spam: Spam;
  readonly operations: Operations;
  readonly relays: Relays;
  readonly listeners: Listeners;
  readonly certificate: Certificate;
  readonly acme: Acme;
  readonly admission: Admission;
  readonly log: Log;
}

/** @throws ListenError, TlsError, StorageError with a message for the operator. */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const { config, log, clock = systemClock(), random = systemRandom } = options;
  const metrics = createMetrics();
  const basics = { clock, random, log, metrics };
  // What was opened before something failed is closed again.
  await using undo = new AsyncDisposableStack();
  const certificate = new Certificate(log);
  metrics.readCertificates(certificate);
  const admission = new Admission(config, basics);
  const listeners = new Listeners({
    serviceFor: (spec) => serviceFor(spec),
    tls: () => certificate.tls,
    admitHandshake: admission.admitHandshake,
    ...turnedAway(admission),
    ...{ clock, log },
  });
  undo.defer(() => listeners.close(0));
  await certificate.read(config);
  await listeners.open(config.listeners, 'ports');
  await options.dropPrivileges?.();
  await listeners.open(config.listeners, 'sockets');
  if (options.stores === undefined) await openDataDirectory(config.dataDirectory);
  await certificate.make(config);

  const stores = options.stores ?? (await openOwnStores(config, basics));
  undo.use(stores);
  const history = openHistory(config, basics);
  undo.use(history);
  admission.recordIn(history);
  const acme = new Acme(config, { certificate, stores, ...basics });
  undo.defer(() => acme.stop());
  await acme.load();
  const resolverFor = resolversOf(options, basics);
  const relays = createRelays(options, {
    ...basics,
    resolverFor,
    stores,
    inForce: () => state.inForce,
  });
  undo.use(relays);
  const state = new State(config, { stores, openRelay: relays.open, clock, log });
  const inForce = () => state.inForce;
  const resolver: Resolver = {
    resolve: (name, type, options) =>
      resolverFor(inForce().config.dns).resolve(name, type, options),
  };
  const reports = createReports({
    ...{ inForce, stores, resolver, ...basics },
    queue: () => delivery,
  });
  const spam = undo.use(createSpam({ inForce, stores, ...basics }));
  const delivery = await createQueue({ inForce, stores, history, reports, spam, ...basics });
  const authenticator = authenticatorFor(inForce, { accounts: stores.accounts, clock });
  const tracking = new Tracking({
    ...{ records: stores.records, store: stores.queue, history, clock, log },
    hostname: () => inForce().config.hostname,
    queuedMs: () => inForce().config.queue.expireAfter,
  });
  const serviceFor = createServices({
    ...{ inForce, stores, admission, authenticator, certificate, delivery, tracking, ...basics },
    policies: options.policies ?? [],
    listening: () => listeners.list,
    operations: () => operations,
    acmeChallenges: acme.challenges,
    ...{ resolver, reports, spam },
  });
  const { runner } = delivery;
  const { reload = noFile } = options;
  const operations: Operations = createOperations({
    ...{ stores, history, addresses: inForce, clock, log },
    wake: () => runner.wake(),
    server: { reload, metrics: () => metrics.snapshot() },
  });
  const parts = { stores, history, runner, reports, spam, operations, relays, listeners };
  const server = new Server(state, { ...parts, certificate, acme, admission, log });
  await server.start();
  undo.move();
  return server;
}

/** A record of those who never come to a conversation. */
const turnedAway = ({
  refusals,
}: Admission): Pick<ListenersParts, 'onHandshakeFailure' | 'onProxyRefused'> => ({
  onHandshakeFailure: (service, client, { message: reason }) =>
    refusals.note({ service, client, stage: 'tls', reason }),
  onProxyRefused: (service, client, reason) =>
    refusals.note({ service, client, stage: 'connect', reason: `PROXY: ${reason}` }),
});

/** As this thread asks the DNS: policies, and relays where they run here, share what it has learnt. */
function resolversOf({ resolver }: ServerOptions, { random, log, metrics }: Basics): ResolverFor {
  const queries = metrics.dnsQueries;
  return resolver === undefined ? createResolvers({ random, log, queries }) : () => resolver;
}

function createServices(
  parts: SmtpParts & HttpParts & ImapParts & { readonly tracking: Tracking },
): (spec: ListenerConfig) => Service {
  const http = createHttp(parts);
  const urls = createUrls(parts);
  const smtp = createSmtp(parts, urls);
  const imap = createImap(parts, urls);
  const pop3 = createPop3(parts);
  const mtqp = createMtqp(parts);
  return (spec) => {
    const { service } = spec;
    if (service === 'http') return http(spec);
    if (service === 'imap') return imap(spec);
    if (service === 'pop3') return pop3(spec);
    if (service === 'mtqp') return mtqp(spec);
    return smtp({ ...spec, service });
  };
}

/** What was started with, and what is in force since the last reload. */
class State {
  readonly started: Config;
  readonly #parts: InForceParts;
  inForce: InForce;

  constructor(config: Config, parts: InForceParts) {
    this.started = config;
    this.#parts = parts;
    this.inForce = putInForce(config, parts);
  }

  next(config: Config): InForce {
    return putInForce(config, this.#parts);
  }
}

class Server implements RunningServer {
  readonly #state: State;
  readonly #parts: Parts;
  #reloading: Promise<unknown> = Promise.resolve();
  #stopping: Promise<void> | undefined;

  constructor(state: State, parts: Parts) {
    this.#state = state;
    this.#parts = parts;
  }

  async start(): Promise<void> {
    await this.#reroute();
    await this.#parts.reports.start();
    this.#parts.runner.start();
    this.#parts.acme.start();
    this.#parts.listeners.start();
  }

  get listeners(): readonly ListeningOn[] {
    return this.#parts.listeners.list;
  }

  get config(): Config {
    return this.#state.inForce.config;
  }

  get directory(): Directory {
    return this.#state.inForce.directory;
  }

  get stores(): Stores {
    return this.#parts.stores;
  }

  get history(): HistoryStore {
    return this.#parts.history;
  }

  get runner(): QueueRunner {
    return this.#parts.runner;
  }

  get operations(): Operations {
    return this.#parts.operations;
  }

  reload(config: Config): Promise<readonly string[]> {
    const reloaded = this.#reloading.then(() => this.#reload(config)); // one after the other
    this.#reloading = reloaded.catch(() => {});
    return reloaded;
  }

  stop({ graceMs }: { readonly graceMs: number }): Promise<void> {
    this.#stopping ??= this.#stopAll(graceMs);
    return this.#stopping;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop({ graceMs: this.config.shutdownGrace });
  }

  /** New sockets and the certificate first: they can fail, and then nothing else has changed. */
  async #reload(written: Config): Promise<readonly string[]> {
    if (this.#stopping !== undefined) throw new Error('the server is stopping');
    const { started } = this.#state;
    const { listeners, certificate, acme, admission, history, runner, log } = this.#parts;
    const { dataDirectory, user } = started;
    const config = { ...written, dataDirectory, user };
    const next = this.#state.next(config);
    const change = await listeners.change(config.listeners).catch(async (error: unknown) => {
      await next.relay.close();
      throw error;
    });
    try {
      await certificate.reload(config);
      await acme.change(config);
    } catch (error) {
      await change.cancel();
      await next.relay.close();
      throw error;
    }
    const before = this.#state.inForce;
    this.#state.inForce = next;
    history.resize(config.history.size);
    void before.relay.close();
    const later = restartSettings.filter((key) => !isDeepStrictEqual(written[key], started[key]));
    if (later.length > 0) log.warn('needs a restart', { settings: later });
    admission.update(config);
    change.commit();
    await this.#reroute();
    runner.wake();
    return later;
  }

  async #stopAll(graceMs: number): Promise<void> {
    const { listeners, acme, runner, reports, spam, relays } = this.#parts;
    const { admission, history, stores } = this.#parts;
    acme.stop();
    await this.#reloading;
    await listeners.close(graceMs);
    await runner.stop({ graceMs });
    await reports.stop();
    await spam[Symbol.asyncDispose]();
    await this.#state.inForce.relay.close();
    await relays[Symbol.asyncDispose]();
    admission.refusals.close();
    await history[Symbol.asyncDispose]();
    await stores[Symbol.asyncDispose]();
  }

  /** What is queued follows the routes that are in force now. */
  async #reroute(): Promise<void> {
    const { stores, log } = this.#parts;
    const recipients = await stores.queue.reroute(this.#state.inForce.router.wayOf);
    if (recipients > 0) log.info('rerouted', { recipients });
  }
}

const noFile = async (): Promise<Reloaded> => ({
  problems: ['there is no configuration file to read again'],
  later: [],
});

/** A reload of these has no effect until the next start. */
const restartSettings = ['dataDirectory', 'user'] as const;

const openOwnStores = (
  { dataDirectory: directory }: Config,
  { clock, log, metrics }: Basics,
): Promise<Stores> =>
  openStores({
    ...{ directory, log, clock, flushSeconds: metrics.flush },
    onFailure: endLoudly,
  });

const openHistory = ({ dataDirectory, history }: Config, { clock, log }: Basics): FileHistory =>
  new FileHistory({
    directory: join(dataDirectory, 'history'),
    bytesMax: history.size,
    ...{ clock, log },
  });

/** Without its store a server can only refuse: better that it ends, and recovers when started anew. */
function endLoudly(error: Error): void {
  setImmediate(() => {
    throw error;
  });
}
