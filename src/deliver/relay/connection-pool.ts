// Open conversations kept for the next message to the same place. An idle one is held for a few
// seconds and a limited number of messages, the one used last is used next, and one that the server
// has closed is noticed when that happens. Idle connections never keep the process alive.

import type { Clock } from '../../base/clock.ts';
import type { Connection } from './connection.ts';

export interface PoolLimits {
  /** `delivery.idleTimeout`: milliseconds that a connection may lie idle. Field: Postfix keeps them for 2 seconds. */
  readonly idleTimeout: number;
  /** Idle connections in all; the one idle for longest makes room. */
  readonly idleMax: number;
  /** `queue.messagesPerConnection`. */
  readonly messagesPerConnection: number;
}

export const defaultPoolLimits: PoolLimits = {
  idleTimeout: 5_000,
  idleMax: 200,
  messagesPerConnection: 100,
};

/** Limit: RFC 5321 §4.1.1.10 would have us wait for the answer to QUIT. */
const quitMs = 5_000;

interface Idle {
  readonly key: string;
  readonly connection: Connection;
  readonly since: number;
}

export class ConnectionPool {
  readonly #clock: Clock;
  readonly #limits: PoolLimits;
  /** In the order of their going idle, oldest first. */
  readonly #idle = new Set<Idle>();
  readonly #idleByKey = new Map<string, Idle[]>();
  /** Those at work, by key. */
  readonly #active = new Map<Connection, string>();
  readonly #activeByKey = new Map<string, number>();
  #cancelSweep: (() => void) | undefined;
  #closed = false;

  constructor(clock: Clock, limits: PoolLimits = defaultPoolLimits) {
    this.#clock = clock;
    this.#limits = limits;
  }

  /** How many are at work for this key. */
  activeCount(key: string): number {
    return this.#activeByKey.get(key) ?? 0;
  }

  /** The one that was used last: it is the least likely to be closed meanwhile. */
  take(key: string): Connection | undefined {
    const idle = this.#idleByKey.get(key)?.at(-1);
    if (idle === undefined) return undefined;
    this.#forget(idle);
    this.add(key, idle.connection);
    return idle.connection;
  }

  /** A new connection begins to work. */
  add(key: string, connection: Connection): void {
    this.#active.set(connection, key);
    this.#activeByKey.set(key, this.activeCount(key) + 1);
  }

  /** It is done with its message: kept if it can carry another, otherwise seen off. */
  release(connection: Connection): void {
    const key = this.#active.get(connection);
    if (key === undefined) return;
    this.#active.delete(connection);
    const left = this.activeCount(key) - 1;
    if (left > 0) this.#activeByKey.set(key, left);
    else this.#activeByKey.delete(key);
    const { messagesPerConnection } = this.#limits;
    if (!this.#closed && connection.usable && connection.transactions < messagesPerConnection)
      this.#keep(key, connection);
    else void this.#seeOff(connection);
  }

  /** Says goodbye to the idle; those at work follow when they are done. */
  async close(): Promise<void> {
    const idle = [...this.#idle];
    this.#clear();
    await Promise.all(idle.map(({ connection }) => this.#seeOff(connection)));
  }

  #clear(): void {
    this.#closed = true;
    this.#cancelSweep?.();
    this.#cancelSweep = undefined;
    this.#idle.clear();
    this.#idleByKey.clear();
  }

  #keep(key: string, connection: Connection): void {
    const idle = { key, connection, since: this.#clock.now() };
    this.#idle.add(idle);
    const sameKey = this.#idleByKey.get(key);
    if (sameKey === undefined) this.#idleByKey.set(key, [idle]);
    else sameKey.push(idle);
    connection.rest(() => {
      if (this.#forget(idle)) connection.destroy();
    });
    for (const oldest of this.#idle) {
      if (this.#idle.size <= this.#limits.idleMax) break;
      this.#retire(oldest);
    }
    this.#cancelSweep ??= this.#clock.after(this.#limits.idleTimeout, () => this.#sweep());
  }

  /** One timer for all: connections live between one and two times `idleTimeout`. */
  #sweep(): void {
    this.#cancelSweep = undefined;
    const expired = this.#clock.now() - this.#limits.idleTimeout;
    for (const idle of this.#idle) {
      if (idle.since > expired) break;
      this.#retire(idle);
    }
    if (this.#idle.size > 0)
      this.#cancelSweep = this.#clock.after(this.#limits.idleTimeout, () => this.#sweep());
  }

  #retire(idle: Idle): void {
    this.#forget(idle);
    void this.#seeOff(idle.connection);
  }

  /** A goodbye is worth a moment, not the minutes that a command may take. */
  async #seeOff(connection: Connection): Promise<void> {
    const cancel = this.#clock.after(quitMs, () => connection.destroy());
    await connection.quit();
    cancel();
  }

  #forget(idle: Idle): boolean {
    if (!this.#idle.delete(idle)) return false;
    const sameKey = this.#idleByKey.get(idle.key);
    const at = sameKey?.lastIndexOf(idle) ?? -1;
    if (at >= 0) sameKey?.splice(at, 1);
    if (sameKey?.length === 0) this.#idleByKey.delete(idle.key);
    return true;
  }
}
