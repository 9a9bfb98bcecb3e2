// Reads message content as it streams in: finds its end, removes the dots, keeps the limits. One
// pass, no copies: pieces are views of what came in. RFC 5321 §4.5.2 and §4.5.3.1, RFC 3030 §2.
//
// Lines end in CRLF and nothing else, and the end of data is CRLF.CRLF and nothing else: a CR or LF
// alone is refused, or made CRLF without ever being one for us. So nobody can hide a second message
// in the content of one (CVE-2023-51764, CVE-2023-51765, CVE-2023-51766).

import { newlineAt, viewOf } from '../mail/line-end.ts';
import type { SessionLimits } from './limits.ts';
import type { Reply } from './reply.ts';
import { replies, textLineTooLong } from './reply.ts';

export interface ContentRules {
  /** `dots`: DATA. `lines`: text by BDAT. `octets`: BODY=BINARYMIME by BDAT. */
  readonly framing: 'dots' | 'lines' | 'octets';
  /** Deviation: RFC 5321 §2.3.8 knows no other line ends than CRLF; an operator may have them made CRLF. */
  readonly bareNewlines: 'refuse' | 'normalise';
  readonly limits: SessionLimits;
}

/** Limit: octets kept of what was refused, for a record of it: the Message-ID is in them. */
const refusedBytesMax = 16 * 2 ** 10;

const cr = 0x0d;
const lf = 0x0a;
const dot = 0x2e;
const crlf: Uint8Array = Buffer.from('\r\n');
const nothing: Uint8Array = Buffer.alloc(0);

/** Where the next octet stands. `cr`, `dot` and `dot-cr` hold octets whose meaning is open yet. */
type Position = 'line-start' | 'text' | 'cr' | 'dot' | 'dot-cr';

export class ContentReader {
  readonly #rules: ContentRules;
  #position: Position = 'line-start';
  #at = 0;
  /** Octets of the present line so far. */
  #line = 0;
  /** Which line of the content that is, from 1. */
  #lineNumber = 1;
  #inHeader: boolean;
  /** A line end we make of a bare CR or LF; comes before what follows in the input. */
  #insert = false;
  #bytes = 0;
  #ended = false;
  #refusal: Reply | undefined;
  #refused: Uint8Array | undefined;

  constructor(rules: ContentRules) {
    this.#rules = rules;
    this.#inHeader = rules.framing !== 'octets';
  }

  /** Octets given out so far. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The end of data was seen (`dots` only). */
  get ended(): boolean {
    return this.#ended;
  }

  /** Why the content cannot be accepted. Once it is there, reading goes on but gives no more. */
  get refusal(): Reply | undefined {
    return this.#refusal;
  }

  /** What was not given out any more when the refusal was found; at most `refusedBytesMax` of it. */
  get refused(): Uint8Array | undefined {
    return this.#refused;
  }

  /** Where in the input the last read() stopped. */
  get at(): number {
    return this.#at;
  }

  /** The next piece, or undefined when `input` is used up or the end of data was found. */
  read(input: Uint8Array, start: number): Uint8Array | undefined {
    this.#at = start;
    while (!this.#ended && (this.#insert || this.#at < input.length)) {
      const piece = this.#rules.framing === 'octets' ? this.#all(input) : this.#next(input);
      if (this.#accept(piece)) return piece;
    }
    return undefined;
  }

  /** BDAT LAST: there is no more. */
  finish(): void {
    if (this.#position === 'cr') this.#refusal ??= replies.bareNewline;
  }

  #all(input: Uint8Array): Uint8Array {
    const piece = input.subarray(this.#at);
    this.#at = input.length;
    return piece;
  }

  /** Counts a piece. False when there is nothing to give out. */
  #accept(piece: Uint8Array): boolean {
    if (piece.length === 0) return false;
    if (this.#refusal === undefined) this.#count(piece);
    if (this.#refusal === undefined) return true;
    this.#refused ??= Buffer.from(piece.subarray(0, refusedBytesMax));
    return false;
  }

  #count(piece: Uint8Array): void {
    const { messageSize, headerSize, textLine } = this.#rules.limits;
    this.#bytes += piece.length;
    if (messageSize !== 0 && this.#bytes > messageSize) this.#refusal = replies.messageTooBig;
    else if (this.#inHeader && this.#bytes > headerSize) this.#refusal = replies.headerTooBig;
    // A line that never ends is not waited for.
    else if (textLine !== 0 && this.#line > textLine && this.#rules.framing !== 'octets')
      this.#refusal = textLineTooLong(this.#lineNumber, textLine);
  }

  /** From here to the next octet that is not simply passed on. */
  #next(input: Uint8Array): Uint8Array {
    if (this.#insert) {
      this.#insert = false;
      return crlf;
    }
    switch (this.#position) {
      case 'cr':
        return this.#afterHeldCr(input);
      case 'dot':
      case 'dot-cr':
        return this.#afterHeldDot(input);
      default:
        return this.#run(input);
    }
  }

  #run(input: Uint8Array): Uint8Array {
    const from = this.#at;
    const end = input.length;
    const view = viewOf(input);
    let at = from;
    let lineFrom = at - this.#line;
    let atLineStart = this.#position === 'line-start';
    for (;;) {
      if (atLineStart && at < end && input[at] === dot && this.#rules.framing === 'dots') {
        this.#line = 0;
        return this.#dotAtLineStart(input, from, at);
      }
      at = newlineAt(view, at, end);
      if (at === end) {
        if (at > lineFrom) atLineStart = false;
        this.#stop(at, at - lineFrom, atLineStart ? 'line-start' : 'text');
        return input.subarray(from, at);
      }
      if (input[at] === lf || (at + 1 < end && input[at + 1] !== lf)) {
        if (this.#refusal === undefined) return this.#bareNewline(input, from, at, at - lineFrom);
        // Refused content is given out no more, so any number of bare CRs and LFs costs no more than other octets.
        at += 1;
        lineFrom = at;
        atLineStart = false;
        continue;
      }
      if (at + 1 === end) {
        this.#stop(end, at - lineFrom, 'cr');
        return input.subarray(from, at);
      }
      this.#endLine(at - lineFrom, this.#bytes + at - from);
      at += 2;
      lineFrom = at;
      atLineStart = true;
    }
  }

  // RFC 5321 §4.5.2: a dot alone on a line is the end; of any other line's first dot nothing stays.
  #dotAtLineStart(input: Uint8Array, from: number, at: number): Uint8Array {
    const end = input.length;
    if (at + 1 === end) this.#stop(end, 0, 'dot');
    else if (input[at + 1] !== cr) this.#stop(at + 1, 0, 'text');
    else if (at + 2 === end) this.#stop(end, 0, 'dot-cr');
    else if (input[at + 2] !== lf) this.#stop(at + 1, 0, 'text');
    else this.#end(at + 3);
    return input.subarray(from, at);
  }

  #afterHeldDot(input: Uint8Array): Uint8Array {
    const octet = input[this.#at];
    if (this.#position === 'dot') {
      if (octet === cr) this.#stop(this.#at + 1, 0, 'dot-cr');
      else this.#stop(this.#at, 0, 'text');
    } else if (octet === lf) {
      this.#end(this.#at + 1);
    } else {
      this.#loneNewline(this.#at, 0);
    }
    return nothing;
  }

  #afterHeldCr(input: Uint8Array): Uint8Array {
    if (input[this.#at] !== lf) {
      this.#loneNewline(this.#at, this.#line);
      return nothing;
    }
    this.#endLine(this.#line, this.#bytes);
    this.#stop(this.#at + 1, 0, 'line-start');
    return crlf;
  }

  #bareNewline(input: Uint8Array, from: number, at: number, line: number): Uint8Array {
    this.#loneNewline(at + 1, line);
    return input.subarray(from, at);
  }

  /** A bare CR or LF begins no line: a dot after it is an octet like any other. */
  #loneNewline(next: number, line: number): void {
    if (this.#rules.bareNewlines === 'refuse') this.#refusal ??= replies.bareNewline;
    else this.#insert = true;
    this.#endLine(line, this.#bytes);
    this.#stop(next, 0, 'text');
  }

  #endLine(length: number, bytes: number): void {
    const { textLine, headerSize } = this.#rules.limits;
    if (textLine !== 0 && length > textLine)
      this.#refusal ??= textLineTooLong(this.#lineNumber, textLine);
    this.#lineNumber += 1;
    if (!this.#inHeader || length > 0) return;
    this.#inHeader = false;
    if (bytes > headerSize) this.#refusal ??= replies.headerTooBig;
  }

  #stop(at: number, line: number, position: Position): void {
    this.#at = at;
    this.#line = line;
    this.#position = position;
  }

  #end(at: number): void {
    this.#at = at;
    this.#ended = true;
  }
}
