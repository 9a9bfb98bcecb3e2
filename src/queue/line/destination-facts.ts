// What an operator sees of a destination.

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
  readonly onHold: boolean;
  readonly last: LastAttempt | undefined;
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
  hold(destination: string): Promise<void>;
  release(destination: string): Promise<void>;
  /** That it, or a host of it, was found dead. */
  forget(destination: string): Promise<void>;
  /** How many recipients are due now. */
  retry(destination: string): Promise<number>;
}
