// Names of files that lie uuencoded in the text of a message, as mail programs still show them as attachments:
// `begin 644 name` on a line of its own (POSIX.1 uuencode). In pieces of any size; text that is itself encoded is not
// looked into, for neither do they.

const LF = 0x0a;
const begins = Buffer.from('\nbegin');
/** Limit: octets of such a line. */
const lineMax = 1_100;

export class UuencodedNames {
  readonly #onName: (name: string) => void;
  /** The end of what has come, where a line may begin that ends in what comes. */
  #tail: Uint8Array = new Uint8Array(0);

  constructor(onName: (name: string) => void) {
    this.#onName = onName;
  }

  push(piece: Uint8Array): void {
    const text = this.#tail.length === 0 ? asBuffer(piece) : Buffer.concat([this.#tail, piece]);
    const end = Math.max(0, text.length - lineMax);
    this.#find(text, end);
    this.#tail = Uint8Array.from(text.subarray(end));
  }

  end(): void {
    this.#find(asBuffer(this.#tail), this.#tail.length);
    this.#tail = new Uint8Array(0);
  }

  /** Lines that begin before `end`. */
  #find(text: Buffer, end: number): void {
    for (let at = text.indexOf(begins); at >= 0 && at < end; at = text.indexOf(begins, at + 1)) {
      const newline = text.indexOf(LF, at + 1);
      const lineEnd = newline < 0 ? text.length : newline;
      const line = text.toString('utf8', at + 1, Math.min(lineEnd, at + lineMax));
      const name = /^begin(?:-base64)? [0-7]{3,4} +([^\r\n]+)/.exec(line)?.[1];
      if (name !== undefined) this.#onName(name);
    }
  }
}

const asBuffer = (bytes: Uint8Array): Buffer =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
