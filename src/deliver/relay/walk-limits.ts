// How far a walk along the hosts of a route goes, how long it waits for each, and for how long what it learned
// of them holds.

/** What can be set is called as it is there, in `delivery`. */
export interface WalkLimits {
  /** Conversations begun for one attempt. RFC 5321 §5.1: at least two addresses. */
  readonly callsMax: number;
  /** Limit: TCP itself would go on for minutes. Milliseconds. */
  readonly connectTimeout: number;
  /** RFC 8305 §5. */
  readonly staggerMs: number;
  readonly tlsMs: number;
  /** How long an address that did not answer is tried last. */
  readonly deadMs: number;
  /** How long a host whose TLS failed is spoken to in the clear, where that is allowed. */
  readonly plaintextMs: number;
  /** How long a host that offers BDAT and does not know it gets mail by DATA. */
  readonly unchunkedMs: number;
  /** How long open connections are used by what was decided of their hosts before. */
  readonly decisionMs: number;
}

export const defaultWalkLimits: WalkLimits = {
  callsMax: 5,
  connectTimeout: 30_000,
  staggerMs: 250,
  tlsMs: 30_000,
  deadMs: 60_000,
  plaintextMs: 10 * 60_000,
  unchunkedMs: 60 * 60_000,
  decisionMs: 5_000,
};
