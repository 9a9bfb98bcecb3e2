// The report in a message that brings one: a DMARC aggregate report, a TLS report, or somebody's word about one
// message of ours. First a look at the header, which costs little and is all that other mail gets; then the
// parts, of which what is in them counts, and not what they call themselves.

import { decodeCharset } from '../mail/charset/charset.ts';
import { decodeEncodedWords } from '../mail/fields/encoded-word.ts';
import { headerValue, parseHeader } from '../mail/header/header.ts';
import { parseMime } from '../mail/mime/mime.ts';
import type { MimePart } from '../mail/mime/mime-part.ts';
import { defaultTypes, fileNameOf, readMimeFields } from '../mail/mime/mime-part.ts';
import { decodeTransferEncoding } from '../mail/mime/transfer-decoding.ts';
import type { AggregateReport } from './aggregate.ts';
import { readAggregateReport } from './aggregate.ts';
import type { Feedback } from './feedback.ts';
import { readFeedback } from './feedback.ts';
import { ReportError } from './report-error.ts';
import type { TlsReport } from './tls-report.ts';
import { readTlsReport } from './tls-report.ts';
import { unpack } from './unpack.ts';

export type FoundReport =
  | { readonly kind: 'dmarc'; readonly report: AggregateReport }
  | { readonly kind: 'tls'; readonly report: TlsReport }
  | { readonly kind: 'abuse'; readonly report: Feedback };

/** Limit: of a message that is looked into. Field: receivers of reports take 10 MiB, some more. */
export const reportMessageBytesMax = 25 * 2 ** 20;

const lookedAt = new Set(['subject', 'content-type', 'content-disposition']);
/** RFC 8460 §5.1, RFC 9990 §3.5.2: sender "!" domain "!" begin "!" end. */
const reportName = /![a-z0-9.\-_]+![0-9]+![0-9]+/i;

/** Whether a message with this header may bring a report. */
export function looksLikeReport(head: Uint8Array): boolean {
  const fields = parseHeader(head, { names: lookedAt });
  const { contentType, disposition } = readMimeFields(fields, defaultTypes.text);
  const { type, subtype, params } = contentType;
  if (type === 'multipart' && subtype === 'report')
    return /^(?:feedback-report|tlsrpt)$/i.test(params.get('report-type') ?? '');
  const name = fileNameOf({ contentType, disposition }) ?? '';
  if (reportName.test(name)) return true;
  const subject = headerValue(fields, 'subject');
  return subject !== undefined && /\breport\s+domain:/i.test(decodeEncodedWords(subject));
}

/**
 * Undefined where there is none. `breathe` lets others have their turn, now and then.
 * @throws ReportError for one that cannot be read
 */
export async function findReport(
  message: Uint8Array,
  breathe: () => Promise<void>,
): Promise<FoundReport | undefined> {
  const parts = [...leaves(parseMime(message, { partsMax: 100, depthMax: 10 }))];
  const bodyOf = ({ bodyStart, bodyEnd, encoding }: MimePart): Uint8Array =>
    decodeTransferEncoding(message.subarray(bodyStart, bodyEnd), encoding) ?? new Uint8Array(0);
  const feedback = parts.find((part) => isType(part, 'message/feedback-report'));
  if (feedback !== undefined) {
    const original = parts.slice(parts.indexOf(feedback) + 1).find((part) => isOriginal(part));
    const report = readFeedback(bodyOf(feedback), original && bodyOf(original));
    return { kind: 'abuse', report };
  }
  let problem: ReportError | undefined;
  for (const part of parts.filter(mayBePacked)) {
    try {
      const found = await readPart(bodyOf(part), part, breathe);
      if (found !== undefined) return found;
    } catch (error) {
      if (!(error instanceof ReportError)) throw error;
      problem ??= error;
    }
  }
  if (problem !== undefined) throw problem;
  return undefined;
}

/** Those without parts of their own, in order; a message inside is one. */
function* leaves(part: MimePart): Generator<MimePart> {
  if (part.children.length === 0) yield part;
  for (const child of part.children) yield* leaves(child);
}

const isType = ({ contentType: { type, subtype } }: MimePart, wanted: string): boolean =>
  `${type}/${subtype}` === wanted;

const isOriginal = (part: MimePart): boolean =>
  ['message/rfc822', 'message/global', 'text/rfc822-headers'].some((type) => isType(part, type));

function mayBePacked(part: MimePart): boolean {
  const { type, subtype } = part.contentType;
  const name = fileNameOf(part) ?? '';
  return (
    type === 'application' ||
    /\.(?:xml|json|gz|zip)$/i.test(name) ||
    (type === 'text' && subtype === 'xml')
  );
}

/** Undefined for something else. */
async function readPart(
  packed: Uint8Array,
  { contentType }: MimePart,
  breathe: () => Promise<void>,
): Promise<FoundReport | undefined> {
  const bytes = await unpack(packed);
  const first = firstCharacter(bytes);
  if (first === '{') {
    // RFC 8460 §4.4: I-JSON, which is UTF-8.
    const report = readTlsReport(decodeCharset(bytes, 'utf-8'));
    return { kind: 'tls', report };
  }
  if (first !== '<') return undefined;
  const text = decodeCharset(bytes, xmlCharset(bytes) ?? contentType.params.get('charset') ?? '');
  return { kind: 'dmarc', report: await readAggregateReport(text, breathe) };
}

/** Behind white space, byte order marks and the zeros of UTF-16. */
const firstCharacter = (bytes: Uint8Array): string | undefined =>
  /[^\s\x00\xef\xbb\xbf\xfe\xff]/.exec(Buffer.from(bytes.subarray(0, 100)).toString('latin1'))?.[0];

/** XML 1.0 §4.3.3, App. F. */
function xmlCharset(bytes: Uint8Array): string | undefined {
  const [one, two] = bytes;
  if (one === 0xff && two === 0xfe) return 'utf-16le';
  if (one === 0xfe && two === 0xff) return 'utf-16be';
  const head = Buffer.from(bytes.subarray(0, 200)).toString('latin1');
  return /^(?:\xef\xbb\xbf)?\s*<\?xml[^>]*?\bencoding\s*=\s*["']([\w.:-]{1,40})["']/.exec(
    head,
  )?.[1];
}
