// Replies out of a byte stream, for the client. RFC 5321 §4.2, RFC 2034 §4. Takes what servers really
// send, but only so much of it: a line or a reply without an end, and anything that is no reply,
// is a problem and ends the conversation. Holds at most one unfinished reply.

import type { Detail, Reply } from '../reply.ts';

/** Limit: RFC 5321 §4.5.3.1.5 asks for 512 octets, RFC 4954 §4 for challenges of 12288. */
const lineBytesMax = 16 * 1024;
/** Limit: an EHLO with every registered keyword has about forty. */
const linesMax = 500;
const replyBytesMax = 64 * 1024;

/** The stream is not, or no longer, a sequence of replies. */
export interface ReplyProblem {
  readonly problem: string;
}

export class ReplyReader {
  #text = '';
  #at = 0;
  #lines: string[] = [];
  #bytes = 0;
  #detail: Detail | undefined;

  /** Bytes have come that no reply has been made of yet. */
  get pending(): boolean {
    return this.#at < this.#text.length || this.#lines.length > 0;
  }

  push(bytes: Uint8Array): void {
    const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const text = view.toString('latin1');
    this.#text = this.#at < this.#text.length ? this.#text.slice(this.#at) + text : text;
    this.#at = 0;
  }

  /** Forgets everything: the bytes belong to a connection that is no more (STARTTLS). */
  clear(): void {
    this.#text = '';
    this.#at = 0;
    this.#lines = [];
    this.#bytes = 0;
    this.#detail = undefined;
  }

  /** The next reply, undefined while it is incomplete. */
  next(): Reply | ReplyProblem | undefined {
    for (;;) {
      const end = this.#text.indexOf('\n', this.#at);
      const length = (end < 0 ? this.#text.length : end) - this.#at;
      if (length > lineBytesMax)
        return { problem: `A line of more than ${lineBytesMax} octets came` };
      if (end < 0) return undefined;
      // Field: some servers end lines with a bare LF. In a reply it can do no harm.
      const stop = this.#text.charCodeAt(end - 1) === 0x0d ? end - 1 : end;
      const line = this.#text.slice(this.#at, Math.max(stop, this.#at));
      this.#at = end + 1;
      const reply = this.#line(line);
      if (reply !== undefined) return reply;
    }
  }

  #line(line: string): Reply | ReplyProblem | undefined {
    // RFC 5321 §4.2: Reply-line = *( Reply-code "-" [ textstring ] CRLF ) Reply-code [ SP textstring ]
    const code = codeOf(line);
    const separator = line.charCodeAt(3);
    const more = separator === 0x2d;
    if (code === undefined || !(more || separator === 0x20 || line.length === 3))
      return { problem: `No SMTP reply, but ${quoted(line)} came` };
    this.#bytes += line.length;
    if (this.#lines.length >= linesMax || this.#bytes > replyBytesMax)
      return { problem: `More than ${linesMax} lines or ${replyBytesMax} octets came` };
    this.#lines.push(clean(this.#withoutStatus(line, code)));
    if (more) return undefined;
    // Field: lines of one reply with different codes; the last one is the final word.
    const reply = { code, detail: this.#detail, lines: this.#lines as [string, ...string[]] };
    this.#lines = [];
    this.#bytes = 0;
    this.#detail = undefined;
    return reply;
  }

  // RFC 2034 §4: the status is the first word, and its class is the code's first digit. Read also
  // from servers that do not offer ENHANCEDSTATUSCODES: nothing else looks like that.
  #withoutStatus(line: string, code: number): string {
    if (line.charCodeAt(5) !== 0x2e || line.charCodeAt(4) !== line.charCodeAt(0) || code < 200)
      return line.slice(4);
    const match = enhanced.exec(line);
    if (match === null) return line.slice(4);
    this.#detail = match[1] as Detail;
    return line.slice(match[0].length);
  }
}

/** RFC 3463 §2: status-code = class "." subject "." detail. */
const enhanced = /^\d{3}[ -][245]\.(\d{1,3}\.\d{1,3})(?: |$)/;

function codeOf(line: string): number | undefined {
  const a = line.charCodeAt(0) - 0x30;
  const b = line.charCodeAt(1) - 0x30;
  const c = line.charCodeAt(2) - 0x30;
  // RFC 5321 §4.2: Reply-code = %x32-35 %x30-35 %x30-39. Field: 1yz and second digits above 5 exist,
  // the former means nothing here, the latter no less than its first digit says.
  if (!(a >= 2 && a <= 5 && b >= 0 && b <= 9 && c >= 0 && c <= 9)) return undefined;
  return a * 100 + b * 10 + c;
}

const quoted = (line: string): string =>
  line === '' ? 'an empty line' : `"${clean(line.slice(0, 100))}"`;

const plain = /^[\x20-\x7e]*$/;

/** Controls, and what turns the direction of writing or ends a line in Unicode. */
const unshowable = /[\p{Cc}\p{Bidi_Control}\u2028\u2029]/gu;

/** Text that may be shown, stored and sent on: UTF-8 where it is UTF-8, no controls. */
function clean(text: string): string {
  if (plain.test(text)) return text;
  const decoded = Buffer.from(text, 'latin1').toString('utf8');
  return decoded.replace(unshowable, ' ').trimEnd();
}

/** Limit: what is kept of a reply beyond the conversation, once for each recipient and attempt. */
const keptLinesMax = 20;
const keptCharsMax = 500;

/** A reply shortened for keeping: a server could send long ones for each of a thousand recipients. */
export function briefReply(reply: Reply): Reply {
  const { lines } = reply;
  if (lines.length <= keptLinesMax && lines.every(({ length }) => length <= keptCharsMax))
    return reply;
  const kept = lines.slice(0, keptLinesMax).map((line) => line.slice(0, keptCharsMax));
  return { ...reply, lines: kept as [string, ...string[]] };
}
