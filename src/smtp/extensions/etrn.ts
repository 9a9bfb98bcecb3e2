// ETRN: a host that was away asks for its mail. RFC 1985. For servers of servers only: neither
// submission nor LMTP has a queue that a client could ask for.

import type { Extension } from './extension.ts';

export const etrn = {
  keyword: 'ETRN',
  advertise: ({ protocol }) => (protocol === 'smtp' ? '' : undefined),
} as const satisfies Extension;
