// One listener's POP3 service: makes a conversation of each connection, keeps count of them, and
// ends them when the server stops.

import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import { logOfSession } from '../base/log.ts';
import type { Random } from '../base/random.ts';
import type { Peer } from '../net/peer.ts';
import type { ConnectionLimits } from '../policy/connection-limits.ts';
import { Login } from '../policy/login.ts';
import type { LoginThrottle } from '../policy/login-throttle.ts';
import type { Refusals } from '../policy/refusals.ts';
import type { Pop3Limits } from '../pop3/limits.ts';
import { err, formatResponse, responses } from '../pop3/response.ts';
import { Pop3Session } from '../pop3/session.ts';
import type { Authenticator } from '../sasl/mechanism.ts';
import { offeredMechanisms } from '../sasl/server.ts';
import type { Maildrops } from './maildrops.ts';
import { Pop3Access } from './pop3-access.ts';
import { Pop3Conversation } from './pop3-conversation.ts';

/** What may change by a reload; new connections see the new values. */
export interface Pop3ServiceSettings {
  readonly hostname: string;
  /** TLS can be had: STLS is offered in the clear. */
  readonly startTls: boolean;
  /** Passwords are taken without TLS. */
  readonly insecureAuth: boolean;
  /** Least time between two logins of an account; 0 for none. RFC 2449 §6.5. */
  readonly loginDelay: number;
  readonly limits: Pop3Limits;
}

export interface Pop3ServiceParts {
  /** Asked for each connection. */
  readonly settings: () => Pop3ServiceSettings;
  /** Shared by all POP3 listeners: a mailbox is open in one session at a time. */
  readonly maildrops: Maildrops;
  readonly authenticator: Authenticator;
  readonly throttle: LoginThrottle;
  readonly connections: ConnectionLimits;
  readonly startTls: (peer: Peer) => Promise<Peer>;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Keeps a record of who was turned away or could not log in. */
  readonly refusals?: Refusals | undefined;
}

export class Pop3Service {
  readonly #parts: Pop3ServiceParts;
  readonly #conversations = new Set<Pop3Conversation>();
  readonly #sessionPrefix: string;
  #sessions = 0;
  #stopping = false;
  #emptied: (() => void) | undefined;

  constructor(parts: Pop3ServiceParts) {
    this.#parts = parts;
    this.#sessionPrefix = parts.random.bytes(3).toString('hex');
  }

  get conversations(): number {
    return this.#conversations.size;
  }

  accept(peer: Peer): void {
    const { connections } = this.#parts;
    const { address } = peer.remote;
    if (this.#stopping) {
      turnAway(peer, formatResponse(responses.shuttingDown));
      return;
    }
    const objection = connections.admit(address);
    if (objection !== undefined) {
      turnAway(peer, formatResponse(err(objection.lines[0], 'SYS/TEMP')));
      const reason = objection.lines[0];
      this.#parts.refusals?.note({ service: 'pop3', client: address, stage: 'connect', reason });
      return;
    }
    const conversation = this.#open(peer);
    this.#conversations.add(conversation);
    void conversation.run().then(() => {
      connections.release(address);
      this.#conversations.delete(conversation);
      if (this.#conversations.size === 0) this.#emptied?.();
    });
  }

  /**
   * Ends those who lose nothing by it now, and the others after their QUIT; resolves when all are
   * gone.
   */
  async shutdown(): Promise<void> {
    this.#stopping = true;
    for (const conversation of this.#conversations) conversation.shutdown();
    if (this.#conversations.size === 0) return;
    await new Promise<void>((resolve) => {
      this.#emptied = resolve;
    });
  }

  /** Drops what is still there. */
  destroy(): void {
    for (const conversation of this.#conversations) conversation.destroy();
  }

  #open(peer: Peer): Pop3Conversation {
    const { settings, maildrops, authenticator, throttle, startTls, clock, refusals } = this.#parts;
    const { hostname, startTls: mayStartTls, insecureAuth, loginDelay, limits } = settings();
    const id = `${this.#sessionPrefix}${(this.#sessions++).toString(36).padStart(4, '0')}`;
    const log = logOfSession(this.#parts.log, id);
    const mechanisms = ({ tls }: Peer) => offeredMechanisms({ authenticator, tls, insecureAuth });
    const session = new Pop3Session({
      hostname,
      secure: peer.tls !== undefined,
      startTls: mayStartTls,
      mechanisms: mechanisms(peer),
      loginDelaySeconds: Math.ceil(loginDelay / 1000),
      limits,
    });
    const login = new Login({ authenticator, throttle, clock, log, refusals });
    const access = new Pop3Access({ login, maildrops, loginDelay, log });
    return new Pop3Conversation({ peer, session, access, startTls, mechanisms, clock, log });
  }
}

/** -ERR in place of the greeting, which tells the client to go away. */
function turnAway(peer: Peer, text: string): void {
  void peer.write(text).catch(() => {});
  void peer.end().then(() => peer.destroy());
}
