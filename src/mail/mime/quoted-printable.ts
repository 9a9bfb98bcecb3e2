// Quoted-printable: RFC 2045 §6.7. The encoder takes a stream in pieces of any size and gives lines of
// at most 76 characters of ASCII; decoding them gives the same octets, bare CR and LF included. The
// decoder is total: what is no escape stands for itself.

const LF = 0x0a;
const CR = 0x0d;
const SP = 0x20;
const TAB = 0x09;
const EQUALS = 0x3d;
const DOT = 0x2e;
const DASH = 0x2d;

/** RFC 2045 §6.7 (5): 76 characters with the "=" of a soft line break. */
const columnsMax = 75;
const hexDigits = Buffer.from('0123456789ABCDEF');

/** No octet makes more than three, and there is one soft line break for at least 73 of them. */
const growth = 3.2;

export class QuotedPrintableEncoder {
  #column = 0;
  /** White space or a CR whose form depends on what follows; -1 for none. */
  #held = -1;
  #output = new Uint8Array(0);
  #length = 0;

  /** The encoded octets so far: a view that is valid until the next call. */
  push(bytes: Uint8Array): Uint8Array {
    this.#begin(bytes.length);
    for (let i = 0; i < bytes.length; i += 1) {
      const octet = bytes[i]!;
      if (this.#held >= 0) this.#release(octet);
      if (octet === SP || octet === TAB || octet === CR) this.#held = octet;
      else if (octet === LF && this.#column < 0) this.#column = 0;
      else if (octet < SP || octet > 0x7e || octet === EQUALS) this.#escape(octet);
      // RFC 2049 §3 (9): a line of a lone dot does not survive everywhere.
      else if (octet === DOT && this.#column === 0) this.#escape(octet);
      else this.#literal(octet);
    }
    return this.#output.subarray(0, this.#length);
  }

  end(): Uint8Array {
    this.#begin(0);
    if (this.#held >= 0) this.#escape(this.#held);
    this.#held = -1;
    return this.#output.subarray(0, this.#length);
  }

  /** What was held back, now that it is known what follows it. */
  #release(next: number): void {
    const held = this.#held;
    this.#held = -1;
    if (held === CR) {
      if (next !== LF) {
        this.#escape(CR);
        return;
      }
      this.#output[this.#length++] = CR;
      this.#output[this.#length++] = LF;
      this.#column = -1; // the LF itself is still to come, and adds nothing
      return;
    }
    // RFC 2045 §6.7 (3): white space at the end of a line is escaped.
    if (next === CR || next === LF) this.#escape(held);
    else this.#literal(held);
  }

  #literal(octet: number): void {
    // What follows a soft line break must not look like a boundary where there was none, nor be a lone dot.
    if ((octet === DASH || octet === DOT) && this.#column === columnsMax) {
      this.#escape(octet);
      return;
    }
    this.#makeRoom(1);
    this.#output[this.#length++] = octet;
  }

  #escape(octet: number): void {
    this.#makeRoom(3);
    this.#output[this.#length++] = EQUALS;
    this.#output[this.#length++] = hexDigits[octet >> 4]!;
    this.#output[this.#length++] = hexDigits[octet & 15]!;
  }

  #makeRoom(columns: number): void {
    if (this.#column + columns > columnsMax) {
      this.#output[this.#length++] = EQUALS;
      this.#output[this.#length++] = CR;
      this.#output[this.#length++] = LF;
      this.#column = 0;
    }
    this.#column += columns;
  }

  #begin(size: number): void {
    const needed = Math.ceil((size + 2) * growth) + 8;
    if (this.#output.length < needed) this.#output = new Uint8Array(needed);
    this.#length = 0;
  }
}

export function decodeQuotedPrintable(bytes: Uint8Array): Buffer {
  const decoded = Buffer.allocUnsafe(bytes.length);
  let length = 0;
  let at = 0;
  while (at < bytes.length) {
    const octet = bytes[at]!;
    if (octet === EQUALS) {
      const escaped = hexValue(bytes[at + 1]) * 16 + hexValue(bytes[at + 2]);
      const softEnd = escaped >= 0 ? -1 : softBreakEnd(bytes, at + 1);
      if (escaped >= 0 || softEnd < 0) decoded[length++] = escaped >= 0 ? escaped : octet;
      at = escaped >= 0 ? at + 3 : softEnd < 0 ? at + 1 : softEnd;
      continue;
    }
    if (octet === SP || octet === TAB) {
      // RFC 2045 §6.7 (3): white space at the end of an encoded line was added on the way.
      let end = at + 1;
      while (bytes[end] === SP || bytes[end] === TAB) end += 1;
      if (isLineEnd(bytes, end)) at = end;
      else while (at < end) decoded[length++] = bytes[at++]!;
      continue;
    }
    decoded[length++] = octet;
    at += 1;
  }
  return decoded.subarray(0, length);
}

/** Behind a soft line break whose "=" was before `at`; -1 if there is none. */
function softBreakEnd(bytes: Uint8Array, at: number): number {
  let end = at;
  while (bytes[end] === SP || bytes[end] === TAB) end += 1;
  if (!isLineEnd(bytes, end)) return -1;
  if (bytes[end] === CR) end += 1;
  return Math.min(end + 1, bytes.length);
}

const isLineEnd = (bytes: Uint8Array, at: number): boolean =>
  at >= bytes.length || bytes[at] === LF || (bytes[at] === CR && bytes[at + 1] === LF);

function hexValue(octet = 0): number {
  if (octet >= 0x30 && octet <= 0x39) return octet - 0x30;
  const letter = octet | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1000;
}
