// Reads one command from left to right: the tokens of RFC 9051 §9. A command is one string of octets
// as latin1, without its last CRLF; literals stand in it as they came, `{3}`, CRLF, octets. What
// cannot be read is thrown as a SyntaxFault, which parser.ts turns into an answer.

import { isUtf8 } from 'node:buffer';
import { decodeCharset, isKnownCharset } from '../mail/charset/charset.ts';
import { charsetName } from '../mail/charset/charset-name.ts';
import type { Range, SequenceSet, Window } from './command.ts';
import { decodeModifiedUtf7 } from './modified-utf7.ts';
import type { ParseContext } from './parse-context.ts';

/** The client's mistake; never leaves the parser. */
export class SyntaxFault extends Error {
  override readonly name = 'SyntaxFault';
  readonly status: 'BAD' | 'NO';
  readonly code: string | undefined;

  constructor(text: string, status: 'BAD' | 'NO' = 'BAD', code?: string) {
    super(text);
    this.status = status;
    this.code = code;
  }
}

/** The octets of a literal have not come yet: what is being read is one of its arguments. */
export class LiteralMissing extends Error {
  override readonly name = 'LiteralMissing';
}

// RFC 9051 §9: ATOM-CHAR, ASTRING-CHAR, list-char, and what a sequence set is made of.
const atomPattern = /[^\x00-\x20\x7f-\uffff(){%*"\\\]]+/y;
const astringPattern = /[^\x00-\x20\x7f-\uffff(){%*"\\]+/y;
const listPattern = /[^\x00-\x20\x7f-\uffff(){"\\]+/y;
const flagPattern = /\\?[^\x00-\x20\x7f-\uffff(){%*"\\\]]+/y;
// What may stand before the '[' of a section, which is an ATOM-CHAR.
const namePattern = /[a-z0-9.]+/iy;
const digitsPattern = /[0-9]+/y;
const setPattern = /[0-9*:,]+/y;
// RFC 6855 §3, RFC 9051 §4.3: quoted strings may hold UTF-8.
const quotedPattern = /"([^\x00\r\n"\\]*(?:\\["\\][^\x00\r\n"\\]*)*)"/y;
const literalPattern = /(~?)\{([0-9]{1,20})(\+?)\}\r\n/y;
const announcedPattern = /(~?)\{([0-9]{1,20})(\+?)\}$/y;
const rangePattern = /^(?:[1-9][0-9]{0,9}|\*)(?::(?:[1-9][0-9]{0,9}|\*))?$/;

const numberMax = 2 ** 32 - 1;
/** Limit: keys of one search, each of which is looked at for each message. */
const keysMax = 1000;

export interface Announced {
  readonly octets: number;
  readonly binary: boolean;
}

export class Scanner {
  readonly context: ParseContext;
  readonly #text: string;
  #at: number;
  #depth = 0;
  #keys = 0;
  /** In which the command says that its texts are; UTF-8 where it says nothing. */
  #charset: string | undefined;

  constructor(text: string, context: ParseContext, at = 0) {
    this.#text = text;
    this.context = context;
    this.#at = at;
  }

  get position(): number {
    return this.#at;
  }

  get atEnd(): boolean {
    return this.#at >= this.#text.length;
  }

  /** The next character, '' at the end. */
  peek(): string {
    return this.#text.charAt(this.#at);
  }

  tryEat(text: string): boolean {
    if (!this.#text.startsWith(text, this.#at)) return false;
    this.#at += text.length;
    return true;
  }

  /** The next characters, fewer at the end. */
  ahead(count: number): string {
    return this.#text.slice(this.#at, this.#at + count);
  }

  skip(count: number): void {
    this.#at += count;
  }

  /** Undoes what tryEat() or skip() did. */
  back(count: number): void {
    this.#at -= count;
  }

  /** Whatever follows is of no interest. */
  skipAll(): void {
    this.#at = this.#text.length;
  }

  /** `text` is what must follow. */
  eat(text: string): void {
    if (!this.tryEat(text)) throw this.expected(text === ' ' ? 'a space' : `"${text}"`);
  }

  space(): void {
    this.eat(' ');
  }

  /** Field: a space before the end of the line, which can mean nothing else. */
  end(): void {
    while (this.tryEat(' '));
    if (!this.atEnd) throw this.expected('the end of the command');
  }

  expected(what: string): SyntaxFault {
    const place = this.atEnd ? 'at the end' : `at character ${this.#at + 1}`;
    return new SyntaxFault(`Expected ${what} ${place}`);
  }

  /** @throws SyntaxFault where lists and keys nest deeper than the limit. */
  nested<T>(read: () => T): T {
    this.#depth += 1;
    if (this.#depth > this.context.limits.depth)
      throw new SyntaxFault('The command is nested too deep', 'NO', 'LIMIT');
    const value = read();
    this.#depth -= 1;
    return value;
  }

  /** @throws SyntaxFault where there are too many search keys, wherever they stand. */
  countKey(): void {
    this.#keys += 1;
    if (this.#keys > keysMax) throw new SyntaxFault('The search has too many keys', 'NO', 'LIMIT');
  }

  #match(pattern: RegExp): RegExpExecArray | undefined {
    pattern.lastIndex = this.#at;
    const match = pattern.exec(this.#text);
    if (match === null) return undefined;
    this.#at = pattern.lastIndex;
    return match;
  }

  #token(pattern: RegExp, what: string): string {
    const match = this.#match(pattern);
    if (match === undefined) throw this.expected(what);
    return match[0];
  }

  // Words.

  atom(what = 'a word'): string {
    return this.#token(atomPattern, what);
  }

  /** An atom in upper case. */
  word(what?: string): string {
    return this.atom(what).toUpperCase();
  }

  /** Letters, digits and dots, in upper case. */
  name(what = 'a word'): string {
    return this.#token(namePattern, what).toUpperCase();
  }

  /** Goes on only if this very word follows, in any case. */
  tryWord(word: string): boolean {
    const start = this.#at;
    if (this.#match(atomPattern)?.[0].toUpperCase() === word) return true;
    this.#at = start;
    return false;
  }

  // RFC 3501 §2.3.2, RFC 9051 §2.3.2: system flags are the same in any case.
  flag(): string {
    const flag = this.#token(flagPattern, 'a flag');
    return systemFlags.get(flag.toLowerCase()) ?? flag;
  }

  // Strings, as octets.

  astring(what = 'a string'): string {
    return this.#match(astringPattern)?.[0] ?? this.string(what);
  }

  string(what = 'a string'): string {
    const quoted = this.#match(quotedPattern)?.[1];
    if (quoted !== undefined)
      return quoted.includes('\\') ? quoted.replace(/\\(["\\])/g, '$1') : quoted;
    return this.#literal(what);
  }

  nstring(): string | undefined {
    return this.tryNil() ? undefined : this.string();
  }

  tryNil(): boolean {
    return this.tryWord('NIL');
  }

  listMailbox(): string {
    return this.#match(listPattern)?.[0] ?? this.string('a pattern');
  }

  #literal(what: string): string {
    const match = this.#match(literalPattern);
    if (match === undefined) {
      if (this.tryAnnounced() !== undefined) throw new LiteralMissing();
      throw this.expected(what);
    }
    const end = this.#at + Number(match[2]);
    if (end > this.#text.length) throw new LiteralMissing();
    const octets = this.#text.slice(this.#at, end);
    // RFC 9051 §9: CHAR8 has no NUL; literal8 may.
    if (match[1] === '' && octets.includes('\0')) throw new SyntaxFault('A literal has a NUL');
    this.#at = end;
    return octets;
  }

  /** The beginning of a literal at the end of what has come so far. */
  tryAnnounced(): Announced | undefined {
    const match = this.#match(announcedPattern);
    return match === undefined ? undefined : { octets: Number(match[2]), binary: match[1] !== '' };
  }

  // Strings, as text.

  /** RFC 9051 §6.4.4: false for a charset that nobody knows. */
  tryCharset(label: string): boolean {
    if (!isKnownCharset(label)) return false;
    // Field: UTF-8 where US-ASCII was said.
    const { by } = charsetName(label);
    this.#charset = by === 'utf-8' || by === 'guess' ? undefined : label;
    return true;
  }

  text(what?: string): string {
    return this.#charset === undefined
      ? textOf(this.astring(what))
      : textIn(this.#charset, this.astring(what));
  }

  mailbox(): string {
    return mailboxOf(this.astring('a mailbox name'), this.context);
  }

  // Numbers.

  /** Limit: what JavaScript cannot count exactly becomes the largest that it can. */
  number64(what = 'a number'): number {
    return Math.min(Number(this.#token(digitsPattern, what)), Number.MAX_SAFE_INTEGER);
  }

  number(what = 'a number'): number {
    const number = this.number64(what);
    if (number > numberMax) throw new SyntaxFault('A number is too large');
    return number;
  }

  nzNumber(what = 'a number'): number {
    const number = this.number(what);
    if (number === 0) throw new SyntaxFault('A number must not be 0');
    return number;
  }

  /** RFC 9394 §4: partial-range. */
  window(): Window {
    const sign = this.tryEat('-') ? -1 : 1;
    const from = sign * this.nzNumber();
    this.eat(sign === 1 ? ':' : ':-');
    return { from, to: sign * this.nzNumber() };
  }

  /** `star`: whether '*' is allowed (and '$', and more than known numbers). */
  sequenceSet(star = true): SequenceSet {
    if (star && this.tryEat('$')) return { kind: 'saved' };
    const ranges: Range[] = [];
    for (const piece of this.#token(setPattern, 'a set of numbers').split(',')) {
      if (!rangePattern.test(piece) || (!star && piece.includes('*')))
        throw new SyntaxFault('That is no set of numbers');
      if (ranges.length >= this.context.limits.ranges)
        throw new SyntaxFault('The set has too many ranges', 'NO', 'LIMIT');
      ranges.push(rangeOf(piece));
    }
    return { kind: 'ranges', ranges };
  }

  // Lists.

  /**
   * What stands in parentheses, separated by spaces; none only where `empty`.
   * Field: more spaces than one, and spaces inside the parentheses, which can mean nothing else.
   */
  list<T>(read: () => T, empty = false): T[] {
    this.eat('(');
    const items: T[] = [];
    for (;;) {
      while (this.tryEat(' '));
      if (this.tryEat(')')) break;
      items.push(read());
      if (this.peek() !== ' ' && this.peek() !== ')') throw this.expected('")"');
    }
    if (items.length === 0 && !empty) throw new SyntaxFault('A list must not be empty');
    return items;
  }
}

const systemFlags = new Map(
  ['\\Seen', '\\Answered', '\\Flagged', '\\Deleted', '\\Draft', '\\Recent'].map((flag) => [
    flag.toLowerCase(),
    flag,
  ]),
);

/** As flag() gives them; \Recent is among them. */
export const isSystemFlag = (flag: string): boolean => systemFlags.has(flag.toLowerCase());

function rangeOf(piece: string): Range {
  const colon = piece.indexOf(':');
  const from = sequenceNumber(colon === -1 ? piece : piece.slice(0, colon));
  return { from, to: colon === -1 ? from : sequenceNumber(piece.slice(colon + 1)) };
}

function sequenceNumber(text: string): number {
  if (text === '*') return 0;
  const number = Number(text);
  if (number > numberMax) throw new SyntaxFault('A number is too large');
  return number;
}

/** Octets that are UTF-8, as text. */
export function textOf(octets: string): string {
  if (!/[\x80-\xff]/.test(octets)) return octets;
  const bytes = Buffer.from(octets, 'latin1');
  if (!isUtf8(bytes)) throw new SyntaxFault('Text must be UTF-8');
  return bytes.toString('utf8');
}

function textIn(charset: string, octets: string): string {
  const text = decodeCharset(Buffer.from(octets, 'latin1'), charset);
  if (text.includes('\ufffd')) throw new SyntaxFault('Text must be in its charset');
  return text;
}

/** RFC 9051 §5.1: UTF-8 once that was enabled; RFC 3501 §5.1.3: modified UTF-7 otherwise. */
export function mailboxOf(octets: string, { utf8 }: ParseContext): string {
  // Field: UTF-8 from clients that never said so, which modified UTF-7 cannot be taken for.
  if (utf8 || /[\x80-\xff]/.test(octets)) return textOf(octets);
  return decodeModifiedUtf7(octets);
}
