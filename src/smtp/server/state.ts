// The states of a server session: one at a time, each with exactly the fields that exist then.

import type { ContentReader } from '../content.ts';
import type { Reply } from '../reply.ts';
import type { SessionEvent } from './event.ts';

export interface Transaction {
  readonly phase: 'transaction';
  readonly utf8: boolean;
  /** BODY=BINARYMIME. */
  readonly binary: boolean;
  readonly recipients: number;
  /** Content so far, once BDAT has begun. */
  readonly chunks?: ContentReader;
}

export interface Chunk {
  readonly phase: 'chunk';
  readonly last: boolean;
  readonly transaction: Transaction | undefined;
  /** The chunk is read and thrown away, then answered with this. RFC 3030 §2. */
  readonly refusal?: Reply;
  /** Where a refusal leads back to; without it, it ends the transaction. */
  readonly resume?: State;
  /** No answer at all: RFC 2033 §4.3, BDAT LAST without recipients. */
  readonly silent?: boolean;
}

export type CloseReason = Extract<SessionEvent, { readonly kind: 'close' }>['reason'];

export type State =
  | { readonly phase: 'connect' | 'unwelcome' | 'fresh' | 'ready' | 'auth' | 'handshake' }
  | Transaction
  | { readonly phase: 'content'; readonly recipients: number; readonly reader: ContentReader }
  | Chunk
  | { readonly phase: 'closed'; readonly reason: CloseReason };

export const connect: State = { phase: 'connect' };
export const unwelcome: State = { phase: 'unwelcome' };
export const fresh: State = { phase: 'fresh' };
export const ready: State = { phase: 'ready' };
export const authenticating: State = { phase: 'auth' };
export const handshake: State = { phase: 'handshake' };
