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

/** A connection, from its first message on until it is seen off. */
interface Pooled {
  readonly key: string;
  readonly connection: Connection;
  /** Since when it lies idle; undefined while it is at work. */
  idleSince: number | undefined;
}

export class ConnectionPool {
  readonly #clock: Clock;
  readonly #limits: PoolLimits;
  readonly #pooled = new Map<Connection, Pooled>();
  /** In the order of their going idle, the last one last. */
  readonly #idleByKey = new Map<string, Pooled[]>();
  #idle = 0;
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
    const pooled = this.#idleByKey.get(key)?.pop();
    if (pooled === undefined) return undefined;
    this.#idle -= 1;
    pooled.idleSince = undefined;
    this.#activeByKey.set(key, this.activeCount(key) + 1);
    return pooled.connection;
  }

  /** A new connection begins to work. */
  add(key: string, connection: Connection): void {
    this.#pooled.set(connection, { key, connection, idleSince: undefined });
    this.#activeByKey.set(key, this.activeCount(key) + 1);
  }

  /** It is done with its message: kept if it can carry another, otherwise seen off. */
  release(connection: Connection): void {
    const pooled = this.#pooled.get(connection);
    if (pooled === undefined || pooled.idleSince !== undefined) return;
    const { key } = pooled;
    const left = this.activeCount(key) - 1;
    if (left > 0) this.#activeByKey.set(key, left);
    else this.#activeByKey.delete(key);
    const { messagesPerConnection } = this.#limits;
    if (!this.#closed && connection.usable && connection.transactions < messagesPerConnection)
      this.#keep(pooled);
    else {
      this.#pooled.delete(connection);
      void this.#seeOff(connection);
    }
  }

  /** Says goodbye to the idle; those at work follow when they are done. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#cancelSweep?.();
    const idle = [...this.#pooled.values()].filter(({ idleSince }) => idleSince !== undefined);
    await Promise.all(
      idle.filter((one) => this.#forget(one)).map((one) => this.#seeOff(one.connection)),
    );
  }

  #keep(pooled: Pooled): void {
    const { key, connection } = pooled;
    pooled.idleSince = this.#clock.now();
    this.#idle += 1;
    const sameKey = this.#idleByKey.get(key);
    if (sameKey === undefined) this.#idleByKey.set(key, [pooled]);
    else sameKey.push(pooled);
    connection.rest(() => {
      if (this.#forget(pooled)) connection.destroy();
    });
    if (this.#idle > this.#limits.idleMax) this.#retireOldest();
    this.#cancelSweep ??= this.#clock.after(this.#limits.idleTimeout, () => this.#sweep());
  }

  #retireOldest(): void {
    let oldest: Pooled | undefined;
    // The first of each key is its oldest.
    for (const [first] of this.#idleByKey.values())
      if (first !== undefined && (oldest === undefined || first.idleSince! < oldest.idleSince!))
        oldest = first;
    if (oldest !== undefined) this.#retire(oldest);
  }

  /** One timer for all: connections live between one and two times `idleTimeout`. */
  #sweep(): void {
    this.#cancelSweep = undefined;
    const expired = this.#clock.now() - this.#limits.idleTimeout;
    for (const [key, idle] of this.#idleByKey) {
      for (const one of idle.filter(({ idleSince }) => idleSince! <= expired)) this.#retire(one);
      if (idle.length === 0) this.#idleByKey.delete(key);
    }
    if (this.#idle > 0)
      this.#cancelSweep = this.#clock.after(this.#limits.idleTimeout, () => this.#sweep());
  }

  #retire(pooled: Pooled): void {
    this.#forget(pooled);
    void this.#seeOff(pooled.connection);
  }

  /** A goodbye is worth a moment, not the minutes that a command may take. */
  async #seeOff(connection: Connection): Promise<void> {
    const cancel = this.#clock.after(quitMs, () => connection.destroy());
    await connection.quit();
    cancel();
  }

  /** False where it is not idle, or gone already. */
  #forget(pooled: Pooled): boolean {
    const idle = this.#idleByKey.get(pooled.key);
    const at = idle?.lastIndexOf(pooled) ?? -1;
    if (at < 0) return false;
    idle?.splice(at, 1);
    if (idle?.length === 0) this.#idleByKey.delete(pooled.key);
    this.#idle -= 1;
    this.#pooled.delete(pooled.connection);
    return true;
  }
}
