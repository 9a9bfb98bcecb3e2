// Whether text has lines that are longer than mail may have: 998 octets and their CRLF. RFC 5321
// §4.5.3.1.6, RFC 5322 §2.1.1. Looks at one octet in hundreds, so that it can be asked of all mail.

const LF = 0x0a;
const CR = 0x0d;

/** Of a line without its CRLF. RFC 5321 §4.5.3.1.6, RFC 5322 §2.1.1. */
export const lineBytesMax = 998;

export class LineMeter {
  /** Octets of the line that is not over. */
  #open = 0;
  #last = LF;
  #long = false;

  /** A line of what was pushed so far is too long; the last one counts as if it ended here. */
  get hasLongLine(): boolean {
    return this.#long || this.#open - (this.#last === CR ? 1 : 0) > lineBytesMax;
  }

  push(bytes: Uint8Array): void {
    if (this.#long || bytes.length === 0) return;
    let start = -this.#open;
    // Where the LF of a line of 998 octets is: somewhere up to there must be one.
    for (let limit = start + lineBytesMax + 1; limit < bytes.length; ) {
      let end = limit < 0 ? -1 : bytes.lastIndexOf(LF, limit);
      if (end === limit && this.#before(bytes, end) !== CR)
        end = end === 0 ? -1 : bytes.lastIndexOf(LF, end - 1);
      if (end < 0 || end < start) {
        this.#long = true;
        return;
      }
      start = end + 1;
      limit = start + lineBytesMax + 1;
    }
    const end = bytes.lastIndexOf(LF) + 1;
    this.#open = bytes.length - (end === 0 ? start : end);
    this.#last = bytes[bytes.length - 1]!;
  }

  #before(bytes: Uint8Array, at: number): number {
    return at === 0 ? this.#last : bytes[at - 1]!;
  }
}

export function hasLongLine(bytes: Uint8Array): boolean {
  const meter = new LineMeter();
  meter.push(bytes);
  return meter.hasLongLine;
}
