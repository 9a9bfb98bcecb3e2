// CONNEG: the client asks what content the recipient's device can show, and the reply to RCPT says so. RFC 4141
// §5. It is a question to this server and travels nowhere; of others it is asked where CONPERM has it so.

import type { Reply } from '../reply.ts';
import { replies, reply } from '../reply.ts';
import type { Extension, ParamRule } from './extension.ts';
import { drop } from './extension.ts';

export interface ConnegParam {
  readonly name: 'CONNEG';
}

const connegParam: ParamRule<ConnegParam> = {
  name: 'CONNEG',
  // RFC 4141 §5.2: there are no arguments.
  parse: (value) => (value === '' ? { name: 'CONNEG' } : undefined),
  format: () => 'CONNEG',
  relay: () => drop,
};

/** Limit: of an expression in one line, so that the whole has at most 512 octets. RFC 5321 §4.5.3.1.5. */
const lineCharsMax = 480;

/**
 * The reply to a RCPT that asks. RFC 4141 §5.2: the first line says something else, each other one has a piece of the
 * expression. By RFC 2034 §4 the enhanced status stands in front of CONNEG in every line.
 */
export function capableRecipient(featureSet: string): Reply {
  const pieces: string[] = [];
  for (let rest = featureSet.trim(); rest !== ''; ) {
    const end = pieceEnd(rest);
    pieces.push(`CONNEG ${rest.slice(0, end)}`);
    rest = rest.slice(end);
  }
  return reply(250, '1.5', ...replies.recipientOk.lines, ...pieces);
}

/** Expressions are torn where a parenthesis opens. */
function pieceEnd(text: string): number {
  if (text.length <= lineCharsMax) return text.length;
  const open = text.lastIndexOf('(', lineCharsMax);
  return open > 0 ? open : lineCharsMax;
}

export const conneg = {
  keyword: 'CONNEG',
  // RFC 4141 §3.2: where the server knows capabilities of its recipients.
  advertise: ({ conneg: offers = false }) => (offers ? '' : undefined),
  // RFC 4141 §5.2: "the server MUST reject the RCPT-TO addressees with 504 replies"
  unoffered: reply(504, '5.4', 'CONNEG is not supported'),
  rcpt: [connegParam],
  rcptBytes: 7,
} as const satisfies Extension;
