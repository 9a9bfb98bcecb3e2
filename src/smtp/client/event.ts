// What a ClientSession is given to send, and what it tells its owner. See session.ts for the rules.

import type { Reply } from '../reply.ts';

/** One message for one next hop. Addresses and parameters in wire form. */
export interface Outgoing {
  /** '' is the null reverse-path. */
  readonly sender: string;
  /** MAIL parameters that this hop takes; SIZE is added by the session. */
  readonly params: readonly string[];
  readonly recipients: readonly OutgoingRecipient[];
  readonly content: OutgoingContent;
  /** Byte for byte by BDAT (BODY=BINARYMIME); only to a hop that offers it. RFC 3030 §3. */
  readonly binary?: boolean;
}

export interface OutgoingRecipient {
  readonly address: string;
  readonly params: readonly string[];
}

export type OutgoingContent =
  /** All of it is here: the session sends it by itself, in as few writes as it can. */
  | { readonly kind: 'memory'; readonly pieces: readonly Uint8Array[] }
  /** Given piece by piece after the event `content`. */
  | { readonly kind: 'stream'; readonly size: number };

/** Where in the conversation something was said, or ended. */
export type Stage =
  | 'greeting'
  | 'EHLO'
  | 'HELO'
  | 'LHLO'
  | 'STARTTLS'
  | 'AUTH'
  | 'MAIL'
  | 'RCPT'
  | 'DATA'
  | 'content'
  | 'end of data'
  | 'RSET'
  | 'QUIT'
  | 'idle';

/** What became of one recipient in one transaction. */
export interface RecipientAnswer {
  readonly reply: Reply;
  readonly stage: Stage;
  /** The words are the server's; otherwise ours about it (lost connection, message too big …). */
  readonly remote: boolean;
  /** One too many for this transaction, and welcome in the next. RFC 5321 §4.5.3.1.10. */
  readonly tooMany?: true;
}

/** Why no more can be done with this connection. */
export type Closure =
  | { readonly kind: 'quit' }
  /** It does not want us, or no longer: the greeting, EHLO, or 421 at any moment. */
  | { readonly kind: 'refused'; readonly stage: Stage; readonly reply: Reply }
  /** The connection ended or broke. */
  | { readonly kind: 'lost'; readonly stage: Stage; readonly text: string }
  | { readonly kind: 'timeout'; readonly stage: Stage; readonly text: string }
  /** Garbage, a reply without end, a reply that nobody asked for. */
  | { readonly kind: 'broken'; readonly stage: Stage; readonly text: string };

export interface SentEvent {
  readonly kind: 'sent';
  /** One for each recipient, in order. */
  readonly answers: readonly RecipientAnswer[];
  /** Anything but a 421 was heard of this transaction. */
  readonly answered: boolean;
  /** The end of data went out: without an answer to it, nobody knows who has the message. */
  readonly complete: boolean;
  /** It was sent by BDAT, which the server offers and does not know: nobody has it. */
  readonly unchunked?: true;
}

export type ClientEvent =
  /** Send output(), then receive() more bytes, or tell of the end by ended() or timedOut(). */
  | { readonly kind: 'need-input' }
  /** EHLO is answered, the login succeeded, RSET is done: the next command, please. */
  | { readonly kind: 'ready' }
  /** STARTTLS was accepted: do the handshake, then call tlsStarted(). */
  | { readonly kind: 'starttls' }
  /** STARTTLS, AUTH or RSET was refused; the session can still be used. */
  | {
      readonly kind: 'refused';
      readonly verb: 'STARTTLS' | 'AUTH' | 'RSET';
      readonly reply: Reply;
    }
  /** The server waits for the content: give it by content() and endContent(). */
  | { readonly kind: 'content' }
  /** The transaction is over, whatever happened. */
  | SentEvent
  /** Send output() if there is any, then close. Always the last event, again and again. */
  | { readonly kind: 'closed'; readonly because: Closure };
