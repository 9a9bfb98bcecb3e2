// Where a message is, for programs: message/tracking-status (RFC 3886), whose fields are those of a delivery
// status notification, in the multipart/related that MTQP wants around it (RFC 3887 §4).

import { formatDate } from '../fields/date.ts';
import { asciiText, decodeXtext } from './delivery-status.ts';

export interface TrackedMessage {
  /** The value of ENVID, still xtext. */
  readonly envelopeId: string;
  readonly reportingMta: string;
  readonly arrival: number;
  readonly recipients: readonly TrackedRecipient[];
}

export interface TrackedRecipient {
  /** The value of ORCPT, `rfc822;` and xtext, or the like of it. */
  readonly original: string;
  readonly final: string;
  readonly action:
    | ('delivered' | 'failed' | 'delayed')
    | ('relayed' | 'transferred' | 'expanded' | 'opaque');
  /** RFC 3463: `2.1.9`. */
  readonly status: string;
  readonly remoteMta?: string | undefined;
  readonly lastAttempt?: number | undefined;
  readonly willRetryUntil?: number | undefined;
}

/** Lines without their ends; `boundary` occurs in none of them. */
export function formatTracking(
  messages: readonly TrackedMessage[],
  boundary: string,
): readonly string[] {
  const lines = [`Content-Type: multipart/related; boundary="${boundary}"; type=tracking-status`];
  for (const message of messages)
    lines.push('', `--${boundary}`, 'Content-Type: message/tracking-status', '', ...part(message));
  return [...lines, '', `--${boundary}--`];
}

function part({ envelopeId, reportingMta, arrival, recipients }: TrackedMessage): string[] {
  const lines = [
    `Original-Envelope-Id: ${text(decodeXtext(envelopeId))}`,
    `Reporting-MTA: dns; ${reportingMta}`,
    `Arrival-Date: ${formatDate(arrival)}`,
  ];
  // RFC 3886 §3.3: each group is preceded by a blank line.
  for (const recipient of recipients) lines.push('', ...group(recipient));
  return lines;
}

function group(one: TrackedRecipient): string[] {
  const { original, final, action, status, remoteMta, lastAttempt, willRetryUntil } = one;
  return [
    `Original-Recipient: ${text(decodeXtext(original).replace(';', '; '))}`,
    `Final-Recipient: rfc822; ${text(final)}`,
    `Action: ${action}`,
    `Status: ${status}`,
    ...(remoteMta === undefined ? [] : [`Remote-MTA: dns; ${text(remoteMta)}`]),
    ...(lastAttempt === undefined ? [] : [`Last-Attempt-Date: ${formatDate(lastAttempt)}`]),
    // RFC 3886 §3.3.7: only for what is in the queue here.
    ...(willRetryUntil === undefined ? [] : [`Will-Retry-Until: ${formatDate(willRetryUntil)}`]),
  ];
}

/** Limit: RFC 3887 §2.3 has lines of 998 octets. */
const text = (value: string): string => asciiText(value).slice(0, 900);
