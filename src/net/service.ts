// What stands behind a listening socket, the same for every protocol: takes connections, admits or turns
// away, counts, and ends them when the server stops. What is said on a connection is the conversation's.

import type { Random } from '../base/random.ts';
import type { Reply } from '../smtp/reply.ts';
import type { AcceptedSocket } from './listener.ts';
import type { OpenSession, SessionFacts } from './open-session.ts';
import type { Peer } from './peer.ts';

export interface Service {
  /** The service owns the connection from then on. */
  accept(peer: Peer): void;
  /** Where there is such a function it is called in place of accept(), with the socket itself. */
  acceptSocket?(accepted: AcceptedSocket): void;
  /** Ends what is idle now and the rest when it is done; resolves when all are gone. */
  shutdown(): Promise<void>;
  /** Drops what is still there. */
  destroy(): void;
  /** Connections that are open. */
  sessions?(): readonly OpenSession[];
  /** Drops one of them; false when it is not there any more. */
  endSession?(id: string): boolean;
}

/** One connection from its greeting to its end. */
export interface ServiceConversation {
  /** Resolves when the connection is gone; never fails. */
  run(): Promise<void>;
  /** Ends it now if nothing is lost by that, or else as soon as so. */
  shutdown(): void;
  /** Drops the connection. */
  destroy(): void;
  /** It is over and no longer counted. */
  ended?(): void;
  /** As it is now. */
  facts?(): SessionFacts;
}

export interface PeerServiceParts {
  /** How many connections there may be, counted over all services. */
  readonly connections: {
    /** Counts the connection in, or says why not. */
    admit(address: string): Reply | undefined;
    release(address: string): void;
  };
  /** `session` is its name in the log and in history. */
  readonly converse: (peer: Peer, session: string) => ServiceConversation;
  /** Keeps a record of whoever is turned away, and gives what is said in place of the greeting. */
  readonly turnAway: (client: string, objection: Reply | 'stopping') => string;
  readonly random: Random;
  /** Default: the system's clock. */
  readonly now?: (() => number) | undefined;
}

/** A conversation, and what was known when it began. */
interface Opened {
  readonly id: string;
  readonly peer: Peer;
  readonly since: number;
}

export class PeerService implements Service {
  readonly #parts: PeerServiceParts;
  readonly #conversations = new Map<ServiceConversation, Opened>();
  readonly #sessionPrefix: string;
  #sessions = 0;
  #stopping = false;
  #emptied: PromiseWithResolvers<void> | undefined;

  constructor(parts: PeerServiceParts) {
    this.#parts = parts;
    this.#sessionPrefix = parts.random.bytes(3).toString('hex');
  }

  /** Connections that are open. */
  get conversations(): number {
    return this.#conversations.size;
  }

  accept(peer: Peer): void {
    const { connections, turnAway } = this.#parts;
    const { address } = peer.remote;
    const objection = this.#stopping ? 'stopping' : connections.admit(address);
    if (objection !== undefined) {
      void peer.write(turnAway(address, objection)).catch(() => {});
      void peer.end().then(() => peer.destroy());
      return;
    }
    const id = this.#nextSession();
    const conversation = this.#parts.converse(peer, id);
    const { now = Date.now } = this.#parts;
    this.#conversations.set(conversation, { id, peer, since: now() });
    void conversation.run().then(() => {
      connections.release(address);
      this.#conversations.delete(conversation);
      conversation.ended?.();
      if (this.#conversations.size === 0) this.#emptied?.resolve();
    });
  }

  async shutdown(): Promise<void> {
    this.#stopping = true;
    for (const conversation of this.#conversations.keys()) conversation.shutdown();
    if (this.#conversations.size === 0) return;
    this.#emptied ??= Promise.withResolvers();
    await this.#emptied.promise;
  }

  destroy(): void {
    for (const conversation of this.#conversations.keys()) conversation.destroy();
  }

  sessions(): readonly OpenSession[] {
    return [...this.#conversations].map(([conversation, { id, peer, since }]) => ({
      ...{ id, since, client: peer.remote.address },
      secure: peer.tls !== undefined,
      bytesIn: peer.bytes?.read ?? 0,
      bytesOut: peer.bytes?.written ?? 0,
      ...conversation.facts?.(),
    }));
  }

  endSession(id: string): boolean {
    for (const [conversation, opened] of this.#conversations)
      if (opened.id === id) {
        conversation.destroy();
        return true;
      }
    return false;
  }

  #nextSession(): string {
    return `${this.#sessionPrefix}${(this.#sessions++).toString(36).padStart(4, '0')}`;
  }
}
