// What an ImapSession tells its owner, what it wants to know, and what it is told. See session.ts.

import type { AppendMessage, AppendTarget, CatenatePart, Command } from './command.ts';
import type { ImapLimits } from './limits.ts';

/** Facts the owner knows and the session cannot find out. */
export interface ImapFacts {
  readonly hostname: string;
  readonly secure: boolean;
  /** STARTTLS is offered while this is true and the session is not secure. */
  readonly startTls: boolean;
  /** SASL mechanisms to offer now, in order of preference. LOGIN goes with PLAIN. */
  readonly mechanisms: readonly string[];
  readonly limits: ImapLimits;
}

/** Extensions that a client turns on, by ENABLE or by using them. RFC 5161, RFC 7162 §3.1. */
export type Enabled = 'IMAP4REV2' | 'CONDSTORE' | 'QRESYNC' | 'UTF8=ACCEPT' | 'UIDONLY';

/** Commands that the session does not answer by itself, or not always: ENABLE. */
export type OwnersCommand = Exclude<
  Command,
  {
    readonly name:
      | 'CAPABILITY'
      | 'LOGOUT'
      | 'STARTTLS'
      | 'LOGIN'
      | 'AUTHENTICATE'
      | 'COMPRESS'
      | 'IDLE';
  }
>;

/** Waits for answer(). */
export type Question =
  | { readonly kind: 'login'; readonly user: string; readonly password: string }
  | {
      readonly kind: 'authenticate';
      readonly mechanism: string;
      readonly initial: Uint8Array | undefined;
    }
  | { readonly kind: 'auth-response'; readonly response: Uint8Array }
  /** Untagged responses may be sent until the answer, which is the completion. */
  | { readonly kind: 'command'; readonly tag: string; readonly command: OwnersCommand }
  /**
   * A message is about to come. `first`: of this command. Answered with `proceed` (then come its
   * octets, or the parts of a CATENATE) or with a completion that refuses: what the client sends
   * nevertheless is skipped, and messages of the same command before it are to be forgotten.
   */
  | {
      readonly kind: 'append';
      readonly target: AppendTarget;
      readonly message: AppendMessage;
      readonly first: boolean;
    }
  /** CATENATE: answered like `append`. The octets of a text follow as `content`. */
  | { readonly kind: 'append-part'; readonly part: CatenatePart }
  /** All messages are there: store them. The answer is the completion. */
  | { readonly kind: 'append-end'; readonly target: AppendTarget }
  /**
   * The client waits for news: untagged responses may be sent, until `idle-done`. Answered with
   * `proceed` or a refusal.
   */
  | { readonly kind: 'idle' };

export type Answer =
  /** To `append`, `append-part` and `idle`. */
  | { readonly kind: 'proceed' }
  /** To `authenticate` and `auth-response`: the exchange goes on. */
  | { readonly kind: 'challenge'; readonly bytes: Uint8Array }
  | Completion;

/** The tagged response. RFC 9051 §7.1. */
export interface Completion {
  readonly kind: 'completion';
  readonly status: 'OK' | 'NO' | 'BAD';
  /** Without brackets: `APPENDUID 1 2`, `TRYCREATE`. */
  readonly code?: string | undefined;
  readonly text: string;
  /** What else changes; 'authenticated' adds the capabilities to the response by itself. */
  readonly state?: 'authenticated' | 'selected' | 'unselected' | 'unauthenticated' | undefined;
  /** The conversation ends with an untagged BYE and this text before the completion. */
  readonly bye?: string | undefined;
}

export type SessionEvent =
  | Question
  /** Nothing more to do: send output(), then receive() more bytes. */
  | { readonly kind: 'need-input' }
  /** There is much to send: send output() and wait for it, then go on. */
  | { readonly kind: 'flush' }
  /** An exchange ended without an answer of the owner's: `*`, bad base64, a line too long. */
  | { readonly kind: 'auth-cancelled' }
  /** Octets of the message (or CATENATE text) that is coming; ours until next() is called again. */
  | { readonly kind: 'content'; readonly bytes: Uint8Array }
  /** One message is complete; another `append` or `append-end` follows. */
  | { readonly kind: 'append-message-end' }
  /** The command was refused, broken off or malformed: forget what came of it. */
  | { readonly kind: 'append-aborted' }
  /** DONE was read; the session completes IDLE by itself after this. */
  | { readonly kind: 'idle-done' }
  /** Send output(), do the handshake, then call tlsStarted() (or drop the connection). */
  | { readonly kind: 'starttls' }
  /** Send output(); from there on both directions are compressed. RFC 4978. */
  | { readonly kind: 'compress' }
  /** Send output(), then close. */
  | {
      readonly kind: 'close';
      readonly reason: 'logout' | 'errors' | 'refused' | 'shutdown' | 'timeout';
    };

export type CloseReason = Extract<SessionEvent, { readonly kind: 'close' }>['reason'];
