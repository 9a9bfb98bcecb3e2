// Mail without a sender tells somebody of mail they have sent (RFC 5321 §4.5.5). Where all that we send goes under
// tagged senders (trust/batv.ts), what comes to the plain address tells of mail that others sent in its name: it is
// backscatter, and refused at RCPT. Whether a tag is valid is the address map's to say.

import type { Mailbox } from '../../mail/fields/address.ts';
import { reply } from '../../smtp/reply.ts';
import { canBeTagged } from '../../trust/batv.ts';
import { isReturnAddress } from '../addresses/return-addresses.ts';
import type { Policy } from '../policy.ts';

export interface UntaggedNotificationParts {
  /** Mail of this domain goes under tagged senders. */
  readonly tags: (domain: string) => boolean;
  /** Field: reports often come without a sender, to an address that the DNS names. */
  readonly takesReports: (recipient: Mailbox) => boolean;
}

// RFC 3463 §3.8: X.7.1, delivery not authorized.
const notSent = reply(550, '7.1', 'This address has not sent the mail that this is about');

export function untaggedNotification({ tags, takesReports }: UntaggedNotificationParts): Policy {
  return {
    name: 'untagged-notification',
    rcpt({ sender }, { named }) {
      if (sender !== null || !tags(named.domain) || isReturnAddress(named)) return undefined;
      if (!canBeTagged(named) || takesReports(named)) return undefined;
      return { objection: notSent };
    },
  };
}
