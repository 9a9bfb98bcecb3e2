// The step that puts a message into the form which its hop takes, or refuses it in the hop's stead:
// 8-bit octets, long lines, NULs and binary content. RFC 6152 §3, RFC 3030 §3, RFC 5321 §4.5.3.1.6. What
// the hop takes as it is goes on untouched.

import { unreachable } from '../../../base/assert.ts';
import { convertContent, has8Bit, hasNul } from '../../../mail/conversion/transfer-encoding.ts';
import { LineMeter } from '../../../mail/line-meter.ts';
import type { Capabilities } from '../../../smtp/client/capabilities.ts';
import type { Reply } from '../../../smtp/reply.ts';
import { reply } from '../../../smtp/reply.ts';
import type { OutboundMessage, OutboundStep, Prepared } from './outbound-step.ts';

/** Content with 8-bit octets for a hop that takes 7-bit lines only, or with lines no hop takes. */
export type EightBitConversion = 'convert' | 'bounce';

/**
 * What is in the way of the message as it is, in words that its sender reads. RFC 3463 §3.7: X.6.3,
 * conversion required but not supported.
 */
const obstacles = {
  /** RFC 6152 §3. */
  eightBit: reply(554, '6.3', 'The next host takes 7-bit mail only'),
  /** RFC 5321 §4.5.3.1.6. */
  longLine: reply(554, '6.3', 'A line of the message has more than 998 octets'),
  /** RFC 2045 §2.7, §2.8. */
  nul: reply(554, '6.3', 'The message has NUL octets in it, which the next host does not take'),
  headerNul: reply(
    554,
    '6.3',
    'The header of the message has a NUL octet in it, which the next host does not take',
  ),
  /** RFC 3030 §3. */
  binary: reply(554, '6.3', 'The next host does not take binary mail (BINARYMIME)'),
};

export const conversion =
  (setting: EightBitConversion = 'convert'): OutboundStep =>
  (message, hop) => {
    const { body, pieces } = message;
    const takes8Bit = hop.keywords.has('8BITMIME');
    const takesBinary = hop.chunking && hop.keywords.has('BINARYMIME');
    if (body === 'BINARYMIME') {
      if (takesBinary) return message;
      if (setting === 'bounce') return { refuse: obstacles.binary };
      // RFC 3030 §3: only to servers that say so; for others it has to become lines.
      return converted(message, takes8Bit, obstacles.binary);
    }
    // What is read from a file is looked at by the conversion anyway.
    if (!takes8Bit && pieces === undefined && setting === 'convert' && !takesBinary)
      return converted(message, takes8Bit, obstacles.eightBit);
    const judge = (seen: Look) => judged(message, seen, { hop, setting });
    return pieces === undefined ? look(message).then(judge) : judge(lookAt(pieces));
  };

interface Rule {
  readonly hop: Capabilities;
  readonly setting: EightBitConversion;
}

function judged(
  message: OutboundMessage,
  { eightBit, longLine, nul }: Look,
  { hop, setting }: Rule,
): Prepared | Promise<Prepared> {
  const takes8Bit = hop.keywords.has('8BITMIME');
  // RFC 3030 §3: sent by its length a NUL is an octet like any other, signed or not.
  if (nul && hop.chunking && hop.keywords.has('BINARYMIME'))
    return { ...message, body: 'BINARYMIME' };
  const tooWide = eightBit && !takes8Bit;
  if (!tooWide && !longLine && !nul) return told(message, takes8Bit);
  // RFC 5321 §4.5.3.1.6: no hop need take a longer line, and some would cut it; some end the message
  // at a dot behind a NUL, or throw NULs away and see the end of data where there is none.
  const obstacle = nul ? obstacles.nul : tooWide ? obstacles.eightBit : obstacles.longLine;
  if (setting === 'bounce') return { refuse: obstacle };
  return converted(message, takes8Bit, obstacle);
}

/** The hop is told only what it has asked to hear. */
const told = (message: OutboundMessage, takes8Bit: boolean): OutboundMessage =>
  message.body === undefined || takes8Bit ? message : { ...message, body: undefined };

async function converted(
  message: OutboundMessage,
  takes8Bit: boolean,
  obstacle: Reply,
): Promise<Prepared> {
  const result = await convertContent(message, takes8Bit ? '8bit' : '7bit');
  const [why] = (result.hasNul ? obstacles.nul : obstacle).lines;
  switch (result.kind) {
    case 'signed':
      return {
        refuse: reply(554, '6.3', `${why}, and converting the message would break its signature`),
      };
    case 'impossible':
      return { refuse: reply(554, '6.3', `${why}, and the message cannot be converted`) };
    case 'converted': {
      if (result.hasNul) return { refuse: obstacles.headerNul };
      const body = takes8Bit && message.body !== undefined ? '8BITMIME' : undefined;
      const { size } = result;
      return { ...message, size, pieces: undefined, read: () => result.read(), body };
    }
    default:
      return unreachable(result);
  }
}

/** What stands between the message and a hop, trace fields included. */
interface Look {
  readonly eightBit: boolean;
  readonly longLine: boolean;
  readonly nul: boolean;
}

function lookAt(pieces: readonly Uint8Array[]): Look {
  const meter = new LineMeter();
  for (const piece of pieces) meter.push(piece);
  return {
    eightBit: pieces.some(has8Bit),
    longLine: meter.hasLongLine,
    nul: pieces.some(hasNul),
  };
}

async function look(message: OutboundMessage): Promise<Look> {
  const meter = new LineMeter();
  let eightBit = false;
  let nul = false;
  for await (const piece of message.read({ reuse: true })) {
    eightBit ||= has8Bit(piece);
    nul ||= hasNul(piece);
    meter.push(piece);
  }
  return { eightBit, longLine: meter.hasLongLine, nul };
}
