// The bytes a session has received and not used yet, and the command lines in them: for protocols whose
// lines are short, SMTP and POP3. Holds nothing while the peer is silent between commands; a line that
// is too long is skipped, never gathered.

import { isUtf8 } from 'node:buffer';

const cr = 0x0d;
const lf = 0x0a;

export type Line =
  | { readonly kind: 'line'; readonly text: string; readonly ascii: boolean }
  | { readonly kind: 'too-long' }
  /** It holds control characters, a CR or LF alone among them. */
  | { readonly kind: 'not-printable' }
  | { readonly kind: 'bad-utf8' };

export type MalformedLine = Exclude<Line['kind'], 'line'>;

/**
 * An LF without a CR ends no line that is obeyed. It is answered at once, as 'not-printable', since a
 * client that ends its commands so says nothing more until it has heard of it; and what follows up to
 * the next LF is no command either, so that nobody can hide one behind it.
 */
export interface LineRules {
  /** Whether tabs are printable. */
  readonly tabs: boolean;
}

const plain = /^[\x20-\x7e]*$/;
const control = /[\x00-\x1f\x7f]/;
const controlButTab = /[\x00-\x08\x0a-\x1f\x7f]/;

export class LineSplitter {
  readonly #rules: LineRules;
  #bytes: Buffer | undefined;
  #at = 0;
  #skipping = false;
  /** What comes next follows an LF alone. */
  #tainted = false;

  constructor(rules: LineRules) {
    this.#rules = rules;
  }

  /** Nothing is there that has not been used. */
  get empty(): boolean {
    return this.#bytes === undefined;
  }

  /** The bytes are ours until take…() finds them used up; a rest is copied by keep(). */
  push(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    const added = asBuffer(bytes);
    this.#bytes =
      this.#bytes === undefined ? added : Buffer.concat([this.#bytes.subarray(this.#at), added]);
    this.#at = 0;
  }

  /** In front of what is there. */
  unshift(bytes: Uint8Array): void {
    const rest = this.#bytes?.subarray(this.#at);
    this.#bytes = undefined;
    this.#at = 0;
    this.push(bytes);
    if (rest !== undefined) this.push(rest);
  }

  clear(): void {
    this.#bytes = undefined;
    this.#at = 0;
    this.#skipping = false;
    this.#tainted = false;
  }

  /** All that is there, to be read in place: see used(). */
  get bytes(): Buffer | undefined {
    return this.#bytes;
  }

  get at(): number {
    return this.#at;
  }

  /** Everything before `at` has been used. */
  used(at: number): void {
    this.#at = at;
    if (this.#bytes !== undefined && at >= this.#bytes.length) this.#bytes = undefined;
  }

  /**
   * The next line without its CRLF, or undefined when there is no whole line yet. `limitOf` is asked
   * only for lines longer than `limit`, with their first five characters in upper case.
   */
  takeLine(limit: number, limitOf: (word: string) => number): Line | undefined {
    const bytes = this.#bytes;
    if (bytes === undefined) return undefined;
    const start = this.#at;
    const newline = bytes.indexOf(lf, start);
    if (newline === -1) {
      this.#keep(bytes, limit, limitOf);
      return undefined;
    }
    this.used(newline + 1);
    const skipped = this.#skipping;
    const tainted = this.#tainted;
    this.#skipping = false;
    this.#tainted = newline === start || bytes[newline - 1] !== cr;
    if (skipped || isTooLong(bytes, start, newline + 1, limit, limitOf)) return tooLong;
    return tainted || this.#tainted
      ? notPrintable
      : decode(bytes, start, newline - 1, this.#rules.tabs);
  }

  /** The beginning of a line waits for its end: in bytes of our own, as few as there are. */
  #keep(bytes: Buffer, limit: number, limitOf: (word: string) => number): void {
    if (!this.#skipping && !isTooLong(bytes, this.#at, bytes.length, limit, limitOf)) {
      this.#bytes = Buffer.from(bytes.subarray(this.#at));
    } else {
      this.#skipping = true;
      this.#bytes = bytes.at(-1) === cr ? Buffer.from('\r') : undefined;
    }
    this.#at = 0;
  }
}

const tooLong: Line = { kind: 'too-long' };
const notPrintable: Line = { kind: 'not-printable' };
const badUtf8: Line = { kind: 'bad-utf8' };

function isTooLong(
  bytes: Buffer,
  start: number,
  end: number,
  limit: number,
  limitOf: (word: string) => number,
): boolean {
  const length = end - start;
  return (
    length > limit && length > limitOf(bytes.toString('latin1', start, start + 5).toUpperCase())
  );
}

function decode(bytes: Buffer, start: number, end: number, tabs: boolean): Line {
  const text = bytes.toString('latin1', start, end);
  if (plain.test(text)) return { kind: 'line', text, ascii: true };
  if ((tabs ? controlButTab : control).test(text)) return notPrintable;
  const octets = bytes.subarray(start, end);
  if (!isUtf8(octets)) return badUtf8;
  const decoded = octets.toString('utf8');
  return { kind: 'line', text: decoded, ascii: decoded.length === text.length };
}

const asBuffer = (bytes: Uint8Array): Buffer =>
  Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
