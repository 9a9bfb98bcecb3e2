// A connection that is open, as an operator sees it.

export interface OpenSession {
  readonly id: string;
  /** '' on a Unix socket. */
  readonly client: string;
  /** In milliseconds since 1970. */
  readonly since: number;
  readonly secure: boolean;
  readonly account?: string | undefined;
  /** What it is at, in the protocol's words. */
  readonly phase?: string | undefined;
  readonly bytesIn: number;
  readonly bytesOut: number;
}

/** What a conversation says of itself. */
export type SessionFacts = Pick<OpenSession, 'account' | 'phase' | 'secure'>;
