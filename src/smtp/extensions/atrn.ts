// ATRN: a host that was away logs in, asks for its mail, and gets it over the same connection: the roles
// turn round. RFC 2645. Offered where somebody's mail is kept to be fetched, and where one can log in.
// Deviation: without CRAM-MD5, which RFC 2645 §5.1.2 demands: the server would have to keep passwords that can be read,
// and accounts have argon2id and SCRAM keys only. SCRAM-SHA-256 asks no more of the client, and PLAIN goes over TLS.

import type { Extension } from './extension.ts';

export const atrn = {
  keyword: 'ATRN',
  advertise: ({ protocol, atrn = false, mechanisms }) =>
    atrn && protocol !== 'lmtp' && mechanisms.length > 0 ? '' : undefined,
} as const satisfies Extension;
