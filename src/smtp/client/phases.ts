// The order of a client's conversation as one table: what a reply leads to, by what it answers and by its first
// digit. RFC 5321 §4.2.1 and §4.3.2, RFC 3207 §4, RFC 4954 §4. Two things stand beside it: a 421 may come at any moment
// (session.ts), and the replies to a transaction are counted in transaction.ts.

import type { Reply } from '../reply.ts';
import type { Stage } from './event.ts';

/** One reply is awaited, to the greeting's silence or to the command of that name. */
export type AskedPhase = Exclude<
  Stage,
  'MAIL' | 'RCPT' | 'DATA' | 'content' | 'end of data' | 'idle'
>;

export type Phase =
  | AskedPhase
  /** A command may be given; nothing is awaited. */
  | 'ready'
  /** STARTTLS was answered with 220: nothing is read before TLS is there. */
  | 'handshake'
  | 'transaction'
  | 'closed';

export type Next =
  /** EHLO is said, or LHLO. */
  | 'hello'
  /** It knows no EHLO: RFC 5321 §3.2. */
  | 'HELO'
  /** The exchange goes on: the reply is a challenge. */
  | 'challenge'
  | 'handshake'
  | 'ready'
  /** The server says no to this, and the session goes on. */
  | 'refused'
  /** It does not want us at all. */
  | 'unwelcome'
  /** Nobody asked. */
  | 'unasked'
  | 'closed';

type Row = readonly [on2yz: Next, on3yz: Next, on4yz: Next, on5yz: Next];

const unwelcome = 'unwelcome';
const refused = 'refused';
const unasked: Row = ['unasked', 'unasked', 'unasked', 'unasked'];

// biome-ignore format: a table
const rows: Readonly<Record<AskedPhase | 'ready' | 'handshake', Row>> = {
  //          2yz          3yz          4yz          5yz
  greeting:  ['hello',     unwelcome,   unwelcome,   unwelcome],
  EHLO:      ['ready',     unwelcome,   unwelcome,   'HELO'],
  HELO:      ['ready',     unwelcome,   unwelcome,   unwelcome],
  LHLO:      ['ready',     unwelcome,   unwelcome,   unwelcome],
  STARTTLS:  ['handshake', refused,     refused,     refused],
  AUTH:      ['ready',     'challenge', refused,     refused],
  RSET:      ['ready',     refused,     refused,     refused],
  QUIT:      ['closed',    'closed',    'closed',    'closed'],
  ready: unasked,
  handshake: unasked,
};

export const leadsTo = (phase: keyof typeof rows, { code }: Reply): Next =>
  rows[phase][Math.floor(code / 100) - 2] ?? 'unasked';

/** Where in the conversation a phase is, in the words of events. */
export function stageOf(phase: Exclude<Phase, 'transaction'>): Stage {
  switch (phase) {
    case 'handshake':
      return 'STARTTLS';
    case 'ready':
    case 'closed':
      return 'idle';
    default:
      return phase;
  }
}
