// Content on its way out: every line ends in CRLF, whatever was stored, and for DATA a dot that
// begins a line is doubled. RFC 5321 §2.3.8, §4.1.1.4, §4.5.2. Nothing that leaves here holds a bare
// CR or LF, so that no next hop can see the end of data where we did not put it (CVE-2023-51764,
// CVE-2023-51765, CVE-2023-51766). Works piece by piece; clean pieces pass without a copy.

import { newlineAt, viewOf } from '../../mail/line-end.ts';

const cr = 0x0d;
const lf = 0x0a;
const dot = 0x2e;

export class ContentEncoder {
  readonly #stuffing: boolean;
  /** The octet before the next one; content begins at the beginning of a line. */
  #previous = lf;

  constructor(stuffing: boolean) {
    this.#stuffing = stuffing;
  }

  /** The same array when nothing in it needs to change. */
  encode(bytes: Uint8Array): Uint8Array {
    if (bytes.length === 0) return bytes;
    const added = countAdded(bytes, this.#previous, this.#stuffing);
    const result = added === 0 ? bytes : this.#rewrite(bytes, added);
    this.#previous = bytes[bytes.length - 1]!;
    return result;
  }

  /** What completes the last line. */
  end(): '' | '\n' | '\r\n' {
    if (this.#previous === lf) return '';
    return this.#previous === cr ? '\n' : '\r\n';
  }

  #rewrite(bytes: Uint8Array, added: number): Uint8Array {
    const result = Buffer.allocUnsafe(bytes.length + added);
    const stuffing = this.#stuffing;
    let previous = this.#previous;
    let at = 0;
    for (let i = 0; i < bytes.length; i += 1) {
      const byte = bytes[i]!;
      if (byte === lf) {
        if (previous !== cr) result[at++] = cr;
      } else if (previous === cr || previous === lf) {
        if (previous === cr) result[at++] = lf;
        if (byte === dot && stuffing) result[at++] = dot;
      }
      result[at++] = byte;
      previous = byte;
    }
    return result;
  }
}

/** One pass over nearly all content that leaves: most octets are passed over. */
function countAdded(bytes: Uint8Array, before: number, stuffing: boolean): number {
  const end = bytes.length;
  const view = viewOf(bytes);
  let added = 0;
  let previous = before;
  let at = 0;
  while (at < end) {
    const byte = bytes[at] as number;
    if (byte === lf) {
      if (previous !== cr) added += 1;
    } else if (previous === cr) {
      added += byte === dot && stuffing ? 2 : 1;
    } else if (byte === dot && previous === lf && stuffing) {
      added += 1;
    }
    previous = byte;
    at += 1;
    if (byte === cr || byte === lf) continue;
    // Only the beginning and the end of a line may have to change: go on to its end.
    at = newlineAt(view, at, end);
  }
  return added;
}
