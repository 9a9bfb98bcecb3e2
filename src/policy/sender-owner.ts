// Whom a logged-in client may name as the sender: an address that belongs to its account, that is,
// one whose mail the account gets: its own addresses, with `+detail` too, and aliases that lead to it.
// RFC 6409 §6.1.

import type { Mailbox } from '../mail/address.ts';
import { addressKey } from '../mail/address.ts';
import { reply } from '../smtp/reply.ts';
import type { AccountStore } from '../store/account-store.ts';
import type { Directory } from './directory.ts';
import type { Policy, PolicyAnswer } from './policy.ts';

export interface SenderOwnerParts {
  readonly accounts: Pick<AccountStore, 'find'>;
  /** The one in force now. */
  readonly directory: () => Pick<Directory, 'resolve'>;
}

// Deviation: RFC 6409 §6.1 says 550; 553 is what Postfix, Exim and Exchange say, and clients know.
const notYours = reply(553, '7.1', 'This sender address does not belong to your account');

export function senderOwner({ accounts, directory }: SenderOwnerParts): Policy {
  return {
    name: 'sender-owner',
    // Mail that must never be answered (RFC 5321 §4.5.5) is sent by users too: read receipts
    // (RFC 8098 §3) and vacation replies. It names nobody, so it deceives nobody.
    mail: ({ client: { account }, sender }) =>
      account === undefined || sender === null ? undefined : judge(account, sender),
  };

  async function judge(account: string, sender: Mailbox): Promise<PolicyAnswer | undefined> {
    const own = await accounts.find(addressKey(sender));
    if (own?.address === account) return undefined;
    const resolution = await directory().resolve(sender, { mayRelay: false });
    const isTheirs =
      resolution.kind === 'accept' && resolution.recipients.some((to) => to.account === account);
    return isTheirs ? { findings: [{ kind: 'sender-alias', account }] } : { objection: notYours };
  }
}
