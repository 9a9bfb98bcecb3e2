// A session with somebody's mail host as TLS reports count it: RFC 8460 §4. Plain data, since it is made where
// relays run, perhaps in another thread, and counted in the server's.

/** RFC 8460 §4.3: the result types, and the one that is none. */
export const tlsResults = [
  ...(['success', 'starttls-not-supported', 'certificate-host-mismatch'] as const),
  ...(['certificate-expired', 'certificate-not-trusted', 'validation-failure'] as const),
  ...(['tlsa-invalid', 'dnssec-invalid', 'dane-required'] as const),
  ...(['sts-policy-fetch-error', 'sts-policy-invalid', 'sts-webpki-invalid'] as const),
] as const;

export type TlsResult = (typeof tlsResults)[number];

/** The policy that a session was under. */
export interface TlsPolicy {
  readonly type: 'tlsa' | 'sts' | 'no-policy-found';
  /**
   * RFC 8460 §4.5: each TLSA record as its four fields in presentation form, or each line of the MTA-STS
   * policy.
   */
  readonly strings?: readonly string[] | undefined;
  /** The patterns of an MTA-STS policy. */
  readonly mxHosts?: readonly string[] | undefined;
}

export interface TlsSession {
  /** Whose mail it was for, in A-labels: they get the report. */
  readonly domain: string;
  readonly policy: TlsPolicy;
  readonly result: TlsResult;
  readonly mxHost?: string | undefined;
  /** The host's. */
  readonly address?: string | undefined;
  /** Why, in the TLS library's words or ours; never the peer's. */
  readonly reason?: string | undefined;
}

export const noPolicy: TlsPolicy = { type: 'no-policy-found' };

/** Whoever counts sessions for the reports of the day. */
export interface TlsReportCounts {
  noteSession(session: TlsSession): void;
}
