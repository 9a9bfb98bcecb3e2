// What stands behind a listening socket, the same for every protocol: takes connections and turns them into
// conversations, or away. What is said on a connection is the conversation's; open-connections.ts has the rest of
// its life.

import type { Clock } from '../base/clock.ts';
import type { Reply } from '../smtp/reply.ts';
import { endAfter } from './client-wait.ts';
import type { AcceptedSocket } from './listener.ts';
import type { OpenConnection, OpenConnectionsParts } from './open-connections.ts';
import { OpenConnections } from './open-connections.ts';
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

export interface PeerServiceParts extends OpenConnectionsParts {
  /** `session` is its name in the log and in history. */
  readonly converse: (peer: Peer, session: string) => ServiceConversation;
  /** Keeps a record of whoever is turned away, and gives what is said in place of the greeting. */
  readonly turnAway: (client: string, objection: Reply | 'stopping') => string;
}

export class PeerService implements Service {
  readonly #parts: PeerServiceParts;
  readonly #open: OpenConnections;

  constructor(parts: PeerServiceParts) {
    this.#parts = parts;
    this.#open = new OpenConnections(parts);
  }

  /** Connections that are open. */
  get conversations(): number {
    return this.#open.size;
  }

  accept(peer: Peer): void {
    const { converse, turnAway } = this.#parts;
    const { address } = peer.remote;
    const objection = this.#open.admit(address);
    if (objection !== undefined) {
      endAfter(peer.write(turnAway(address, objection)), peer);
      return;
    }
    const known = this.#open.begin(address, (id) => new Opened(peer, converse(peer, id)));
    const { conversation } = known.connection;
    void conversation.run().then(() => {
      this.#open.end(known);
      conversation.ended?.();
    });
  }

  shutdown(): Promise<void> {
    return this.#open.shutdown();
  }

  destroy(): void {
    this.#open.destroy();
  }

  sessions(): readonly OpenSession[] {
    return this.#open.sessions();
  }

  endSession(id: string): boolean {
    return this.#open.endSession(id);
  }
}

/** How long conversations that were cut off have to notice it. */
const destroyedMs = 2_000;

/**
 * Ends what is idle now and the rest when it is done, or after `graceMs`. Resolves although one of them never notices: what
 * it waits for may be somebody's function.
 */
export async function endServices(
  services: readonly Service[],
  { graceMs, clock }: { readonly graceMs: number; readonly clock: Pick<Clock, 'after'> },
): Promise<void> {
  const cutOff = Promise.withResolvers<void>();
  let cancel = clock.after(graceMs, () => {
    for (const service of services) service.destroy();
    cancel = clock.after(destroyedMs, cutOff.resolve);
  });
  const ended = Promise.all(services.map((service) => service.shutdown()));
  await Promise.race([ended, cutOff.promise]);
  cancel();
}

/** A conversation, and what was known when it began. */
class Opened implements OpenConnection {
  readonly conversation: ServiceConversation;
  readonly #peer: Peer;

  constructor(peer: Peer, conversation: ServiceConversation) {
    this.#peer = peer;
    this.conversation = conversation;
  }

  facts() {
    const { tls, bytes } = this.#peer;
    return {
      secure: tls !== undefined,
      bytesIn: bytes?.read ?? 0,
      bytesOut: bytes?.written ?? 0,
      ...this.conversation.facts?.(),
    };
  }

  shutdown(): void {
    this.conversation.shutdown();
  }

  destroy(): void {
    this.conversation.destroy();
  }
}
