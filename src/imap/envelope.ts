// ENVELOPE: RFC 9051 §7.5.2. Header values go out as they are, encoded words too: what is 7-bit as a
// quoted string, everything else as a literal with the octets of the message.

import type { Envelope } from '../mail/fields/envelope.ts';
import type { MailboxOrGroup, NamedMailbox } from '../mail/fields/structured.ts';
import { wireOctets, wireText } from './wire-string.ts';

export function formatEnvelope(envelope: Envelope): string {
  const { latin1 } = envelope;
  // Few messages have octets that are no UTF-8: they go out as they came.
  if (latin1.size > 0)
    return format(envelope, (field) => (latin1.has(field) ? wireOctets : wireText));
  return format(envelope, () => wireText);
}

/** Characters on the wire. */
type Write = (text: string) => string;

function format(envelope: Envelope, writerOf: (field: string) => Write): string {
  const from = formatList(envelope.from, writerOf('from'));
  // RFC 9051 §7.5.2: absent or empty Sender and Reply-To are the same as From.
  const orFrom = (list: readonly MailboxOrGroup[], field: string): string =>
    list.length === 0 ? from : formatList(list, writerOf(field));
  const sender = orFrom(envelope.sender, 'sender');
  const replyTo = orFrom(envelope.replyTo, 'reply-to');
  const to = formatList(envelope.to, writerOf('to'));
  const cc = formatList(envelope.cc, writerOf('cc'));
  const bcc = formatList(envelope.bcc, writerOf('bcc'));
  const date = nstring(envelope.date, writerOf('date'));
  const subject = nstring(envelope.subject, writerOf('subject'));
  const inReplyTo = nstring(envelope.inReplyTo, writerOf('in-reply-to'));
  const messageId = nstring(envelope.messageId, writerOf('message-id'));
  return `(${date} ${subject} ${from} ${sender} ${replyTo} ${to} ${cc} ${bcc} ${inReplyTo} ${messageId})`;
}

/** RFC 9051 §7.5.2: NIL where the field is absent, the empty string where it is empty. */
const nstring = (text: string | undefined, write: Write): string =>
  text === undefined ? 'NIL' : write(text);

function formatList(entries: readonly MailboxOrGroup[], write: Write): string {
  if (entries.length === 0) return 'NIL';
  let list = '(';
  for (const entry of entries)
    list += entry.kind === 'mailbox' ? formatMailbox(entry, write) : formatGroup(entry, write);
  return `${list})`;
}

/** RFC 9051 §7.5.2: a group is marked by addresses without a host before and behind its members. */
function formatGroup(
  { name, mailboxes }: Extract<MailboxOrGroup, { readonly kind: 'group' }>,
  write: Write,
): string {
  const members = mailboxes.map((mailbox) => formatMailbox(mailbox, write)).join('');
  return `(NIL NIL ${write(name)} NIL)${members}(NIL NIL NIL NIL)`;
}

/**
 * RFC 9051 §7.5.2: no host means a group, so an address without a domain has an empty one. addr-adl
 * is the source route, which RFC 5322 §4.4 asks to ignore when mail is sent.
 */
function formatMailbox({ name, local, domain, route }: NamedMailbox, write: Write): string {
  return `(${nstring(name, write)} ${nstring(route, write)} ${write(local)} ${write(domain)})`;
}
