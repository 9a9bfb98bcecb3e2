// What turns abuse away, by the configuration in force: rules for strangers, and for accounts that send too much.

import { stackOf } from '../base/error-text.ts';
import type { Config } from '../config/config.ts';
import type { Resolver } from '../dns/resolver.ts';
import type { Mailbox } from '../mail/fields/address.ts';
import { addressKey, domainKey } from '../mail/fields/address.ts';
import { formatDate } from '../mail/fields/date.ts';
import type { AccessList } from '../policy/abuse/access.ts';
import { access, accessList } from '../policy/abuse/access.ts';
import type { AccountHold } from '../policy/abuse/account-holds.ts';
import { AccountHolds, heldAccounts } from '../policy/abuse/account-holds.ts';
import type { AccountLimitsParts } from '../policy/abuse/account-limits.ts';
import { accountLimits } from '../policy/abuse/account-limits.ts';
import { contentRules } from '../policy/abuse/content-rules.ts';
import { dnsbl } from '../policy/abuse/dnsbl.ts';
import { earlyTalker } from '../policy/abuse/early-talker.ts';
import { correspondents, greylist } from '../policy/abuse/greylist.ts';
import { GreylistMemory } from '../policy/abuse/greylist-memory.ts';
import { harvest } from '../policy/abuse/harvest.ts';
import { helloCheck } from '../policy/abuse/hello-check.ts';
import { nullSender } from '../policy/abuse/null-sender.ts';
import { rateLimits } from '../policy/abuse/rate-limits.ts';
import { reverseName } from '../policy/abuse/reverse-name.ts';
import { forStrangers } from '../policy/abuse/strangers.ts';
import { suspicion } from '../policy/abuse/suspicion.ts';
import { untaggedNotification } from '../policy/abuse/untagged-notification.ts';
import type { Policy } from '../policy/policy.ts';
import { noticeMessage } from '../queue/reports/notice.ts';
import type { Delivery } from './delivery.ts';
import { recipientsOf } from './in-force.ts';
import { countedPolicy } from './metrics.ts';
import type { ServiceParts } from './service-parts.ts';

export interface AbuseParts extends ServiceParts {
  readonly delivery: Pick<Delivery, 'runner' | 'messageId'>;
  readonly resolver: Resolver;
}

export interface AbusePolicies {
  /** For clients that have not logged in. */
  readonly strangers: readonly Policy[];
  readonly accounts: readonly Policy[];
}

export const noAbuse: AbusePolicies = { strangers: [], accounts: [] };

/** What is switched off is not among them, and costs nothing. What they have counted outlives a reload. */
export function createAbuse(parts: AbuseParts): (config: Config) => AbusePolicies {
  const { inForce, stores, metrics } = parts;
  let list: { readonly of: Config['access']; readonly list: AccessList } | undefined;
  const allowed = () => {
    const { access: rules, recipientDelimiter } = inForce().config;
    if (list?.of !== rules) list = { of: rules, list: accessList(rules, recipientDelimiter) };
    return list.list;
  };
  const memory = new GreylistMemory({ records: stores.records, clock: parts.clock });
  const counted = ({ setting, policy }: Switched, access: () => AccessList): Switched => ({
    setting,
    policy: forStrangers(countedPolicy(policy, metrics), {
      access,
      postmasterToo: ['rateLimits', 'harvest', 'access'].includes(setting),
    }),
  });
  const strangers = [
    counted({ setting: 'access', policy: access({ list: allowed }) }, noAccess),
    ...strangerRules(parts, memory).map((rule) => counted(rule, allowed)),
  ];
  const accounts = accountRules(parts, memory);
  const inUse = (rules: readonly Switched[], config: Config): readonly Policy[] =>
    rules.filter(({ setting }) => isOn[setting](config)).map(({ policy }) => policy);
  return (config) => ({
    strangers: inUse(strangers, config),
    accounts: inUse(accounts, config),
  });
}

/** A policy, and what switches it. */
interface Switched {
  readonly setting: keyof typeof isOn;
  readonly policy: Policy;
}

const isOn = {
  access: ({ access }: Config) => access.length > 0,
  rateLimits: ({ rateLimits: of }: Config) =>
    [
      of.connectionsPerClient,
      of.messagesPerClient,
      of.recipientsPerClient,
      of.messagesPerSenderDomain,
    ].some((rates) => rates.length > 0),
  harvest: ({ rateLimits: of }: Config) => of.unknownRecipientsPerClient.length > 0,
  earlyTalker: ({ suspicion: of }: Config) => of.greetingDelay > 0,
  nullSender: ({ backscatter }: Config) => backscatter.nullSenderRecipients > 0,
  untagged: ({ backscatter }: Config) => backscatter.tag.length > 0,
  contentRules: ({ contentRules }: Config) => contentRules.length > 0,
  dnsbl: ({ dnsbl }: Config) => dnsbl.lists.length > 0,
  suspicion: ({ suspicion: of, greylist }: Config) =>
    of.rejectAt > 0 || of.junkAt > 0 || greylist.clients === 'suspicious',
  greylist: ({ greylist }: Config) => greylist.clients !== 'none',
  accountLimits: ({ rateLimits: of }: Config) =>
    of.messagesPerAccount.length > 0 || of.recipientsPerAccount.length > 0,
};

const noAccess = () => accessList([]);

/** In the order in which they are asked: what is certain first, then signs, then what they add up to. */
function strangerRules(parts: AbuseParts, memory: GreylistMemory): readonly Switched[] {
  const { inForce, resolver, clock, log, stores } = parts;
  const config = () => inForce().config;
  const { tellOthers } = stores.nodes;
  const counted = { clock, rates: () => config().rateLimits, tellOthers };
  const points = () => config().suspicion;
  const isOurs = (domain: string) =>
    domain === domainKey(config().hostname) || inForce().addressMap.isOurs(domain);
  return [
    { setting: 'rateLimits', policy: rateLimits(counted) },
    { setting: 'harvest', policy: harvest(counted) },
    { setting: 'earlyTalker', policy: earlyTalker({ clock, settings: points }) },
    { setting: 'nullSender', policy: nullSender({ settings: () => config().backscatter }) },
    {
      setting: 'untagged',
      policy: untaggedNotification({
        tags: (domain) => inForce().tags(domain),
        takesReports: (recipient) => takesReports(config().reports.receiveAt, recipient),
      }),
    },
    {
      setting: 'contentRules',
      policy: contentRules({ rules: () => config().contentRules }),
    },
    { setting: 'dnsbl', policy: dnsbl({ resolver, clock, log, settings: () => config().dnsbl }) },
    { setting: 'suspicion', policy: helloCheck({ points, isOurs }) },
    { setting: 'suspicion', policy: reverseName({ resolver, clock, settings: points }) },
    { setting: 'suspicion', policy: suspicion(points) },
    {
      setting: 'greylist',
      policy: greylist({
        ...{ memory, resolver, clock, thresholds: points },
        hostname: () => config().hostname,
        settings: () => config().greylist,
      }),
    },
  ];
}

function takesReports(receiveAt: readonly string[], recipient: Mailbox): boolean {
  const keys = [addressKey(recipient), addressKey({ ...recipient, domain: '' })];
  return receiveAt.some((address) => keys.includes(addressKey(address)));
}

function accountRules(parts: AbuseParts, memory: GreylistMemory): readonly Switched[] {
  const { inForce, stores, clock, metrics } = parts;
  const rates = () => inForce().config.rateLimits;
  const holds = new AccountHolds({ records: stores.records, clock });
  const watchHeld: AccountLimitsParts['watchHeld'] = (listener) =>
    stores.records.watch('account-hold', () => {
      holds.forget();
      // Where it cannot be read, an account may be held here once more when it is free elsewhere.
      heldAccounts(stores.records).then(
        (held) => listener(held.keys()),
        () => {},
      );
    });
  const onHold = (hold: AccountHold) => {
    metrics.accountHolds.add();
    void tellOfHold(hold, parts);
  };
  const limits = accountLimits({
    ...{ clock, holds, rates, onHold, watchHeld, tellOthers: stores.nodes.tellOthers },
  });
  const settings = () => inForce().config.greylist;
  return [
    { setting: 'accountLimits', policy: countedPolicy(limits, metrics) },
    { setting: 'greylist', policy: correspondents({ memory, settings }) },
  ];
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
    log.error('nobody was told that an account is held', { account, error: stackOf(error) });
  }
}
