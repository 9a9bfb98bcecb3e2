// The content of a message for as long as somebody holds it. What is small lies in memory. What is large
// is a file that has lost its name: its octets are there while the descriptor is open, and that is
// closed when nobody can read it any more, or at the end of the process, whatever way that ends.

import { close, closeSync, openSync, read } from 'node:fs';
import { promisify } from 'node:util';
import { pieceBytesMax } from '../store/content.ts';

export interface HeldContent {
  readonly size: number;
  /** All of it, where it is in memory. */
  readonly bytes: Uint8Array | undefined;
  /** From the beginning, as often as it is asked for. @throws Error once it has been released. */
  read(): AsyncIterable<Uint8Array>;
  release(): void;
}

const readAt = promisify(read);
const forgotten = new FinalizationRegistry<number>((descriptor) => close(descriptor, () => {}));

export function heldBytes(bytes: Uint8Array): HeldContent {
  return {
    size: bytes.length,
    bytes,
    async *read() {
      for (let at = 0; at < bytes.length; at += pieceBytesMax)
        yield bytes.subarray(at, at + pieceBytesMax);
    },
    release() {},
  };
}

/** The file may be removed as soon as this returns. @throws what opening it throws. */
export const heldFile = (path: string, size: number): HeldContent =>
  new HeldFile(openSync(path, 'r'), size);

class HeldFile implements HeldContent {
  readonly size: number;
  readonly bytes = undefined;
  #descriptor: number | undefined;
  #reads = 0;
  #released = false;

  constructor(descriptor: number, size: number) {
    this.#descriptor = descriptor;
    this.size = size;
    forgotten.register(this, descriptor, this);
  }

  async *read(): AsyncIterable<Uint8Array> {
    for (let at = 0; at < this.size; ) {
      const piece = await this.#piece(at);
      at += piece.length;
      yield piece;
    }
  }

  release(): void {
    this.#released = true;
    this.#closeUnread();
  }

  async #piece(at: number): Promise<Uint8Array> {
    const descriptor = this.#descriptor;
    if (descriptor === undefined || this.#released) throw new Error('the message was released');
    this.#reads += 1;
    try {
      const buffer = Buffer.allocUnsafe(Math.min(pieceBytesMax, this.size - at));
      const { bytesRead } = await readAt(descriptor, buffer, 0, buffer.length, at);
      if (bytesRead === 0) throw new Error('the content of the message is cut off');
      return buffer.subarray(0, bytesRead);
    } finally {
      this.#reads -= 1;
      if (this.#released) this.#closeUnread();
    }
  }

  /** The number of a descriptor that is closed may be somebody else's: never while it is read. */
  #closeUnread(): void {
    const descriptor = this.#descriptor;
    if (descriptor === undefined || this.#reads > 0) return;
    this.#descriptor = undefined;
    forgotten.unregister(this);
    closeSync(descriptor);
  }
}
