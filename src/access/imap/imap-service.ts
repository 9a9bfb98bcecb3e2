// One listener's IMAP service: makes a conversation of each connection, keeps count of them, and
// ends them when the server stops.

import type { Clock } from '../../base/clock.ts';
import type { Log } from '../../base/log.ts';
import { logOfSession } from '../../base/log.ts';
import type { Random } from '../../base/random.ts';
import type { ImapLimits } from '../../imap/limits.ts';
import type { ImapMachineFactory } from '../../imap/machine.ts';
import type { OpenFolders } from '../../mailbox/open-folders.ts';
import type { Peer } from '../../net/peer.ts';
import type { ConnectionLimits } from '../../policy/connection-limits.ts';
import { Login } from '../../policy/login.ts';
import type { LoginThrottle } from '../../policy/login-throttle.ts';
import type { Refusals } from '../../policy/refusals.ts';
import type { Authenticator } from '../../sasl/mechanism.ts';
import { offeredMechanisms } from '../../sasl/server.ts';
import type { FolderStore } from '../../store/folder-store.ts';
import type { Spool } from '../../store/spool.ts';
import type { CommandContext } from './context.ts';
import { ImapAccess } from './imap-access.ts';
import { ImapConversation } from './imap-conversation.ts';

/** What may change by a reload; new connections see the new values. */
export interface ImapServiceSettings {
  readonly hostname: string;
  /** TLS can be had: STARTTLS is offered in the clear. */
  readonly startTls: boolean;
  /** Passwords are taken without TLS. */
  readonly insecureAuth: boolean;
  readonly limits: ImapLimits;
  /** What an account may keep. RFC 9208. */
  readonly quota: CommandContext['quota'];
  /** How to reach the operator: a URI. */
  readonly admin: string;
}

export interface ImapServiceParts {
  /** Asked for each connection. */
  readonly settings: () => ImapServiceSettings;
  /** For each connection. */
  readonly createSession: ImapMachineFactory;
  readonly store: FolderStore;
  /** Of the same store; one for all services of the process. */
  readonly openFolders: OpenFolders;
  readonly spool: Spool;
  /** The account that an address belongs to. */
  readonly accountOf: (address: string) => Promise<string | undefined>;
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

export class ImapService {
  readonly #parts: ImapServiceParts;
  readonly #conversations = new Set<ImapConversation>();
  readonly #sessionPrefix: string;
  #sessions = 0;
  #stopping = false;
  #emptied: (() => void) | undefined;

  constructor(parts: ImapServiceParts) {
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
      turnAway(peer, 'Server shutting down');
      return;
    }
    const objection = connections.admit(address);
    if (objection !== undefined) {
      turnAway(peer, objection.lines[0]);
      const reason = objection.lines[0];
      this.#parts.refusals?.note({ service: 'imap', client: address, stage: 'connect', reason });
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

  /** Ends those between commands now, the others after theirs; resolves when all are gone. */
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

  #open(peer: Peer): ImapConversation {
    const { refusals, authenticator, throttle, startTls, clock } = this.#parts;
    const { store, openFolders, spool, accountOf } = this.#parts;
    const settings = this.#parts.settings();
    const { hostname, insecureAuth, limits, quota, admin } = settings;
    const id = `${this.#sessionPrefix}${(this.#sessions++).toString(36).padStart(4, '0')}`;
    const log = logOfSession(this.#parts.log, id);
    const mechanisms = ({ tls }: Peer) => offeredMechanisms({ authenticator, tls, insecureAuth });
    const session = this.#parts.createSession({
      hostname,
      secure: peer.tls !== undefined,
      startTls: settings.startTls,
      mechanisms: mechanisms(peer),
      limits,
    });
    const login = new Login({ authenticator, throttle, clock, log, refusals });
    const parts = { store, openFolders, spool, limits, quota, admin, accountOf, login, clock, log };
    const access = (voice: ConstructorParameters<typeof ImapAccess>[1]) =>
      new ImapAccess(parts, voice);
    return new ImapConversation({ peer, session, access, startTls, mechanisms, clock, log });
  }
}

/** BYE in place of the greeting. RFC 9051 §7.1.5. */
function turnAway(peer: Peer, text: string): void {
  void peer.write(`* BYE ${text}\r\n`).catch(() => {});
  void peer.end().then(() => peer.destroy());
}
