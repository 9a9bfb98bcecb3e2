// What came of TLS with a host, in the words of TLS reports: RFC 8460 §4.3.

import { TlsHandshakeError } from '../../net/dialer.ts';
import type { TlsResult, TlsSession } from '../../report/tls-session.ts';
import type { TlsFacts } from '../../smtp/tls-facts.ts';
import type { HopFailure } from './hop-failure.ts';

type Told = Pick<TlsSession, 'result' | 'reason'>;

const sessionUp: Told = { result: 'success' };
const notOffered: Told = { result: 'starttls-not-supported' };

/** What the runtime says of certificates, where there is a word for it. */
const byCode: ReadonlyMap<string, TlsResult> = new Map([
  ['CERT_HAS_EXPIRED', 'certificate-expired'],
  ['ERR_TLS_CERT_ALTNAME_INVALID', 'certificate-host-mismatch'],
  ['CERT_UNTRUSTED', 'certificate-not-trusted'],
  ['CERT_REJECTED', 'certificate-not-trusted'],
  ['CERT_REVOKED', 'certificate-not-trusted'],
  ['CERT_CHAIN_TOO_LONG', 'certificate-not-trusted'],
  ['CERT_SIGNATURE_FAILURE', 'certificate-not-trusted'],
  ['INVALID_CA', 'certificate-not-trusted'],
  ['INVALID_PURPOSE', 'certificate-not-trusted'],
  ['DEPTH_ZERO_SELF_SIGNED_CERT', 'certificate-not-trusted'],
  ['SELF_SIGNED_CERT_IN_CHAIN', 'certificate-not-trusted'],
  ['UNABLE_TO_GET_ISSUER_CERT', 'certificate-not-trusted'],
  ['UNABLE_TO_GET_ISSUER_CERT_LOCALLY', 'certificate-not-trusted'],
  ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'certificate-not-trusted'],
  ['TLSA_MISMATCH', 'certificate-not-trusted'],
]);

/** Of a conversation that came about. `tested`: what a policy in testing would have said. RFC 8461 §5. */
export function tlsResultOf(
  tls: Pick<TlsFacts, 'verified' | 'verifyError'> | undefined,
  tested: { readonly allowed: boolean } | undefined,
): Told {
  if (tls === undefined) return notOffered;
  if (tested === undefined) return sessionUp;
  if (!tested.allowed) return { result: 'validation-failure', reason: 'not a host of the policy' };
  if (tls.verified) return sessionUp;
  const code = tls.verifyError ?? 'no certificate';
  return { result: byCode.get(code) ?? 'validation-failure', reason: code };
}

/** `failure` is of kind `tls`. */
export function tlsFailureOf({ cause, reply, message }: HopFailure): Told {
  // RFC 3463 §3.8: X.7.4, security features not supported.
  if (reply.detail === '7.4') return notOffered;
  const code = cause instanceof TlsHandshakeError ? cause.code : undefined;
  const result = byCode.get(code ?? '') ?? 'validation-failure';
  return { result, reason: code ?? message };
}
