// What somebody says about one message of ours, read: abuse reports (RFC 5965) and authentication failures
// (RFC 6591, RFC 9991). The fields of message/feedback-report, and who the message was from, as far as it
// came along. Fields that nobody knows are passed over.

import { parseDate } from '../mail/fields/date.ts';
import { decodeEncodedWords } from '../mail/fields/encoded-word.ts';
import { headerValue, parseHeader } from '../mail/header/header.ts';
import { ReportError, shortText } from './report-error.ts';

export interface Feedback {
  /** `abuse`, `fraud`, `virus`, `auth-failure`, `not-spam` …, in lower case. */
  readonly type: string;
  readonly userAgent: string | undefined;
  readonly version: string | undefined;
  readonly mailFrom: string | undefined;
  readonly rcptTo: readonly string[];
  readonly envelopeId: string | undefined;
  /** In milliseconds since 1970. */
  readonly arrival: number | undefined;
  readonly reportingMta: string | undefined;
  readonly sourceIp: string | undefined;
  readonly incidents: number;
  readonly domains: readonly string[];
  readonly uris: readonly string[];
  readonly authentication: readonly string[];
  /** RFC 6591 §3.1: `dmarc`, `bodyhash`, `signature`, `spf` … */
  readonly authFailure: string | undefined;
  readonly deliveryResult: string | undefined;
  readonly identityAlignment: string | undefined;
  readonly dkimDomain: string | undefined;
  readonly dkimIdentity: string | undefined;
  readonly dkimSelector: string | undefined;
  /** Of the message it is about. */
  readonly message: {
    readonly from: string | undefined;
    readonly subject: string | undefined;
    readonly id: string | undefined;
  };
}

/** Limit: fields of one name. */
const fieldsMax = 100;

/** `original` is the message, or its header; undefined where it did not come along. @throws ReportError */
export function readFeedback(fields: Uint8Array, original: Uint8Array | undefined): Feedback {
  const all = parseHeader(fields, { fieldsMax: 1000 });
  const of = (name: string): string | undefined => {
    const value = headerValue(all, name);
    return value === undefined || value.trim() === '' ? undefined : shortText(value);
  };
  const every = (name: string): readonly string[] =>
    all
      .filter(({ lowerName }) => lowerName === name)
      .slice(0, fieldsMax)
      .map(({ value }) => shortText(value));
  const type = of('feedback-type')?.toLowerCase();
  if (type === undefined) throw new ReportError('the report has no Feedback-Type');
  const arrived = of('arrival-date') ?? of('received-date');
  const incidents = Number(of('incidents'));
  return {
    type,
    userAgent: of('user-agent'),
    version: of('version'),
    mailFrom: of('original-mail-from'),
    rcptTo: every('original-rcpt-to'),
    envelopeId: of('original-envelope-id'),
    arrival: arrived === undefined ? undefined : parseDate(arrived),
    // RFC 5965 §3.2: "dns; mail.example.com"
    reportingMta: of('reporting-mta')?.replace(/^[^;]*;\s*/, ''),
    // Field: a name behind it, in parentheses.
    sourceIp: of('source-ip')?.replace(/\s.*$/, ''),
    incidents: Number.isSafeInteger(incidents) && incidents > 0 ? incidents : 1,
    domains: every('reported-domain').map((domain) => domain.toLowerCase()),
    uris: every('reported-uri'),
    authentication: every('authentication-results'),
    authFailure: of('auth-failure')?.toLowerCase(),
    deliveryResult: of('delivery-result')?.toLowerCase(),
    identityAlignment: of('identity-alignment')?.toLowerCase(),
    dkimDomain: of('dkim-domain')?.toLowerCase(),
    dkimIdentity: of('dkim-identity'),
    dkimSelector: of('dkim-selector'),
    message: messageOf(original),
  };
}

function messageOf(original: Uint8Array | undefined): Feedback['message'] {
  const header = original === undefined ? [] : parseHeader(original, { names: shownFields });
  const of = (name: string): string | undefined => {
    const value = headerValue(header, name);
    return value === undefined ? undefined : shortText(decodeEncodedWords(value));
  };
  return { from: of('from'), subject: of('subject'), id: of('message-id') };
}

const shownFields = new Set(['from', 'subject', 'message-id']);
