// BURL: content that lies in a mailbox here is submitted by its URL. RFC 4468. For submission alone. Of the two
// kinds of URLs we take the regular ones, of messages that the client may read once it has logged in: the
// mailboxes are ours, so nobody else's word is needed.

import type { Extension } from './extension.ts';

export const burl = {
  keyword: 'BURL',
  // RFC 4468 §3.1 (3): without arguments it says "log in first"; §3.3: then with the server's name.
  advertise({ protocol, burl: server, authenticated = false }) {
    if (protocol !== 'submission' || server === undefined) return undefined;
    return authenticated ? `imap://${server}` : '';
  },
} as const satisfies Extension;
