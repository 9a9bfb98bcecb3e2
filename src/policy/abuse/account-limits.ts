// How much an account may send. One that suddenly sends to hundreds has mostly been broken into: its sending is
// stopped for a while, 450 to whoever sends in its name, and people are told, once. What it had sent by
// then goes its way. Tokens that a transaction has taken come back when nothing comes of it.

import type { Clock } from '../../base/clock.ts';
import type { Rate } from '../../base/token-buckets.ts';
import { TokenBuckets } from '../../base/token-buckets.ts';
import { addressKey } from '../../mail/fields/address.ts';
import { formatDate } from '../../mail/fields/date.ts';
import { reply } from '../../smtp/reply.ts';
import type { TellOthers } from '../../store/nodes.ts';
import type { Policy, PolicyAnswer } from '../policy.ts';
import type { AccountHold, AccountHolds } from './account-holds.ts';
import { rateText } from './rate-limits.ts';
import { tellOfRates } from './told-rates.ts';

/** The names of the configuration's `rateLimits`. */
export interface AccountRates {
  readonly messagesPerAccount: readonly Rate[];
  readonly recipientsPerAccount: readonly Rate[];
  readonly unlimitedAccounts: readonly string[];
  /** Milliseconds. */
  readonly holdFor: number;
}

export interface AccountLimitsParts {
  readonly clock: Pick<Clock, 'now'>;
  readonly holds: Pick<AccountHolds, 'of' | 'hold'>;
  readonly rates: () => AccountRates;
  /** Its sending was stopped a moment ago. */
  readonly onHold: (hold: AccountHold) => void;
  /** Told which are held when another node has held one. */
  readonly watchHeld?: ((listener: (accounts: Iterable<string>) => void) => void) | undefined;
  readonly tellOthers?: TellOthers | undefined;
}

/** Limit: accounts that are counted. */
const accountsMax = 20_000;

export function accountLimits(parts: AccountLimitsParts): Policy {
  const { clock, holds, rates, onHold, watchHeld, tellOthers } = parts;
  const messages = new TokenBuckets(clock, accountsMax);
  const recipients = new TokenBuckets(clock, accountsMax);
  tellOfRates(tellOthers, 'messagesPerAccount', {
    ...{ buckets: messages, rates: () => rates().messagesPerAccount },
  });
  tellOfRates(tellOthers, 'recipientsPerAccount', {
    ...{ buckets: recipients, rates: () => rates().recipientsPerAccount },
  });
  /** Those that were held when they were last looked at, or heard of: who is free again begins anew. */
  const held = new Set<string>();
  watchHeld?.((accounts) => {
    for (const account of accounts) held.add(account);
  });

  const isUnlimited = unlimitedAccounts();
  async function mail(account: string): Promise<PolicyAnswer | undefined> {
    const hold = await holds.of(account);
    if (hold !== undefined) return stopped(hold);
    if (held.delete(account)) {
      messages.forget(account);
      recipients.forget(account);
    }
    return take(account, messages, 'messages');
  }

  function take(
    account: string,
    buckets: TokenBuckets,
    what: 'messages' | 'recipients',
  ): PolicyAnswer | undefined | Promise<PolicyAnswer> {
    const all = rates();
    const own = what === 'messages' ? all.messagesPerAccount : all.recipientsPerAccount;
    if (own.length === 0 || isUnlimited(account, all.unlimitedAccounts)) return undefined;
    const exceeded = buckets.take(account, own);
    if (exceeded === undefined)
      return { reservation: { release: () => buckets.giveBack(account, own) } };
    const since = clock.now();
    const reason = `more than ${rateText(exceeded.rate).replace(' in ', ` ${what} in `)}`;
    return hold({ account, reason, since, until: since + all.holdFor });
  }

  async function hold(one: AccountHold): Promise<PolicyAnswer> {
    if (!held.has(one.account) && (await holds.hold(one))) onHold(one);
    return stopped(one);
  }

  function stopped(hold: AccountHold): PolicyAnswer {
    held.add(hold.account);
    const until = formatDate(hold.until);
    // RFC 3463 §3.8: X.7.1, and 450 so that a mail client keeps the message.
    const objection = reply(
      450,
      '7.1',
      `Sending by this account is stopped until ${until}: it sent ${hold.reason}. Ask its postmaster`,
    );
    return { objection };
  }

  return {
    name: 'account-limits',
    mail: ({ client: { account } }) => (account === undefined ? undefined : mail(account)),
    rcpt: ({ client: { account } }) =>
      account === undefined ? undefined : take(account, recipients, 'recipients'),
  };
}

/** As they are written in the configuration, in whatever case: read anew when they are others. */
function unlimitedAccounts(): (account: string, listed: readonly string[]) => boolean {
  let known: { readonly of: readonly string[]; readonly keys: ReadonlySet<string> } | undefined;
  return (account, listed) => {
    if (known?.of !== listed) known = { of: listed, keys: new Set(listed.map(addressKey)) };
    return known.keys.has(account);
  };
}
