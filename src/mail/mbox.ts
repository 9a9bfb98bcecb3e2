// Messages out of an mbox file, as many programs write them: each begins with a line `From ` behind an empty one, and
// lines of it that would look like that have a `>` in front (mboxrd, mboxo). RFC 4155 describes the format. A file
// that does not begin so is one message.

const lf = 0x0a;
const separator = Buffer.from('From ');
/** Limit: octets of a line that are looked at to see whether a message begins with it. */
const lineBytesMax = 300;

export interface MboxMessage {
  /** With `>From ` as it was meant; line ends stay as they are. Of what is longer than was asked for, a beginning. */
  readonly octets: Buffer;
  /** How many they are in the file. */
  readonly bytes: number;
}

/** Of a file that is there. */
export function* mboxMessages(file: Buffer): Iterable<Buffer> {
  const reader = new MboxReader(Number.POSITIVE_INFINITY);
  for (const { octets } of reader.push(file)) yield octets;
  for (const { octets } of reader.end()) yield octets;
}

/** Of a file that comes in pieces: keeps no more of it than a piece and a message. */
export class MboxReader {
  readonly #bytesMax: number;
  #phase: 'start' | 'separator' | 'message' | 'alone' = 'start';
  /** What was not looked at yet begins at `#at`; before it, what the next separator may follow on. */
  #octets: Buffer = Buffer.alloc(0);
  #at = 0;
  #pieces: Buffer[] = [];
  #bytes = 0;

  /** Of a message that is longer than this, not all is kept. */
  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** Whether it begins as one; otherwise all of it is one message. */
  get isMbox(): boolean {
    return this.#phase === 'separator' || this.#phase === 'message';
  }

  *push(piece: Buffer): Iterable<MboxMessage> {
    const before = this.#octets.subarray(Math.max(0, this.#at - 2));
    this.#at = Math.min(this.#at, 2);
    this.#octets = before.length === 0 ? piece : Buffer.concat([before, piece]);
    yield* this.#messages(false);
  }

  *end(): Iterable<MboxMessage> {
    yield* this.#messages(true);
    yield* this.#message();
  }

  *#messages(isEnd: boolean): Iterable<MboxMessage> {
    if (this.#phase === 'start') {
      if (!isEnd && this.#octets.length < separator.length) return;
      const isMbox = this.#octets.subarray(0, separator.length).equals(separator);
      this.#phase = isMbox ? 'separator' : 'alone';
    }
    for (;;) {
      if (this.#phase === 'separator') {
        this.#at = lineEnd(this.#octets, this.#at);
        if (this.#octets[this.#at - 1] !== lf) return;
        this.#phase = 'message';
      }
      const next = this.#phase === 'alone' ? undefined : this.#nextSeparator(isEnd);
      if (next === undefined) {
        // What may be the beginning of a separator waits for the rest of it.
        const rest = isEnd || this.#phase === 'alone' ? 0 : separator.length;
        this.#take(Math.max(this.#at, this.#octets.length - rest));
        return;
      }
      if (next < 0) return;
      yield* this.#message();
      this.#phase = 'separator';
    }
  }

  /** Takes what is before it. Undefined: there is none; -1: what is there does not say yet. */
  #nextSeparator(isEnd: boolean): number | undefined {
    for (;;) {
      const found = this.#octets.indexOf('\nFrom ', this.#at);
      if (found < 0) return undefined;
      const end = lineEnd(this.#octets, found + 1);
      const lineMax = Math.min(end, found + lineBytesMax);
      if (!isEnd && this.#octets[end - 1] !== lf && lineMax < found + lineBytesMax) {
        this.#take(found);
        return -1;
      }
      this.#take(found + 1);
      if (this.#begins(found, lineMax)) return found + 1;
    }
  }

  /** Field: Thunderbird and others leave the empty line out at times, so a date at the end of the line says it, too. */
  #begins(found: number, end: number): boolean {
    const behindEmpty =
      this.#octets[found - 1] === lf ||
      this.#octets.toString('latin1', Math.max(0, found - 2), found) === '\n\r';
    const line = this.#octets.toString('latin1', found + 1, end);
    return behindEmpty || /\d\d:\d\d(?::\d\d)? .*\d{4}\s*$/.test(line);
  }

  #take(to: number): void {
    const piece = this.#octets.subarray(this.#at, to);
    this.#at = to;
    if (piece.length > 0 && this.#bytes <= this.#bytesMax) this.#pieces.push(piece);
    this.#bytes += piece.length;
  }

  *#message(): Iterable<MboxMessage> {
    const pieces = this.#pieces;
    const bytes = this.#bytes;
    this.#pieces = [];
    this.#bytes = 0;
    const [first] = pieces;
    if (first === undefined) return;
    const isWhole = bytes <= this.#bytesMax;
    const octets = pieces.length === 1 || !isWhole ? first : Buffer.concat(pieces);
    yield { octets: isWhole && this.isMbox ? unquoted(octets) : octets, bytes };
  }
}

const lineEnd = (octets: Buffer, from: number): number => {
  const end = octets.indexOf(lf, from);
  return end < 0 ? octets.length : end + 1;
};

function unquoted(message: Buffer): Buffer {
  if (!message.includes('>From ')) return message;
  const text = message.toString('latin1').replace(/^>(>*From )/gm, '$1');
  return Buffer.from(text, 'latin1');
}

/** With CRLF, as mail is kept. RFC 5322 §2.3. */
export function asMail(message: Buffer): Buffer<ArrayBuffer> {
  const text = message.toString('latin1').replace(/\r?\n/g, '\r\n');
  return Buffer.from(text.endsWith('\r\n') ? text : `${text}\r\n`, 'latin1');
}
