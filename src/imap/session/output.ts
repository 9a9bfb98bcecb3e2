// What an IMAP session wants to send, in order: short texts are gathered by concatenation, which
// costs next to nothing, and come out as few large strings; octets that are many are not copied.

/** Limit: octets that are cheaper to copy than to write on their own. */
const copiedMax = 4096;

const none: readonly (Uint8Array | string)[] = [];

export class Output {
  #text = '';
  #pieces: (Uint8Array | string)[] = [];
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** Octets as latin1. */
  text(text: string): void {
    this.#text += text;
    this.#size += text.length;
  }

  /** They must stay as they are until they are sent. */
  bytes(bytes: Uint8Array): void {
    if (bytes.length <= copiedMax) {
      const { buffer, byteOffset, byteLength } = bytes;
      this.text(Buffer.from(buffer, byteOffset, byteLength).toString('latin1'));
      return;
    }
    if (this.#text !== '') this.#pieces.push(this.#text);
    this.#text = '';
    this.#pieces.push(bytes);
    this.#size += bytes.length;
  }

  /** Taken once. */
  take(): readonly (Uint8Array | string)[] {
    if (this.#size === 0) return none;
    const taken = this.#pieces;
    if (this.#text !== '') taken.push(this.#text);
    this.#pieces = [];
    this.#text = '';
    this.#size = 0;
    return taken;
  }
}
