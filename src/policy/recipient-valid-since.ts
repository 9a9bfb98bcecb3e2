// Mail for whoever had a mailbox at some time, and for nobody who got it since: RRVS on RCPT, or a
// Require-Recipient-Valid-Since field of the message. RFC 7293. A mailbox has its owner since its account was
// made. An address that was given to an account later has no date here, nor has an alias: its owner is not vouched for.

import type { Mailbox } from '../mail/fields/address.ts';
import { addressKey, parseMailbox } from '../mail/fields/address.ts';
import { parseDate } from '../mail/fields/date.ts';
import type { HeaderField } from '../mail/header/header.ts';
import { parseHeader } from '../mail/header/header.ts';
import { findParam } from '../smtp/extensions/index.ts';
import { reply } from '../smtp/reply.ts';
import type { Account, AccountStore } from '../store/account-store.ts';
import { withoutDetail } from './addresses/recipient-detail.ts';
import type { AcceptedRecipient } from './envelope.ts';
import type { MessageAnswer, Policy, PolicyAnswer } from './policy.ts';

// RFC 7293 §15.3: X.7.17, the mailbox owner has changed; X.7.19, the test cannot be completed.
const ownerChanged = reply(550, '7.17', 'The mailbox has changed hands since then');
const ownerUnknown = reply(550, '7.19', 'Since when the address has its owner is not known here');

/** RFC 7293 §5.1 (1): role accounts are never asked about. RFC 2142. */
const roles = new Set([
  ...[
    'abuse',
    'billing',
    'domain',
    'ftp',
    'helpdesk',
    'hostmaster',
    'info',
    'list',
    'list-request',
  ],
  ...['mailer-daemon', 'marketing', 'news', 'noc', 'postmaster', 'sales', 'security', 'support'],
  ...['trouble', 'usenet', 'uucp', 'webmaster', 'www'],
]);

const fieldNames: ReadonlySet<string> = new Set(['require-recipient-valid-since']);

export interface RecipientValidSinceParts {
  readonly accounts: Pick<AccountStore, 'find'>;
  readonly recipientDelimiter: () => string;
}

export function recipientValidSince({
  accounts,
  recipientDelimiter,
}: RecipientValidSinceParts): Policy {
  async function judge(
    { named, targets }: AcceptedRecipient,
    since: number,
  ): Promise<PolicyAnswer | undefined> {
    if (roles.has(named.local.toLowerCase())) return undefined;
    const owners = [];
    for (const { account } of targets)
      if (account !== undefined) owners.push(await accounts.find(account));
    // Where an alias of the same name gives others a copy, it is the owner's all the same.
    const own = owners.find((owner) => owner && isFirstOf(named, owner, recipientDelimiter()));
    if (own !== undefined) return own.created > since ? { objection: ownerChanged } : undefined;
    for (const owner of owners)
      if (owner !== undefined)
        return { objection: owner.created > since ? ownerChanged : ownerUnknown };
    // §8.2: where an alias leads to is no matter of its owner, and nobody there knows whose the alias was.
    if (targets.some((one) => isElsewhere(named, one))) return { objection: ownerUnknown };
    // What is delivered elsewhere is judged there: the parameter goes along.
    return undefined;
  }

  return {
    name: 'recipient-valid-since',
    rcpt(_envelope, recipient) {
      const param = findParam(recipient.params, 'RRVS');
      return param === undefined ? undefined : judge(recipient, param.since);
    },
    // RFC 7293 §5.2
    message({ recipients }, { head, header }) {
      if (!header.hasValidSince) return undefined;
      const fields = parseHeader(head.subarray(0, header.end), { names: fieldNames });
      return judgeFields(fields, recipients);
    },
  };

  async function judgeFields(
    fields: readonly HeaderField[],
    recipients: readonly AcceptedRecipient[],
  ): Promise<MessageAnswer | undefined> {
    const dropped = [];
    for (const { value, offset, length } of fields) {
      const asked = askedBy(value);
      const recipient = asked && recipients.find((one) => isFor(one, asked.address));
      if (asked === undefined || recipient === undefined) continue;
      const objection = (await judge(recipient, asked.since))?.objection;
      if (objection !== undefined) return { objection };
      dropped.push({ start: offset, end: offset + length });
    }
    // §5.2 (4): what was heeded is taken out.
    return dropped.length === 0 ? undefined : { head: { dropped } };
  }
}

/** §3.2: addr-spec ";" date-time */
function askedBy(value: string): { readonly address: string; readonly since: number } | undefined {
  const semicolon = value.lastIndexOf(';');
  const mailbox = parseMailbox(value.slice(0, Math.max(semicolon, 0)).trim());
  const since = parseDate(value.slice(semicolon + 1).trim());
  if (mailbox === undefined || since === undefined) return undefined;
  return { address: addressKey(mailbox), since };
}

/** An alias leads away from here. */
function isElsewhere(
  named: Mailbox,
  { account, address }: AcceptedRecipient['targets'][number],
): boolean {
  if (account !== undefined) return false;
  const mailbox = parseMailbox(address);
  return mailbox === undefined || addressKey(mailbox) !== addressKey(named);
}

/** §5.2 (1), (2): a recipient of the envelope that is delivered here, or an alias of ours, without a parameter of its own. */
const isFor = ({ named, params, targets }: AcceptedRecipient, address: string): boolean =>
  addressKey(named) === address &&
  findParam(params, 'RRVS') === undefined &&
  targets.some((one) => one.account !== undefined || isElsewhere(named, one));

/**
 * It is the address that the account was made with, or that with a delimiter behind it: not another one of the account,
 * nor an alias, which may have been somebody else's.
 */
function isFirstOf(named: Mailbox, { address, addresses }: Account, delimiter: string): boolean {
  const key = addressKey(named);
  return (addresses.includes(key) ? key : withoutDetail(key, delimiter)) === address;
}
