// GETQUOTA, GETQUOTAROOT, SETQUOTA. RFC 9208. Each account is a quota root, by its address; how much
// it may keep is the operator's decision, and where nothing is limited there is no root. STORAGE is
// counted in KiB, MESSAGE in messages.

import { requireRight } from '../acl.ts';
import type { CommandContext, ExecutorOf } from '../context.ts';
import { ImapRefusal, ok } from '../refusal.ts';
import { mailboxText, stringText } from '../words.ts';

export const getQuota: ExecutorOf<'GETQUOTA'> = async ({ root }, context) => {
  // Of other accounts nobody learns what they keep, nor whether there are any.
  if (root !== context.account || !isLimited(context))
    throw new ImapRefusal('NO', 'NONEXISTENT', 'There is no such quota root');
  context.untagged(await quotaText(context));
  return ok('GETQUOTA completed');
};

export const getQuotaRoot: ExecutorOf<'GETQUOTAROOT'> = async ({ mailbox }, context) => {
  const { names, account } = context;
  // RFC 9208 §4.1.2: the mailbox need not exist.
  const place = names.place(mailbox);
  if (place?.account !== account) requireRight(await names.locate(mailbox), 'r');
  const own = place?.account === account && isLimited(context);
  const name = place === undefined ? mailbox : names.nameOf(place);
  const root = own ? ` ${stringText(account)}` : '';
  context.untagged(`QUOTAROOT ${mailboxText(context, name)}${root}`);
  if (own) context.untagged(await quotaText(context));
  return ok('GETQUOTAROOT completed');
};

// RFC 9208 §4.1.3: QUOTASET is not offered.
export const setQuota: ExecutorOf<'SETQUOTA'> = () => {
  throw new ImapRefusal('NO', 'NOPERM', 'Quotas are set by the operator');
};

// RFC 9208 §6: a list of limits has at least one.
const isLimited = ({ quota }: CommandContext): boolean =>
  quota.bytes !== undefined || quota.messages !== undefined;

async function quotaText({ account, store, quota }: CommandContext): Promise<string> {
  const limits: string[] = [];
  const used = await store.usage(account);
  // RFC 9208 §5.1: units of 1024 octets.
  if (quota.bytes !== undefined)
    limits.push(`STORAGE ${Math.ceil(used.bytes / 1024)} ${Math.floor(quota.bytes / 1024)}`);
  if (quota.messages !== undefined) limits.push(`MESSAGE ${used.messages} ${quota.messages}`);
  // RFC 9208 §4.2.1: what is not in the list is not limited.
  return `QUOTA ${stringText(account)} (${limits.join(' ')})`;
}
