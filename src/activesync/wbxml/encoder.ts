// An element as octets of WBXML 1.3, in UTF-8, without a string table: [MS-ASWBXML] 2.1.2. A document is written in one
// pass into a buffer that all of them share, and copied out once it is whole.

import { placeOf } from './code-pages.ts';
import type { Element } from './element.ts';

/** A window of messages is some hundred KiB. Limit: what a document needs above it, it does not leave behind. */
const sharedBytes = 2 ** 20;
let shared: Buffer<ArrayBuffer> | undefined;

export function encodeWbxml(root: Element): Buffer<ArrayBuffer> {
  const encoder = new Encoder();
  encoder.element(root);
  return encoder.octets();
}

/** What XML 1.0 has no character for, which devices turn it into; NUL would end the string. */
const unwritable = /[\0-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]|\p{Surrogate}/gu;
/** Some of it, but for surrogates: those that stand alone are no well-formed text. */
const suspicious = /[\0-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]/;
const writable = (text: string): string =>
  text.isWellFormed() && !suspicious.test(text) ? text : text.replace(unwritable, '');

class Encoder {
  #buffer: Buffer<ArrayBuffer>;
  #at = 0;
  #page = 0;

  constructor() {
    this.#buffer = shared ??= Buffer.allocUnsafeSlow(sharedBytes);
    // WBXML 1.3, no public identifier, UTF-8, no string table.
    for (const octet of [0x03, 0x01, 0x6a, 0x00]) this.#octet(octet);
  }

  octets(): Buffer<ArrayBuffer> {
    const octets = this.#buffer.subarray(0, this.#at);
    return this.#buffer === shared ? Buffer.from(octets) : octets;
  }

  /** Recursion is as deep as the document, which is ours. */
  element({ tag, content }: Element): void {
    const place = placeOf(tag);
    const page = place >> 8;
    this.#need(3);
    if (page !== this.#page) {
      this.#octet(0x00);
      this.#octet(page);
      this.#page = page;
    }
    const number = place & 0xff;
    if (content.length === 0) {
      this.#octet(number);
      return;
    }
    this.#octet(number | 0x40);
    if (typeof content === 'string') this.#text(content);
    else if (content instanceof Uint8Array) this.#opaque(content);
    else for (const child of content) this.element(child);
    this.#need(1);
    this.#octet(0x01);
  }

  #text(text: string): void {
    const clean = writable(text);
    // Limit: a UTF-16 unit is at most three octets of UTF-8.
    this.#need(clean.length * 3 + 2);
    this.#octet(0x03);
    this.#at += this.#buffer.write(clean, this.#at);
    this.#octet(0x00);
  }

  #opaque(octets: Uint8Array): void {
    this.#need(octets.length + 6);
    this.#octet(0xc3);
    const { length } = octets;
    for (let shift = 28; shift > 0; shift -= 7)
      if (length >= 2 ** shift) this.#octet(((length >>> shift) & 0x7f) | 0x80);
    this.#octet(length & 0x7f);
    this.#buffer.set(octets, this.#at);
    this.#at += length;
  }

  #octet(octet: number): void {
    this.#buffer[this.#at] = octet;
    this.#at += 1;
  }

  #need(octets: number): void {
    const wanted = this.#at + octets;
    if (wanted <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(wanted, this.#buffer.length * 2));
    larger.set(this.#buffer.subarray(0, this.#at));
    this.#buffer = larger;
  }
}
