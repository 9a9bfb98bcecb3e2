// What a session has to say: text and message content in order, gathered into few and large writes.
// Each buffer is given away, and not written to again unless it comes back by sent().

/** Room for what is gathered, and for the end of a message that does not quite fit. */
const chunkBytes = 64 * 2 ** 10;

const none: readonly (string | Buffer)[] = [];

export class Output {
  /** Comes before #full and #chunk when these are empty, and is empty otherwise. */
  #text = '';
  #full: Buffer[] | undefined;
  #chunk: Buffer | undefined;
  #at = 0;

  get size(): number {
    let size = this.#text.length + this.#at;
    if (this.#full !== undefined) for (const { length } of this.#full) size += length;
    return size;
  }

  /** ASCII. */
  text(text: string): void {
    const chunk = this.#chunk;
    if (chunk === undefined) this.#text += text;
    else if (chunk.length - this.#at >= text.length)
      this.#at += chunk.write(text, this.#at, 'latin1');
    else this.bytes(Buffer.from(text, 'latin1'), 0, text.length);
  }

  /** Content of about this many octets follows; `more` output is likely to come after it. */
  expect(octets: number, more: boolean): void {
    if (this.#chunk !== undefined) return;
    this.#begin(more ? chunkBytes : Math.min(chunkBytes, octets + 256 + this.#text.length));
  }

  /** A copy of `bytes` from `start` up to `end`. */
  bytes(bytes: Uint8Array, start: number, end: number): void {
    for (let from = start; from < end; ) {
      if (this.#chunk === undefined || this.#at === this.#chunk.length) this.#begin(chunkBytes);
      const chunk = this.#chunk!;
      const to = Math.min(end, from + chunk.length - this.#at);
      chunk.set(from === 0 && to === bytes.length ? bytes : bytes.subarray(from, to), this.#at);
      this.#at += to - from;
      from = to;
    }
  }

  /** What to send, in order. Taken once. */
  take(): readonly (string | Buffer)[] {
    if (this.#chunk === undefined) {
      if (this.#text === '') return none;
      const text = this.#text;
      this.#text = '';
      return [text];
    }
    const taken = this.#full ?? [];
    if (this.#at > 0) taken.push(this.#chunk.subarray(0, this.#at));
    this.#full = undefined;
    this.#chunk = undefined;
    this.#at = 0;
    return taken;
  }

  /** What take() gave is not needed any more. */
  sent(piece: string | Buffer): void {
    if (typeof piece === 'string') return;
    const chunk = given.get(piece.buffer);
    given.delete(piece.buffer);
    if (chunk !== undefined && spare.length < spareMax) spare.push(chunk);
    else if (piece.buffer === shared.buffer && piece.byteOffset === lastAt) sharedAt = lastAt;
  }

  #begin(octets: number): void {
    if (this.#chunk !== undefined) {
      this.#full ??= [];
      this.#full.push(this.#chunk.subarray(0, this.#at));
    }
    const size = Math.max(octets, this.#text.length);
    this.#chunk = cut(size);
    this.#at = this.#chunk.write(this.#text, 'latin1');
    this.#text = '';
  }
}

/** Answers of up to this many octets share a buffer: one for each costs the garbage collector dear. */
const sharedBytesMax = 16 * 2 ** 10;
// Limit: an answer that its client does not read keeps this one buffer from being freed, and no more.
let shared = Buffer.alloc(0);
let sharedAt = 0;
/** Where the piece that was cut last begins: its room can be given out again. */
let lastAt = 0;

/** Chunks that one session has for itself. */
const given = new WeakMap<ArrayBufferLike, Buffer>();
/** Limit: those that are kept for the next session that has much to say. */
const spareMax = 16;
const spare: Buffer[] = [];

/** Room that is nobody else's, until it is sent. */
function cut(size: number): Buffer {
  if (size === chunkBytes) {
    const chunk = spare.pop() ?? Buffer.allocUnsafeSlow(chunkBytes);
    given.set(chunk.buffer, chunk);
    return chunk;
  }
  if (size > sharedBytesMax) return Buffer.allocUnsafeSlow(size);
  if (shared.length - sharedAt < size) {
    shared = Buffer.allocUnsafeSlow(chunkBytes);
    sharedAt = 0;
  }
  lastAt = sharedAt;
  sharedAt += size;
  return shared.subarray(lastAt, sharedAt);
}
