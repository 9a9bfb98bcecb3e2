// The order of a POP3 conversation as one table: which command is allowed in which of RFC 1939's states,
// and where it leads. RFC 1939 §4 to §6, RFC 2595 §4, RFC 6856 §2.1.

import type { Command } from './command.ts';
import type { Response } from './response.ts';
import { responses } from './response.ts';

/** The states of RFC 1939 §3 in which a command is read. */
export type CommandPhase = 'authorization' | 'transaction';

export type Phase =
  | CommandPhase
  /** We have sent a challenge: the next line is the client's response. */
  | 'auth'
  /** STLS was answered with +OK: nothing is read before TLS is there. */
  | 'handshake'
  /** A message was asked for. */
  | 'message'
  /** The owner gives it in pieces. */
  | 'pieces'
  /** A long listing goes out as fast as it is read. */
  | 'listing'
  /** QUIT was said, and what was deleted is removed. RFC 1939 §6. */
  | 'update'
  | 'closed';

type Verb = Exclude<Command['verb'], 'malformed'>;
/** Where the command leads when all goes well, or the response that refuses it. */
type Row = Readonly<Record<CommandPhase, Phase | Response>>;

const { loggedIn, notLoggedIn } = responses;

// biome-ignore format: a table
export const commands: Readonly<Record<Verb, Row>> = {
  //         authorization    transaction
  USER: row('authorization', loggedIn),
  PASS: row('transaction',   loggedIn),
  AUTH: row('transaction',   loggedIn),
  STLS: row('handshake',     loggedIn),
  UTF8: row('authorization', loggedIn),
  CAPA: row('authorization', 'transaction'),
  LANG: row('authorization', 'transaction'),
  STAT: row(notLoggedIn,     'transaction'),
  LIST: row(notLoggedIn,     'listing'),
  UIDL: row(notLoggedIn,     'listing'),
  RETR: row(notLoggedIn,     'message'),
  TOP:  row(notLoggedIn,     'message'),
  DELE: row(notLoggedIn,     'transaction'),
  NOOP: row(notLoggedIn,     'transaction'),
  RSET: row(notLoggedIn,     'transaction'),
  // RFC 1939 §4: no UPDATE state for who has not logged in.
  QUIT: row('closed',        'update'),
};

/** Where everything leads that is no command. A conversation that ends is 'closed' from any phase. */
export const after = {
  auth: { challenge: 'auth', success: 'transaction', failure: 'authorization' },
  handshake: { secure: 'authorization' },
  message: { pieces: 'pieces', sent: 'transaction', refused: 'transaction' },
  pieces: { sent: 'transaction' },
  listing: { sent: 'transaction' },
} as const satisfies { readonly [phase in Phase]?: Readonly<Record<string, Phase>> };

function row(authorization: Phase | Response, transaction: Phase | Response): Row {
  return { authorization, transaction };
}
