// What MAIL and RCPT are refused for before anybody is asked: limits, and parameters that are not
// understood. RFC 5321 §4.1.1.2, §4.1.1.3 and §4.5.3.1, RFC 6531 §3.4, RFC 9422 §4.3.

import type { Mailbox } from '../../mail/fields/address.ts';
import { domainKey } from '../../mail/fields/address.ts';
import type { Command } from '../command.ts';
import { findParam, readMailParams, readRcptParams } from '../extensions/index.ts';
import type { SessionLimits } from '../limits.ts';
import type { Reply } from '../reply.ts';
import { recipientTooLong, replies, senderTooLong } from '../reply.ts';
import type { SessionCore } from './core.ts';
import type { Question } from './event.ts';
import type { Transaction } from './transaction.ts';

export function mailQuestion(
  { from, params }: Extract<Command, { readonly verb: 'MAIL' }>,
  { facts, ascii, authenticated }: SessionCore,
): Question | Reply {
  if (from !== null && isTooLong(from, facts.limits)) return senderTooLong(facts.limits.localPart);
  const read = readMailParams(params, authenticated ? { ...facts, authenticated } : facts);
  if (read.kind === 'refuse') return read.reply;
  // RFC 6531 §3.4: UTF-8 in a command only in a transaction that says so.
  if (!ascii && findParam(read.params, 'SMTPUTF8') === undefined) return replies.needsUtf8;
  return { kind: 'mail', from, params: read.params };
}

export function rcptQuestion(
  { to, params }: Extract<Command, { readonly verb: 'RCPT' }>,
  { facts, ascii, domains }: SessionCore,
  transaction: Transaction,
): Question | Reply {
  const { limits } = facts;
  // RFC 5321 §4.5.3.1.10: 452, and the client sends the rest in another transaction.
  if (transaction.recipients >= limits.recipients) return replies.tooManyRecipients;
  if (isTooLong(to, limits)) return recipientTooLong(limits.localPart);
  if (!mayName(to, limits, domains)) return replies.tooManyDomains;
  const read = readRcptParams(params, facts);
  if (read.kind === 'refuse') return read.reply;
  if (!transaction.utf8 && !ascii) return replies.needsUtf8;
  return { kind: 'rcpt', to, params: read.params };
}

/** RFC 5321 §4.5.3.1.1, and §4.5.3.1.10 for the 501. */
function isTooLong({ local }: Mailbox, { localPart }: SessionLimits): boolean {
  // A UTF-16 unit is three octets at most: they are counted only where there may be too many.
  return local.length * 3 > localPart && Buffer.byteLength(local) > localPart;
}

/** RFC 9422 §4.3: those of all transactions of the connection count. */
function mayName(
  { domain }: Mailbox,
  { domainsPerConnection }: SessionLimits,
  domains: ReadonlySet<string> | undefined,
): boolean {
  if (domainsPerConnection === 0 || domains === undefined || domains.size < domainsPerConnection)
    return true;
  return domains.has(domainKey(domain));
}
