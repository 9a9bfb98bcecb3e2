// The connections of one service, whatever is spoken on them: lets in or says why not, counts, gives each a name
// for the log, shows them to the operator, and ends them when the server stops.

import type { Random } from '../base/random.ts';
import { TransientMap } from '../base/transient-map.ts';
import type { Reply } from '../smtp/reply.ts';
import type { OpenSession } from './open-session.ts';

/** One connection. */
export interface OpenConnection {
  /** As it is now. */
  facts(): Omit<OpenSession, 'id' | 'since' | 'client'>;
  /** Ends it now if nothing is lost by that, or else as soon as so. */
  shutdown(): void;
  /** Drops it. */
  destroy(): void;
}

export interface OpenConnectionsParts {
  /** How many connections there may be, counted over all services. */
  readonly connections: {
    /** Counts the connection in, or says why not. */
    admit(address: string): Reply | undefined;
    release(address: string): void;
  };
  readonly random: Random;
  /** Default: the system's clock. */
  readonly now?: (() => number) | undefined;
}

/** A connection that is counted in. */
export interface Known<C extends OpenConnection = OpenConnection> {
  /** No other connection has this name, nor had. */
  readonly id: string;
  readonly connection: C;
  readonly address: string;
  readonly since: number;
}

export class OpenConnections {
  readonly #parts: OpenConnectionsParts;
  readonly #open = new TransientMap<string, Known>();
  readonly #prefix: string;
  #count = 0;
  #stopping = false;
  #emptied: PromiseWithResolvers<void> | undefined;

  constructor(parts: OpenConnectionsParts) {
    this.#parts = parts;
    this.#prefix = parts.random.bytes(3).toString('hex');
  }

  get size(): number {
    return this.#open.size;
  }

  get stopping(): boolean {
    return this.#stopping;
  }

  /** Undefined: it is counted in, and followed by begin(). */
  admit(address: string): Reply | 'stopping' | undefined {
    return this.#stopping ? 'stopping' : this.#parts.connections.admit(address);
  }

  begin<C extends OpenConnection>(address: string, make: (id: string) => C): Known<C> {
    const id = `${this.#prefix}${this.#count.toString(36).padStart(4, '0')}`;
    this.#count += 1;
    const { now = Date.now } = this.#parts;
    const known = { id, connection: make(id), address, since: now() };
    this.#open.set(id, known);
    return known;
  }

  /** It is gone. */
  end({ id, address }: Known): void {
    if (!this.#open.delete(id)) return;
    this.#parts.connections.release(address);
    if (this.#open.size === 0) this.#emptied?.resolve();
  }

  /** Ends what is idle now and the rest when it is done; resolves when all are gone. */
  async shutdown(): Promise<void> {
    this.#stopping = true;
    for (const { connection } of this.#open.values()) connection.shutdown();
    if (this.#open.size === 0) return;
    this.#emptied ??= Promise.withResolvers();
    await this.#emptied.promise;
  }

  /** Drops what is still there. */
  destroy(): void {
    for (const { connection } of this.#open.values()) connection.destroy();
  }

  sessions(): readonly OpenSession[] {
    return Array.from(this.#open.values(), ({ id, connection, address, since }) => ({
      ...{ id, since, client: address },
      ...connection.facts(),
    }));
  }

  /** Drops one of them; false when it is not there any more. */
  endSession(id: string): boolean {
    const known = this.#open.get(id);
    known?.connection.destroy();
    return known !== undefined;
  }
}
