// Fields of the form `value; name=value; …`: Content-Type (RFC 2045 §5.1) and Content-Disposition (RFC
// 2183 §2), with the continuations and charsets of RFC 2231. Total and linear; what mail programs
// write against the grammar (spaces and parentheses outside quotes) is read as it was meant.

import { decodeCharset, printable } from '../charset/charset.ts';

export interface Parameterised {
  /** Before the first ";", without comments, as written. */
  readonly value: string;
  /** By name in lower case: the first of a name, RFC 2231 decoded, RFC 2047 not. */
  readonly params: ReadonlyMap<string, string>;
  /** As written but unquoted, in order: what IMAP's BODYSTRUCTURE shows. */
  readonly rawParams: readonly Parameter[];
}

export interface Parameter {
  readonly name: string;
  readonly value: string;
}

/** Limit: parameters of one field; RFC 2231 continuations count each. */
const parametersMax = 1000;

const blank = /[\s\x00-\x1f]+/y;
const name = /[^\s=;"()]+/y;
const quotedText = /[^"\\]+/y;
// RFC 2045 §5.1: token. Field: `filename=my report (1).pdf`; only ";" ends it for certain.
const unquoted = /[^;]+/y;
const head = /[^;("]+/y;

export function parseParameterised(field: string): Parameterised {
  let at = 0;
  let value = '';
  while (at < field.length && field[at] !== ';') {
    const start = at;
    at = skipBlank(field, at);
    const run = take(head, field, at);
    value += at > start && value !== '' ? ` ${run.trimEnd()}` : run.trimEnd();
    at += run.length;
    if (at === start) at += 1; // a stray quote
  }
  const rawParams: Parameter[] = [];
  while (at < field.length && rawParams.length < parametersMax) {
    at = skipBlank(field, at);
    const parameterName = take(name, field, at);
    at = skipBlank(field, at + parameterName.length);
    if (parameterName === '' || field[at] !== '=') {
      at = take(unquoted, field, at).length + at + 1; // no parameter: on to the next ";"
      continue;
    }
    const { text, end } = readValue(field, skipBlank(field, at + 1));
    rawParams.push({ name: parameterName, value: text });
    at = end;
  }
  return { value: value.trim(), params: decodeParameters(rawParams), rawParams };
}

/** Behind white space and comments. RFC 5322 §3.2.2: comments nest. */
function skipBlank(field: string, start: number): number {
  let at = start;
  let depth = 0;
  while (at < field.length) {
    const character = field[at]!;
    if (character === '(') depth += 1;
    else if (depth === 0) {
      const run = take(blank, field, at).length;
      if (run === 0) break;
      at += run - 1;
    } else if (character === ')') depth -= 1;
    else if (character === '\\') at += 1;
    at += 1;
  }
  return Math.min(at, field.length);
}

function readValue(field: string, start: number): { text: string; end: number } {
  if (field[start] !== '"') {
    const run = take(unquoted, field, start);
    const text = run.replace(/\s\(.*$/s, '').trim();
    return { text, end: start + run.length + 1 };
  }
  const pieces: string[] = [];
  let at = start + 1;
  while (at < field.length && field[at] !== '"') {
    const escaped = field[at] === '\\';
    const run = escaped ? (field[at + 1] ?? '') : take(quotedText, field, at);
    pieces.push(run);
    at += escaped ? 2 : run.length;
  }
  const rest = take(unquoted, field, at + 1).length;
  return { text: pieces.join(''), end: at + 1 + rest + 1 };
}

function take(pattern: RegExp, text: string, at: number): string {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0] ?? '';
}

interface Segment {
  readonly value: string;
  readonly encoded: boolean;
}

// RFC 2231 §7: attribute [ "*" section ] [ "*" ]
const extendedName = /^([^*]+)(?:\*(\d{1,4}))?(\*)?$/;

function decodeParameters(raw: readonly Parameter[]): ReadonlyMap<string, string> {
  const plain = new Map<string, string>();
  const extended = new Map<string, Map<number, Segment>>();
  for (const { name: written, value } of raw) {
    const [, base, section, star] = extendedName.exec(written.toLowerCase()) ?? [];
    if (base === undefined || (section === undefined && star === undefined)) {
      if (!plain.has(written.toLowerCase())) plain.set(written.toLowerCase(), value);
      continue;
    }
    const segments = extended.get(base) ?? new Map<number, Segment>();
    extended.set(base, segments);
    const index = Number(section ?? 0);
    if (!segments.has(index)) segments.set(index, { value, encoded: star !== undefined });
  }
  // RFC 2231 wins over a plain parameter of the same name, which is there for old readers.
  for (const [base, segments] of extended) {
    const value = joinSegments(segments);
    if (value !== undefined) plain.set(base, value);
  }
  return plain;
}

/** RFC 2231 §3: sections count from 0 and may come in any order; a gap ends the value. */
function joinSegments(segments: ReadonlyMap<number, Segment>): string | undefined {
  const first = segments.get(0);
  if (first === undefined) return undefined;
  // RFC 2231 §4: charset'language'text in the first section.
  const [, charset, start] = /^([^']*)'[^']*'(.*)$/s.exec(first.encoded ? first.value : '') ?? [];
  let value = '';
  let octets: Buffer[] = [];
  const flush = (): void => {
    value += decodeCharset(Buffer.concat(octets), charset ?? 'utf-8');
    octets = [];
  };
  for (let i = 0; ; i += 1) {
    const segment = segments.get(i);
    if (segment === undefined) break;
    const text = i === 0 ? (start ?? segment.value) : segment.value;
    // Field: a section that is not encoded has characters other than ASCII, in the field's own charset.
    if (!segment.encoded && /[^\x00-\x7f]/.test(text)) {
      flush();
      value += text;
    } else {
      octets.push(segment.encoded ? percentDecode(text) : Buffer.from(text));
    }
  }
  flush();
  return printable(value);
}

const percentDecode = (text: string): Buffer =>
  Buffer.concat(
    text
      .split(/((?:%[0-9a-f]{2})+)/i)
      .map((piece, i) =>
        i % 2 === 0 ? Buffer.from(piece) : Buffer.from(piece.replaceAll('%', ''), 'hex'),
      ),
  );
