// What we say of one message that failed DMARC: the fields of message/feedback-report (RFC 6591 §3, RFC 9991 §4), and of
// the message itself only header fields that name no recipient and no subject. Whose mail it was is for its
// domain to know; what was in it is not, since it may be a list's, or anybody's.

import { formatMailbox } from '../mail/fields/address.ts';
import { formatDate } from '../mail/fields/date.ts';
import { foldHeader, forEachField } from '../mail/header/header.ts';

export interface FailureReport {
  readonly program: string;
  /** The domain in From. */
  readonly domain: string;
  readonly at: number;
  readonly sourceIp: string;
  readonly mailFrom: { readonly local: string; readonly domain: string };
  /** Authentication-Results as we have written it, a whole field. */
  readonly results: string;
  /** Mechanisms that failed for the domain: RFC 9991 §4. */
  readonly failed: readonly ('dkim' | 'spf')[];
  /** RFC 6591 §3.2.2: `delivered`, `spam` or `reject`. */
  readonly delivery: 'delivered' | 'spam' | 'reject';
  /** Of the domain's own, that fail. */
  readonly signature?: { readonly domain: string; readonly selector: string } | undefined;
  /** The SPF record that speaks against it, where it is of the domain. */
  readonly spf?: { readonly domain: string; readonly record: string } | undefined;
}

export function feedbackFields(report: FailureReport): string {
  const { domain, mailFrom, signature, spf, failed } = report;
  const local = mailFrom.domain.toLowerCase() === domain ? mailFrom.local : 'redacted';
  return [
    'Feedback-Type: auth-failure\r\nVersion: 1\r\n',
    foldHeader('User-Agent', report.program),
    'Auth-Failure: dmarc\r\n',
    report.results,
    foldHeader('Identity-Alignment', failed.length === 0 ? 'none' : failed.join(', ')),
    foldHeader('Delivery-Result', report.delivery),
    ...(signature === undefined
      ? []
      : [
          foldHeader('DKIM-Domain', signature.domain),
          foldHeader('DKIM-Identity', `@${signature.domain}`),
          foldHeader('DKIM-Selector', signature.selector),
        ]),
    // RFC 6591 §3.2.6
    ...(spf === undefined ? [] : [foldHeader('SPF-DNS', `txt : ${spf.domain} : "${spf.record}"`)]),
    foldHeader('Original-Mail-From', `<${formatMailbox({ local, domain: mailFrom.domain })}>`),
    foldHeader('Source-IP', report.sourceIp),
    foldHeader('Arrival-Date', formatDate(report.at)),
    foldHeader('Reported-Domain', domain),
    'Incidents: 1\r\n',
  ]
    .map(ascii)
    .join('');
}

const ascii = (text: string): string => text.replace(/[^\x00-\x7f]/g, '?');

/** RFC 9991 §7: what tells of the domain's own systems, and of nobody else. */
const shown = new Set([
  ...['from', 'sender', 'date', 'message-id', 'dkim-signature', 'list-id', 'mime-version'],
  ...['content-type', 'content-transfer-encoding', 'user-agent', 'x-mailer'],
]);
/** Limit: octets of one field, and of all. */
const fieldMax = 4_000;
const headerMax = 16_000;

/** The fields that may be shown, as they came; those that are not plain ASCII in lines are left out. */
export function shownHeader(head: Uint8Array): Buffer {
  const fields: Buffer[] = [];
  let room = headerMax;
  forEachField(head, (name, start, end) => {
    const raw = Buffer.from(head.subarray(start, end));
    const fits = raw.length <= Math.min(fieldMax, room);
    if (!shown.has(name) || !fits || !/^[\t\r\n -~]*$/.test(raw.toString('latin1'))) return;
    room -= raw.length;
    fields.push(raw);
  });
  return Buffer.concat(fields);
}
