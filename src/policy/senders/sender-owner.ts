// Whom a logged-in client may name as the sender, and as the author of what it sends: an address that belongs
// to its account, that is, one whose mail the account gets: its own addresses, with `+detail` too, and aliases that
// lead to it. RFC 6409 §6.1, §8.1. An author elsewhere is nobody's here, so that nobody here is deceived, and
// nothing is signed for it.

import type { Mailbox } from '../../mail/fields/address.ts';
import { addressKey } from '../../mail/fields/address.ts';
import { authorsOf } from '../../mail/fields/author-domains.ts';
import { reply } from '../../smtp/reply.ts';
import type { AccountStore } from '../../store/account-store.ts';
import type { AddressMap } from '../addresses/address-map.ts';
import type { Policy, PolicyAnswer } from '../policy.ts';

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
    message: ({ client: { account } }, { head }) =>
      account === undefined || !judgesAuthors() ? undefined : judgeAuthors(account, head),
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
    head: Uint8Array,
  ): Promise<PolicyAnswer | undefined> {
    const authors = authorsOf(head)?.filter(({ domain }) => addressMap().isOurs(domain));
    if (authors === undefined || authors.length > authorsMax) return { objection: tooManyAuthors };
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
