// Logging in to read mail: a password (USER and PASS, LOGIN) or a SASL exchange, slowed or cut off
// after failures. What is said about it is the protocol's affair; POP3 and IMAP share this.

import type { Clock } from '../base/clock.ts';
import { sleep } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { LoginThrottle } from '../policy/login-throttle.ts';
import { slowedAuthenticator } from '../policy/login-throttle.ts';
import type { Authenticator, SaslServer, SaslStep } from '../sasl/mechanism.ts';
import type { SaslTls } from '../sasl/server.ts';
import { createSaslServer } from '../sasl/server.ts';

export type LoginResult =
  | { readonly kind: 'logged-in'; readonly account: string }
  | { readonly kind: 'challenge'; readonly bytes: Uint8Array }
  | {
      readonly kind: 'refused';
      /** `blocked`: the client's network is cut off for a while; `unknown`: no such mechanism. */
      readonly reason: 'credentials' | 'malformed' | 'temporary' | 'blocked' | 'unknown';
    };

export interface LoginParts {
  readonly clientAddress: string;
  readonly authenticator: Authenticator;
  readonly throttle: LoginThrottle;
  readonly clock: Clock;
  readonly log: Log;
}

const blocked: LoginResult = { kind: 'refused', reason: 'blocked' };
const unknown: LoginResult = { kind: 'refused', reason: 'unknown' };
const malformed: LoginResult = { kind: 'refused', reason: 'malformed' };

/** The logins of one connection, one at a time. */
export class Login {
  readonly #parts: LoginParts;
  #exchange: { readonly mechanism: string; readonly sasl: SaslServer } | undefined;

  constructor(parts: LoginParts) {
    this.#parts = parts;
  }

  async password(user: string, password: string): Promise<LoginResult> {
    if (!(await this.#admitted(user))) return blocked;
    let step: SaslStep;
    try {
      const account = await this.#parts.authenticator.verifyPassword(user, password);
      step =
        account === undefined
          ? { kind: 'failure', reason: 'credentials', user }
          : { kind: 'success', account };
    } catch (cause) {
      step = { kind: 'failure', reason: 'temporary', user, cause };
    }
    return this.#result('password', step);
  }

  async start(
    mechanism: string,
    initial: Uint8Array | undefined,
    tls: SaslTls | undefined,
  ): Promise<LoginResult> {
    const { throttle, clock, clientAddress: address } = this.#parts;
    if (!(await this.#admitted(undefined))) return blocked;
    const authenticator = slowedAuthenticator(this.#parts.authenticator, {
      ...{ throttle, clock, address },
    });
    const sasl = createSaslServer(mechanism, { authenticator, tls });
    if (sasl === undefined) return unknown;
    this.#exchange = { mechanism, sasl };
    return this.respond(initial);
  }

  async respond(response: Uint8Array | undefined): Promise<LoginResult> {
    const exchange = this.#exchange;
    if (exchange === undefined) return malformed;
    // Whoever opens many exchanges at once has no more guesses than others.
    if (this.#parts.throttle.isBlocked(this.#parts.clientAddress)) {
      this.#exchange = undefined;
      return blocked;
    }
    const step = await exchange.sasl.step(response);
    if (step.kind === 'challenge') return step;
    if (step.kind === 'success' && step.final !== undefined && step.final.length > 0) {
      // RFC 4422 §3.6: data with success is a challenge that the client answers with nothing.
      const { account, final } = step;
      const over: SaslServer = { step: async () => ({ kind: 'success', account }) };
      this.#exchange = { ...exchange, sasl: over };
      return { kind: 'challenge', bytes: final };
    }
    this.#exchange = undefined;
    return this.#result(exchange.mechanism, step);
  }

  /** The client gave the exchange up. */
  cancel(): void {
    this.#exchange = undefined;
  }

  async #admitted(user: string | undefined): Promise<boolean> {
    const { throttle, clientAddress, clock } = this.#parts;
    const verdict = throttle.check(clientAddress, user);
    if (verdict.kind === 'blocked') return false;
    if (verdict.delayMs === 0) return true;
    await sleep(clock, verdict.delayMs);
    return !throttle.isBlocked(clientAddress);
  }

  #result(mechanism: string, step: Exclude<SaslStep, { readonly kind: 'challenge' }>): LoginResult {
    const { throttle, clientAddress: address, log } = this.#parts;
    if (step.kind === 'success') {
      throttle.succeeded(address, step.account);
      log.info('logged in', { account: step.account, mechanism, address });
      return { kind: 'logged-in', account: step.account };
    }
    const { reason, user, cause } = step;
    log.warn('login failed', {
      ...{ mechanism, reason, user, address },
      ...(cause !== undefined && { error: String(cause) }),
    });
    if (reason === 'credentials') throttle.failed(address, user);
    return { kind: 'refused', reason };
  }
}
