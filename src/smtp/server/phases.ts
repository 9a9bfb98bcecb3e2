// The order of an SMTP conversation as one table: which command is allowed when, and where it leads.
// RFC 5321 §4.1.4, RFC 2033 §4.1, RFC 3030 §2, RFC 3207 §4, RFC 4954 §4. What a command does where it
// is allowed is in commands.ts; what it needs besides (an extension that is offered) in availability.ts.

import type { Command } from '../command.ts';
import type { Reply } from '../reply.ts';
import { replies } from '../reply.ts';

/** The phases in which a command is read, and in which the table below says what may come. */
export type CommandPhase =
  /** Nobody has said EHLO, or TLS has just begun. */
  | 'fresh'
  | 'ready'
  /** MAIL was accepted. */
  | 'transaction'
  /** The same, and a chunk of the content is there: nothing but BDAT may follow it. */
  | 'chunks';

export type Phase =
  | CommandPhase
  /** The owner has not decided yet how to greet; after XCLIENT, whom. */
  | 'connect'
  /** The greeting was a 554: only QUIT is understood. */
  | 'unwelcome'
  /** DATA was answered with 354: lines up to the dot. */
  | 'content'
  /** The octets of a BDAT are read, for the message or to be thrown away. */
  | 'chunk'
  /** We have sent a challenge: the next line is the client's response. */
  | 'auth'
  /** STARTTLS was answered with 220: nothing is read before TLS is there. */
  | 'handshake'
  /** ATRN was answered with 250: we are the client from now on, and no server any more. */
  | 'turned'
  | 'closed';

type Verb = Exclude<Command['verb'], 'malformed'>;
/** The phase that a positive answer leads to, or the reply that refuses the command. */
type Row = Readonly<Record<CommandPhase, Phase | Reply>>;

const { badSequence, chunksOnly, inTransaction, needHello, needMail, nestedMail } = replies;

const hello = row('ready', 'ready', 'ready', 'ready');
const anywhere = row('fresh', 'ready', 'transaction', 'chunks');

// biome-ignore format: a table
export const commands: Readonly<Record<Verb, Row>> = {
  //             fresh      ready          transaction    chunks
  EHLO: hello,
  HELO: hello,
  LHLO: hello,
  MAIL:     row(needHello, 'transaction', nestedMail,    nestedMail),
  RCPT:     row(needHello, needMail,      'transaction', badSequence),
  DATA:     row(needHello, needMail,      'content',     chunksOnly),
  BDAT:     row(needHello, needMail,      'chunk',       'chunk'),
  BURL:     row(needHello, needMail,      'chunk',       'chunk'),
  RSET:     row('fresh',   'ready',       'ready',       'ready'),
  ETRN:     row(needHello, 'ready',       inTransaction, inTransaction),
  AUTH:     row(needHello, 'ready',       inTransaction, inTransaction),
  ATRN:     row(needHello, 'turned',      inTransaction, inTransaction),
  STARTTLS: row(needHello, 'handshake',   'handshake',   'handshake'),
  XCLIENT:  row('connect', 'connect',     inTransaction, inTransaction),
  QUIT:     row('closed',  'closed',      'closed',      'closed'),
  NOOP: anywhere,
  HELP: anywhere,
  VRFY: anywhere,
  EXPN: anywhere,
};

/**
 * Where everything leads that is no command. A conversation that ends is 'closed' from any phase; a
 * chunk that came out of order leads back to where it came.
 */
export const after = {
  connect: { welcome: 'fresh', introduced: 'ready', turnedAway: 'unwelcome' },
  content: { message: 'ready', refused: 'ready' },
  chunk: { more: 'chunks', message: 'ready', refused: 'ready' },
  auth: { challenge: 'auth', success: 'ready', failure: 'ready' },
  handshake: { secure: 'fresh' },
} as const satisfies { readonly [phase in Phase]?: Readonly<Record<string, Phase>> };

function row(
  fresh: Phase | Reply,
  ready: Phase | Reply,
  transaction: Phase | Reply,
  chunks: Phase | Reply,
): Row {
  return { fresh, ready, transaction, chunks };
}
