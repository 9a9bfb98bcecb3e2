// One listener's IMAP service: makes a conversation of each connection.

import type { Clock } from '../../base/clock.ts';
import type { Log } from '../../base/log.ts';
import { logOfSession } from '../../base/log.ts';
import type { Counter } from '../../base/metrics.ts';
import type { Random } from '../../base/random.ts';
import type { ImapLimits } from '../../imap/limits.ts';
import type { ImapMachineFactory } from '../../imap/machine.ts';
import type { OpenFolders } from '../../mailbox/open-folders.ts';
import type { Peer } from '../../net/peer.ts';
import { PeerService } from '../../net/service.ts';
import type { ConnectionLimits } from '../../policy/connection-limits.ts';
import { Login } from '../../policy/login.ts';
import type { LoginThrottle } from '../../policy/login-throttle.ts';
import type { Refusals } from '../../policy/refusals.ts';
import type { Authenticator } from '../../sasl/mechanism.ts';
import { offeredMechanisms } from '../../sasl/server.ts';
import type { Reply } from '../../smtp/reply.ts';
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
  readonly connections: Pick<ConnectionLimits, 'admit' | 'release'>;
  readonly startTls: (peer: Peer) => Promise<Peer>;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly counters?: { readonly loggedIn: Counter; readonly commands: Counter } | undefined;
  /** Keeps a record of who was turned away or could not log in. */
  readonly refusals?: Refusals | undefined;
}

export function createImapService(parts: ImapServiceParts): PeerService {
  return new PeerService({
    connections: parts.connections,
    random: parts.random,
    converse: (peer, session) => converse(parts, peer, session),
    turnAway: (client, objection) => turnAway(parts, client, objection),
  });
}

/** BYE in place of the greeting. RFC 9051 §7.1.5. */
function turnAway(
  { refusals }: ImapServiceParts,
  client: string,
  objection: Reply | 'stopping',
): string {
  if (objection === 'stopping') return '* BYE Server shutting down\r\n';
  const [reason] = objection.lines;
  refusals?.note({ service: 'imap', client, stage: 'connect', reason });
  return `* BYE ${reason}\r\n`;
}

function converse(parts: ImapServiceParts, peer: Peer, id: string): ImapConversation {
  const { refusals, authenticator, throttle, startTls, clock } = parts;
  const { store, openFolders, spool, accountOf } = parts;
  const settings = parts.settings();
  const { hostname, insecureAuth, limits, quota, admin } = settings;
  const log = logOfSession(parts.log, id);
  const mechanisms = ({ tls }: Peer) => offeredMechanisms({ authenticator, tls, insecureAuth });
  const session = parts.createSession({
    hostname,
    secure: peer.tls !== undefined,
    startTls: settings.startTls,
    mechanisms: mechanisms(peer),
    limits,
  });
  const { loggedIn, commands } = parts.counters ?? {};
  const login = new Login({ authenticator, throttle, clock, log, refusals, loggedIn });
  const accessParts = {
    store,
    openFolders,
    spool,
    limits,
    quota,
    admin,
    accountOf,
    login,
    clock,
    log,
    commands,
  };
  const access = (voice: ConstructorParameters<typeof ImapAccess>[1]) =>
    new ImapAccess(accessParts, voice);
  return new ImapConversation({ peer, session, access, startTls, mechanisms, clock, log });
}
