// The two replies that begin with our name, and what they change: the greeting and the answer to EHLO.
// RFC 5321 §3.1, §4.1.4 and §4.2.

import { advertise } from '../extensions/index.ts';
import type { Reply } from '../reply.ts';
import { formatReply, isPositive, isTransient, reply } from '../reply.ts';
import type { SessionCore } from './core.ts';
import type { ServerFacts, SessionEvent } from './event.ts';
import { after } from './phases.ts';

const reset: SessionEvent = { kind: 'reset' };

// RFC 5321 §3.1 and §4.3.2: 220, or 554, whatever refuses the client; RFC 7504 §3: 521 where nobody is served.
// Anything transient is a 421.
export function greeted(core: SessionCore, answer: Reply): void {
  if (isTransient(answer)) {
    core.end({ ...answer, code: 421 }, 'refused');
  } else if (isPositive(answer)) {
    core.phase = core.introduced ? after.connect.introduced : after.connect.welcome;
    core.output += formatReply(greeting(core.facts, answer));
  } else {
    core.phase = after.connect.turnedAway;
    core.send(answer.code === 521 ? answer : { ...answer, code: 554 });
  }
}

function greeting({ hostname, protocol }: ServerFacts, answer: Reply): Reply {
  const protocolName = protocol === 'lmtp' ? 'LMTP' : 'ESMTP';
  const line = named(hostname, answer) ?? `${hostname} ${protocolName} ${answer.lines[0]}`;
  return reply(220, undefined, line, ...answer.lines.slice(1));
}

/** RFC 5321 §4.1.4: a refused EHLO changes nothing, an accepted one is also a RSET. */
export function helloAnswered(
  core: SessionCore,
  verb: 'EHLO' | 'HELO' | 'LHLO',
  answer: Reply,
): void {
  if (!isPositive(answer)) {
    core.send(answer);
    return;
  }
  if (core.transaction !== undefined) core.next = reset;
  core.endTransaction();
  core.refusals.over();
  core.phase = core.leadsTo;
  core.extended = verb !== 'HELO';
  const { hostname } = core.facts;
  // RFC 5321 §4.1.1.1: a keyword a line; none for HELO.
  const { facts, authenticated } = core;
  const keywords = core.extended ? advertise({ ...facts, authenticated }) : [];
  core.output += formatReply(
    reply(250, undefined, named(hostname, answer) ?? hostname, ...keywords),
  );
}

/** The owner's own words, if they begin with our name as RFC 5321 §4.2 demands of these replies. */
function named(hostname: string, { lines: [text] }: Reply): string | undefined {
  return text === hostname || text.startsWith(`${hostname} `) ? text : undefined;
}
