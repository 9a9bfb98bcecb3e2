// What we say of one message that somebody here complains of (RFC 5965 §3): how it came in, read from the fields that we
// put in front of it then, and who has to answer for it. Authentication-Results in our name are ours, for
// others are taken out on arrival; Received counts where it was written by us.

import { parseMailbox } from '../mail/fields/address.ts';
import { formatDate, parseDate } from '../mail/fields/date.ts';
import type { HeaderField } from '../mail/header/header.ts';
import { foldHeader, headerValue, parseHeader } from '../mail/header/header.ts';

/** RFC 5965 §7.3, RFC 6430: the registered types that people choose from. */
export const abuseTypes = ['abuse', 'fraud', 'virus', 'other', 'not-spam'] as const;
export type AbuseType = (typeof abuseTypes)[number];

/** What is known of how a message came in. */
export interface Provenance {
  /** '' is the null path; undefined where the message was not delivered here. */
  readonly mailFrom: string | undefined;
  /** In milliseconds since 1970. */
  readonly arrival: number | undefined;
  readonly sourceIp: string | undefined;
  /** The values of our own Authentication-Results, unfolded. */
  readonly results: readonly string[];
  /** Proven to have sent it: by DKIM, best that of the author, else by SPF. */
  readonly domain: string | undefined;
  readonly subject: string;
}

const shown = new Set(['return-path', 'received', 'authentication-results', 'from', 'subject']);

/** Of a message as it lies in a mailbox of the server with this name. */
export function provenanceOf(head: Uint8Array, hostname: string): Provenance {
  const fields = parseHeader(head, { names: shown, fieldsMax: 1000 });
  const received = fields.map((field) => receivedHere(field, hostname)).find((one) => one);
  const results = fields.filter((field) => isOurResult(field, hostname)).map(({ value }) => value);
  const path = headerValue(fields, 'return-path');
  const author = /@([^\s@<>]+?)>?\s*$/.exec(headerValue(fields, 'from') ?? '')?.[1];
  return {
    mailFrom: path === undefined ? undefined : /<(.*)>/.exec(path)?.[1],
    ...{ arrival: received?.at, sourceIp: received?.ip, results },
    domain: answerableDomain(results, author?.toLowerCase()),
    subject: headerValue(fields, 'subject') ?? '',
  };
}

const clientAddress = /\((?:[^\s()[\]]+ )?\[(?:IPv6:)?([0-9A-Fa-f.:]+)\]\)/;

// RFC 5321 §4.4: "from" helo "(" name "[" address "])" "by" … ";" date, as mail/trace/trace.ts writes it
function receivedHere({ lowerName, value }: HeaderField, hostname: string) {
  if (lowerName !== 'received') return undefined;
  const text = value.replace(/\s+/g, ' ');
  const by = text.indexOf(` by ${hostname} `);
  if (by < 0) return undefined;
  const [, ip] = clientAddress.exec(text.slice(0, by)) ?? [];
  return { ip, at: parseDate(text.slice(text.lastIndexOf(';') + 1)) };
}

const isOurResult = ({ lowerName, value }: HeaderField, hostname: string): boolean =>
  lowerName === 'authentication-results' && value.trimStart().startsWith(`${hostname};`);

function answerableDomain(
  results: readonly string[],
  author: string | undefined,
): string | undefined {
  // What is quoted is of the sender, and may look like results.
  const unquoted = results.map((value) => value.replace(/"(?:\\.|[^"\\])*"/g, '""'));
  const found = unquoted.flatMap((value) => value.split(';'));
  const passed = (method: string, property: string) =>
    found.flatMap((one) => {
      if (!one.trimStart().startsWith(`${method}=pass `)) return [];
      const [, domain] = new RegExp(`\\s${property}=([A-Za-z0-9._-]+)(?:\\s|$)`).exec(one) ?? [];
      return domain === undefined ? [] : [domain.toLowerCase()];
    });
  const signers = passed('dkim', 'header\\.d');
  const ofAuthor = signers.find((one) => one === author || author?.endsWith(`.${one}`) === true);
  return ofAuthor ?? signers[0] ?? passed('spf', 'smtp\\.mailfrom')[0];
}

export interface AbuseReport extends Provenance {
  readonly program: string;
  readonly type: AbuseType;
  readonly hostname: string;
  /** In whose mailbox it lies. */
  readonly recipient: string;
}

/** The fields of message/feedback-report. */
export function abuseFields(report: AbuseReport): string {
  const { mailFrom, arrival, sourceIp, results, domain, recipient } = report;
  const known = (name: string, value: string | undefined): string =>
    value === undefined ? '' : foldHeader(name, value);
  const path = mailFrom === '' || parseMailbox(mailFrom ?? '') !== undefined ? mailFrom : undefined;
  return [
    foldHeader('Feedback-Type', report.type),
    foldHeader('User-Agent', report.program),
    'Version: 1\r\n',
    known('Original-Mail-From', path === undefined ? undefined : `<${path}>`),
    foldHeader('Original-Rcpt-To', `<${recipient}>`),
    known('Arrival-Date', arrival === undefined ? undefined : formatDate(arrival)),
    foldHeader('Reporting-MTA', `dns; ${report.hostname}`),
    known('Source-IP', sourceIp),
    ...results.map((value) => foldHeader('Authentication-Results', value)),
    known('Reported-Domain', domain),
  ]
    .join('')
    .replace(/[^\x00-\x7f]/g, '?');
}
