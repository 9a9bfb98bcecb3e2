// Mail without a sender is a notification of one message to whoever sent that (RFC 5321 §4.5.5), so it has one
// recipient. What has more is sent by somebody who hides; it may come again, for each of them.

import { reply } from '../../smtp/reply.ts';
import type { Policy } from '../policy.ts';

export interface NullSenderParts {
  /** The name of the configuration's `backscatter`. */
  readonly settings: () => { readonly nullSenderRecipients: number };
}

// RFC 5321 §4.5.3.1.10: after a 452 the client sends the rest in another transaction. RFC 3463 §3.6: X.5.3.
const oneEach = reply(
  452,
  '5.3',
  'Mail without a sender has one recipient: send the rest by itself',
);

export function nullSender({ settings }: NullSenderParts): Policy {
  return {
    name: 'null-sender',
    rcpt({ sender, recipients }) {
      if (sender !== null || recipients.length < settings().nullSenderRecipients) return undefined;
      return { objection: oneEach };
    },
  };
}
