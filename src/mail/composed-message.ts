// A message made of what a program says in JSON: text, HTML with its pictures, files. RFC 5322, RFC 2046, RFC 2387.

import { isUtf8 } from 'node:buffer';
import { randomBytes } from 'node:crypto';
import { formatDate } from './fields/date.ts';
import { encodeHeaderText, encodePhrase } from './fields/encoded-word.ts';
import { extendedParameter } from './fields/extended-parameter.ts';
import { foldHeader } from './header/header.ts';

export interface ComposedAddress {
  readonly name?: string | undefined;
  readonly address: string;
}

export interface ComposedFile {
  readonly name: string;
  readonly type: string;
  readonly content: Uint8Array;
  /** It is shown within the HTML, which names it as `cid:…`. */
  readonly cid?: string | undefined;
}

export interface ComposedMessage {
  readonly from: ComposedAddress;
  readonly to: readonly ComposedAddress[];
  readonly cc: readonly ComposedAddress[];
  readonly replyTo: readonly ComposedAddress[];
  readonly subject: string;
  readonly text: string;
  /** '' for none. */
  readonly html: string;
  readonly files: readonly ComposedFile[];
  /** Further fields; the names are checked by whoever takes them. */
  readonly fields: readonly (readonly [name: string, value: string])[];
  /** Milliseconds since the epoch. */
  readonly date: number;
  /** What Message-ID ends with. */
  readonly domain: string;
}

export function composedMessage(mail: ComposedMessage): Buffer<ArrayBuffer> {
  const { from, to, cc, replyTo, subject, fields, date, domain } = mail;
  const given = new Set(fields.map(([name]) => name.toLowerCase()));
  const id = `<${randomBytes(12).toString('hex')}@${domain}>`;
  const head = [
    ['From', list([from])],
    ['To', list(to)],
    ['Cc', list(cc)],
    ['Reply-To', list(replyTo)],
    ['Subject', encodeHeaderText(subject)],
    ['Date', formatDate(date)],
    ['Message-ID', given.has('message-id') ? '' : id],
    ...fields.map(([name, value]) => [name, encodeHeaderText(value)]),
    ['MIME-Version', '1.0'],
  ] as const;
  const written = head.filter(([, value]) => value !== '');
  const header = written.map(([name, value]) => foldHeader(name!, value!)).join('');
  return Buffer.from(header + composedBody(mail));
}

const list = (addresses: readonly ComposedAddress[]): string =>
  addresses
    .map(({ name, address }) => (name ? `${encodePhrase(name)} <${address}>` : address))
    .join(', ');

/** With its own header fields, MIME-Version apart. */
export function composedBody({
  text,
  html,
  files,
}: Pick<ComposedMessage, 'text' | 'html' | 'files'>): string {
  const inline = files.filter(({ cid }) => cid !== undefined);
  const attached = files.filter(({ cid }) => cid === undefined);
  const shown = multipart('related', [textPart('html', html), ...inline.map(filePart)]);
  const read = html === '' ? [] : [inline.length === 0 ? textPart('html', html) : shown];
  // Without HTML nothing refers to what was meant to be shown in it.
  const beside = html === '' ? files : attached;
  const plain = text === '' && html !== '' ? [] : [textPart('plain', text)];
  return multipart('mixed', [
    multipart('alternative', [...plain, ...read]),
    ...beside.map(filePart),
  ]);
}

/** One part needs no other around it. */
function multipart(subtype: string, parts: readonly string[]): string {
  const [only] = parts;
  if (only !== undefined && parts.length === 1) return only;
  const boundary = `=_${randomBytes(12).toString('hex')}`;
  // RFC 2045 §6.4: what is around it says so, too.
  const isPlain = parts.every((part) => Buffer.byteLength(part) === part.length);
  const encoding = isPlain ? '' : 'Content-Transfer-Encoding: 8bit\r\n';
  const type = `Content-Type: multipart/${subtype};\r\n boundary="${boundary}"\r\n${encoding}\r\n`;
  return `${type}${parts.map((part) => `--${boundary}\r\n${part}\r\n`).join('')}--${boundary}--\r\n`;
}

const textPart = (subtype: 'plain' | 'html', text: string): string =>
  `Content-Type: text/${subtype}; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n${base64(Buffer.from(text))}`;

function filePart({ name, type, content, cid }: ComposedFile): string {
  const clean = /^[\w.+-]{1,60}\/[\w.+-]{1,60}$/.test(type) ? type : 'application/octet-stream';
  // RFC 2046 §5.2.1: a message is never encoded. One that cannot be sent as it is goes as a file.
  const isMessage = /^message\//i.test(clean);
  const asItIs = isMessage ? asLines(content) : undefined;
  const said = isMessage && asItIs === undefined ? 'application/octet-stream' : clean;
  // RFC 2231 §4: a name that is not ASCII.
  const named = extendedParameter('filename', name).join(';\r\n ');
  const disposition = cid === undefined ? 'attachment' : 'inline';
  const id = cid === undefined ? '' : foldHeader('Content-ID', `<${cid.replace(/[<>\s]/g, '')}>`);
  const isPlain = asItIs?.length === content.length;
  const encoding = asItIs === undefined ? 'base64' : isPlain ? '7bit' : '8bit';
  return `Content-Type: ${said}\r\nContent-Disposition: ${disposition};\r\n ${named}\r\n${id}Content-Transfer-Encoding: ${encoding}\r\n\r\n${asItIs ?? base64(content)}`;
}

/** RFC 5321 §4.5.3.1.6: octets of a line, without its end. */
const lineOctetsMax = 998;

/** What is sent without an encoding: lines that are not too long, in ASCII or UTF-8. Undefined for everything else. */
function asLines(content: Uint8Array): string | undefined {
  const octets = Buffer.from(content.buffer, content.byteOffset, content.byteLength);
  const raw = octets.toString('latin1');
  const isOther = /\0|\r(?!\n)|(?<!\r)\n/.test(raw);
  if (isOther || !isUtf8(octets)) return undefined;
  return raw.split('\r\n').some(({ length }) => length > lineOctetsMax)
    ? undefined
    : octets.toString();
}

/** RFC 2045 §6.8: lines of 76 characters. */
const base64 = (octets: Uint8Array): string =>
  Buffer.from(octets.buffer, octets.byteOffset, octets.byteLength)
    .toString('base64')
    .replace(/.{76}(?=.)/g, '$&\r\n');
