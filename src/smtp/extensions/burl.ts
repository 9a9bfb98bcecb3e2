// BURL: content that lies in a mailbox here is submitted by its URL. RFC 4468. For submission alone. Both kinds
// of URLs are taken: of messages that the client may read once it has logged in, and of those that it was lent
// (URLAUTH, RFC 4467). The mailboxes are ours, so nobody else's word is needed.

import type { Extension } from './extension.ts';

export const burl = {
  keyword: 'BURL',
  // RFC 4468 §3.1 (3): without arguments it says "log in first"; §3.3: "imap" for URLAUTH, and the server's name for
  // URLs without.
  advertise({ protocol, burl: server, authenticated = false }) {
    if (protocol !== 'submission' || server === undefined) return undefined;
    return authenticated ? `imap imap://${server}` : '';
  },
} as const satisfies Extension;
