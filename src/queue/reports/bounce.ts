// Delivery status notifications: from recipients and what became of them to messages for the queue.
// RFC 3461 says who is told, RFC 3464 and RFC 6522 in which form, RFC 6533 how in UTF-8, RFC 3834 that
// nothing is ever answered which could answer back. Reports are small enough to stay in memory.

import { isIP } from 'node:net';
import type { Clock } from '../../base/clock.ts';
import { formatDate } from '../../mail/fields/date.ts';
import { decodeEncodedWords } from '../../mail/fields/encoded-word.ts';
import { foldHeader, headerValue, parseHeader } from '../../mail/header/header.ts';
import type { Action, StatusRecipient } from '../../mail/status/delivery-status.ts';
import {
  asciiText,
  formatDeliveryStatus,
  isAscii,
  notifyOf,
  paramValue,
} from '../../mail/status/delivery-status.ts';
import { requestsOf } from '../../smtp/envelope-requests.ts';
import type { Reply } from '../../smtp/reply.ts';
import { inlineBytesMax } from '../../store/content.ts';
import type { Untold } from '../../store/history.ts';
import type { Effect, NewMessage, NewRecipient, QueuedMessage } from '../../store/queue-store.ts';
import type { AttemptFacts } from '../delivery.ts';
import { replyStatus, replyText } from '../reply-text.ts';
import { reportText, subjects } from './bounce-text.ts';
import type { Returned } from './returned-content.ts';
import { returnedContent, startOf } from './returned-content.ts';

export interface ReportParts {
  readonly hostname: string;
  readonly clock: Pick<Clock, 'now'>;
  readonly ids: () => string;
  /** Whom a report to this reverse-path goes to; [] when its mailbox is ours and gone. */
  readonly resolve: (address: string) => readonly NewRecipient[] | Promise<readonly NewRecipient[]>;
}

export interface ReportedRecipient {
  readonly recipient: NewRecipient;
  readonly reply: Reply;
  /** The words are the next hop's. */
  readonly remote: boolean;
  readonly facts?: AttemptFacts | undefined;
  readonly expired?: boolean | undefined;
  /** By the time that the sender set (RFC 2852). */
  readonly late?: boolean | undefined;
  /** Overrides the status of the reply. */
  readonly status?: string | undefined;
}

export interface Report {
  readonly action: Action;
  /** The sender hears of it unless they want to hear of nothing. RFC 2852 §4.1.4. */
  readonly traced?: boolean | undefined;
  readonly recipients: readonly ReportedRecipient[];
  /** For delays: how long it will be tried. */
  readonly retryUntil?: number | undefined;
}

/** Limit: recipients of one report; where there are more, several reports are made. */
const recipientsPerReport = 100;

type Told = Pick<Report, 'action' | 'traced'>;

/** Whether the sender wants to hear of this. RFC 3461 §5.2.2 to §5.2.7. */
export function wantsReport(params: readonly string[], { action, traced }: Told): boolean {
  const notify = notifyOf(params);
  if (traced === true) return notify.success || notify.failure || notify.delay;
  if (action === 'failed') return notify.failure;
  return action === 'delayed' ? notify.delay : notify.success;
}

/** Why the sender is not to hear of this; undefined if they are. RFC 5321 §4.5.5, RFC 3834 §2. */
export function whyUntold(
  sender: string,
  params: readonly string[],
  told: Told,
): Untold | undefined {
  if (sender === '') return 'null-sender';
  return wantsReport(params, told) ? undefined : 'not-wanted';
}

/**
 * The messages that tell the sender, ready to be queued; [] when nobody is to be told.
 * RFC 5321 §4.5.5, RFC 3834 §2: mail with the null reverse-path is never answered.
 */
export async function deliveryReports(
  message: QueuedMessage,
  report: Report,
  parts: ReportParts,
): Promise<NewMessage[]> {
  if (message.sender === '') return [];
  const wanted = report.recipients.filter(({ recipient }) => wantsReport(recipient.params, report));
  if (wanted.length === 0) return [];
  const to = await parts.resolve(message.sender);
  if (to.length === 0) return [];
  const start = await startOf(message);
  const reports: NewMessage[] = [];
  for (let i = 0; i < wanted.length; i += recipientsPerReport) {
    const recipients = wanted.slice(i, i + recipientsPerReport);
    reports.push(compose(message, { ...report, recipients }, { parts, to, start }));
  }
  return reports;
}

/** Queued with the outcomes that it tells of. */
export const reportEffect = (message: NewMessage): Effect => ({
  ...{ kind: 'enqueue', reason: 'report', message },
});

interface Surroundings {
  readonly parts: ReportParts;
  readonly to: readonly NewRecipient[];
  readonly start: Buffer;
}

function compose(message: QueuedMessage, report: Report, around: Surroundings): NewMessage {
  const { parts, to, start } = around;
  const id = parts.ids();
  const now = parts.clock.now();
  const utf8 = isInternational(message, report);
  let returned = returnedContent(message, start, { failed: report.action === 'failed', utf8 });
  let bytes = reportBytes(message, report, { id, now, utf8, returned, start, parts });
  if (bytes.length > inlineBytesMax) {
    returned = returnedContent(message, start, { failed: false, utf8 });
    bytes = reportBytes(message, report, { id, now, utf8, returned, start, parts });
  }
  // RFC 6710 §4.6: a report has the priority of what it reports on.
  const params = message.params.filter((param) => /^MT-PRIORITY=/i.test(param));
  if (!isSevenBit(bytes)) params.push('BODY=8BITMIME');
  // RFC 6531 §3.4: the parameter is for UTF-8 in the header or the envelope; bodies need 8BITMIME.
  if (!isAscii(message.sender)) params.push('SMTPUTF8');
  // RFC 8689 §5: what a report tells of the message travels as the message does.
  if (message.params.includes('REQUIRETLS')) params.push('REQUIRETLS');
  return {
    id,
    received: now,
    // RFC 3461 §6.1: the null reverse-path; NOTIFY must be NEVER if it is there at all.
    sender: '',
    params,
    recipients: to.map((recipient) => ({ ...recipient, params: ['NOTIFY=NEVER'] })),
    prefix: '',
    content: { kind: 'inline', bytes },
    origin: {
      ...{ session: message.id, service: 'queue', protocol: 'local', parent: message.id },
      ...(message.origin.trace !== undefined && { trace: message.origin.trace }),
    },
    messageId: `<${id}@${parts.hostname}>`,
  };
}

interface Ingredients {
  readonly id: string;
  readonly now: number;
  readonly utf8: boolean;
  readonly returned: Returned;
  readonly start: Buffer;
  readonly parts: ReportParts;
}

function reportBytes(message: QueuedMessage, report: Report, ingredients: Ingredients): Buffer {
  const { id, now, utf8, returned, parts } = ingredients;
  const text = humanText(message, report, ingredients);
  const status = formatDeliveryStatus(
    {
      reportingMta: parts.hostname,
      arrival: message.received,
      deliverBy: requestsOf(message).deliverBy?.at,
      futureRelease: futureReleaseOf(message),
      queueId: message.id,
      envelopeId: paramValue(message.params, 'ENVID'),
      receivedFrom: message.origin.hello,
      receivedFromAddress: message.origin.clientAddress,
    },
    report.recipients.map((one) => statusRecipient(one, report, now)),
    utf8,
  );
  const boundary = unusedBoundary(id, [Buffer.from(text), Buffer.from(status), returned.bytes]);
  const eightBit = !isAscii(text) || !isAscii(status) || !isSevenBit(returned.bytes);
  const head =
    reportHeader(message, report, ingredients) +
    // RFC 6522 §3: multipart/report with the type of its second part.
    `Content-Type: multipart/report; report-type=delivery-status;\r\n\tboundary="${boundary}"\r\n` +
    encodingField(eightBit) +
    '\r\nThis is a MIME-encapsulated delivery status notification.\r\n\r\n' +
    `--${boundary}\r\nContent-Description: Notification\r\n` +
    `Content-Type: text/plain; charset=utf-8\r\n${encodingField(!isAscii(text))}\r\n${text}\r\n` +
    `--${boundary}\r\nContent-Description: Delivery report\r\n` +
    // RFC 6533 §4.4: the global types stand for the traditional ones.
    `Content-Type: message/${utf8 ? 'global-' : ''}delivery-status\r\n` +
    `${encodingField(!isAscii(status))}\r\n${status}\r\n` +
    `--${boundary}\r\nContent-Description: ${returned.description}\r\n` +
    `Content-Type: ${returned.type}\r\n${encodingField(!isSevenBit(returned.bytes))}\r\n`;
  return Buffer.concat([Buffer.from(head), returned.bytes, Buffer.from(`\r\n--${boundary}--\r\n`)]);
}

function reportHeader(
  message: QueuedMessage,
  report: Report,
  { id, now, parts }: Ingredients,
): string {
  const { messageId } = message;
  // RFC 3834 §3.1.5: In-Reply-To and References, where there is something sane to refer to.
  const refers =
    messageId !== undefined && /^<[!-;=?-~]{1,900}>$/.test(messageId)
      ? `In-Reply-To: ${messageId}\r\nReferences: ${messageId}\r\n`
      : '';
  return (
    `Date: ${formatDate(now)}\r\n` +
    // RFC 3464 §2: the From field is that of a person or address responsible for the system.
    `From: Mail Delivery System <mailer-daemon@${parts.hostname}>\r\n` +
    foldHeader('To', `<${message.sender}>`) +
    `Subject: ${subjects[report.action]}\r\n` +
    `Message-ID: <${id}@${parts.hostname}>\r\n${refers}` +
    // RFC 3834 §5: an automatic answer to a message says so, and is never answered itself.
    'Auto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\n'
  );
}

/** RFC 4865 §5.1.2 (2): orig-hold-param-value, as MAIL had it. */
function futureReleaseOf({ params }: QueuedMessage): string | undefined {
  const seconds = paramValue(params, 'HOLDFOR');
  if (seconds !== undefined) return `for;${seconds}`;
  const time = paramValue(params, 'HOLDUNTIL');
  return time === undefined ? undefined : `until;${time}`;
}

const encodingField = (eightBit: boolean): string =>
  eightBit ? 'Content-Transfer-Encoding: 8bit\r\n' : '';

function humanText(message: QueuedMessage, report: Report, ingredients: Ingredients): string {
  const { utf8, start, parts } = ingredients;
  const subject = headerValue(parseHeader(start, { fieldsMax: 200 }), 'subject') ?? '';
  const show = utf8 ? printable : (text: string) => asciiText(text);
  return reportText({
    hostname: parts.hostname,
    action: report.action,
    recipients: report.recipients.map((one) => ({
      address: printable(one.recipient.original ?? one.recipient.address),
      reply: show(replyText(one.reply)),
      status: one.status ?? replyStatus(one.reply),
      host: one.remote ? show(hostOf(one.facts) ?? 'of the recipient') : undefined,
      expired: one.expired === true,
      late: one.late === true,
    })),
    subject: printable(decodeEncodedWords(subject)).slice(0, 200),
    arrival: formatDate(message.received),
    queueId: message.id,
    retryUntil: report.retryUntil === undefined ? undefined : formatDate(report.retryUntil),
  });
}

function statusRecipient(one: ReportedRecipient, report: Report, now: number): StatusRecipient {
  const { recipient, reply, remote, facts } = one;
  const success = report.action !== 'failed' && report.action !== 'delayed';
  return {
    originalRecipient: paramValue(recipient.params, 'ORCPT'),
    // RFC 3464 §2.3.2: as it was when we accepted the message, before any alias of ours.
    finalRecipient: recipient.original ?? recipient.address,
    action: report.action,
    status: one.status ?? replyStatus(reply),
    // RFC 3464 §2.3.5: MUST NOT be included if no remote MTA was involved.
    remoteMta: remote || success ? publicHost(facts) : undefined,
    diagnostic: success ? undefined : { text: replyText(reply).slice(0, 500), remote },
    lastAttempt: report.action === 'expanded' ? undefined : now,
    willRetryUntil: report.retryUntil,
  };
}

function hostOf(facts: AttemptFacts | undefined): string | undefined {
  const host = publicHost(facts);
  const literal = facts?.address === undefined ? undefined : `[${facts.address}]`;
  if (host === undefined || literal === undefined || facts?.host === facts?.address)
    return host ?? literal;
  return `${host} ${literal}`;
}

/**
 * The host as a report may name it; undefined for the path of a socket, which tells others nothing.
 * RFC 3464 §2.3.5, RFC 5321 §4.1.3: an address alone is written as a literal.
 */
function publicHost(facts: AttemptFacts | undefined): string | undefined {
  const host = facts?.host;
  if (host === undefined || host.startsWith('/')) return undefined;
  if (isIP(host) === 0) return host;
  return isIP(host) === 6 ? `[IPv6:${host}]` : `[${host}]`;
}

/** RFC 6533 §4: the UTF-8 forms are for mail that came as UTF-8, and for addresses that need them. */
const isInternational = (message: QueuedMessage, report: Report): boolean =>
  message.params.includes('SMTPUTF8') ||
  !isAscii(message.sender) ||
  report.recipients.some(({ recipient }) => !isAscii(recipient.original ?? recipient.address));

/** RFC 2046 §5.1.1: a boundary must not occur in any of the parts. */
function unusedBoundary(id: string, parts: readonly Buffer[]): string {
  for (let i = 0; ; i += 1) {
    const boundary = `=_${id}_${i}`;
    if (!parts.some((part) => part.includes(`--${boundary}`))) return boundary;
  }
}

export function isSevenBit(bytes: Uint8Array): boolean {
  for (let i = 0; i < bytes.length; i += 1) if (bytes[i]! > 0x7f) return false;
  return true;
}

const printable = (text: string): string => text.replace(/[\x00-\x1f\x7f-\x9f]/g, ' ');
