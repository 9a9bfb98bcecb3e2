// AUTH: challenges and responses. RFC 4954 §4. Their words are in auth.ts.

import { assert } from '../../base/assert.ts';
import type { SaslClient } from '../../sasl/mechanism.ts';
import type { Reply } from '../reply.ts';
import { authCommand, saslAnswer, saslFailed } from './auth.ts';
import type { LoginExchange, SessionCore } from './core.ts';
import type { ClientEvent } from './event.ts';

export function beginLogin(core: SessionCore, client: SaslClient): void {
  const { line, shown, held } = authCommand(client);
  core.login = { client, held, failed: false };
  core.command('AUTH', line, shown);
}

export function loginSucceeded(core: SessionCore): ClientEvent {
  core.login = undefined;
  return core.becomeReady();
}

export function loginRefused(core: SessionCore, reply: Reply): ClientEvent {
  const { failed } = exchangeOf(core);
  core.login = undefined;
  return core.refused('AUTH', failed ? saslFailed : reply);
}

export function challenged(core: SessionCore, reply: Reply): undefined {
  const login = exchangeOf(core);
  if (reply.code !== 334 || login.failed) return core.broken(`Unexpected reply ${reply.code}`);
  const answer = saslAnswer(login, reply.lines[0]);
  login.held = undefined;
  // RFC 4954 §4: "*" cancels, and the server answers 501.
  if (answer === undefined) login.failed = true;
  core.command('AUTH', answer ?? '*', answer === undefined ? '*' : '***');
}

function exchangeOf({ login }: SessionCore): LoginExchange {
  assert(login !== undefined, 'a login is under way');
  return login;
}
