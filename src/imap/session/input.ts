// The bytes an IMAP session has received and not used yet: lines, and the octets of literals. A line
// that is too long is skipped, never gathered; one that ends in LF alone is answered at once, and obeyed
// by nobody; the octets of messages are handed on as they are. What waits for more is kept in a buffer of
// our own that grows by doubling, so that a client that sends octet by octet costs no more than one that
// does not.

export type Line =
  /** Without its CRLF. An LF at its end is in no grammar: the line has no CR there, or one before it had none. */
  | { readonly kind: 'line'; readonly text: string }
  /** Its beginning, where a tag may stand, and its end, where a literal may be announced. */
  | {
      readonly kind: 'too-long';
      readonly octets: number;
      readonly start: string;
      readonly end: string;
    }
  /** It is longer than is worth waiting for its end, whether or not that has come. */
  | { readonly kind: 'endless' };

const endless: Line = { kind: 'endless' };
const lf = 0x0a;
const cr = 0x0d;
/** Octets kept of either end of a line that is too long: enough for any tag, or for the `{n}` of a literal. */
const endOctets = 32;
const startOctets = 64;

export class ImapInput {
  #bytes: Buffer | undefined;
  /** Whether #bytes is ours. */
  #own = false;
  #at = 0;
  #end = 0;
  /** No LF stands before this. */
  #searched = 0;
  /** The last line had no CR: nobody is to hide a command behind it. */
  #isBehindBareLf = false;
  /** Of the line that is being skipped; 0 for none. */
  #skipped = 0;
  #skippedStart = '';
  #skippedEnd = '';

  get empty(): boolean {
    return this.#bytes === undefined;
  }

  /** The bytes are ours until hold(). */
  push(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    if (this.#bytes === undefined) {
      this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      this.#own = false;
      this.#at = 0;
      this.#searched = 0;
      this.#end = bytes.length;
      return;
    }
    this.#makeRoom(bytes.length);
    this.#bytes.set(bytes, this.#end);
    this.#end += bytes.length;
  }

  /** What has not been used is copied: the bytes of push() are their owner's again. */
  hold(): void {
    if (this.#bytes !== undefined && !this.#own) this.#makeRoom(0);
  }

  clear(): void {
    this.#bytes = undefined;
    this.#skipped = 0;
    this.#isBehindBareLf = false;
  }

  /**
   * The next line, or undefined when there is no whole one yet. One of more than `limit` octets is
   * skipped, one of more than `skippedMax` is endless.
   */
  takeLine(limit: number, skippedMax: number): Line | undefined {
    const bytes = this.#bytes;
    if (bytes === undefined) return undefined;
    const newline = bytes.subarray(0, this.#end).indexOf(lf, Math.max(this.#at, this.#searched));
    if (newline === -1) {
      this.#searched = this.#end;
      if (this.#skipped > 0 || this.#end - this.#at > limit + 1) this.#skipLine(bytes);
      return this.#skipped > skippedMax ? endless : undefined;
    }
    const start = this.#at;
    const isBare = newline === start || bytes[newline - 1] !== cr;
    const found = isBare ? newline : newline - 1;
    const isRefused = isBare || this.#isBehindBareLf;
    this.#isBehindBareLf = isBare;
    this.#use(newline + 1);
    if (this.#skipped === 0 && found - start <= limit) {
      const text = bytes.toString('latin1', start, found);
      return { kind: 'line', text: isRefused ? `${text}\n` : text };
    }
    this.#noteSkipped(bytes, start, found);
    const octets = this.#skipped;
    this.#skipped = 0;
    if (octets > skippedMax) return endless;
    return { kind: 'too-long', octets, start: this.#skippedStart, end: this.#skippedEnd };
  }

  /** So many octets as latin1, or undefined when they are not all there. */
  takeText(octets: number): string | undefined {
    const bytes = this.#bytes;
    if (bytes === undefined || this.#end - this.#at < octets) return undefined;
    const text = bytes.toString('latin1', this.#at, this.#at + octets);
    this.#use(this.#at + octets);
    return text;
  }

  /** What there is, up to so many octets; as it is until hold() or push(). */
  takeContent(octetsMax: number): Uint8Array | undefined {
    const bytes = this.#bytes;
    if (bytes === undefined) return undefined;
    const start = this.#at;
    const end = Math.min(this.#end, start + octetsMax);
    this.#use(end);
    return bytes.subarray(start, end);
  }

  #use(at: number): void {
    this.#at = at;
    if (at >= this.#end) this.#bytes = undefined;
  }

  /** All of it is part of a line that is too long, but for a CR that may belong to its end. */
  #skipLine(bytes: Buffer): void {
    const keep = bytes[this.#end - 1] === cr ? 1 : 0;
    const end = this.#end - keep;
    this.#noteSkipped(bytes, this.#at, end);
    this.#use(end);
  }

  #noteSkipped(bytes: Buffer, start: number, end: number): void {
    if (this.#skipped === 0) {
      this.#skippedStart = '';
      this.#skippedEnd = '';
    }
    const room = startOctets - this.#skippedStart.length;
    this.#skippedStart += bytes.toString('latin1', start, Math.min(end, start + room));
    const last = bytes.toString('latin1', Math.max(start, end - endOctets), end);
    this.#skippedEnd = (this.#skippedEnd + last).slice(-endOctets);
    this.#skipped += end - start;
  }

  #makeRoom(octets: number): void {
    const held = this.#end - this.#at;
    const bytes = this.#bytes!;
    if (this.#own && bytes.length - this.#end >= octets) return;
    const roomy = this.#own && bytes.length >= 2 * (held + octets);
    const target = roomy ? bytes : Buffer.allocUnsafeSlow(Math.max(256, 2 * (held + octets)));
    bytes.copy(target, 0, this.#at, this.#end);
    this.#searched = Math.max(0, this.#searched - this.#at);
    this.#bytes = target;
    this.#own = true;
    this.#at = 0;
    this.#end = held;
  }
}
