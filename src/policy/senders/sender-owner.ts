// Whom a logged-in client may name as the sender, and as the author of what it sends: an address that belongs
// to its account, that is, one whose mail the account gets: its own addresses, with `+detail` too, and aliases that
// lead to it. RFC 6409 §6.1, §8.1. An author elsewhere is nobody's here, so that nobody here is deceived, and
// nothing is signed for it; an author that nobody can read is refused.

import type { Mailbox } from '../../mail/fields/address.ts';
import { addressKey } from '../../mail/fields/address.ts';
import { fromFieldsForAnybody } from '../../mail/fields/author-domains.ts';
import { mailboxesOf } from '../../mail/fields/structured.ts';
import { reply } from '../../smtp/reply.ts';
import type { AccountStore } from '../../store/account-store.ts';
import type { AddressMap } from '../addresses/address-map.ts';
import type { Arrival, Policy, PolicyAnswer } from '../policy.ts';

export interface SenderOwnerParts {
  readonly accounts: Pick<AccountStore, 'find'>;
  /** The one in force now. */
  readonly addressMap: () => Pick<AddressMap, 'resolve' | 'isOurs'>;
  /** Whether From is looked at, too. */
  readonly judgesAuthors: () => boolean;
}

// Deviation: RFC 6409 §6.1 says 550; 553 is what Postfix, Exim and Exchange say, and clients know.
const notYours = reply(553, '7.1', 'This sender address does not belong to your account');
const notYourName = reply(
  550,
  '7.1',
  'From names an address here that does not belong to your account',
);

// RFC 6409 §4.2, §5.1: 554 for what is wrong with addresses in the header. Large receivers refuse it, and nobody can
// sign it. RFC 5322 §3.6: one From. RFC 3463 §3.2: X.1.7, the sender's address is not written as one.
const fromTwice = reply(554, '6.0', 'There must be one From field, not several');
const noAddress = reply(554, '1.7', 'From must have an address with a domain: name@example.org');

/** Limit: authors that are looked up. Who needs more than these writes to a list. */
const authorsMax = 20;
const tooManyAuthors = reply(550, '7.1', 'From names too many addresses');

export function senderOwner({ accounts, addressMap, judgesAuthors }: SenderOwnerParts): Policy {
  return {
    name: 'sender-owner',
    // Mail that must never be answered (RFC 5321 §4.5.5) is sent by users too: read receipts
    // (RFC 8098 §3) and vacation replies. It names nobody, so it deceives nobody.
    mail: ({ client: { account }, sender }) =>
      account === undefined || sender === null ? undefined : judgeSender(account, sender),
    message: ({ client: { account } }, arrival) =>
      account === undefined ? undefined : judgeAuthors(account, arrival),
  };

  async function judgeSender(account: string, sender: Mailbox): Promise<PolicyAnswer | undefined> {
    switch (await ownership(account, sender)) {
      case 'own':
        return undefined;
      case 'alias':
        return { findings: [{ kind: 'sender-alias', account }] };
      case 'none':
        return { objection: notYours };
    }
  }

  async function judgeAuthors(
    account: string,
    arrival: Arrival,
  ): Promise<PolicyAnswer | undefined> {
    const fields = await fromFieldsForAnybody(arrival);
    if (fields === undefined) return { objection: tooManyAuthors };
    if (fields.length > 1) return { objection: fromTwice };
    // Where there is no From it is added. RFC 6854 §2: a group may be empty.
    const named = fields.flatMap(mailboxesOf);
    const isNobody = fields[0]?.length === 0 || named.some(({ domain }) => domain === '');
    if (isNobody) return { objection: noAddress };
    if (!judgesAuthors()) return undefined;
    const authors = named.filter(({ domain }) => addressMap().isOurs(domain));
    if (authors.length > authorsMax) return { objection: tooManyAuthors };
    for (const author of authors)
      if ((await ownership(account, author)) === 'none') return { objection: notYourName };
    return undefined;
  }

  async function ownership(account: string, address: Mailbox): Promise<'own' | 'alias' | 'none'> {
    const own = await accounts.find(addressKey(address));
    if (own?.address === account) return 'own';
    const resolution = await addressMap().resolve(address, { mayRelay: false });
    const found = resolution.kind === 'accept' ? resolution.recipients : [];
    const theirs = found.filter((to) => to.account === account);
    if (theirs.length === 0) return 'none';
    // With `+detail`, or with a tag of ours (trust/batv.ts), it is still no alias.
    return theirs.some(({ original }) => original === undefined) ? 'own' : 'alias';
  }
}
