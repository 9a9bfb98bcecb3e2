// Lines to a descriptor, gathered and written off the event loop. Whoever does not read, or is gone, holds nothing up:
// not while the server runs, and not its end.

import { write, writeSync } from 'node:fs';

/** Limit: characters that wait for a reader who has stopped reading; what comes after them is dropped. */
const waitingMax = 16 * 2 ** 20;
const gatheredChars = 8192;
const gatherMs = 1000;
/** A pipe that is full says EAGAIN. */
const againMs = 100;
/** Limit: how long the end of the process waits for a reader, in milliseconds. */
const flushMsMax = 1000;

/** What the system does with a descriptor, as node:fs has it. */
export interface DescriptorCalls {
  readonly write: (
    fd: number,
    bytes: Buffer,
    done: (error: NodeJS.ErrnoException | null, written: number) => void,
  ) => void;
  readonly writeSync: (fd: number, bytes: Buffer, at: number) => number;
}

export class LogWriter {
  readonly #fd: number;
  readonly #calls: DescriptorCalls;
  /** Writes what somebody has yet to put into words. */
  readonly #spell: () => void;
  #isSpelling = false;
  #lines = '';
  #timer: NodeJS.Timeout | undefined;
  #isWriting = false;
  /** When the system was given something last, by the clock of the process: nothing but its end asks for it. */
  #since = 0;
  /** What the reader was not ready for. */
  #again: { readonly bytes: Buffer; readonly timer: NodeJS.Timeout } | undefined;

  constructor(
    fd: number,
    spell: () => void = () => {},
    calls: DescriptorCalls = { write, writeSync },
  ) {
    this.#fd = fd;
    this.#spell = spell;
    this.#calls = calls;
    // Node makes it one that says EAGAIN in place of waiting: a thread that waits in write(2) ends never, nor does its process.
    if (fd === 2) process.stderr.on('error', () => {});
  }

  /** Never throws, never waits. */
  write(line: string): void {
    if (this.#lines.length >= waitingMax) return;
    this.#lines += line;
    if (!this.#isWriting && !this.#isSpelling) this.#gather();
  }

  /** There is something to put into words, and to be written in a while, whatever is written before. */
  expect(): void {
    this.#timer ??= setTimeout(this.#onTimer, gatherMs).unref();
  }

  readonly #onTimer = (): void => {
    this.#timer = undefined;
    this.#spellAll();
    if (!this.#isWriting && this.#lines !== '') this.#write(this.#taken());
  };

  #spellAll(): void {
    this.#isSpelling = true;
    try {
      this.#spell();
    } finally {
      this.#isSpelling = false;
    }
  }

  /**
   * Everything so far is written when this returns, unless nobody reads it. What is being written already is left to
   * that; where it takes so long that nobody can be reading, the rest is dropped. What the reader was not ready for is
   * offered once more, however long ago that was: perhaps it is we who stood still.
   */
  flush(): void {
    this.#spellAll();
    const again = this.#again;
    const isStuck =
      again === undefined && this.#isWriting && performance.now() - this.#since > flushMsMax;
    if (again !== undefined) {
      clearTimeout(again.timer);
      this.#again = undefined;
      this.#isWriting = false;
    }
    const rest = this.#taken();
    if (!isStuck) this.#writeNow(again === undefined ? rest : Buffer.concat([again.bytes, rest]));
  }

  #taken(): Buffer {
    const taken = Buffer.from(this.#lines);
    this.#lines = '';
    return taken;
  }

  #gather(): void {
    if (this.#lines.length >= gatheredChars) this.#write(this.#taken());
    else if (this.#lines !== '') this.expect();
  }

  #write(bytes: Buffer): void {
    this.#isWriting = true;
    this.#goOn(bytes);
  }

  #goOn(bytes: Buffer): void {
    this.#again = undefined;
    this.#since = performance.now();
    this.#calls.write(this.#fd, bytes, (error, written) => {
      if (error?.code === 'EAGAIN') {
        const timer = setTimeout(() => this.#goOn(bytes), againMs).unref();
        this.#again = { bytes, timer };
        return;
      }
      // Other errors: whoever read it is gone, or the disk is full. What comes later is tried again.
      if (error === null && written < bytes.length) {
        this.#write(bytes.subarray(written));
        return;
      }
      this.#isWriting = false;
      this.#gather();
    });
  }

  #writeNow(bytes: Buffer): void {
    const end = performance.now() + flushMsMax;
    for (let at = 0; at < bytes.length; )
      try {
        at += this.#calls.writeSync(this.#fd, bytes, at);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EAGAIN' || performance.now() > end) return;
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, againMs / 10);
      }
  }
}
