// The bytes a session has received and not used yet, and the lines in them. Holds nothing while the
// peer is silent between commands; a line that is too long is skipped, never gathered.

import { isUtf8 } from 'node:buffer';

export type Line =
  | { readonly kind: 'line'; readonly text: string }
  | { readonly kind: 'too-long' }
  /** It holds control characters, a CR or LF alone among them. */
  | { readonly kind: 'not-printable' }
  | { readonly kind: 'bad-utf8' };

const crlf = Buffer.from('\r\n');
const cr = 0x0d;

// RFC 1939 §3: printable ASCII; RFC 6856 §2.2: and UTF-8 in user names and passwords.
const plain = /^[\x20-\x7e]*$/;
const control = /[\x00-\x1f\x7f]/;

const tooLong: Line = { kind: 'too-long' };
const notPrintable: Line = { kind: 'not-printable' };
const badUtf8: Line = { kind: 'bad-utf8' };

export class LineInput {
  #bytes: Buffer | undefined;
  #at = 0;
  #skipping = false;

  get empty(): boolean {
    return this.#bytes === undefined;
  }

  /** The bytes are ours until take() finds them used up; a rest is copied. */
  push(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    const added = Buffer.isBuffer(bytes)
      ? bytes
      : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#bytes =
      this.#bytes === undefined ? added : Buffer.concat([this.#bytes.subarray(this.#at), added]);
    this.#at = 0;
  }

  clear(): void {
    this.#bytes = undefined;
    this.#at = 0;
    this.#skipping = false;
  }

  /**
   * The next line without its CRLF, or undefined when there is no whole line yet. `limitOf` is asked
   * only for lines longer than `limit` octets, with their first five characters in upper case.
   */
  take(limit: number, limitOf: (word: string) => number): Line | undefined {
    const bytes = this.#bytes;
    if (bytes === undefined) return undefined;
    const start = this.#at;
    const end = bytes.indexOf(crlf, start);
    if (end === -1) {
      this.#keep(bytes, limit, limitOf);
      return undefined;
    }
    this.#at = end + 2;
    if (this.#at >= bytes.length) this.#bytes = undefined;
    const skipped = this.#skipping;
    this.#skipping = false;
    if (skipped || isTooLong(bytes, start, end + 2, limit, limitOf)) return tooLong;
    const text = bytes.toString('latin1', start, end);
    if (plain.test(text)) return { kind: 'line', text };
    if (control.test(text)) return notPrintable;
    const octets = bytes.subarray(start, end);
    return isUtf8(octets) ? { kind: 'line', text: octets.toString('utf8') } : badUtf8;
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
