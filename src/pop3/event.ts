// What a Pop3Session tells its owner, and what it wants to know. See session.ts for the rules.

import type { Pop3Limits } from './limits.ts';
import type { MessageList } from './maildrop.ts';
import type { Response } from './response.ts';

/** Facts the owner knows and the session cannot find out. */
export interface Pop3Facts {
  readonly hostname: string;
  readonly secure: boolean;
  /** STLS is offered while this is true and the session is not secure. */
  readonly startTls: boolean;
  /** SASL mechanisms to offer now, in order of preference. USER and PASS go with PLAIN. */
  readonly mechanisms: readonly string[];
  /** Seconds between logins, enforced by the owner; 0 announces nothing. RFC 2449 §6.5. */
  readonly loginDelaySeconds: number;
  readonly limits: Pop3Limits;
}

/** Waits for answer(). */
export type Question =
  | { readonly kind: 'login'; readonly user: string; readonly password: string }
  /** `initial` is undefined without an initial response. */
  | { readonly kind: 'auth'; readonly mechanism: string; readonly initial: Uint8Array | undefined }
  | { readonly kind: 'auth-response'; readonly response: Uint8Array }
  /** RETR and TOP; `index` counts from 0. `more`: the client has asked for something else already. */
  | {
      readonly kind: 'message';
      readonly index: number;
      readonly whole: boolean;
      readonly more: boolean;
    }
  /** QUIT: RFC 1939 §6, the messages at these indexes go now, all of them or none. */
  | { readonly kind: 'update'; readonly deleted: readonly number[] };

export type Answer =
  /** To `login`, `auth` and `auth-response`: logged in, and the mailbox is ours alone. */
  | { readonly kind: 'opened'; readonly messages: MessageList }
  /** To `auth` and `auth-response`: the exchange goes on. */
  | { readonly kind: 'challenge'; readonly bytes: Uint8Array }
  /** To `message`: all of it. */
  | { readonly kind: 'content'; readonly bytes: Uint8Array }
  /** To `message`: content() and contentEnd() follow before the next call of next(). */
  | { readonly kind: 'pieces' }
  /** To `update`. */
  | { readonly kind: 'updated' }
  /** To any question. `close` ends the conversation. */
  | { readonly kind: 'refused'; readonly response: Response; readonly close?: boolean };

export type SessionEvent =
  | Question
  /** Nothing more to do: send output(), then receive() more bytes. */
  | { readonly kind: 'need-input' }
  /** There is much to send: send output() and wait for it, then go on. */
  | { readonly kind: 'flush' }
  /** An exchange ended without an answer of the owner's: `*`, bad base64, a line too long. */
  | { readonly kind: 'auth-cancelled' }
  /** Send output(), do the handshake, then call tlsStarted() (or drop the connection). */
  | { readonly kind: 'starttls' }
  /** Send output(), then close. Only `quit` was a clean end. */
  | {
      readonly kind: 'close';
      readonly reason: 'quit' | 'errors' | 'refused' | 'shutdown';
    };

export type CloseReason = Extract<SessionEvent, { readonly kind: 'close' }>['reason'];

const questions = new Set<SessionEvent['kind']>([
  'login',
  'auth',
  'auth-response',
  'message',
  'update',
]);

export function isQuestion(event: SessionEvent): event is Question {
  return questions.has(event.kind);
}
