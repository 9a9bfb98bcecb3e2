// What a tracer is told of a message, from the connection that it came by to its last attempt. Where it belongs is kept
// with the message (`Origin.trace`), so that what happens after a restart, and what follows from it, belongs there, too.

import type { AttemptResult } from '../../store/history.ts';
import type { Lease, NewMessage, Origin } from '../../store/queue-store.ts';

/** Times are in milliseconds since 1970. */
export interface MessageTracer extends ReceivingTracer {
  /** A client has connected. Nothing is recorded of it before a message comes. */
  session(began: number): SessionTracer;
  /** Something was attempted for the recipients of a lease. Never throws. */
  attempted(lease: Lease, results: readonly AttemptResult[], times: AttemptTimes): void;
}

export interface ReceivingTracer {
  /** A message is about to be queued; its transaction began then. */
  receive(began: number): Receiving;
}

/** One connection, and the messages that come by it. */
export interface SessionTracer extends ReceivingTracer {
  /** Something that was needed before a message could come. `failed` says why where it came to nothing. */
  step(step: SessionStep): void;
  ended(at: number): void;
}

export interface SessionStep extends AttemptTimes {
  readonly name: 'tls' | 'login';
  readonly facts: Readonly<Record<string, string | boolean | undefined>>;
  readonly failed?: string | undefined;
}

export interface Receiving {
  /** What is kept with the message: a `traceparent` (W3C Trace Context §3.2). */
  readonly trace: string;
  queued(message: NewMessage, at: number): void;
  /** It was refused, or failed: there is no such message. */
  failed(origin: Origin, at: number, why: string): void;
}

export interface AttemptTimes {
  readonly from: number;
  readonly to: number;
}
