// Base64 in lines of 76 characters: RFC 2045 §6.8. The encoder takes a stream in pieces of any size.

/** Octets of one line: 76 characters. */
const lineOctets = 57;

export class Base64LineEncoder {
  #rest = Buffer.alloc(0);
  #begun = false;

  /** Whole lines, each ended with CRLF by the line after it: the last one is left open. */
  push(bytes: Uint8Array): Buffer {
    const input = Buffer.concat([this.#rest, bytes]);
    const whole = input.length - (input.length % lineOctets);
    this.#rest = input.subarray(whole);
    return this.#lines(input.subarray(0, whole));
  }

  end(): Buffer {
    return this.#lines(this.#rest);
  }

  #lines(input: Buffer): Buffer {
    if (input.length === 0) return Buffer.alloc(0);
    const text = input.toString('base64');
    const lines = this.#begun ? [''] : [];
    for (let at = 0; at < text.length; at += 76) lines.push(text.slice(at, at + 76));
    this.#begun = true;
    return Buffer.from(lines.join('\r\n'), 'latin1');
  }
}

/** RFC 2045 §6.8: everything outside the alphabet is ignored, and "=" ends the data. */
export function decodeBase64(bytes: Uint8Array): Buffer {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
  const clean = text.replace(/[^A-Za-z0-9+/=]+/g, '');
  const end = clean.indexOf('=');
  return Buffer.from(end < 0 ? clean : clean.slice(0, end), 'base64');
}
