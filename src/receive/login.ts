// A client logging in by AUTH: slowed or cut off after failures, then a SASL exchange.
// RFC 4954 §4 and §6 have the replies.

import type { Clock } from '../base/clock.ts';
import type { LoginThrottle } from '../policy/login-throttle.ts';
import type { SaslServer, SaslStep } from '../sasl/mechanism.ts';
import type { Reply } from '../smtp/reply.ts';
import { reply } from '../smtp/reply.ts';
import type { Challenge } from './conversation.ts';

const loggedIn = reply(235, '7.0', 'Authentication successful');
const wrong = reply(535, '7.8', 'Authentication credentials invalid');
const malformed = reply(501, '5.2', 'Authentication exchange cannot be understood');
const later = reply(454, '7.0', 'Temporary authentication failure, try again later');
const unknown = reply(504, '5.4', 'Unrecognized authentication mechanism');
const blocked = reply(421, '7.0', 'Too many failed logins from your network, try again later');

type SaslFailure = Extract<SaslStep, { readonly kind: 'failure' }>;

export interface LoginParts {
  readonly clientAddress: string;
  readonly throttle: LoginThrottle;
  readonly clock: Clock;
  /** Calls back when the client is gone: nobody waits a turn for it then. */
  readonly onLeave?: (callback: () => void) => () => void;
  readonly startSasl: (mechanism: string) => SaslServer | undefined;
  /** Called once, with the account. */
  readonly onSuccess: (account: string) => void;
  readonly onFailure: (mechanism: string, failure: SaslFailure) => void;
}

/** The exchanges of one connection, one at a time. */
export class Login {
  readonly #parts: LoginParts;
  #exchange: { readonly mechanism: string; readonly sasl: SaslServer } | undefined;

  constructor(parts: LoginParts) {
    this.#parts = parts;
  }

  async start(mechanism: string, initial: Uint8Array | undefined): Promise<Reply | Challenge> {
    const { throttle, clientAddress, startSasl } = this.#parts;
    const verdict = throttle.check(clientAddress);
    if (verdict.kind === 'blocked') return blocked;
    if (verdict.delayMs > 0 && !(await this.#waits(verdict.delayMs))) return later;
    const sasl = startSasl(mechanism);
    if (sasl === undefined) return unknown;
    this.#exchange = { mechanism, sasl };
    return this.respond(initial);
  }

  async respond(response: Uint8Array | undefined): Promise<Reply | Challenge> {
    const exchange = this.#exchange;
    if (exchange === undefined) return malformed;
    // Whoever opens many exchanges at once has no more guesses than others.
    if (this.#parts.throttle.isBlocked(this.#parts.clientAddress)) {
      this.#exchange = undefined;
      return blocked;
    }
    const step = await exchange.sasl.step(response);
    if (step.kind === 'challenge') return { challenge: step.bytes };
    if (step.kind === 'success' && step.final !== undefined && step.final.length > 0) {
      // RFC 4954 §4: data with success is a challenge that the client answers with nothing.
      const { account } = step;
      this.#exchange = {
        ...exchange,
        sasl: { step: async () => ({ kind: 'success', account }) },
      };
      return { challenge: step.final };
    }
    this.#exchange = undefined;
    if (step.kind === 'success') {
      this.#parts.throttle.succeeded(this.#parts.clientAddress, step.account);
      this.#parts.onSuccess(step.account);
      return loggedIn;
    }
    this.#parts.onFailure(exchange.mechanism, step);
    if (step.reason === 'temporary') return later;
    if (step.reason === 'malformed') return malformed;
    this.#parts.throttle.failed(this.#parts.clientAddress, step.user);
    return wrong;
  }

  /** False when the client has left meanwhile: its connection is no use to anybody. */
  #waits(delayMs: number): Promise<boolean> {
    const { clock, onLeave } = this.#parts;
    return new Promise((resolve) => {
      let forget: (() => void) | undefined;
      const cancel = clock.after(delayMs, () => {
        forget?.();
        resolve(true);
      });
      forget = onLeave?.(() => {
        cancel();
        resolve(false);
      });
    });
  }

  cancel(): void {
    this.#exchange = undefined;
  }
}
