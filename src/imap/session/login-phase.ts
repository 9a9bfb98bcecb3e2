// LOGIN and AUTHENTICATE, and the lines that follow the latter: RFC 9051 §6.2.2 and §6.2.3. The
// mechanisms are the owner's.

import { assert } from '../../base/assert.ts';
import { encodeBase64 } from '../../sasl/base64.ts';
import { responseIn } from '../../sasl/client-line.ts';
import { offersLogin } from '../capabilities.ts';
import type { CommandOf } from '../command.ts';
import type { Answer, Completion, Question, SessionEvent } from '../event.ts';
import { authLineBytesMax } from '../limits.ts';
import type { SessionCore } from './core.ts';
import { completion } from './core.ts';
import { skippedMax } from './literals.ts';
import { after } from './phases.ts';

const needInput: SessionEvent = { kind: 'need-input' };
const authCancelled: SessionEvent = { kind: 'auth-cancelled' };

const noResponse = {
  'too-long': completion('BAD', 'The response is too long'),
  cancelled: completion('BAD', 'The exchange was cancelled'),
  'bad-base64': completion('BAD', 'The response is no base64'),
} as const;

// RFC 9051 §6.2.3: NO while LOGINDISABLED is said.
export function login(
  core: SessionCore,
  { user, password }: CommandOf<'LOGIN'>,
): SessionEvent | undefined {
  if (!offersLogin(core.facts)) return core.complete(privacyRequired(core));
  return core.ask({ kind: 'login', user, password });
}

// RFC 9051 §6.2.2
export function authenticate(
  core: SessionCore,
  { mechanism, initial }: CommandOf<'AUTHENTICATE'>,
): SessionEvent | undefined {
  if (!core.facts.mechanisms.includes(mechanism)) return core.complete(privacyRequired(core));
  return core.ask({ kind: 'authenticate', mechanism, initial });
}

function privacyRequired({ facts: { startTls, secure } }: SessionCore): Completion {
  return startTls && !secure
    ? completion('NO', 'Begin TLS first', 'PRIVACYREQUIRED')
    : completion('NO', 'That way to log in is not offered', 'CANNOT');
}

/** To `login`, `authenticate` and `auth-response`. */
export function loginAnswered(core: SessionCore, question: Question, answer: Answer): void {
  if (answer.kind === 'challenge') {
    assert(question.kind !== 'login', 'challenges belong to AUTHENTICATE');
    core.phase = after.auth.challenge;
    core.output.text(`+ ${encodeBase64(answer.bytes)}\r\n`);
    return;
  }
  assert(answer.kind === 'completion', 'a login is answered with a challenge or a completion');
  core.phase = answer.status === 'OK' ? after.auth.success : after.auth.failure;
  core.complete(answer);
  if (answer.status !== 'NO' || core.loggedIn) return;
  core.failedLogins += 1;
  if (core.failedLogins >= core.facts.limits.failedLogins)
    core.end('Too many failed logins', 'errors');
}

export function readResponse(core: SessionCore): SessionEvent | undefined {
  const line = core.input.takeLine(authLineBytesMax, skippedMax(core));
  if (line === undefined) return needInput;
  if (line.kind === 'endless') return core.endless();
  core.commands += 1;
  const response = responseIn(line);
  if (typeof response !== 'string') return core.ask({ kind: 'auth-response', response });
  core.phase = after.auth.failure;
  core.complete(noResponse[response]);
  return authCancelled;
}
