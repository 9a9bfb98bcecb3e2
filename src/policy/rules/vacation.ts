// The answer of somebody who is away: whom it is for, and what it says. RFC 3834 says what is never answered, RFC 5230
// (Sieve's vacation) what people expect of it. Pure.

import { createHash } from 'node:crypto';
import type { ComposedMessage } from '../../mail/composed-message.ts';
import { addressKey, parseMailbox } from '../../mail/fields/address.ts';
import { decodeEncodedWords } from '../../mail/fields/encoded-word.ts';
import { parseMessageIds } from '../../mail/fields/message-ids.ts';
import { mailboxesOf, parseAddressList } from '../../mail/fields/structured.ts';
import type { HeaderField } from '../../mail/header/header.ts';
import { headerValue } from '../../mail/header/header.ts';
import type { VacationRule } from './account-rules.ts';

export interface AnsweredMail {
  /** Of the envelope; '' for none. */
  readonly sender: string;
  readonly fields: readonly HeaderField[];
}

/** Whether the time has come and is not over. */
export function isAway({ from, until }: VacationRule, now: number): boolean {
  if (from !== undefined && now < Date.parse(from)) return false;
  return until === undefined || now < endOf(until);
}

/** A day alone lasts until its end. */
export const endOf = (until: string): number =>
  Date.parse(until) + (until.includes('T') ? 0 : 86_400_000);

/** Limit: recipients in To and Cc that are looked at. */
const addresseesMax = 1_000;

/**
 * Why it is not answered; undefined if it may be.
 * @param own keys of the addresses that are the owner's, and of those that brought the mail here.
 */
export function whyUnanswered(
  { sender, fields }: AnsweredMail,
  own: ReadonlySet<string>,
): string | undefined {
  const mailbox = parseMailbox(sender);
  // RFC 3834 §2: never to the null sender.
  if (mailbox === undefined) return 'it has no sender';
  if (own.has(addressKey(mailbox))) return 'it is from the account itself';
  if (isProgram(mailbox.local)) return 'its sender is a program';
  const automatic = whyAutomatic(fields);
  if (automatic !== undefined) return automatic;
  // RFC 5230 §4.5: only where the owner is named, so that mail by a list or in blind copy stays unanswered.
  return addressees(fields).some((address) => own.has(address))
    ? undefined
    : 'the account is not among its addressees';
}

/** RFC 3834 §2, RFC 5230 §4.6. Field: `noreply` and its like. */
const isProgram = (local: string): boolean =>
  /^(?:mailer-daemon|postmaster|listserv|majordomo|mailman|bounces?|owner-.*|.*-owner|.*-request|.*-bounces?(?:\+.*)?)$/i.test(
    local,
  ) || /^(?:.*[._+-])?(?:no|do[._-]?not|dont)[._-]?reply(?:[._+-].*)?$/i.test(local);

function whyAutomatic(fields: readonly HeaderField[]): string | undefined {
  for (const { lowerName, value } of fields) {
    // RFC 3834 §5: anything but `no`, with whatever stands behind it.
    if (lowerName === 'auto-submitted' && !/^no(?:[\s;(]|$)/i.test(value)) return 'it is automatic';
    // RFC 5230 §4.6
    if (/^list-(?:id|help|subscribe|unsubscribe|post|owner|archive)$/.test(lowerName))
      return 'it came by a mailing list';
    if (lowerName === 'precedence' && /^(?:bulk|list|junk)\b/i.test(value))
      return 'it is bulk mail';
    // Field: Exchange, and what older programs said before RFC 3834.
    if (lowerName === 'x-auto-response-suppress' && /\b(?:all|oof|autoreply)\b/i.test(value))
      return 'its sender wants no automatic answer';
    if (/^x-auto(?:reply|respond)$/.test(lowerName)) return 'it is automatic';
    if (lowerName === 'content-type' && /^multipart\/report\b/i.test(value))
      return 'it is a report';
  }
  return undefined;
}

const addressees = (fields: readonly HeaderField[]): readonly string[] =>
  fields
    .filter(({ lowerName }) => /^(?:resent-)?(?:to|cc|bcc)$/.test(lowerName))
    .flatMap(({ value }) => mailboxesOf(parseAddressList(value)))
    .slice(0, addresseesMax)
    .map(({ local, domain }) => addressKey({ local, domain }));

/** RFC 5230 §4.2: another text is another answer, which everybody gets once. */
export function answeredKey({ subject = '', text }: VacationRule, sender: string): string {
  const which = createHash('sha256').update(`${subject}\0${text}`).digest('base64url').slice(0, 12);
  return `vacation ${which} ${addressKey(sender)}`;
}

/** Limit: earlier messages that are named. */
const referencesMax = 20;

/** From the account to the sender of the envelope: RFC 3834 §3.1, §4. */
export function vacationAnswer(
  rule: VacationRule,
  { sender, fields }: AnsweredMail,
  { account, date }: { readonly account: string; readonly date: number },
): ComposedMessage {
  const [id] = parseMessageIds(headerValue(fields, 'message-id') ?? '', 1);
  const before = parseMessageIds(headerValue(fields, 'references') ?? '').slice(1 - referencesMax);
  const given = decodeEncodedWords(headerValue(fields, 'subject') ?? '').slice(0, 500);
  return {
    from: { address: account },
    to: [{ address: sender }],
    ...{ cc: [], replyTo: [], html: '', files: [], date },
    // RFC 3834 §3.1.5
    subject: rule.subject ?? `Auto: ${given}`.trim(),
    text: rule.text,
    fields: [
      // RFC 3834 §3.1.6, §5
      ['Auto-Submitted', 'auto-replied (vacation)'],
      // Field: for those who have not heard of RFC 3834.
      ['X-Auto-Response-Suppress', 'All'],
      ...(id === undefined
        ? []
        : ([
            ['In-Reply-To', `<${id}>`],
            ['References', [...before, id].map((one) => `<${one}>`).join(' ')],
          ] as const)),
    ],
    domain: account.slice(account.lastIndexOf('@') + 1),
  };
}
