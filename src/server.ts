// The composition root: configuration → stores → services → listeners. Constructs and connects; the
// logic is below. Whatever a reload can change lies in one object, `live`, that is replaced whole.

import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import type { Clock } from './base/clock.ts';
import { systemClock } from './base/clock.ts';
import type { Log } from './base/log.ts';
import type { Random } from './base/random.ts';
import { systemRandom } from './base/random.ts';
import type { Config } from './config/config.ts';
import { createDelivery } from './deliver/dispatch.ts';
import type { Resolver } from './dns/resolver.ts';
import type { ListeningOn } from './doors.ts';
import { Doors } from './doors.ts';
import type { Live } from './live.ts';
import { connectionLimits, goLive, localDelivery, recipientsOf } from './live.ts';
import type { LoadedServerTls } from './net/tls.ts';
import { loadServerTls } from './net/tls.ts';
import { createConnectionLimits } from './policy/connection-limits.ts';
import type { Directory } from './policy/directory.ts';
import { createLoginThrottle } from './policy/login-throttle.ts';
import type { Policy } from './policy/policy.ts';
import { Refusals } from './policy/refusals.ts';
import { createMessageIds } from './queue/message-id.ts';
import { QueueRunner } from './queue/runner.ts';
import { createRelays } from './relays.ts';
import { createServices } from './services.ts';
import { openDataDirectory } from './store/files/directory.ts';
import { FileHistory } from './store/files/history.ts';
import type { HistoryStore } from './store/history.ts';
import type { Stores } from './store/sqlite/stores.ts';
import { openSqliteStores } from './store/sqlite/stores.ts';

export type { ListeningOn } from './doors.ts';

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
  /** Asked before our own, in order. */
  readonly policies?: readonly Policy[];
  /** Called once the ports are bound, before the data directory is opened. */
  readonly dropPrivileges?: () => void | Promise<void>;
}

export interface RunningServer extends AsyncDisposable {
  readonly listeners: readonly ListeningOn[];
  readonly stores: Stores;
  readonly history: HistoryStore;
  readonly runner: QueueRunner;
  readonly config: Config;
  readonly directory: Directory;
  /**
   * Resolves to the settings that were changed and are taken at the next start only.
   * @throws when something of it cannot be had (a port, a certificate): the old one stays.
   */
  reload(config: Config): Promise<readonly string[]>;
  /** No new connections, 421 to the idle; transactions and deliveries get up to `graceMs`. */
  stop(options: { readonly graceMs: number }): Promise<void>;
}

/** @throws ListenError, TlsError, StorageError with a message for the operator. */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const { log, clock = systemClock(), random = systemRandom } = options;
  // What was opened before something failed is closed again.
  await using undo = new AsyncDisposableStack();
  // What is in files only root may read is read before the change; what we make ourselves is made after.
  const ownTls = options.config.tls === 'self-signed';
  let tls = ownTls ? undefined : await loadTls(options.config, log);

  const { dataDirectory, history: historySettings } = options.config;
  const connections = createConnectionLimits(connectionLimits(options.config));
  let diary: HistoryStore | undefined; // there may be somebody to refuse before it is open
  const refusals = new Refusals({ log, clock, history: { record: (one) => diary?.record(one) } });
  const doors = new Doors({
    serviceFor: (spec) => serviceFor(spec),
    tls: () => tls,
    admitHandshake: (address) => {
      const objection = connections.admit(address);
      if (objection === undefined) return () => connections.release(address);
      refusals.note({ client: address, stage: 'connect', reason: objection.lines[0] });
      return undefined;
    },
    onHandshakeFailure: (service, client, { message: reason }) =>
      refusals.note({ service, client, stage: 'tls', reason }),
    ...{ clock, log },
  });
  undo.defer(() => doors.close(0));
  await doors.open(options.config.listeners, 'ports');
  await options.dropPrivileges?.();
  await doors.open(options.config.listeners, 'sockets');
  if (options.stores === undefined) await openDataDirectory(dataDirectory);
  if (ownTls) tls = await loadTls(options.config, log);

  const stores =
    options.stores ??
    (await openSqliteStores({ directory: dataDirectory, log, clock, onFailure: endLoudly }));
  undo.use(stores);
  const history = new FileHistory({
    directory: join(dataDirectory, 'history'),
    bytesMax: historySettings.size,
    clock,
    log,
  });
  undo.use(history);
  diary = history;
  const relays = createRelays(options, { clock, random, log });
  undo.use(relays);
  const parts = { stores, openRelay: relays.open, log };
  let live = goLive(options.config, parts);
  const messageId = createMessageIds({ clock, random, after: await stores.queue.newest() });
  const runner = new QueueRunner({
    store: stores.queue,
    deliver: createDelivery({
      router: { routeOfDestination: (destination) => live.router.routeOfDestination(destination) },
      local: localDelivery(() => live, { clock, log, stores }),
      remote: (lease, signal) => live.remote(lease, signal),
      log,
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
  const throttle = createLoginThrottle({ clock, ...live.config.login });
  const serviceFor = createServices({
    live: () => live,
    tls: () => tls,
    policies: options.policies ?? [],
    ...{ stores, runner, messageId, throttle, connections, clock, random, log, refusals },
  });

  await rerouteQueue(stores, live, log);
  runner.start();
  doors.start();

  /** New sockets and the certificate first: they can fail, and then nothing else has changed. */
  async function reload(written: Config): Promise<readonly string[]> {
    if (stopping !== undefined) throw new Error('the server is stopping');
    const { dataDirectory, user } = started;
    const config = { ...written, dataDirectory, user };
    const next = goLive(config, parts);
    const change = await doors.change(config.listeners).catch(async (error: unknown) => {
      await next.remote.close();
      throw error;
    });
    try {
      if (config.tls === undefined || tls === undefined) tls = await loadTls(config, log);
      else await tls.reload(config.tls, tlsOptions(config));
    } catch (error) {
      await change.cancel();
      await next.remote.close();
      throw error;
    }
    const { remote } = live;
    live = next;
    history.resize(config.history.size);
    void remote.close();
    const later = restartSettings.filter((key) => !isDeepStrictEqual(written[key], started[key]));
    if (later.length > 0) log.warn('needs a restart', { settings: later });
    throttle.update(config.login);
    connections.update(connectionLimits(config));
    change.commit();
    await rerouteQueue(stores, live, log);
    runner.wake();
    return later;
  }
  const started = options.config;
  let reloading: Promise<unknown> = Promise.resolve();

  async function stopAll(graceMs: number): Promise<void> {
    await reloading;
    await doors.close(graceMs);
    await runner.stop({ graceMs });
    await live.remote.close();
    await relays[Symbol.asyncDispose]();
    refusals.close();
    await history[Symbol.asyncDispose]();
    await stores[Symbol.asyncDispose]();
  }
  let stopping: Promise<void> | undefined;
  const stop = ({ graceMs }: { readonly graceMs: number }) => (stopping ??= stopAll(graceMs));

  undo.move();
  return {
    get listeners() {
      return doors.listeners;
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
    reload(config) {
      const reloaded = reloading.then(() => reload(config)); // one after the other
      reloading = reloaded.catch(() => {});
      return reloaded;
    },
    stop,
    [Symbol.asyncDispose]: () => stop({ graceMs: live.config.shutdownGrace }),
  };
}

/** Without its store a server can only refuse: better that it ends, and recovers when started anew. */
function endLoudly(error: Error): void {
  setImmediate(() => {
    throw error;
  });
}

/** A reload of these has no effect until the next start. */
const restartSettings = ['dataDirectory', 'user'] as const;

const tlsOptions = (config: Config) => ({
  directory: join(config.dataDirectory, 'tls'),
  hostname: config.hostname,
  clientAuthorities: config.clientCertificates?.authorities,
});

async function loadTls(config: Config, log: Log): Promise<LoadedServerTls | undefined> {
  if (config.tls === undefined) return undefined;
  const tls = await loadServerTls(config.tls, tlsOptions(config));
  for (const warning of tls.warnings) log.warn(warning);
  return tls;
}

async function rerouteQueue(stores: Stores, live: Live, log: Log): Promise<void> {
  const recipients = await stores.queue.reroute(live.router.destinationOf);
  if (recipients > 0) log.info('rerouted', { recipients });
}
