// A message on its way into a multi-line response: lines end with CRLF and are byte-stuffed (RFC 1939
// §3), TOP stops after as many lines as were asked for, and a header with UTF-8 in it is put into
// ASCII where the client did not say UTF8 (RFC 6856 §2.1). Takes content in pieces of any size.

import { isAscii } from 'node:buffer';
import { findHeaderEnd, headerEndWithin } from '../mail/header/header.ts';
import { newlineAt, viewOf } from '../mail/line-end.ts';
import { headerBytesMax } from './limits.ts';
import type { Output } from './output.ts';
import { asciiHeader } from './surrogate.ts';

const LF = 0x0a;
const CR = 0x0d;
const DOT = 0x2e;

export interface EncoderOptions {
  /** The client said UTF8: headers may be sent as they are. */
  readonly utf8: boolean;
  /** TOP: lines of the body; undefined for all of the message. */
  readonly bodyLines: number | undefined;
}

export class MessageEncoder {
  readonly #output: Output;
  readonly #utf8: boolean;
  /** The header so far, while more of it is to come that must be looked at as a whole. */
  #header: Buffer | undefined;
  /** The present line has no octets yet. */
  #empty = true;
  /** The last octet was a CR, not sent yet: an LF may follow, or nothing that belongs to it. */
  #cr = false;
  #inHeader = true;
  /** The header is too long to be looked at: an empty line ends it. */
  #cut = false;
  /** Lines of the body still wanted. */
  #linesLeft: number;
  #done = false;

  constructor(output: Output, { utf8, bodyLines }: EncoderOptions) {
    this.#output = output;
    this.#utf8 = utf8;
    this.#header = utf8 && bodyLines === undefined ? undefined : noBytes;
    this.#linesLeft = bodyLines ?? Number.POSITIVE_INFINITY;
  }

  /** TOP has all it asked for: more content would be ignored. */
  get done(): boolean {
    return this.#done;
  }

  /** The message in one piece. */
  whole(bytes: Uint8Array): void {
    if (this.#linesLeft === Number.POSITIVE_INFINITY && (this.#utf8 || isAscii(bytes))) {
      this.#header = undefined;
      this.#encode(bytes);
    } else {
      this.#writeHead(bytes);
    }
    this.end();
  }

  write(bytes: Uint8Array): void {
    if (this.#header === undefined) this.#encode(bytes);
    else this.#gatherHeader(this.#header.length === 0 ? bytes : [this.#header, bytes]);
  }

  /** RFC 1939 §3: the last line, and the one that ends the response. */
  end(): void {
    if (this.#header !== undefined) this.#writeHead(this.#header);
    // Deviation: a last line without CRLF gets one, which the size in LIST does not count.
    this.#output.text(this.#empty && !this.#cr ? '.\r\n' : '\r\n.\r\n');
  }

  #gatherHeader(bytes: Uint8Array | readonly Uint8Array[]): void {
    const head = bytes instanceof Uint8Array ? bytes : Buffer.concat(bytes);
    this.#cut = head.length >= headerBytesMax;
    if (this.#cut || headerEndWithin(head) !== undefined) this.#writeHead(head);
    else this.#header = Buffer.from(head);
  }

  /** The header, all of it, and whatever came with it of the body. */
  #writeHead(head: Uint8Array): void {
    this.#header = undefined;
    const end = findHeaderEnd(head);
    const header = head.subarray(0, end);
    this.#encode(this.#utf8 || isAscii(header) ? header : asciiHeader(header));
    if (!this.#cut || end < head.length) this.#inHeader = false;
    this.#done = this.#isEnough();
    this.#encode(head.subarray(end));
  }

  // Most octets are neither at the beginning of a line nor at its end: those are passed over.
  // Lines that are as they should be are copied as one, however many.
  #encode(bytes: Uint8Array): void {
    const { length } = bytes;
    if (this.#done || length === 0) return;
    const output = this.#output;
    const view = viewOf(bytes);
    const afterCr = this.#takeCr(bytes[0]!);
    let from = 0;
    for (let i = 0; i < length && !this.#done; i += 1) {
      const octet = bytes[i]!;
      if (octet > CR) {
        if (this.#empty && octet === DOT) {
          output.bytes(bytes, from, i);
          output.text('.');
          from = i;
        }
        this.#empty = false;
        i = newlineAt(view, i + 1, length) - 1;
      } else if (octet === LF) {
        const whole = i === 0 ? afterCr : bytes[i - 1] === CR;
        if (!whole) {
          output.bytes(bytes, from, i);
          output.text('\r\n');
          from = i + 1;
        }
        this.#endLine();
        if (this.#done) output.bytes(bytes, from, i + 1);
      } else if (octet !== CR) {
        this.#empty = false;
      } else if (bytes[i + 1] !== LF) {
        // A CR that is alone; or the last octet of the piece, and what follows it is not known yet.
        output.bytes(bytes, from, i);
        from = i + 1;
        if (i + 1 === length) this.#cr = true;
        else if (bytes[i + 1] !== CR) this.#breakLine();
      }
    }
    if (!this.#done) output.bytes(bytes, from, length);
  }

  /** What becomes of a CR at the end of the piece before. True if it was sent, and LF is next. */
  #takeCr(next: number): boolean {
    if (!this.#cr) return false;
    this.#cr = false;
    if (next === LF) this.#output.text('\r');
    else if (next !== CR) this.#breakLine();
    return next === LF;
  }

  /** A CR alone ends a line too: no client may see one in the middle of it. */
  #breakLine(): void {
    this.#output.text('\r\n');
    this.#endLine();
  }

  /** The next line is empty so far. RFC 1939 §7, TOP: the empty line is not one of the body. */
  #endLine(): void {
    if (!this.#inHeader) this.#linesLeft -= 1;
    else if (this.#cut && this.#empty) this.#inHeader = false;
    this.#empty = true;
    this.#done = this.#isEnough();
  }

  #isEnough(): boolean {
    return !this.#inHeader && this.#linesLeft <= 0;
  }
}

const noBytes = Buffer.alloc(0);
