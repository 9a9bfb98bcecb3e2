// One listener's POP3 service: makes a conversation of each connection.

import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import { logOfSession } from '../base/log.ts';
import type { Counter } from '../base/metrics.ts';
import type { Random } from '../base/random.ts';
import type { Peer } from '../net/peer.ts';
import { PeerService } from '../net/service.ts';
import type { ConnectionLimits } from '../policy/connection-limits.ts';
import { Login } from '../policy/login.ts';
import type { LoginThrottle } from '../policy/login-throttle.ts';
import type { Refusals } from '../policy/refusals.ts';
import type { Pop3Limits } from '../pop3/limits.ts';
import { err, formatResponse, responses } from '../pop3/response.ts';
import { Pop3Session } from '../pop3/session.ts';
import type { Authenticator } from '../sasl/mechanism.ts';
import { offeredMechanisms } from '../sasl/server.ts';
import type { Reply } from '../smtp/reply.ts';
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
  readonly connections: Pick<ConnectionLimits, 'admit' | 'release'>;
  readonly startTls: (peer: Peer) => Promise<Peer>;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly counters?: { readonly loggedIn: Counter; readonly retrievals: Counter } | undefined;
  /** Keeps a record of who was turned away or could not log in. */
  readonly refusals?: Refusals | undefined;
}

export function createPop3Service(parts: Pop3ServiceParts): PeerService {
  return new PeerService({
    connections: parts.connections,
    random: parts.random,
    converse: (peer, session) => converse(parts, peer, session),
    turnAway: (client, objection) => turnAway(parts, client, objection),
  });
}

/** -ERR in place of the greeting, which tells the client to go away. */
function turnAway(
  { refusals }: Pop3ServiceParts,
  client: string,
  objection: Reply | 'stopping',
): string {
  if (objection === 'stopping') return formatResponse(responses.shuttingDown);
  const [reason] = objection.lines;
  refusals?.note({ service: 'pop3', client, stage: 'connect', reason });
  return formatResponse(err(reason, 'SYS/TEMP'));
}

function converse(parts: Pop3ServiceParts, peer: Peer, id: string): Pop3Conversation {
  const { settings, maildrops, authenticator, throttle, startTls, clock, refusals } = parts;
  const { hostname, startTls: mayStartTls, insecureAuth, loginDelay, limits } = settings();
  const log = logOfSession(parts.log, id);
  const mechanisms = ({ tls }: Peer) => offeredMechanisms({ authenticator, tls, insecureAuth });
  const session = new Pop3Session({
    hostname,
    secure: peer.tls !== undefined,
    startTls: mayStartTls,
    mechanisms: mechanisms(peer),
    loginDelaySeconds: Math.ceil(loginDelay / 1000),
    limits,
  });
  const { loggedIn, retrievals } = parts.counters ?? {};
  const login = new Login({ authenticator, throttle, clock, log, refusals, loggedIn });
  const access = new Pop3Access({ login, maildrops, loginDelay, log, retrievals });
  return new Pop3Conversation({ peer, session, access, startTls, mechanisms, clock, log });
}
