// The message that `postrider send` sends: what comes on stdin is a whole message when it begins
// with header fields, and a text to make one of otherwise. RFC 5322 §3.6 says what it needs.

import { randomUUID } from 'node:crypto';
import { formatDate } from '../mail/fields/date.ts';
import { encodeHeaderText } from '../mail/fields/encoded-word.ts';
import { findHeaderEnd, foldHeader, parseHeader } from '../mail/header/header.ts';

export interface ComposeOptions {
  readonly from: string;
  readonly to: readonly string[];
  /** `Name: value`; they replace those we would make. */
  readonly headers: readonly string[];
  readonly hostname: string;
  readonly now: number;
}

/** @throws TypeError for a header that is none. */
export function compose(input: Uint8Array, options: ComposeOptions): Buffer {
  const content = crlf(input);
  const given = options.headers.map(headerLine);
  if (beginsWithFields(content)) return Buffer.concat([Buffer.from(given.join('')), content]);
  const names = new Set(given.map((line) => line.slice(0, line.indexOf(':')).toLowerCase()));
  const made = defaultFields(options, content).filter(([name]) => !names.has(name.toLowerCase()));
  const header = [...made.map(([name, value]) => `${name}: ${value}\r\n`), ...given].join('');
  return Buffer.concat([Buffer.from(`${header}\r\n`), content]);
}

function defaultFields(
  { from, to, hostname, now }: ComposeOptions,
  content: Uint8Array,
): readonly (readonly [name: string, value: string])[] {
  const ascii = content.every((byte) => byte < 0x80);
  return [
    ['Date', formatDate(now)],
    ['From', from === '' ? `mailer-daemon@${hostname}` : from],
    ['To', to.join(', ')],
    ['Subject', 'Test'],
    ['Message-ID', `<${randomUUID()}@${hostname}>`],
    ['MIME-Version', '1.0'],
    ['Content-Type', `text/plain; charset=${ascii ? 'us-ascii' : 'utf-8'}`],
    ['Content-Transfer-Encoding', ascii ? '7bit' : '8bit'],
  ];
}

// RFC 5322 §2.2: a field name is printable US-ASCII without the colon.
function headerLine(header: string): string {
  const [, name, value] = /^([!-9;-~]{1,76}):[ \t]*([^\r\n]*)$/.exec(header) ?? [];
  if (name === undefined || value === undefined)
    throw new TypeError(`--header must be 'Name: value', not '${header.replace(/[\r\n]/g, '?')}'`);
  return foldHeader(name, encodeHeaderText(value));
}

/**
 * Whether it is a whole message: nothing but fields and their continuations before an empty line.
 * A text whose first line happens to read `Note: …` has no empty line after it, or prose before.
 */
function beginsWithFields(content: Buffer): boolean {
  let at = 0;
  for (const { offset, length } of parseHeader(content)) {
    if (offset !== at) return false;
    at = offset + length;
  }
  return at > 0 && findHeaderEnd(content) > at;
}

/** Files on this machine end their lines in LF; mail does not. RFC 5322 §2.3. */
function crlf(input: Uint8Array): Buffer {
  const text = Buffer.from(input).toString('latin1').replace(/\r?\n/g, '\r\n');
  const whole = text === '' || text.endsWith('\r\n') ? text : `${text}\r\n`;
  return Buffer.from(whole, 'latin1');
}
