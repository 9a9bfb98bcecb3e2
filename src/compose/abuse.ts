// What turns abuse away, by the configuration in force: rules for strangers, and for accounts that send too much.

import { errorText } from '../base/log.ts';
import type { Resolver } from '../dns/resolver.ts';
import { formatDate } from '../mail/date.ts';
import type { AccountHold } from '../policy/account-holds.ts';
import { AccountHolds } from '../policy/account-holds.ts';
import { accountLimits } from '../policy/account-limits.ts';
import type { Policy } from '../policy/policy.ts';
import { rateLimits } from '../policy/rate-limits.ts';
import { noticeMessage } from '../queue/notice.ts';
import type { Delivery } from './delivery.ts';
import { recipientsOf } from './in-force.ts';
import { countedPolicy } from './metrics.ts';
import type { ServiceParts } from './service-parts.ts';

export interface AbuseParts extends ServiceParts {
  readonly delivery: Pick<Delivery, 'runner' | 'messageId'>;
  readonly resolver: Resolver;
}

export interface Abuse {
  /** For clients that have not logged in. */
  readonly strangers: readonly Policy[];
  readonly accounts: readonly Policy[];
}

export const noAbuse: Abuse = { strangers: [], accounts: [] };

export function createAbuse(parts: AbuseParts): Abuse {
  const { inForce, stores, clock, metrics } = parts;
  const rates = () => inForce().config.rateLimits;
  const holds = new AccountHolds({ records: stores.records, clock });
  const onHold = (hold: AccountHold) => {
    metrics.accountHolds.add();
    void tellOfHold(hold, parts);
  };
  const counted = (policy: Policy) => countedPolicy(policy, metrics);
  return {
    strangers: [rateLimits({ clock, rates })].map(counted),
    accounts: [accountLimits({ clock, holds, rates, onHold })].map(counted),
  };
}

/** Its owner, and whoever runs the place. Best effort: the account is stopped in any case. */
async function tellOfHold(
  { account, reason, until }: AccountHold,
  { inForce, delivery, clock, log }: AbuseParts,
): Promise<void> {
  const end = formatDate(until);
  log.warn('account held', { account, reason, until });
  const { hostname, domains } = inForce().config;
  const domain = account.slice(account.lastIndexOf('@') + 1);
  const to = [
    account,
    `postmaster@${domains.includes(domain) ? domain : (domains[0] ?? hostname)}`,
  ];
  try {
    const found = (await Promise.all(to.map((one) => recipientsOf(inForce(), one)))).flat();
    const recipients = [...new Map(found.map((one) => [one.address, one])).values()];
    if (recipients.length === 0) return;
    const parts = { hostname, clock, ids: delivery.messageId };
    const message = noticeMessage(
      {
        to,
        subject: `Sending by ${account} is stopped`,
        paragraphs: [
          `This is the mail system at ${hostname}.`,
          `The account ${account} sent ${reason}. Its sending is stopped until ${end}; what it sent before goes on, and it gets its mail as ever.`,
          'If that was not you, somebody knows your password: change it now. If it was, wait, or ask your postmaster.',
          `For the postmaster: \`postrider queue list\` shows what is still to be sent, \`postrider account password ${account}\` locks a stranger out, \`postrider account release ${account}\` lets it send again. How much accounts may send is \`rateLimits\` in the configuration.`,
        ],
      },
      recipients,
      parts,
    );
    await delivery.runner.submit(message);
  } catch (error) {
    log.error('nobody was told that an account is held', { account, error: errorText(error) });
  }
}
