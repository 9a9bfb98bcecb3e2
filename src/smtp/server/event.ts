// What a ServerSession tells its owner, and what it wants to know. See session.ts for the rules.

import type { Mailbox, ReversePath } from '../../mail/fields/address.ts';
import type { FutureReleaseLimits } from '../extensions/extension.ts';
import type { MailParam, RcptParam } from '../extensions/index.ts';
import type { ToldClient } from '../extensions/xclient.ts';
import type { SessionLimits } from '../limits.ts';
import type { Reply } from '../reply.ts';

/** Facts the owner knows and the session cannot find out. */
export interface ServerFacts {
  readonly protocol: 'smtp' | 'submission' | 'lmtp';
  readonly hostname: string;
  readonly secure: boolean;
  /** STARTTLS is offered while this is true and the session is not secure. */
  readonly startTls: boolean;
  /** SASL mechanisms to offer now, in order of preference; [] withholds AUTH. */
  readonly mechanisms: readonly string[];
  /** Keywords (upper case) of extensions that this listener does not offer. */
  readonly withheld?: ReadonlySet<string> | undefined;
  /**
   * Whether AUTH= on MAIL may be believed (RFC 4954 §5); otherwise it is read as AUTH=<>. So it is for a priority
   * above 0, unless the client has logged in.
   */
  readonly trusted: boolean;
  /** XCLIENT is offered: the client is a proxy whose word counts. */
  readonly xclient?: boolean;
  readonly atrn?: boolean | undefined;
  readonly mtrk?: boolean | undefined;
  readonly burl?: string | undefined;
  readonly noSoliciting?: readonly string[] | undefined;
  /** Lines that are no command are asked about: somebody wants to see them. */
  readonly asksUnknown?: boolean | undefined;
  readonly conperm?: boolean | undefined;
  readonly conneg?: boolean | undefined;
  readonly futureRelease?: FutureReleaseLimits | undefined;
  /** 'submission' answers 530 5.7.0 to MAIL until the client has logged in. */
  readonly authRequired: boolean;
  readonly bareNewlines: 'refuse' | 'normalise';
  /** Given to addresses without a domain (`<root>`); without this they are refused. */
  readonly localDomain?: string | undefined;
  readonly limits: SessionLimits;
}

/** Waits for answer(). A positive answer moves the session on; any other leaves it where it is. */
export type Question =
  /**
   * First of all: 220 greets, 5yz leaves only QUIT, 4yz closes. The session puts the host name and
   * `ESMTP` or `LMTP` before the text of the 220, unless the text begins with the host name.
   */
  | { readonly kind: 'connect' }
  | { readonly kind: 'hello'; readonly client: string; readonly verb: 'EHLO' | 'HELO' | 'LHLO' }
  | { readonly kind: 'mail'; readonly from: ReversePath; readonly params: readonly MailParam[] }
  | { readonly kind: 'rcpt'; readonly to: Mailbox; readonly params: readonly RcptParam[] }
  /** Before 354, or before the first BDAT chunk is taken: is there room? */
  | { readonly kind: 'data'; readonly via: 'DATA' | 'BDAT'; readonly binary: boolean }
  /**
   * The content is complete and within limits. With LMTP the owner uses answerEach(): one reply
   * for each accepted RCPT, in order (RFC 2033 §4.2).
   */
  | { readonly kind: 'message'; readonly bytes: number }
  /**
   * Answered by fetched(octets), which is as if they had come by BDAT, or by a refusal, which ends the
   * transaction. RFC 4468 §3.2.
   */
  | { readonly kind: 'burl'; readonly url: string; readonly last: boolean }
  /** `utf8`: the reply may hold UTF-8 (RFC 6531 §3.7.4.2). */
  | { readonly kind: 'vrfy' | 'expn'; readonly argument: string; readonly utf8: boolean }
  | { readonly kind: 'etrn'; readonly argument: string }
  /** No command of ours. Only a refusal answers it. */
  | { readonly kind: 'unknown'; readonly line: string }
  /** A positive answer turns the roles round; [] names no domain. RFC 2645 §5.2. */
  | { readonly kind: 'atrn'; readonly domains: readonly string[] }
  /** A proxy tells whom it speaks for. "Yes" is clientTold(); then `connect` is asked again. */
  | { readonly kind: 'xclient'; readonly told: ToldClient }
  /** Also answered by challenge(bytes). `initial` is undefined without an initial response. */
  | { readonly kind: 'auth'; readonly mechanism: string; readonly initial: Uint8Array | undefined }
  | { readonly kind: 'auth-response'; readonly response: Uint8Array };

/** What follows from what a proxy told. */
export interface NewClient {
  readonly trusted: boolean;
  /** Whether this client, too, may say for whom it speaks. */
  readonly xclient: boolean;
  readonly authenticated: boolean;
  /** Which way it has introduced itself to the proxy; undefined if it has to do that here. */
  readonly introduced: 'EHLO' | 'HELO' | undefined;
}

/** What a reply of 4yz or 5yz was about. */
export type Stage =
  | 'connect'
  | 'helo'
  | 'mail'
  | 'rcpt'
  | 'data'
  | 'content'
  | 'auth'
  | 'starttls'
  /** Nothing that brings mail nearer, or no command at all. */
  | 'command'
  | 'timeout'
  | 'shutdown';

/** A reply of 4yz or 5yz, for whoever keeps a record of them. */
export interface Refused {
  readonly stage: Stage;
  readonly reply: Reply;
  /** Of the transaction, or whom MAIL named; undefined outside of one. */
  readonly sender: ReversePath | undefined;
  /** Whom the reply is about: whom RCPT named, or those accepted so far. */
  readonly recipients: readonly Mailbox[];
  /** The beginning of what followed the content given out so far, when that is refused. */
  readonly content?: Uint8Array | undefined;
}

export type SessionEvent =
  | Question
  /** Nothing more to do: send output(), then receive() more bytes. */
  | { readonly kind: 'need-input' }
  /** A piece of the message, dots removed; a view, good until the next call of next(). */
  | { readonly kind: 'content'; readonly bytes: Uint8Array }
  /**
   * The transaction is over without a message: RSET, a new EHLO, STARTTLS, or content that was
   * refused (`because`). What was received of it must go.
   */
  | { readonly kind: 'reset'; readonly because?: Reply }
  /** An exchange ended without an answer of the owner's: `*`, bad base64, a line too long. */
  | { readonly kind: 'auth-cancelled' }
  /** Send output(), do the handshake, then call tlsStarted() (or drop the connection). */
  | { readonly kind: 'starttls' }
  /** Send output(); then the other side greets, and we are its client. This session is over. */
  | { readonly kind: 'turned' }
  /** Send output(), then close: QUIT, 421, too many errors, a timeout. */
  | {
      readonly kind: 'close';
      readonly reason: 'quit' | 'errors' | 'timeout' | 'refused' | 'shutdown';
    };

export type CloseReason = Extract<SessionEvent, { readonly kind: 'close' }>['reason'];

const statements = new Set<SessionEvent['kind']>([
  'need-input',
  'content',
  'reset',
  'auth-cancelled',
  'starttls',
  'turned',
  'close',
]);

export function isQuestion(event: SessionEvent): event is Question {
  return !statements.has(event.kind);
}
