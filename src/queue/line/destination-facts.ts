// What an operator sees of a destination.

import type { Waiting } from './waiting.ts';

export interface DestinationFacts {
  readonly destination: string;
  readonly name: string;
  /** Recipients in the queue, and those of them that are held. */
  readonly queued: number;
  readonly held: number;
  /** In milliseconds since 1970. */
  readonly oldest: number | undefined;
  readonly nextAttempt: number | undefined;
  readonly active: number;
  readonly window: number | undefined;
  readonly deadUntil: number | undefined;
  /** The same of each node that has something to say; none where there is one server. */
  readonly ofNodes: readonly DestinationAtNode[];
  readonly onHold: boolean;
  /** What keeps its mail, as far as this node knows. */
  readonly waiting: Waiting | undefined;
  readonly last: LastAttempt | undefined;
  /** Undefined: nothing was said over TLS lately, nor tried. */
  readonly security: LastSecurity | undefined;
}

export interface DestinationAtNode {
  readonly number: number;
  readonly active: number;
  readonly window: number | undefined;
  readonly deadUntil: number | undefined;
}

/** What came of TLS with its hosts last, and which policy asked for what. */
export interface LastSecurity {
  readonly at: number;
  readonly policy: 'dane' | 'mta-sts' | 'none';
  /** RFC 8460 §4.3: `success`, or what was wrong. */
  readonly result: string;
  readonly host?: string | undefined;
  readonly reason?: string | undefined;
}

export interface LastAttempt {
  readonly at: number;
  readonly result: string;
  readonly reply: string;
  readonly host?: string | undefined;
  readonly tls?: string | undefined;
}

export interface DestinationsAsked {
  /** Part of its name. */
  readonly text?: string | undefined;
  readonly after?: string | undefined;
  readonly limit: number;
}

export interface DestinationDesk {
  list(asked: DestinationsAsked): Promise<{
    readonly items: readonly DestinationFacts[];
    readonly next: string | null;
  }>;
  /** Why the message, or what is due in the store, is not attempted there; undefined: nothing is known to keep it. */
  waiting(destination: string, id?: string): Waiting | undefined;
  hold(destination: string): Promise<void>;
  release(destination: string): Promise<void>;
  /** That it, or a host of it, was found dead. */
  forget(destination: string): Promise<void>;
  /** How many recipients are due now. */
  retry(destination: string): Promise<number>;
}
