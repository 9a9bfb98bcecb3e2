// A server that runs: its start, what a reload changes and in which order, its end.

import { isDeepStrictEqual } from 'node:util';
import type { Operations } from '../admin/operations.ts';
import { messageOf } from '../base/error-text.ts';
import type { Log } from '../base/log.ts';
import type { Config } from '../config/config.ts';
import { isByHand } from '../deliver/route.ts';
import type { AddressMap } from '../policy/addresses/address-map.ts';
import type { AuditLog } from '../policy/administration/audit-log.ts';
import type { QueueRunner } from '../queue/runner.ts';
import type { HistoryStore } from '../store/history.ts';
import type { Stores } from '../store/stores.ts';
import type { Acme } from './acme.ts';
import type { Catcher } from './catcher.ts';
import type { Console } from './console.ts';
import type { Delivery } from './delivery.ts';
import type { Entrance } from './entrance.ts';
import type { ListeningOn } from './listeners.ts';
import type { Reports } from './reports.ts';
import type { FindService } from './service-parts.ts';
import type { SharedKeys } from './shared-keys.ts';
import type { Spam } from './spam.ts';
import type { State } from './state.ts';
import type { Storage } from './storage.ts';

export interface RunningServer extends AsyncDisposable {
  readonly listeners: readonly ListeningOn[];
  readonly stores: Stores;
  readonly history: HistoryStore;
  readonly runner: QueueRunner;
  readonly config: Config;
  readonly addressMap: AddressMap;
  /** @deprecated 0.1's name of `addressMap`. */
  readonly directory: AddressMap;
  /** What an operator can ask for. */
  readonly operations: Operations;
  readonly audit: AuditLog;
  /**
   * Resolves to the settings that were changed and are taken at the next start only.
   * @throws when something of it cannot be had (a port, a certificate): the old one stays.
   */
  reload(config: Config): Promise<readonly string[]>;
  /** No new connections, 421 to the idle; transactions and deliveries get up to `graceMs`. */
  stop(options: { readonly graceMs: number }): Promise<void>;
}

/** What lasts from start to stop. */
export interface ServerParts {
  readonly entrance: Entrance;
  readonly storage: Storage;
  readonly acme: Acme;
  /** Where nodes share keys. */
  readonly sharedKeys: SharedKeys | undefined;
  readonly state: State;
  readonly reports: Reports;
  readonly spam: Spam;
  readonly catcher: Catcher | undefined;
  readonly delivery: Pick<Delivery, 'runner'>;
  readonly console: Console;
  readonly endWaits: () => void;
  readonly operations: Operations;
  readonly audit: AuditLog;
  readonly log: Log;
}

export class Server implements RunningServer {
  readonly #parts: ServerParts;
  #reloading: Promise<unknown> = Promise.resolve();
  #stopping: Promise<void> | undefined;

  constructor(parts: ServerParts) {
    this.#parts = parts;
  }

  /** Mail leaves from now on, and whoever comes is served. */
  async start(serviceFor: FindService): Promise<void> {
    const { reports, delivery, acme, entrance } = this.#parts;
    await this.#parts.console.start();
    await this.#reroute();
    await reports.start();
    await this.#parts.sharedKeys?.start();
    delivery.runner.start();
    acme.start();
    await entrance.listeners.start(serviceFor);
  }

  get listeners(): readonly ListeningOn[] {
    return this.#parts.entrance.listeners.list;
  }

  get config(): Config {
    return this.#parts.state.inForce().config;
  }

  get directory(): AddressMap {
    return this.addressMap;
  }

  get addressMap(): AddressMap {
    return this.#parts.state.inForce().addressMap;
  }

  get stores(): Stores {
    return this.#parts.storage.stores;
  }

  get history(): HistoryStore {
    return this.#parts.storage.history;
  }

  get runner(): QueueRunner {
    return this.#parts.delivery.runner;
  }

  get audit(): AuditLog {
    return this.#parts.audit;
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
    const { state, entrance, storage, acme, delivery, log } = this.#parts;
    const { listeners, certificate, admission } = entrance;
    const { started } = state;
    const { dataDirectory, user, store } = started;
    const config = { ...written, dataDirectory, user, store };
    const next = state.prepare(config);
    const change = await listeners.change(config.listeners).catch(async (error: unknown) => {
      await next.relay.close();
      throw error;
    });
    try {
      await certificate.reload(config);
      await acme.change(config);
    } catch (error) {
      await this.#certificatesOfBefore();
      await change.cancel();
      await next.relay.close();
      throw error;
    }
    state.change(next);
    storage.change(config);
    const later = restartSettings.filter((key) => !isDeepStrictEqual(written[key], started[key]));
    if (later.length > 0) log.warn('needs a restart', { settings: later });
    admission.update(config);
    this.#parts.console.changed();
    change.commit();
    await this.#reroute();
    delivery.runner.wake();
    return later;
  }

  async #stopAll(graceMs: number): Promise<void> {
    const { entrance, storage, acme, state, reports, spam, catcher, delivery } = this.#parts;
    acme.stop();
    this.#parts.sharedKeys?.[Symbol.dispose]();
    this.#parts.console.close();
    this.#parts.endWaits();
    await this.#reloading;
    await entrance.listeners.close(graceMs);
    await delivery.runner.stop({ graceMs });
    await reports.stop();
    await catcher?.[Symbol.asyncDispose]();
    await spam[Symbol.asyncDispose]();
    await state[Symbol.asyncDispose]();
    entrance.admission.refusals.close();
    await this.#parts.console.stop();
    await storage.history[Symbol.asyncDispose]();
    await storage.search[Symbol.asyncDispose]();
    await storage.stores[Symbol.asyncDispose]();
  }

  /** The reload has failed: what is in force stays so, its certificates and their renewal among it. */
  async #certificatesOfBefore(): Promise<void> {
    const { entrance, acme, log } = this.#parts;
    try {
      await acme.change(this.config);
      await entrance.certificate.reload(this.config);
    } catch (error) {
      log.warn('certificates not read', { error: messageOf(error) });
    }
  }

  /** What is queued follows the routes that are in force now. */
  async #reroute(): Promise<void> {
    const { state, storage, log } = this.#parts;
    const { router } = state.inForce();
    const recipients = await storage.stores.queue.reroute((address, destination) =>
      isByHand(destination) ? { delivery: 'relay', destination } : router.wayOf(address),
    );
    if (recipients > 0) log.info('rerouted', { recipients });
  }
}

/** A reload of these has no effect until the next start. */
const restartSettings = ['dataDirectory', 'user', 'store'] as const;
