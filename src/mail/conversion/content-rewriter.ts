// The ways a stretch of a message can be rewritten on its way through, piece by piece. What they give
// belongs to the caller.

import type { HeaderField } from '../header/header.ts';
import { foldHeader, parseHeader } from '../header/header.ts';
import { hasLongLine, lineBytesMax } from '../line-meter.ts';
import { Base64LineEncoder } from '../mime/base64.ts';
import { QuotedPrintableEncoder } from '../mime/quoted-printable.ts';
import { asciiField } from './ascii-header.ts';

/** Content that can be read repeatedly. */
export interface RewriteSource {
  readonly size: number;
  read(): AsyncIterable<Uint8Array>;
}

export interface Rewriter {
  push(bytes: Uint8Array): Uint8Array;
  end(): Uint8Array;
}

/** There is no valid form of this message for the hop. */
export class NotConvertible extends Error {
  override readonly name = 'NotConvertible';
}

const LF = 0x0a;
const CR = 0x0d;
const EQUALS = 0x3d;
const DASH = 0x2d;
const DOT = 0x2e;
const QUESTION = 0x3f;
const nothing = new Uint8Array(0);
const crlf = Buffer.from('\r\n');
const lineBreak = Buffer.from('\r\n ');

export const copyRewriter = (): Rewriter => ({ push: (bytes) => bytes, end: () => nothing });

export class QuotedPrintableRewriter implements Rewriter {
  readonly #encoder = new QuotedPrintableEncoder();

  push(bytes: Uint8Array): Uint8Array {
    return this.#encoder.push(bytes).slice();
  }

  end(): Uint8Array {
    return this.#encoder.end().slice();
  }
}

export class Base64Rewriter implements Rewriter {
  readonly #encoder = new Base64LineEncoder();
  readonly #atEnd: boolean;

  /** `atEnd`: nothing follows in the message that would end the last line. */
  constructor({ atEnd }: { readonly atEnd: boolean }) {
    this.#atEnd = atEnd;
  }

  push(bytes: Uint8Array): Uint8Array {
    return this.#encoder.push(bytes);
  }

  end(): Uint8Array {
    return this.#atEnd ? Buffer.concat([this.#encoder.end(), crlf]) : this.#encoder.end();
  }
}

const base64Octets = new Uint8Array(256);
const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/= \t\n';
for (const octet of Buffer.from(alphabet)) base64Octets[octet] = 1;

/** Base64 with foreign octets in it, which mean nothing, or with long lines. RFC 2045 §6.8. */
export class Base64Wrapper implements Rewriter {
  #column = 0;

  push(bytes: Uint8Array): Uint8Array {
    const output = new Uint8Array(2 * bytes.length + 2);
    let length = 0;
    for (const octet of bytes) {
      // Nothing else is kept: without it a line could look like a boundary.
      if (base64Octets[octet] !== 1) continue;
      if (octet === LF || this.#column === 76) {
        output[length++] = CR;
        output[length++] = LF;
        this.#column = 0;
        if (octet === LF) continue;
      }
      this.#column += 1;
      output[length++] = octet;
    }
    return output.subarray(0, length);
  }

  end(): Uint8Array {
    return nothing;
  }
}

/** Quoted-printable with raw octets in it or with long lines: escapes that are there stay. */
export class QuotedPrintableRepairer implements Rewriter {
  #column = 0;
  /** Octets of an escape that are still to come. */
  #escape = 0;

  push(bytes: Uint8Array): Uint8Array {
    const pieces: string[] = [];
    for (const octet of bytes) {
      if (octet === LF) this.#column = 0;
      const broken = this.#column > lineBytesMax - 8 && this.#escape === 0;
      if (broken) {
        pieces.push('=\r\n');
        this.#column = 0;
      }
      // The first of a line must not make it look like a boundary, nor be a lone dot.
      const raw = octet === 0 || octet >= 0x80 || (broken && (octet === DASH || octet === DOT));
      const text = raw ? escapeOctet(octet) : String.fromCharCode(octet);
      this.#escape = octet === EQUALS ? 2 : Math.max(this.#escape - 1, 0);
      if (octet !== LF) this.#column += text.length;
      pieces.push(text);
    }
    return Buffer.from(pieces.join(''), 'latin1');
  }

  end(): Uint8Array {
    return nothing;
  }
}

const escapeOctet = (octet: number): string =>
  `=${octet.toString(16).toUpperCase().padStart(2, '0')}`;

/** What stands around parts, and nobody is shown: what does not fit becomes "?". */
export class PlainTextRewriter implements Rewriter {
  readonly #ascii: boolean;
  #column = 0;

  constructor({ ascii }: { readonly ascii: boolean }) {
    this.#ascii = ascii;
  }

  push(bytes: Uint8Array): Uint8Array {
    const output = new Uint8Array(bytes.length + 3 * Math.ceil(bytes.length / lineBytesMax) + 3);
    let length = 0;
    for (const octet of bytes) {
      if (octet === LF) {
        this.#column = 0;
      } else if (this.#column === lineBytesMax) {
        // The space keeps what follows from looking like a boundary.
        output.set(lineBreak, length);
        length += lineBreak.length;
        this.#column = 2;
      } else {
        this.#column += 1;
      }
      output[length++] = octet === 0 || (this.#ascii && octet >= 0x80) ? QUESTION : octet;
    }
    return output.subarray(0, length);
  }

  end(): Uint8Array {
    return nothing;
  }
}

export interface HeaderChange {
  /** Whether to add MIME-Version. */
  readonly mimeVersion: boolean;
  /** The new Content-Transfer-Encoding; undefined leaves the field as it is. */
  readonly encoding: string | undefined;
  /** The new Content-Type; undefined leaves the field as it is. */
  readonly contentType?: string | undefined;
  /** Whether to write it anew if only to have an empty line behind it. */
  readonly close?: boolean;
}

/** One whole header, its empty line included. Fields that fit and are not replaced stay as they are. */
export class HeaderRewriter implements Rewriter {
  readonly #change: HeaderChange;
  readonly #ascii: boolean;
  readonly #pieces: Uint8Array[] = [];

  constructor(change: HeaderChange, { ascii }: { readonly ascii: boolean }) {
    this.#change = change;
    this.#ascii = ascii;
  }

  push(bytes: Uint8Array): Uint8Array {
    this.#pieces.push(bytes.slice());
    return nothing;
  }

  end(): Uint8Array {
    const { mimeVersion, encoding, contentType } = this.#change;
    const header = Buffer.concat(this.#pieces);
    const limits = { fieldsMax: header.length, bytesMax: header.length };
    const output: (Uint8Array | string)[] = [];
    for (const field of parseHeader(header, limits)) {
      if (encoding !== undefined && field.lowerName === 'content-transfer-encoding') continue;
      if (contentType !== undefined && field.lowerName === 'content-type') continue;
      output.push(this.#field(field, header.subarray(field.offset, field.offset + field.length)));
    }
    if (mimeVersion) output.push(foldHeader('MIME-Version', '1.0'));
    if (contentType !== undefined) output.push(foldHeader('Content-Type', contentType));
    if (encoding !== undefined) output.push(foldHeader('Content-Transfer-Encoding', encoding));
    output.push(crlf);
    return Buffer.concat(
      output.map((piece) => (typeof piece === 'string' ? Buffer.from(piece) : piece)),
    );
  }

  #field(field: HeaderField, raw: Buffer): Uint8Array | string {
    if (this.#ascii && raw.some((octet) => octet >= 0x80)) {
      const text = asciiField(field);
      if (text === undefined) throw new NotConvertible(field.name);
      return text;
    }
    if (hasLongLine(raw)) return foldHeader(field.name, field.value);
    return raw[raw.length - 1] === LF ? raw : Buffer.concat([raw, crlf]);
  }
}
