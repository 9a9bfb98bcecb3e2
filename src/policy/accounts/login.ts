// Logging in, for every protocol: a password (LOGIN, USER and PASS, HTTP) or a SASL exchange (RFC 4422),
// slowed after failures and cut off after many. There is no other way to the Authenticator. What
// is said about it is the protocol's affair.

import type { Clock } from '../../base/clock.ts';
import type { Log } from '../../base/log.ts';
import type { Counter } from '../../base/metrics.ts';
import { withoutSecret } from '../../base/secret.ts';
import type { Peer } from '../../net/peer.ts';
import type { Authenticator, SaslServer, SaslStep, TokenTarget } from '../../sasl/mechanism.ts';
import { createSaslServer } from '../../sasl/server.ts';
import type { LoginFailure, Refusals } from '../refusals.ts';
import type { LoginThrottle } from './login-throttle.ts';

export type LoginRefusal =
  | 'credentials'
  | 'malformed'
  /** Not the client's fault, or it has left. */
  | 'temporary'
  /** The client's network is cut off for a while. */
  | 'blocked'
  /** No such mechanism, or not on this connection. */
  | 'unknown';

export type LoginResult =
  | { readonly kind: 'logged-in'; readonly account: string }
  | { readonly kind: 'challenge'; readonly bytes: Uint8Array }
  | { readonly kind: 'refused'; readonly reason: LoginRefusal };

/** What a login has to know of the client; as it is when the login begins, so with its TLS. */
export type LoginClient = Pick<Peer, 'remote' | 'tls' | 'onLeave'>;

export interface LoginParts {
  readonly authenticator: Authenticator;
  readonly throttle: LoginThrottle;
  readonly clock: Clock;
  /** Of the session: its name is on every line. */
  readonly log: Log;
  /** Keeps a record of failures, and the log from being flooded. */
  readonly refusals?: Pick<Refusals, 'loginFailed'> | undefined;
  /** There are several mechanisms: a wrong password that is tried by each is one guess. */
  readonly mechanismsCountOnce?: boolean;
  /** Logins that succeeded. */
  readonly loggedIn?: Counter | undefined;
}

interface Exchange {
  readonly mechanism: string;
  readonly client: LoginClient;
  readonly sasl: SaslServer;
  /** Whose password was looked at, as the client named itself. */
  readonly named: () => string | undefined;
  /** The password that was looked at, by mechanisms that show it. */
  readonly tried: () => string | undefined;
}

type Ended = Exclude<SaslStep, { readonly kind: 'challenge' }>;

/** The client has left while it waited for its turn. */
class ClientLeft extends Error {
  override readonly name = 'ClientLeft';
}

/** What somebody's own code throws is logged, and may quote what it was given. */
const keeping = <T>(secret: string, pending: Promise<T>): Promise<T> =>
  pending.catch((error: unknown) => {
    throw withoutSecret(error, secret);
  });

const refused = (reason: LoginRefusal): LoginResult => ({ kind: 'refused', reason });

/** The logins of one connection, one at a time. */
export class Login {
  readonly #parts: LoginParts;
  #exchange: Exchange | undefined;

  constructor(parts: LoginParts) {
    this.#parts = parts;
  }

  async password(user: string, password: string, client: LoginClient): Promise<LoginResult> {
    this.#exchange = undefined;
    const refusal = await this.#turn('password', client);
    if (refusal !== undefined) return refusal;
    const { authenticator, named, tried } = this.#slowed('password', client);
    let step: Ended;
    try {
      const account = await authenticator.verifyPassword(user, password);
      step =
        account === undefined
          ? { kind: 'failure', reason: 'credentials', user }
          : { kind: 'success', account };
    } catch (cause) {
      step = { kind: 'failure', reason: 'temporary', user, cause };
    }
    return this.#end({ mechanism: 'password', client, named, tried }, step);
  }

  async start(
    mechanism: string,
    initial: Uint8Array | undefined,
    client: LoginClient,
  ): Promise<LoginResult> {
    this.#exchange = undefined;
    const refusal = await this.#turn(mechanism, client);
    if (refusal !== undefined) return refusal;
    const { authenticator, named, tried } = this.#slowed(mechanism, client);
    const sasl = createSaslServer(mechanism, { authenticator, tls: client.tls });
    if (sasl === undefined) return refused('unknown');
    this.#exchange = { mechanism, client, sasl, named, tried };
    return this.respond(initial);
  }

  async respond(response: Uint8Array | undefined): Promise<LoginResult> {
    const exchange = this.#exchange;
    if (exchange === undefined) return refused('malformed');
    // Whoever opens many exchanges at once has no more guesses than others.
    if (this.#isBlocked(exchange.client)) {
      this.#exchange = undefined;
      return this.#blocked(exchange.mechanism, exchange.client);
    }
    const step = await exchange.sasl.step(response);
    if (this.#exchange !== exchange) return refused('malformed'); // given up meanwhile
    if (step.kind === 'challenge') return step;
    if (step.kind === 'success' && step.final !== undefined && step.final.length > 0) {
      // RFC 4422 §3.6, RFC 4954 §4: data with success is a challenge that the client answers with
      // nothing, where the protocol has no room for it.
      const { account, final } = step;
      const over: SaslServer = { step: async () => ({ kind: 'success', account }) };
      this.#exchange = { ...exchange, sasl: over };
      return { kind: 'challenge', bytes: final };
    }
    this.#exchange = undefined;
    return this.#end(exchange, step);
  }

  /** The client gave the exchange up. */
  cancel(): void {
    this.#exchange = undefined;
  }

  /** Waits for the client's turn; says why there is none. */
  async #turn(mechanism: string, client: LoginClient): Promise<LoginResult | undefined> {
    const verdict = this.#parts.throttle.check(client.remote.address);
    if (verdict.kind === 'blocked') return this.#blocked(mechanism, client);
    if (!(await this.#waits(verdict.delayMs, client))) return refused('temporary');
    // Others made side by side may have used up what guesses there are.
    return this.#isBlocked(client) ? this.#blocked(mechanism, client) : undefined;
  }

  /**
   * The authenticator as this client meets it: before anything about a user is looked at, the wait
   * that guesses at this account have brought about.
   */
  #slowed(mechanism: string, client: LoginClient) {
    const { authenticator, throttle } = this.#parts;
    const { scramKeys, verifyToken } = authenticator;
    let name: string | undefined;
    let guess: string | undefined;
    const wait = async (user: string): Promise<void> => {
      name = user;
      const delayMs = throttle.accountDelayMs(client.remote.address, user);
      if (!(await this.#waits(delayMs, client))) throw new ClientLeft('the client has left');
    };
    const slowed: Authenticator = {
      ...authenticator,
      async verifyPassword(user, password) {
        await wait(user);
        guess = password;
        return keeping(password, authenticator.verifyPassword(user, password, mechanism));
      },
      ...(scramKeys !== undefined && {
        async scramKeys(user) {
          await wait(user);
          return scramKeys(user);
        },
      }),
      ...(verifyToken !== undefined && {
        async verifyToken(user: string, token: string, target?: TokenTarget) {
          await wait(user);
          return keeping(token, verifyToken(user, token, target, mechanism));
        },
      }),
    };
    return { authenticator: slowed, named: () => name, tried: () => guess };
  }

  /** False when the client has left meanwhile: its connection is no use to anybody. */
  #waits(delayMs: number, client: LoginClient): boolean | Promise<boolean> {
    if (delayMs <= 0) return true;
    return new Promise((resolve) => {
      let forget: (() => void) | undefined;
      const cancel = this.#parts.clock.after(delayMs, () => {
        forget?.();
        resolve(true);
      });
      forget = client.onLeave?.(() => {
        cancel();
        resolve(false);
      });
    });
  }

  #end({ mechanism, client, named, tried }: Omit<Exchange, 'sasl'>, step: Ended): LoginResult {
    const { throttle, log } = this.#parts;
    const { address } = client.remote;
    // While it was hashed, others made side by side may have used up what guesses there are: whether
    // this one was right is then nobody's business.
    if (this.#isBlocked(client)) return this.#blocked(mechanism, client);
    if (step.kind === 'success') {
      const { account } = step;
      throttle.succeeded(address, account);
      // A typing error was counted under the name that was given, which may be another address.
      const name = named();
      if (name !== undefined) throttle.succeeded(address, name);
      this.#parts.loggedIn?.add();
      log.info('logged in', { account, mechanism, client: address });
      return { kind: 'logged-in', account };
    }
    const { reason, user, cause } = step;
    if (cause instanceof ClientLeft) return refused('temporary');
    this.#noteFailure({
      ...{ mechanism, reason, user, client: address },
      ...(cause !== undefined && { error: String(cause) }),
    });
    if (reason === 'credentials') {
      const password = this.#parts.mechanismsCountOnce === true ? tried() : undefined;
      throttle.failed(address, user, password === undefined ? undefined : { password, mechanism });
    }
    return refused(reason);
  }

  #blocked(mechanism: string, { remote: { address } }: LoginClient): LoginResult {
    this.#noteFailure({ mechanism, reason: 'blocked', client: address });
    return refused('blocked');
  }

  #noteFailure(failure: LoginFailure): void {
    const { refusals, log } = this.#parts;
    if (refusals === undefined) log.warn('login failed', { ...failure });
    else refusals.loginFailed(failure, log);
  }

  #isBlocked({ remote }: LoginClient): boolean {
    return this.#parts.throttle.isBlocked(remote.address);
  }
}
