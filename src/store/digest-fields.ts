// Strings and numbers one behind the other in a text, made to be read fast: a listing reads some fifty of
// them for each message. A character says how long the string behind it is, or which of the common
// strings is meant; a number is digits and a comma. No CR is in such a text.

import { assert } from '../base/assert.ts';

/** Their places are part of the form of what is kept: only add, or raise digestForm. */
const common: readonly string[] = [
  ...['text', 'plain', 'html', 'multipart', 'mixed', 'alternative', 'related', 'application'],
  ...['octet-stream', 'pdf', 'image', 'jpeg', 'png', '7bit', '8bit', 'quoted-printable', 'base64'],
  ...['charset', 'utf-8', 'UTF-8', 'us-ascii', 'iso-8859-1', 'boundary', 'name', 'filename'],
  ...['attachment', 'inline'],
];
// Their characters: from 2A on; those before are longer texts, which begin with their length.
const longText = 0x29;
const firstCommon = 0x2a;
const lengthZero = firstCommon + common.length;
/** Limit: one character of ASCII. */
const shortMax = 0x7e - lengthZero;

const comma = 0x2c;
const digitZero = 0x30;

export class FieldWriter {
  #text = '';

  get text(): string {
    return this.#text;
  }

  /** Header values have no line ends. Should one have any all the same, it is the poorer for it alone. */
  string(value: string): void {
    const text = value.replaceAll('\r', ' ').toWellFormed();
    const place = common.indexOf(text);
    if (place >= 0) this.#text += String.fromCharCode(firstCommon + place);
    else if (text.length <= shortMax)
      this.#text += String.fromCharCode(lengthZero + text.length) + text;
    else this.#text += `${String.fromCharCode(longText)}${text.length},${text}`;
  }

  /** Whole, and not negative. */
  number(value: number): void {
    this.#text += `${value},`;
  }
}

export class FieldReader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  string(): string {
    const code = this.#text.charCodeAt(this.#at);
    this.#at += 1;
    if (code < lengthZero && code !== longText) return common[code - firstCommon]!;
    const length = code === longText ? this.number() : code - lengthZero;
    const start = this.#at;
    this.#at = start + length;
    assert(this.#at <= this.#text.length, 'a digest is whole');
    return this.#text.slice(start, this.#at);
  }

  number(): number {
    const text = this.#text;
    let at = this.#at;
    let value = 0;
    let digit = text.charCodeAt(at) - digitZero;
    for (; digit >= 0 && digit <= 9; digit = text.charCodeAt(at) - digitZero) {
      value = 10 * value + digit;
      at += 1;
    }
    assert(digit === comma - digitZero && at > this.#at, 'a digest is as it was written');
    this.#at = at + 1;
    return value;
  }

  /** Of things that take a character each at least. */
  count(): number {
    const count = this.number();
    assert(count <= this.#text.length, 'a digest has what it says');
    return count;
  }
}
