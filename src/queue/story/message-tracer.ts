// What a tracer is told of a message, from its first command to its last attempt. Where it belongs is kept with the message
// (`Origin.trace`), so that what happens after a restart, and what follows from it, belongs there, too.

import type { AttemptResult } from '../../store/history.ts';
import type { Lease, NewMessage, Origin } from '../../store/queue-store.ts';

export interface MessageTracer {
  /** A message is about to be queued; its transaction began then. In milliseconds since 1970, as all times here. */
  receive(began: number): Receiving;
  /** Something was attempted for the recipients of a lease. Never throws. */
  attempted(lease: Lease, results: readonly AttemptResult[], times: AttemptTimes): void;
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
