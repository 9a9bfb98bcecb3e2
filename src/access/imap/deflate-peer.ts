// A connection with DEFLATE over it, both ways. RFC 4978: raw deflate, flushed after each write so
// that nothing said stays behind. What the peer sends is inflated piece by piece as it is read: a
// bomb of any size is a few pieces in memory, and the session's limits are for what comes out.

import type { Transform } from 'node:stream';
import { constants, createDeflateRaw, createInflateRaw } from 'node:zlib';
import type { Endpoint, Peer } from '../../net/peer.ts';
import type { TlsFacts } from '../../smtp/tls-facts.ts';

/** Octets of one piece. */
const chunkSize = 16 * 2 ** 10;

// Limit: some 50 KiB of state for what we send, where zlib's default is 256 KiB, for a few per cent
// more octets. The window for what we receive is the peer's choice: 32 KiB.
const deflateOptions = {
  ...{ windowBits: 13, memLevel: 5, chunkSize },
  flush: constants.Z_SYNC_FLUSH,
};

const empty = new Uint8Array(0);

export class DeflatePeer implements Peer {
  readonly #peer: Peer;
  readonly #incoming = new Codec(createInflateRaw({ chunkSize }));
  readonly #outgoing = new Codec(createDeflateRaw(deflateOptions));
  #sending: Promise<void> = Promise.resolve();

  constructor(peer: Peer) {
    this.#peer = peer;
  }

  get remote(): Endpoint {
    return this.#peer.remote;
  }

  get local(): Endpoint {
    return this.#peer.local;
  }

  get tls(): TlsFacts | undefined {
    return this.#peer.tls;
  }

  /** May give an empty piece, for a chunk from which nothing came out; the caller minds the time that is left. */
  async read(timeoutMs: number): Promise<Uint8Array | undefined> {
    const left = await this.#incoming.take();
    if (left !== undefined) return left;
    if (this.#incoming.ended) return undefined;
    const chunk = await this.#peer.read(timeoutMs);
    if (chunk === undefined) return undefined;
    this.#incoming.put(chunk);
    return (await this.#incoming.take()) ?? (this.#incoming.ended ? undefined : empty);
  }

  /** One after the other, each to its end. */
  write(bytes: Uint8Array | string, timeoutMs?: number): Promise<void> {
    const sent = this.#sending.then(() => this.#send(bytes, timeoutMs));
    this.#sending = sent.catch(() => {});
    return sent;
  }

  async end(): Promise<void> {
    await this.#sending;
    await this.#peer.end();
  }

  destroy(): void {
    this.#peer.destroy();
    // zlib's memory lies outside of the heap and has to be freed by hand.
    this.#incoming.destroy();
    this.#outgoing.destroy();
  }

  async #send(bytes: Uint8Array | string, timeoutMs: number | undefined): Promise<void> {
    this.#outgoing.put(typeof bytes === 'string' ? Buffer.from(bytes) : bytes);
    for (;;) {
      const piece = await this.#outgoing.take();
      if (piece === undefined) return;
      await this.#peer.write(piece, timeoutMs);
    }
  }
}

/** One direction. zlib stops while nobody takes what came out. */
class Codec {
  readonly #stream: Transform & { readonly bytesWritten: number };
  #put = 0;
  #busy = false;
  #error: Error | undefined;
  #wake: (() => void) | undefined;
  /** The stream says that it is over: what follows has no meaning. */
  ended = false;

  constructor(stream: Transform & { readonly bytesWritten: number }) {
    this.#stream = stream;
    const wake = () => this.#wake?.();
    stream.on('readable', wake);
    stream.on('error', (error) => this.#fail(error));
  }

  /** Only after take() had nothing more. */
  put(bytes: Uint8Array): void {
    this.#busy = true;
    this.#put += bytes.length;
    this.#stream.write(bytes, () => {
      this.#busy = false;
      // zlib takes no more once the stream has said that it is over.
      this.ended = this.#stream.bytesWritten < this.#put;
      this.#wake?.();
    });
  }

  /** The next piece, or undefined when more must be put in. @throws Error */
  async take(): Promise<Uint8Array | undefined> {
    for (;;) {
      if (this.#error !== undefined) throw this.#error;
      const piece = this.#stream.read() as Uint8Array | null;
      if (piece !== null) return piece;
      if (!this.#busy || this.ended) return undefined;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      this.#wake = undefined;
    }
  }

  destroy(): void {
    this.#fail(new Error('connection closed'));
    this.#stream.destroy();
  }

  #fail(error: Error): void {
    this.#error ??= error;
    this.#wake?.();
  }
}
