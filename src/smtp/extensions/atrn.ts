// ATRN: a host that was away logs in, asks for its mail, and gets it over the same connection: the roles
// turn round. RFC 2645. Offered where somebody's mail is kept to be fetched, and where one can log in.

import type { Extension } from './extension.ts';

export const atrn = {
  keyword: 'ATRN',
  advertise: ({ protocol, atrn = false, mechanisms }) =>
    atrn && protocol !== 'lmtp' && mechanisms.length > 0 ? '' : undefined,
} as const satisfies Extension;
