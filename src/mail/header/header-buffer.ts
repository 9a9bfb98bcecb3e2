// A header as it is read from a stream, line by line, up to a limit; beyond it octets are only looked
// at. One buffer serves all the parts of a message.

import { lineBytesMax } from '../line-meter.ts';

const LF = 0x0a;
const CR = 0x0d;

export class HeaderBuffer {
  readonly #bytesMax: number;
  #buffer = new Uint8Array(1024);
  #length = 0;
  #full = false;
  has8Bit = false;
  hasLongLine = false;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  get isEmpty(): boolean {
    return this.#length === 0 && !this.#full;
  }

  /** There was more than is kept. */
  get isFull(): boolean {
    return this.#full;
  }

  clear(): void {
    this.#length = 0;
    this.#full = false;
    this.has8Bit = false;
    this.hasLongLine = false;
  }

  /** A line or a piece of one, of which `lineLength` octets came before. */
  append(bytes: Uint8Array, start: number, end: number, lineLength: number): void {
    let textEnd = end;
    if (bytes[textEnd - 1] === LF) textEnd -= bytes[textEnd - 2] === CR ? 2 : 1;
    if (lineLength + textEnd - start > lineBytesMax) this.hasLongLine = true;
    const length = this.#length + end - start;
    if (this.#full || length > this.#bytesMax) {
      this.#full = true;
      for (let i = start; i < end && !this.has8Bit; i += 1) this.has8Bit = bytes[i]! >= 0x80;
      return;
    }
    if (length > this.#buffer.length) {
      const larger = new Uint8Array(Math.max(length, this.#buffer.length * 2));
      larger.set(this.#buffer.subarray(0, this.#length));
      this.#buffer = larger;
    }
    // Lines are short: copying them here costs less than making a view of each.
    const buffer = this.#buffer;
    let at = this.#length;
    let seen = 0;
    for (let i = start; i < end; i += 1) {
      const octet = bytes[i]!;
      buffer[at++] = octet;
      seen |= octet;
    }
    if (seen >= 0x80) this.has8Bit = true;
    this.#length = length;
  }

  /** Valid until the next append. */
  bytes(): Uint8Array {
    return this.#buffer.subarray(0, this.#length);
  }
}
