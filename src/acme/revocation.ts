// A certificate that is not to be believed any more: RFC 8555 §7.6. Whoever has its key could be taken for us.

import type { AcmeClient } from './acme-client.ts';
import { AcmeError } from './messages.ts';
import { readCertificate } from './renewal.ts';

/** RFC 5280 §5.3.1: those that a certificate of a server may have. */
const codes = { unspecified: 0, keyCompromise: 1, superseded: 4, cessationOfOperation: 5 } as const;

export type RevocationReason = keyof typeof codes;
export const revocationReasons = Object.keys(codes) as readonly RevocationReason[];

/** `certificate`: PEM. One that is revoked already is as good. @throws AcmeError, HttpError */
export async function revoke(
  client: AcmeClient,
  certificate: string,
  reason: RevocationReason,
): Promise<void> {
  const { revokeCert } = await client.directory();
  if (revokeCert === undefined) throw new AcmeError('the authority revokes nothing');
  const der = readCertificate(certificate).raw.toString('base64url');
  try {
    await client.post(revokeCert, { certificate: der, reason: codes[reason] });
  } catch (error) {
    if (!(error instanceof AcmeError) || error.type !== 'alreadyRevoked') throw error;
  }
}
