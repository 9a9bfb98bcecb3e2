// Lines to a descriptor, gathered and written off the event loop. Whoever does not read, or is gone, holds nothing up:
// not while the server runs, and not its end. What is dropped for it is counted, and said as soon as somebody reads.

import { write, writeSync } from 'node:fs';

/** Limit: characters that wait for a reader who has stopped reading; what comes after them is dropped. */
const waitingMax = 16 * 2 ** 20;
const gatheredChars = 8192;
const gatherMs = 1000;
const lf = 10;
/** A pipe that is full says EAGAIN. */
const againMs = 100;
/** How often the end of the process offers what is left. */
const offerMs = 10;
/**
 * Limits: how often it does that to a reader who takes nothing, and in all. They are turns in place of a time, for a
 * process that stood still has waited for nobody meanwhile.
 */
const idleTurnsMax = 100;
const turnsMax = 1000;

/** What the system does with a descriptor, as node:fs has it. */
export interface DescriptorCalls {
  readonly write: (
    fd: number,
    bytes: Buffer,
    done: (error: NodeJS.ErrnoException | null, written: number) => void,
  ) => void;
  readonly writeSync: (fd: number, bytes: Buffer, at: number) => number;
}

/** What the writer asks of whoever has the lines. */
export interface Wording {
  /** Writes what somebody has yet to put into words. */
  readonly spell: () => void;
  /** One line: so many were dropped. */
  readonly dropped: (lines: number) => string;
}

const noWording: Wording = { spell: () => {}, dropped: () => '' };

/** What is written together; in front of it, in so many octets, stands how many lines were dropped. */
interface Chunk {
  readonly bytes: Buffer;
  readonly noteBytes: number;
  readonly dropped: number;
  /** It follows on a line of which a part was written; the rest is lost. */
  readonly isCut: boolean;
}

export class LogWriter {
  readonly #fd: number;
  readonly #wording: Wording;
  readonly #calls: DescriptorCalls;
  #isSpelling = false;
  #lines = '';
  /** Lines that are nowhere, and nobody has been told: before those that wait, and behind them. */
  #dropped = 0;
  #droppedBehind = 0;
  /** Of what was written last, the line has no end. */
  #isCut = false;
  #timer: NodeJS.Timeout | undefined;
  #isWriting = false;
  /** The system is given nothing more to say something about. */
  #isEnding = false;
  /** What the reader was not ready for. */
  #again:
    | { readonly chunk: Chunk; readonly at: number; readonly timer: NodeJS.Timeout }
    | undefined;
  #onAnswer = (): void => {};

  constructor(
    fd: number,
    wording: Wording = noWording,
    calls: DescriptorCalls = { write, writeSync },
  ) {
    this.#fd = fd;
    this.#wording = wording;
    this.#calls = calls;
    // Node makes it one that says EAGAIN in place of waiting: a thread that waits in write(2) ends never, nor does its process.
    if (fd === 2) process.stderr.on('error', () => {});
  }

  /** A line, or several, each with its end. Never throws, never waits. */
  write(line: string): void {
    if (this.#lines.length >= waitingMax) {
      this.#droppedBehind += 1;
      return;
    }
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
    if (!this.#isWriting && !this.#isEnding && this.#hasMore()) this.#write(this.#taken());
  };

  #spellAll(): void {
    this.#isSpelling = true;
    try {
      this.#wording.spell();
    } finally {
      this.#isSpelling = false;
    }
  }

  /**
   * For the end of the process: everything so far is written, or dropped since nobody reads it. What the system has got
   * is waited for, since it may say that it took a part; where it has nothing, all happens before this returns.
   */
  async end(): Promise<void> {
    this.#isEnding = true;
    for (let turns = 0; this.#isWithSystem() && turns < turnsMax; turns += 1) await this.#answer();
    this.#isEnding = false;
    // A system that says nothing to this is one that waits: whoever wrote now would wait, too.
    if (!this.#isWithSystem()) this.#flush();
  }

  readonly #isWithSystem = (): boolean => this.#isWriting && this.#again === undefined;

  async #answer(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#onAnswer = resolve;
    setTimeout(resolve, offerMs);
    await promise;
  }

  /** What the reader was not ready for is offered once more, however long ago that was: perhaps it is we who stood still. */
  #flush(): void {
    this.#spellAll();
    const again = this.#again;
    if (again !== undefined) {
      clearTimeout(again.timer);
      this.#again = undefined;
      this.#isWriting = false;
    }
    let isWritten = again === undefined || this.#writeNow(again.chunk, again.at);
    while (isWritten && this.#hasMore()) isWritten = this.#writeNow(this.#taken(), 0);
    // What is left then is given up, which perhaps can still be said.
    this.#lose(this.#taken(), 0);
    this.#writeNow(this.#taken(), 0);
  }

  readonly #hasMore = (): boolean => this.#lines !== '' || this.#dropped > 0;

  #taken(): Chunk {
    const dropped = this.#dropped;
    const isCut = this.#isCut;
    const told = dropped > 0 ? this.#wording.dropped(dropped) : '';
    const note = Buffer.from(isCut ? `\n${told}` : told);
    const lines = Buffer.from(this.#lines);
    this.#lines = '';
    this.#isCut = false;
    this.#dropped = this.#droppedBehind;
    this.#droppedBehind = 0;
    return { bytes: Buffer.concat([note, lines]), noteBytes: note.length, dropped, isCut };
  }

  /** It goes no further than `at`. */
  #lose({ bytes, noteBytes, dropped, isCut }: Chunk, at: number): void {
    this.#isCut = at === 0 ? isCut : bytes[at - 1] !== lf;
    if (at < noteBytes) this.#dropped += dropped;
    let end = bytes.indexOf(lf, Math.max(at, noteBytes));
    for (; end >= 0; end = bytes.indexOf(lf, end + 1)) this.#dropped += 1;
  }

  #gather(): void {
    if (this.#isEnding) return;
    if (this.#lines.length >= gatheredChars) this.#write(this.#taken());
    else if (this.#lines !== '') this.expect();
  }

  #write(chunk: Chunk): void {
    this.#isWriting = true;
    this.#goOn(chunk, 0);
  }

  #goOn(chunk: Chunk, at: number): void {
    this.#again = undefined;
    this.#calls.write(this.#fd, chunk.bytes.subarray(at), (error, written) => {
      this.#answered(chunk, at, error ?? written);
      this.#onAnswer();
    });
  }

  #answered(chunk: Chunk, at: number, outcome: NodeJS.ErrnoException | number): void {
    if (typeof outcome === 'number') {
      if (at + outcome < chunk.bytes.length) this.#goOn(chunk, at + outcome);
      else this.#done();
    } else if (outcome.code === 'EAGAIN') {
      const timer = setTimeout(() => this.#goOn(chunk, at), againMs).unref();
      this.#again = { chunk, at, timer };
    } else {
      // Whoever read it is gone, or the disk is full. What comes later is tried again.
      this.#lose(chunk, at);
      this.#isWriting = false;
      this.#gather();
    }
  }

  #done(): void {
    this.#isWriting = false;
    // Somebody reads: it is told also where nothing else comes.
    if (this.#dropped > 0) this.expect();
    this.#gather();
  }

  /** Whether all of it is written. */
  #writeNow(chunk: Chunk, from: number): boolean {
    const { bytes } = chunk;
    let idle = 0;
    let turns = 0;
    for (let at = from; at < bytes.length; )
      try {
        at += this.#calls.writeSync(this.#fd, bytes, at);
        idle = 0;
      } catch (error) {
        const isOver = idle >= idleTurnsMax || turns >= turnsMax;
        if ((error as NodeJS.ErrnoException).code !== 'EAGAIN' || isOver) {
          this.#lose(chunk, at);
          return false;
        }
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, offerMs);
        idle += 1;
        turns += 1;
      }
    return true;
  }
}
