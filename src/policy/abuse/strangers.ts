// Whom the rules against abuse are for: clients that came by `smtp`, have not logged in and are in no trusted
// network, unless the operator allows them by name. Whoever may relay through us has been judged already.

import type { Mailbox } from '../../mail/fields/address.ts';
import type { AcceptedRecipient, ClientFacts, Envelope } from '../envelope.ts';
import type { Policy } from '../policy.ts';
import { wrapped } from '../policy.ts';
import type { AccessList } from './access.ts';

export const isStranger = ({ service, account, trusted }: ClientFacts): boolean =>
  service === 'smtp' && account === undefined && !trusted;

export interface ForStrangers {
  readonly access: () => AccessList;
  /**
   * Whether mail for postmaster is judged as well. RFC 5321 §4.5.1 wants that mailbox open to everybody, also
   * to whoever was refused and asks why.
   */
  readonly postmasterToo: boolean;
}

/** The same policy, asked about those only. */
export function forStrangers(policy: Policy, { access, postmasterToo }: ForStrangers): Policy {
  const isAllowed = (
    envelope: Pick<Envelope, 'client' | 'sender'>,
    recipient?: Mailbox,
  ): boolean => {
    const list = access();
    if (list.isEmpty) return false;
    const { client, sender } = envelope;
    const seen = { address: client.remote.address, sender, recipient };
    return list.decide(seen)?.rule.action === 'allow';
  };
  const isSpared = (envelope: Envelope, { named }: AcceptedRecipient): boolean =>
    (!postmasterToo && isForPostmaster(named)) || isAllowed(envelope, named);
  const isJudged = (client: ClientFacts): boolean =>
    isStranger(client) && !isAllowed({ client, sender: undefined as never });
  const isJudgedFor = (envelope: Envelope, recipient: AcceptedRecipient): boolean =>
    isStranger(envelope.client) && !isSpared(envelope, recipient);
  const isJudgedForAny = (envelope: Envelope): boolean =>
    isStranger(envelope.client) &&
    !envelope.recipients.every((recipient) => isSpared(envelope, recipient));
  return wrapped(policy, {
    connect: (ask) => (client) => (isJudged(client) ? ask(client) : undefined),
    hello: (ask) => (client) => (isJudged(client) ? ask(client) : undefined),
    secure: (ask) => (client) => (isJudged(client) ? ask(client) : undefined),
    unknown: (ask) => (client, line) => (isJudged(client) ? ask(client, line) : undefined),
    mail: (ask) => (envelope) =>
      isStranger(envelope.client) && !isAllowed(envelope) ? ask(envelope) : undefined,
    rcpt: (ask) => (envelope, recipient) =>
      isJudgedFor(envelope, recipient) ? ask(envelope, recipient) : undefined,
    refusedRcpt: (ask) => (envelope, named, why) =>
      isStranger(envelope.client) && !isAllowed(envelope, named)
        ? ask(envelope, named, why)
        : undefined,
    data: (ask) => (envelope) => (isJudgedForAny(envelope) ? ask(envelope) : undefined),
    message: (ask) => (envelope, arrival) =>
      isJudgedForAny(envelope) ? ask(envelope, arrival) : undefined,
    messageFor: (ask) => (envelope, arrival, recipient) =>
      isJudgedFor(envelope, recipient) ? ask(envelope, arrival, recipient) : undefined,
    filter: (ask) => (envelope, draft) =>
      isJudgedForAny(envelope) ? ask(envelope, draft) : undefined,
  });
}

/** RFC 5321 §4.5.1, RFC 2142 §4. */
const isForPostmaster = ({ local }: Mailbox): boolean => /^(?:postmaster|abuse)$/i.test(local);
