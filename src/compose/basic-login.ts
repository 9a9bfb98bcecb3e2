// Logins by Basic authentication, where each request brings a password (RFC 7617): through the one throttle, as every login; the log
// has the first of an hour.

import { BoundedMap } from '../base/bounded-map.ts';
import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { LoginParts, LoginResult } from '../policy/accounts/login.ts';
import { Login } from '../policy/accounts/login.ts';
import type { Authenticator } from '../sasl/mechanism.ts';
import type { ServerMetrics } from './metrics.ts';

export interface BasicLoginParts {
  readonly authenticator: Authenticator;
  readonly admission: Required<Pick<LoginParts, 'throttle' | 'refusals'>>;
  readonly metrics: Pick<ServerMetrics, 'logins'>;
  readonly clock: Clock;
  readonly log: Log;
}

export type BasicLogin = (
  given: { readonly user: string; readonly password: string },
  client: string,
) => Promise<LoginResult>;

/** Limit: who is remembered to have logged in, and for how long the log need not say it again. */
const knownMax = 10_000;
const knownMs = 60 * 60_000;

export function basicLogin(parts: BasicLoginParts): BasicLogin {
  const { authenticator, admission, metrics, clock, log } = parts;
  const { throttle, refusals } = admission;
  const known = new BoundedMap<string, number>(knownMax);
  const oncePerHour: Log = {
    ...log,
    info(event, fields) {
      const name = `${fields?.account} ${fields?.client}`;
      if ((known.get(name) ?? 0) > clock.now()) return;
      known.set(name, clock.now() + knownMs);
      log.info(event, fields);
    },
  };
  const common = { authenticator, throttle, clock, log: oncePerHour, refusals };
  return ({ user, password }, address) =>
    new Login({ ...common, loggedIn: metrics.logins.ok }).password(user, password, {
      remote: { address, port: 0 },
      tls: undefined,
    });
}
