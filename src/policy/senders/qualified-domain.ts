// Submitted mail names whole domains. RFC 6409 §4.2: "The MSA MUST ensure that all domains in the SMTP
// envelope are fully qualified." Deviation by choice: nothing is completed (§8: "appending a domain …
// typically results in more broken addresses"), what is not whole is refused with 554 as §4.2 says.

import type { Mailbox } from '../../mail/fields/address.ts';
import { isAddressLiteral } from '../../mail/fields/address.ts';
import type { Reply } from '../../smtp/reply.ts';
import { reply } from '../../smtp/reply.ts';
import type { ClientFacts } from '../envelope.ts';
import { entersHere } from '../envelope.ts';
import type { Policy } from '../policy.ts';

// RFC 3463 §3.2: X.1.2, bad destination system address; X.1.8, bad sender's system address.
const badRecipient = reply(554, '1.2', 'The domain of the recipient is not complete');
const badSender = reply(554, '1.8', 'The domain of the sender is not complete');

export function qualifiedDomain(options: {
  /** Domains of ours may have any form: `localhost` is one. */
  readonly isOurs: (domain: string) => boolean;
}): Policy {
  const isWhole = ({ domain }: Mailbox): boolean =>
    domain.slice(0, -1).includes('.') ||
    domain === '' || // <postmaster>, RFC 5321 §4.5.1
    isAddressLiteral(domain) ||
    options.isOurs(domain);
  const check = (client: ClientFacts, mailbox: Mailbox | null, objection: Reply) =>
    !entersHere(client) || mailbox === null || isWhole(mailbox) ? undefined : { objection };
  return {
    name: 'qualified-domain',
    mail: ({ client, sender }) => check(client, sender, badSender),
    rcpt: ({ client }, { named }) => check(client, named, badRecipient),
  };
}
