// The listening sockets and the service behind each. All are opened or none; what connects before
// there is a service waits for it; a change keeps the sockets whose address stays, and is made
// whole or not at all.

import { chmodSync } from 'node:fs';
import { assert } from '../base/assert.ts';
import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { ListenerConfig } from '../config/settings/listeners.ts';
import type { AcceptedSocket, Listener, ListenOptions } from '../net/listener.ts';
import { listen } from '../net/listener.ts';
import type { Networks } from '../net/network.ts';
import { createNetworks } from '../net/network.ts';
import type { ProxyRules } from '../net/proxy-protocol.ts';
import type { Service } from '../net/service.ts';
import { endServices } from '../net/service.ts';
import { SocketPeer } from '../net/socket-peer.ts';
import type { ServerTls } from '../net/tls.ts';
import type { FindService } from './service-parts.ts';

export interface ListeningOn {
  readonly service: ListenerConfig['service'];
  readonly host: string;
  readonly port: number;
  readonly path: string | undefined;
  readonly tls: ListenerConfig['tls'];
}

export interface ListenersParts {
  readonly tls: () => ServerTls | undefined;
  readonly admitHandshake: ListenOptions['admitHandshake'];
  readonly onHandshakeFailure?:
    | ((service: ListenerConfig['service'], address: string, error: Error) => void)
    | undefined;
  /** No proxy of ours, or one that sent no header that can be used. */
  readonly onProxyRefused?:
    | ((service: ListenerConfig['service'], address: string, reason: string) => void)
    | undefined;
  readonly clock: Clock;
  readonly log: Log;
}

/** A service, and what it is called in the configuration. */
export interface Serving {
  readonly service: Service;
  readonly name: ListenerConfig['service'];
}

/** New sockets are open; nothing else has changed yet. */
export interface ListenersChange {
  commit(): void;
  cancel(): Promise<void>;
}

/** Limit: connections at one socket that wait for the start. */
const waitingMax = 1024;
/** How long a proxy may take to say whose the connection is. */
const proxyHeaderMs = 5_000;

interface Place {
  readonly spec: ListenerConfig;
  /** '' for a Unix socket. */
  readonly host: string;
}

export class Listeners {
  readonly #parts: ListenersParts;
  #sockets: readonly ListeningSocket[] = [];
  /** Of sockets that are closed: their last conversations may go on. */
  readonly #retired = new Set<Serving>();
  #serviceFor: FindService | undefined;

  constructor(parts: ListenersParts) {
    this.#parts = parts;
  }

  get list(): readonly ListeningOn[] {
    return this.#sockets.map((socket) => socket.at);
  }

  /** Whose conversations may be open: also behind sockets that are closed, until their last has ended. */
  get serving(): readonly Serving[] {
    return [...this.#sockets.flatMap(({ serving }) => serving ?? []), ...this.#retired];
  }

  /**
   * Ports are for whom we were started as; Unix sockets are made by whom we become, in whose folders
   * they are. @throws ListenError: then none of them is open.
   */
  async open(specs: readonly ListenerConfig[], kind: 'ports' | 'sockets'): Promise<void> {
    const wanted = specs.filter(({ path }) => (path === undefined) === (kind === 'ports'));
    this.#sockets = [...this.#sockets, ...(await this.#openAll(placesOf(wanted)))];
  }

  /** Those who connected already are served first. */
  async start(serviceFor: FindService): Promise<void> {
    const sockets = this.#sockets;
    const services = await Promise.all(sockets.map(({ spec }) => serviceFor(spec)));
    this.#serviceFor = serviceFor;
    for (const [i, socket] of sockets.entries()) socket.serve(services[i]!);
  }

  /** @throws ListenError: then nothing has changed. */
  async change(specs: readonly ListenerConfig[]): Promise<ListenersChange> {
    const serviceFor = this.#serviceFor;
    assert(serviceFor !== undefined, 'a change comes after the start');
    const places = placesOf(specs);
    const left = new Set(this.#sockets);
    const keep = (place: Place, same: (socket: ListeningSocket) => boolean) => {
      for (const socket of left) {
        if (!socket.isAt(place) || !same(socket)) continue;
        left.delete(socket);
        return socket;
      }
      return undefined;
    };
    const unchanged = places.map((place) => keep(place, ({ spec }) => isSame(spec, place.spec)));
    const kept = places.map((place, i) => unchanged[i] ?? keep(place, () => true));
    const services = await Promise.all(
      places.map(({ spec }, i) => (unchanged[i] === undefined ? serviceFor(spec) : undefined)),
    );
    const sockets = await this.#openAll(places.filter((_, i) => kept[i] === undefined));
    return {
      commit: () => {
        for (const socket of left) this.#retire(socket.close());
        const rest = [...sockets];
        this.#sockets = places.map(({ spec }, i) => {
          const socket = kept[i] ?? rest.shift()!;
          const service = services[i];
          if (service === undefined) return socket;
          socket.change(spec);
          this.#retire(socket.serve(service));
          return socket;
        });
      },
      cancel: async () => {
        for (const socket of sockets) socket.close();
      },
    };
  }

  /** No new connections, 421 to the idle; the others have `graceMs`. */
  async close(graceMs: number): Promise<void> {
    for (const socket of this.#sockets) this.#retire(socket.close());
    const { clock } = this.#parts;
    await endServices(
      Array.from(this.#retired, ({ service }) => service),
      { graceMs, clock },
    );
  }

  #retire(serving: Serving | undefined): void {
    if (serving === undefined) return;
    this.#retired.add(serving);
    void serving.service.shutdown().then(() => this.#retired.delete(serving));
  }

  async #openAll(places: readonly Place[]): Promise<ListeningSocket[]> {
    const sockets: ListeningSocket[] = [];
    try {
      for (const place of places) sockets.push(await ListeningSocket.open(place, this.#parts));
      return sockets;
    } catch (error) {
      for (const socket of sockets) socket.close();
      throw error;
    }
  }
}

/** One listening socket, and what it does with connections once everything is ready. */
class ListeningSocket {
  spec: ListenerConfig;
  readonly #host: string;
  #proxies: Networks | undefined;
  #listener: Listener | undefined;
  #serving: Serving | undefined;
  #waiting: AcceptedSocket[] = [];

  constructor({ spec, host }: Place) {
    this.spec = spec;
    this.#host = host;
    this.#proxies = proxiesOf(spec);
  }

  static async open(
    place: Place,
    { tls, admitHandshake, onHandshakeFailure, onProxyRefused, log }: ListenersParts,
  ): Promise<ListeningSocket> {
    const socket = new ListeningSocket(place);
    const { path, port, mode, reusePort } = place.spec;
    socket.#listener = await listen({
      ...(path === undefined
        ? { host: place.host, port, reusePort }
        : { path, mode: Number.parseInt(mode, 8) }),
      ...{ admitHandshake, log },
      // Asked for each connection: they may change while the socket stays.
      get tls() {
        return tls();
      },
      get implicitTls() {
        return socket.spec.tls === 'implicit';
      },
      get proxy() {
        return socket.#proxyRules((address, reason) =>
          onProxyRefused?.(socket.spec.service, address, reason),
        );
      },
      onSocket: (accepted) => socket.#accept(accepted),
      onHandshakeFailure: (address, error) =>
        onHandshakeFailure?.(socket.spec.service, address, error),
    });
    return socket;
  }

  change(spec: ListenerConfig): void {
    const { path, mode } = spec;
    if (path !== undefined && mode !== this.spec.mode) chmodSync(path, Number.parseInt(mode, 8));
    this.spec = spec;
    this.#proxies = proxiesOf(spec);
  }

  #proxyRules(onRefused: NonNullable<ProxyRules['onRefused']>): ProxyRules | undefined {
    const proxies = this.#proxies;
    if (proxies === undefined) return undefined;
    return { isProxy: proxies.has, timeoutMs: proxyHeaderMs, others: 'refuse', onRefused };
  }

  get at(): ListeningOn {
    const { service, path, tls } = this.spec;
    return { service, host: this.#host, port: this.#listener?.port ?? 0, path, tls };
  }

  isAt({ spec, host }: Place): boolean {
    const { port, path, reusePort } = this.spec;
    if (path !== undefined || spec.path !== undefined) return spec.path === path;
    return spec.port === port && host === this.#host && spec.reusePort === reusePort;
  }

  get serving(): Serving | undefined {
    return this.#serving;
  }

  /** From now on connections are this service's; returns the one before. */
  serve(service: Service): Serving | undefined {
    const before = this.#serving;
    this.#serving = { service, name: this.spec.service };
    for (const accepted of this.#waiting.splice(0)) {
      const { socket } = accepted;
      if (socket.destroyed) continue; // it would never tell its owner so
      give(accepted, service);
      socket.off('error', ignore);
      socket.resume();
    }
    return before;
  }

  /** Returns the service, whose conversations may not be over. */
  close(): Serving | undefined {
    void this.#listener?.close();
    for (const { socket } of this.#waiting.splice(0)) socket.destroy();
    return this.#serving;
  }

  #accept(accepted: AcceptedSocket): void {
    const { socket } = accepted;
    if (this.#serving !== undefined) {
      give(accepted, this.#serving.service);
      return;
    }
    socket.on('error', ignore); // then it is destroyed
    socket.pause();
    if (this.#waiting.length < waitingMax) this.#waiting.push(accepted);
    else socket.destroy();
  }
}

const proxiesOf = ({ proxyProtocol }: ListenerConfig): Networks | undefined =>
  proxyProtocol === undefined ? undefined : createNetworks(proxyProtocol);

const ignore = () => {};

function give({ socket, ends }: AcceptedSocket, service: Service): void {
  if (service.acceptSocket === undefined) service.accept(new SocketPeer(socket, ends));
  else service.acceptSocket({ socket, ends });
}

const placesOf = (specs: readonly ListenerConfig[]): Place[] =>
  specs.flatMap((spec) =>
    (spec.path === undefined ? spec.hosts : ['']).map((host) => ({ spec, host })),
  );

const isSame = (a: ListenerConfig, b: ListenerConfig): boolean =>
  JSON.stringify(a) === JSON.stringify(b);
