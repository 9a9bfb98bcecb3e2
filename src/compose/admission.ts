// Who gets in, for all services together: how many connections there may be, how guesses at passwords
// are slowed, who may log in, and the record of who was turned away. Connections are admitted
// before there is a store; logins come after it.

import type { Clock } from '../base/clock.ts';
import { messageOf } from '../base/error-text.ts';
import type { Log } from '../base/log.ts';
import type { Config } from '../config/config.ts';
import type { ListenOptions } from '../net/listener.ts';
import { createNetworks } from '../net/network.ts';
import type { Peer } from '../net/peer.ts';
import { createAuthenticator, createDevAuthenticator } from '../policy/accounts/authenticator.ts';
import type { LoginThrottle } from '../policy/accounts/login-throttle.ts';
import { createLoginThrottle } from '../policy/accounts/login-throttle.ts';
import type { ConnectionLimits, ConnectionLimitsOptions } from '../policy/connection-limits.ts';
import { createConnectionLimits } from '../policy/connection-limits.ts';
import { Refusals } from '../policy/refusals.ts';
import type { Authenticator } from '../sasl/mechanism.ts';
import type { AccountStore } from '../store/account-store.ts';
import type { HistoryStore } from '../store/history.ts';
import type { Nodes } from '../store/nodes.ts';
import type { Catcher } from './catcher.ts';
import type { Certificate } from './certificate.ts';
import type { InForce } from './in-force.ts';
import type { ServerMetrics } from './metrics.ts';
import { countRefusal } from './metrics.ts';

export interface AdmissionParts {
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: ServerMetrics;
}

export class Admission {
  readonly connections: ConnectionLimits;
  readonly throttle: LoginThrottle;
  readonly refusals: Refusals;
  /** Somebody may be refused before it is open. */
  #history: Pick<HistoryStore, 'record'> | undefined;

  constructor(config: Config, { clock, log, metrics }: AdmissionParts) {
    this.connections = createConnectionLimits(connectionLimits(config));
    this.throttle = createLoginThrottle({ clock, ...config.login });
    this.refusals = new Refusals({
      ...{ log, clock },
      history: { record: (event) => this.#history?.record(event) },
      onRefusal: (refusal) => countRefusal(refusal, metrics),
    });
  }

  /** From now on refusals are remembered there, and guesses at passwords count at all nodes. */
  recordIn(history: Pick<HistoryStore, 'record'>, { tellOthers }: Pick<Nodes, 'tellOthers'>): void {
    this.#history = history;
    tellOthers('logins', this.throttle.told);
  }

  /** Connections that are open stay. */
  update(config: Config): void {
    this.throttle.update(config.login);
    this.connections.update(connectionLimits(config));
  }

  /** TLS from the first byte costs before anybody has said anything. */
  readonly admitHandshake: NonNullable<ListenOptions['admitHandshake']> = (address) => {
    const objection = this.connections.admit(address);
    if (objection === undefined) return () => this.connections.release(address);
    this.refusals.note({ client: address, stage: 'connect', reason: objection.lines[0] });
    return undefined;
  };

  /** STARTTLS for the protocols whose conversations keep no record of its failures themselves. */
  notedStartTls(service: string, certificate: Certificate): (peer: Peer) => Promise<Peer> {
    return (peer) =>
      certificate.startTls(peer).catch((error: unknown) => {
        const reason = messageOf(error);
        this.refusals.note({ service, client: peer.remote.address, stage: 'starttls', reason });
        throw error;
      });
  }
}

function connectionLimits({
  limits,
  trustedNetworks,
  xclientNetworks,
}: Config): ConnectionLimitsOptions {
  const { connections, connectionsPerClient } = limits;
  // A proxy's connections are those of many clients.
  const many = createNetworks([...trustedNetworks, ...xclientNetworks]);
  // Whoever comes by a Unix socket has no address, and is a program of this machine.
  const isExempt = (address: string) => address === '' || many.has(address);
  return { connections, connectionsPerClient, isExempt };
}

/** `dev` is how a server was started; a reload does not change it. */
export function authenticatorFor(
  inForce: () => InForce,
  {
    accounts,
    clock,
    catcher,
  }: {
    readonly accounts: AccountStore;
    readonly clock: Clock;
    readonly catcher: Pick<Catcher, 'chaos' | 'inboxes'> | undefined;
  },
): Authenticator {
  const { dev, hostname } = inForce().config;
  if (dev) {
    const authenticator = createDevAuthenticator({
      localDomain: hostname,
      inboxes: catcher?.inboxes,
    });
    return catcher?.chaos.over(authenticator) ?? authenticator;
  }
  return createAuthenticator({
    ...{ accounts, clock },
    get channelBinding() {
      return inForce().config.login.channelBinding;
    },
    get tokenVerifier() {
      return inForce().config.tokenVerifier;
    },
    get certificateAccounts() {
      return inForce().config.clientCertificates?.accounts;
    },
  });
}
