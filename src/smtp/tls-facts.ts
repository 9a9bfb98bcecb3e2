// What is known of a TLS connection: for policies, Received, logs and channel binding.

export interface TlsFacts {
  /** 'TLSv1.3' */
  readonly protocol: string;
  /** 'TLS_AES_256_GCM_SHA384' */
  readonly cipher: string;
  /** Whether the peer's certificate chain and name were checked and found good. */
  readonly verified: boolean;
  /** Subject names of the peer's certificate, if it gave one: DNS names, e-mail addresses, CN. */
  readonly peerNames: readonly string[];
  readonly servername?: string | undefined;
  readonly resumed?: boolean | undefined;
  /** How long its handshake took, in milliseconds. */
  readonly handshakeTookMs?: number | undefined;
  /** Why the certificate was not good, in the TLS library's words. */
  readonly verifyError?: string | undefined;
  /** RFC 9266 tls-exporter and RFC 5929 tls-server-end-point, computed on demand. */
  channelBinding?(type: 'tls-exporter' | 'tls-server-end-point'): Uint8Array | undefined;
}
