// What becomes of a literal that was announced at the end of a line: an argument of the command, or too
// much. RFC 9051 §4.3, RFC 7888.

import type { Completion } from '../event.ts';
import { unasked } from '../limits.ts';
import { tagOf } from '../parser.ts';
import type { Announcement } from './command-reader.ts';
import type { SessionCore } from './core.ts';
import { completion } from './core.ts';
import { after } from './phases.ts';

/** Limit: octets of what was refused that are read before the conversation ends. */
export function skippedMax(core: SessionCore): number {
  const { messageSize, commandSize } = core.facts.limits;
  return core.loggedIn ? 2 * messageSize + commandSize : 2 * commandSize;
}

// RFC 7888 §4: a message may come unasked as long as it may be stored, once somebody is logged in.
// RFC 7888 §5, LITERAL-: none of more than 4096 octets before.
const unaskedMax = ({ loggedIn }: SessionCore): number =>
  loggedIn ? Number.POSITIVE_INFINITY : unasked.literalOctets;

/** The literal is an argument, unless that would be too much. */
export function gather(core: SessionCore, { octets, synchronizing }: Announcement): undefined {
  const { text } = core.reader;
  const tooBig = text.length + octets > core.facts.limits.commandSize;
  if (tooBig || (!synchronizing && octets > unaskedMax(core))) {
    const refusal = completion('BAD', 'That literal is too long', 'TOOBIG');
    return refuse(core, tagIn(core, text), refusal, { octets, synchronizing });
  }
  core.reader.gather(octets);
  core.phase = after.append.literal;
  if (synchronizing) core.output.text('+ Ready for the literal\r\n');
}

/** RFC 7162 §4 */
export function refuseLine(
  core: SessionCore,
  text: string,
  announced: Announcement | undefined,
): undefined {
  const refusal = completion('BAD', 'That command is too long', 'TOOBIG');
  return refuse(core, tagIn(core, text), refusal, announced);
}

/** The command came to nothing; what of it comes unasked is skipped. */
export function refuse(
  core: SessionCore,
  tag: string,
  refusal: Completion,
  announced: Announcement | undefined,
): undefined {
  core.abortAppend();
  core.phase = after.append.refused;
  core.reader.refuse(announced);
  core.tag = tag;
  return core.complete(refusal);
}

const tagIn = (core: SessionCore, text: string): string => core.append?.tag ?? tagOf(text) ?? '*';
