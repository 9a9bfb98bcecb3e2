// EXTERNAL: RFC 4422 appendix A. Who the client is was settled by its TLS certificate; the one
// message says whom it wants to act as, or nothing.

import type { Exchange, SaslContext } from './exchange.ts';
import { decode, malformed, nameBytesMax, nothing, outcomeFor, refused } from './exchange.ts';

export async function* external(
  { authenticator, tls }: SaslContext,
  initial: Uint8Array | undefined,
): Exchange {
  const authorization = decode(initial ?? (yield nothing), nameBytesMax);
  if (authorization === undefined || authorization.includes('\0')) return malformed;
  // A certificate that was not checked names nobody.
  if (tls?.verified !== true) return refused(authorization);
  const account = await authenticator.accountOfCertificate?.(tls.peerNames);
  return outcomeFor(authenticator, { user: tls.peerNames[0] ?? '', account, authorization });
}
