// The messages that carry our reports: a few words for people, and the report for programs. Text and names are
// US-ASCII, since domains are A-labels here; lines are short.

import { has8Bit } from '../mail/conversion/transfer-encoding.ts';
import { formatDate } from '../mail/fields/date.ts';
import { encodePhrase } from '../mail/fields/encoded-word.ts';
import { foldHeader } from '../mail/header/header.ts';
import { Base64LineEncoder } from '../mail/mime/base64.ts';

export interface ReportMail {
  /** Who reports, in words, and the address. */
  readonly organization: string;
  readonly from: string;
  readonly to: string;
  readonly at: number;
  readonly subject: string;
  /** Without its brackets. */
  readonly messageId: string;
  /** Fields beside the usual ones, whole. */
  readonly fields?: string | undefined;
  readonly text: string;
  /** `mixed`, or `report; report-type=…`. */
  readonly multipart: string;
  readonly parts: readonly ReportPart[];
}

export interface ReportPart {
  readonly type: string;
  readonly filename?: string | undefined;
  /** Sent as base64 where there is a name, and as it is where there is none. */
  readonly bytes: Uint8Array;
}

export function reportMail(mail: ReportMail): Buffer {
  // RFC 2046 §5.1.1: base64 has no "=_", and what is sent as it is comes from us, or was here before the id was made.
  const boundary = `=_${mail.messageId.replace(/[^A-Za-z0-9]/g, '_').slice(0, 60)}`;
  const head = [
    `Date: ${formatDate(mail.at)}\r\n`,
    foldHeader('From', `${encodePhrase(mail.organization)} <${mail.from}>`),
    foldHeader('To', `<${mail.to}>`),
    foldHeader('Subject', mail.subject),
    `Message-ID: <${mail.messageId}>\r\n`,
    mail.fields ?? '',
    // RFC 3834 §5: nobody should answer.
    'Auto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n',
    mail.parts.map(encodingOf).find((field) => field !== '') ?? '',
    `Content-Type: multipart/${mail.multipart};\r\n\tboundary="${boundary}"\r\n`,
    `\r\n--${boundary}\r\n`,
    `Content-Type: text/plain; charset=us-ascii\r\n\r\n${mail.text.replaceAll('\n', '\r\n')}\r\n`,
  ];
  const parts = mail.parts.map((part) =>
    Buffer.concat([Buffer.from(`--${boundary}\r\n`), partBytes(part), Buffer.from('\r\n')]),
  );
  return Buffer.concat([Buffer.from(head.join('')), ...parts, Buffer.from(`--${boundary}--\r\n`)]);
}

/** RFC 2045 §6.4: what holds a part with 8-bit octets says so, too. */
const encodingOf = ({ filename, bytes }: ReportPart): string =>
  filename === undefined && has8Bit(bytes) ? 'Content-Transfer-Encoding: 8bit\r\n' : '';

function partBytes(part: ReportPart): Buffer {
  const { type, filename, bytes } = part;
  if (filename === undefined)
    return Buffer.concat([Buffer.from(`Content-Type: ${type}\r\n${encodingOf(part)}\r\n`), bytes]);
  const head =
    `Content-Type: ${type};\r\n\tname="${filename}"\r\n` +
    `Content-Disposition: attachment;\r\n\tfilename="${filename}"\r\n` +
    'Content-Transfer-Encoding: base64\r\n\r\n';
  const encoder = new Base64LineEncoder();
  return Buffer.concat([Buffer.from(head), encoder.push(bytes), encoder.end()]);
}

/** What names one report to one domain: RFC 9990 §3.5.1, RFC 8460 §5.1. */
export interface ReportNames {
  /** Dot-atoms, unique for reporter, domain and day: the same again is the same report. */
  readonly id: string;
  /** Without what it is packed in. */
  readonly file: string;
  readonly subject: string;
}

export function reportNames(
  hostname: string,
  domain: string,
  { begin, end }: { readonly begin: number; readonly end: number },
): ReportNames {
  const id = `${begin}-${domain}@${hostname}`;
  return {
    id,
    file: `${hostname}!${domain}!${begin}!${end}`,
    subject: `Report Domain: ${domain} Submitter: ${hostname} Report-ID: <${id}>`,
  };
}
