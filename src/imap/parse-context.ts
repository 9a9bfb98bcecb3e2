// What a command's meaning depends on beside its octets: the limits, and what the client enabled.

import type { ImapLimits } from './limits.ts';

export interface ParseContext {
  readonly limits: Pick<ImapLimits, 'depth' | 'ranges'>;
  /** Names of mailboxes are UTF-8: IMAP4rev2 or UTF8=ACCEPT was enabled. */
  readonly utf8: boolean;
  /** RFC 6855 §3: UTF8=ACCEPT was, and SEARCH takes no CHARSET any more. */
  readonly utf8Accept: boolean;
}
