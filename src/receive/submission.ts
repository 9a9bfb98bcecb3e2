// What differs for mail that enters the mail system here: RFC 6409 §8. The content is never
// rewritten; fields that are missing are put in front of it. A field that is there stays as it is,
// even a bad one: the client may have signed it.

import type { Mailbox } from '../mail/fields/address.ts';
import { addressKey, formatMailbox, parseMailbox } from '../mail/fields/address.ts';
import { formatDate } from '../mail/fields/date.ts';
import { mailboxesOf, parseAddressList } from '../mail/fields/structured.ts';
import type { scanHeader } from '../mail/header/header.ts';
import { headerValue, parseHeader } from '../mail/header/header.ts';

export interface SubmissionFacts {
  readonly id: string;
  readonly now: number;
  readonly hostname: string;
  readonly client: { readonly account: string | undefined };
  /** The envelope's sender in wire form, checked to belong to the account; '' for the null one. */
  readonly sender?: string | undefined;
  readonly header: Pick<
    ReturnType<typeof scanHeader>,
    'end' | 'complete' | 'hasDate' | 'hasMessageId' | 'hasFrom'
  >;
  /** The first octets of the content, its header in them. */
  readonly head: Uint8Array;
}

/** Fields to put in front of the message, each with its CRLF; '' when nothing is missing. */
export function fixSubmission(facts: SubmissionFacts): string {
  const { header, now } = facts;
  // A header that goes on beyond what was looked at may have anything in it.
  if (!header.complete) return '';
  let fields = '';
  // RFC 6409 §8.2.
  if (!header.hasDate) fields += `Date: ${formatDate(now)}\r\n`;
  // RFC 6409 §8.3.
  if (!header.hasMessageId) fields += `Message-ID: <${addedMessageId(facts)}>\r\n`;
  return fields + originator(facts);
}

/** What stands between < and > when we add the field: unique for ever, as the queue's id is. */
export const addedMessageId = ({
  id,
  hostname,
}: Pick<SubmissionFacts, 'id' | 'hostname'>): string => `${id}@${hostname}`;

/** A From where there is none, or a Sender where From names others. RFC 5322 §3.6.2. */
function originator({ sender, client, header, head }: SubmissionFacts): string {
  const known = authenticated(sender, client.account);
  if (known === undefined) return '';
  if (!header.hasFrom) return `From: ${formatMailbox(known)}\r\n`;
  const fields = parseHeader(head.subarray(0, header.end));
  if (headerValue(fields, 'sender') !== undefined) return '';
  const from = mailboxesOf(parseAddressList(headerValue(fields, 'from') ?? ''));
  const ours = new Set([addressKey(known), client.account]);
  // RFC 6409 §8.1: "if the identity of the sender is known and this is not given in the 'From'
  // field". With several in From, RFC 5322 §3.6.2 wants a Sender anyway.
  if (from.length === 1 && ours.has(addressKey(from[0]!))) return '';
  return `Sender: ${formatMailbox(known)}\r\n`;
}

/**
 * The address the client has shown to be its own. The envelope's sender rather than the account's
 * name: whoever writes under an alias need not show what is behind it.
 */
function authenticated(
  sender: string | undefined,
  account: string | undefined,
): Mailbox | undefined {
  if (account === undefined) return undefined;
  const mailbox = parseMailbox(sender === undefined || sender === '' ? account : sender);
  return mailbox === undefined || mailbox.domain === '' ? undefined : mailbox;
}
