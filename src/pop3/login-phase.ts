// USER and PASS, AUTH and the lines that follow it, STLS: RFC 1939 §7, RFC 5034 §4, RFC 2595 §4. The
// mechanisms are the owner's.

import { assert } from '../base/assert.ts';
import { encodeBase64 } from '../sasl/base64.ts';
import { initialResponse, responseIn } from '../sasl/client-line.ts';
import type { Command } from './command.ts';
import type { SessionCore } from './core.ts';
import type { Question, SessionEvent } from './event.ts';
import { authLineBytesMax } from './limits.ts';
import { after } from './phases.ts';
import type { Response } from './response.ts';
import { responses } from './response.ts';

const needInput: SessionEvent = { kind: 'need-input' };
const authCancelled: SessionEvent = { kind: 'auth-cancelled' };

const noResponse = {
  'too-long': responses.lineTooLong,
  cancelled: responses.cancelled,
  'bad-base64': responses.badBase64,
} as const;

export const isLogin = ({ kind }: Question): boolean =>
  kind === 'login' || kind === 'auth' || kind === 'auth-response';

// RFC 1939 §7 and RFC 3206 §5: USER tells nobody whether there is such a user.
export function user(core: SessionCore, name: string): undefined {
  const refusal = refusesPasswords(core);
  if (refusal !== undefined) return core.mistake(refusal);
  core.user = name;
  return core.say(responses.userOk);
}

export function pass(core: SessionCore, password: string): SessionEvent | undefined {
  const refusal = refusesPasswords(core);
  if (refusal !== undefined) return core.mistake(refusal);
  const { user } = core;
  if (user === undefined) return core.mistake(responses.userFirst);
  core.user = undefined;
  return { kind: 'login', user, password };
}

/** USER and PASS are a password in the clear, as PLAIN is: where that is not offered, nor are they. */
function refusesPasswords({ facts }: SessionCore): Response | undefined {
  const { mechanisms, startTls, secure } = facts;
  if (mechanisms.includes('PLAIN')) return undefined;
  return startTls && !secure ? responses.needTls : responses.noPasswords;
}

// RFC 5034 §4
export function auth(
  core: SessionCore,
  { mechanism, initial }: Extract<Command, { readonly verb: 'AUTH' }>,
): SessionEvent | undefined {
  const { mechanisms } = core.facts;
  if (mechanisms.length === 0) return core.mistake(refusesPasswords(core) ?? responses.needTls);
  if (mechanism === undefined) return core.lines(responses.mechanisms, mechanisms);
  if (!mechanisms.includes(mechanism)) return core.mistake(responses.noMechanism);
  if (initial === undefined) return { kind: 'auth', mechanism, initial };
  const response = initialResponse(initial);
  if (response === undefined) return core.mistake(responses.badBase64);
  return { kind: 'auth', mechanism, initial: response };
}

export function challenged(core: SessionCore, question: Question, bytes: Uint8Array): void {
  assert(isLogin(question) && question.kind !== 'login', 'challenges belong to AUTH');
  core.user = undefined;
  core.phase = after.auth.challenge;
  // RFC 5034 §4: "+", a space, and base64; an empty challenge is "+ ".
  core.output.text(`+ ${encodeBase64(bytes)}\r\n`);
}

export function readResponse(core: SessionCore): SessionEvent | undefined {
  const line = core.input.takeLine(authLineBytesMax, () => authLineBytesMax);
  if (line === undefined) return needInput;
  core.commands += 1;
  const response = responseIn(line);
  if (typeof response !== 'string') return { kind: 'auth-response', response };
  core.phase = after.auth.failure;
  core.mistake(noResponse[response]);
  return authCancelled;
}

/** Says no; too many of these end the conversation. */
export function loginRefused(core: SessionCore): void {
  core.user = undefined;
  core.phase = after.auth.failure;
  core.failedLogins += 1;
}

// RFC 2595 §4
export function startTls(core: SessionCore): SessionEvent | undefined {
  const { secure, startTls: offered } = core.facts;
  if (secure) return core.mistake(responses.tlsActive);
  if (!offered) return core.mistake(responses.noTls);
  if (core.utf8) return core.mistake(responses.utf8Before);
  core.say(responses.startTls);
  core.phase = core.leadsTo;
  return { kind: 'starttls' };
}
