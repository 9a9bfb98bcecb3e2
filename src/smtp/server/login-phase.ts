// AUTH and the lines that follow it: RFC 4954 §4. The mechanisms are the owner's.

import type { Line } from '../../base/line-splitter.ts';
import { initialResponse, responseIn } from '../../sasl/client-line.ts';
import type { Command } from '../command.ts';
import { authLineBytes } from '../limits.ts';
import { replies } from '../reply.ts';
import type { SessionCore } from './core.ts';
import type { SessionEvent } from './event.ts';
import { after } from './phases.ts';

const authCancelled: SessionEvent = { kind: 'auth-cancelled' };

const noResponse = {
  'too-long': replies.authLineTooLong,
  cancelled: replies.authCancelled,
  'bad-base64': replies.authBadBase64,
} as const;

export function auth(
  core: SessionCore,
  { mechanism, initial }: Extract<Command, { readonly verb: 'AUTH' }>,
): SessionEvent | undefined {
  if (!core.facts.mechanisms.includes(mechanism)) return core.send(replies.authUnknownMechanism);
  if (initial === undefined) return { kind: 'auth', mechanism, initial };
  const response = initialResponse(initial);
  if (response === undefined) return core.send(replies.authBadBase64);
  return { kind: 'auth', mechanism, initial: response };
}

/** Undefined when there is no whole line yet. */
export const takeResponse = (core: SessionCore): Line | undefined =>
  core.input.takeLine(authLineBytes, () => authLineBytes);

export function respond(core: SessionCore, line: Line): SessionEvent {
  const response = responseIn(line);
  if (typeof response !== 'string') return { kind: 'auth-response', response };
  core.phase = after.auth.failure;
  core.send(noResponse[response]);
  return authCancelled;
}
