// PIPELINING: commands without waiting for replies. RFC 2920. Every session can do it: replies are
// gathered until the session needs input, so that those to a group leave in one write (§3.2).

import type { Extension } from './extension.ts';

export const pipelining = {
  keyword: 'PIPELINING',
  advertise: () => '',
} as const satisfies Extension;
