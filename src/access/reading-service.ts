// What the services that let people read their mail have in common: who may connect, what is offered for logging in,
// and what is kept of who was turned away. IMAP and POP3 say the rest.

import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import { logOfSession } from '../base/log.ts';
import type { Counter } from '../base/metrics.ts';
import type { Random } from '../base/random.ts';
import type { Peer } from '../net/peer.ts';
import type { ServiceConversation } from '../net/service.ts';
import { PeerService } from '../net/service.ts';
import { Login } from '../policy/accounts/login.ts';
import type { LoginThrottle } from '../policy/accounts/login-throttle.ts';
import type { ConnectionLimits } from '../policy/connection-limits.ts';
import type { Refusals } from '../policy/refusals.ts';
import type { Authenticator } from '../sasl/mechanism.ts';
import { offeredMechanisms } from '../sasl/server.ts';

/** What may change by a reload; new connections see the new values. */
export interface ReadingSettings {
  readonly hostname: string;
  /** TLS can be had: it is offered in the clear. */
  readonly startTls: boolean;
  /** Passwords are taken without TLS. */
  readonly insecureAuth: boolean;
}

export interface ReadingParts {
  readonly authenticator: Authenticator;
  readonly throttle: LoginThrottle;
  readonly connections: Pick<ConnectionLimits, 'admit' | 'release'>;
  readonly startTls: (peer: Peer) => Promise<Peer>;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly counters?: { readonly loggedIn: Counter } | undefined;
  /** Keeps a record of who was turned away or could not log in. */
  readonly refusals?: Refusals | undefined;
}

/** What a connection's session and conversation are made of. */
export interface Opening {
  readonly peer: Peer;
  readonly login: Login;
  readonly log: Log;
  /** What a client on this connection, or on what it becomes by TLS, may log in with. */
  readonly mechanisms: (peer: Peer) => readonly string[];
  /** Of the session, as it begins. */
  readonly start: {
    readonly hostname: string;
    readonly secure: boolean;
    readonly startTls: boolean;
    readonly mechanisms: readonly string[];
  };
}

export interface ReadingProtocol<Settings> {
  readonly name: 'imap' | 'pop3';
  /** In place of the greeting, for clients that are turned away; undefined: the server stops. */
  readonly goodbye: (reason: string | undefined) => string;
  /** Asked for each connection. */
  readonly settings: () => Settings;
  readonly converse: (opening: Opening, settings: Settings) => ServiceConversation;
}

export function createReadingService<Settings extends ReadingSettings>(
  parts: ReadingParts,
  { name, goodbye, settings, converse }: ReadingProtocol<Settings>,
): PeerService {
  const { connections, random, refusals } = parts;
  return new PeerService({
    connections,
    random,
    converse(peer, session) {
      const inForce = settings();
      return converse(openingOf(parts, inForce, { peer, session }), inForce);
    },
    turnAway(client, objection) {
      if (objection === 'stopping') return goodbye(undefined);
      const [reason] = objection.lines;
      refusals?.note({ service: name, client, stage: 'connect', reason });
      return goodbye(reason);
    },
  });
}

function openingOf(
  { authenticator, throttle, clock, refusals, counters, log: serverLog }: ReadingParts,
  { hostname, startTls, insecureAuth }: ReadingSettings,
  { peer, session }: { readonly peer: Peer; readonly session: string },
): Opening {
  const log = logOfSession(serverLog, session);
  const mechanisms = ({ tls }: Peer) => offeredMechanisms({ authenticator, tls, insecureAuth });
  const loggedIn = counters?.loggedIn;
  return {
    ...{ peer, log, mechanisms },
    login: new Login({
      ...{ authenticator, throttle, clock, log, refusals, loggedIn },
      mechanismsCountOnce: true,
    }),
    start: { hostname, secure: peer.tls !== undefined, startTls, mechanisms: mechanisms(peer) },
  };
}
