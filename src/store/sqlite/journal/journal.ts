// The journal: a ring of segments that are written one after the other. Whoever comes while a write
// is under way goes into the next one, so that everybody shares a flush. What is done with is written
// down when something is written anyway, or a moment later.
//
// A write that failed is not repeated on the same file (what the kernel has dropped by then is
// unknown): the journal is given up, its owner saves what is alive, and a new one is begun later.

import { randomBytes } from 'node:crypto';
import type { Clock } from '../../../base/clock.ts';
import type { Log } from '../../../base/log.ts';
import type { Histogram } from '../../../base/metrics.ts';
import { StorageError } from '../../../smtp/smtp-error.ts';
import type { JournalDirectory } from './file.ts';
import {
  alignedBytes,
  blockBytes,
  encodeFrameHead,
  encodeHead,
  frameHeadBytes,
  headBytes,
  headPosition,
  saltBytes,
} from './frame.ts';
import type { JournaledMessage } from './record.ts';
import { doneBytesMax, encodedBytesMax, encodeMessage, RecordBuffer } from './record.ts';
import type { OpenedSegment, RecoveredMessage } from './recovery.ts';
import { recoverJournal } from './recovery.ts';

// Limits: octets of one segment, how many there may be, and what one flush carries.
const segmentBytesDefault = 16 * 2 ** 20;
const segmentsMaxDefault = 8;
const frameBytesMax = 8 * 2 ** 20;

// How long word of what is done waits for company. A crash costs second deliveries of that time.
const doneAfterMs = 50;
// How soon a disk that had no room, or failed, is tried again.
const retryAfterMs = 30_000;

export interface JournalParts {
  readonly directory: JournalDirectory;
  readonly clock: Clock;
  readonly log: Log;
  readonly segmentBytes?: number | undefined;
  readonly segmentsMax?: number | undefined;
  /** How long writes took. */
  readonly flushSeconds?: Histogram | undefined;
}

export interface JournalOwner {
  /** The segment is wanted for new mail: save what is alive in it. */
  onCrowded(segment: Segment): void;
  /** Save all that is alive, then call begin() again. */
  onFailure(): void;
}

/** A segment as the owner sees it: whose messages lie there. */
export interface Segment {
  /** Messages in it that are alive. The owner takes off those that are no more. */
  live: number;
}

interface WritableSegment extends Segment, OpenedSegment {
  head: OpenedSegment['head'];
  position: number;
}

interface Waiting {
  readonly resolve: (segment: Segment) => void;
  readonly reject: (error: Error) => void;
}

interface Done {
  readonly id: string;
  readonly indexes: readonly number[] | undefined;
}

export class Journal {
  readonly #parts: JournalParts;
  readonly #segmentBytes: number;
  readonly #segmentsMax: number;
  #owner: JournalOwner | undefined;
  #state: 'open' | 'failed' | 'closed' = 'open';
  /** Oldest first; the last one is being written. */
  #ring: WritableSegment[];
  /** Never used, or of no use any more: what is written next. */
  #spare: WritableSegment[] = [];
  #creating: Promise<void> | undefined;
  #mayCreate = true;
  /** Generations below hold nothing, whatever lies there. */
  #floor: number;
  #generation: number;
  #sequence: number;
  #gathering = new RecordBuffer();
  #other = new RecordBuffer();
  #waiting: Waiting[] = [];
  #dones: Done[] = [];
  #writing = false;
  #scheduled = false;
  #cancelDones: (() => void) | undefined;
  #whenIdle: (() => void)[] = [];
  /** Why what is being written is not to be relied on. */
  #lost: Error | undefined;

  private constructor(parts: JournalParts, segments: readonly OpenedSegment[], sequence: number) {
    this.#parts = parts;
    this.#segmentBytes = parts.segmentBytes ?? segmentBytesDefault;
    this.#segmentsMax = parts.segmentsMax ?? segmentsMaxDefault;
    const newest = segments.at(-1)?.head;
    this.#generation = newest?.generation ?? 0;
    this.#floor = this.#generation + 1;
    this.#sequence = sequence;
    this.#ring = segments.map((segment) => ({ ...segment, live: 0, position: segment.file.size }));
  }

  /**
   * Opens the journal and hands what is alive in it to `save`, which makes it durable elsewhere.
   * @throws StoreOpenError
   */
  static async open(
    parts: JournalParts,
    save: (live: readonly RecoveredMessage[]) => Promise<void>,
  ): Promise<Journal> {
    const { segments, live, nextSequence } = await recoverJournal(parts.directory);
    const journal = new Journal(parts, segments, nextSequence);
    if (live.length > 0) {
      parts.log.info('journal-recovered', { messages: live.length });
      await save(live);
    }
    const newest = segments.at(-1)?.head;
    if (newest !== undefined && newest.tail <= newest.generation) await journal.#markEmpty();
    return journal;
  }

  own(owner: JournalOwner): void {
    this.#owner = owner;
  }

  /** Resolves once there is room for a first message, or it is known that there is none. */
  async prepare(): Promise<void> {
    if (this.#ring.length === 0 && this.#spare.length === 0) await this.#create();
  }

  /**
   * Durable when it resolves, with the segment whose `live` counts it. Undefined at once when there
   * is no room now. @throws StorageError
   */
  append(message: JournaledMessage): Promise<Segment> | undefined {
    if (this.#state !== 'open') return undefined;
    const encoded = encodeMessage(message);
    const needed = this.#gathering.length + encodedBytesMax(encoded);
    if (needed > frameBytesMax || !this.#hasRoom(alignedBytes(needed))) return undefined;
    this.#gathering.addMessage(encoded);
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      this.#schedule();
    });
  }

  /** Word that these recipients, or all, are done with. Written soon. */
  done(id: string, indexes?: readonly number[]): void {
    if (this.#state !== 'open') return;
    this.#dones.push({ id, indexes });
    this.#cancelDones ??= this.#parts.clock.after(doneAfterMs, () => {
      this.#cancelDones = undefined;
      this.#schedule();
    });
  }

  /** A segment's `live` may have come to nothing. */
  noticeRoom(): void {
    this.#prepareNext();
  }

  /** Its files are no longer where the next process looks for them: as after a failure. */
  giveUp(reason: string): void {
    if (this.#state !== 'open' || (this.#ring.length === 0 && this.#spare.length === 0)) return;
    this.#lost = new Error(reason);
    if (!this.#writing) this.#fail(this.#lost, []);
  }

  /** After a failure, once everything that was alive is safe: new files, in a moment. */
  async begin(): Promise<void> {
    const files = [...this.#ring, ...this.#spare].map(({ file }) => file);
    this.#ring = [];
    this.#spare = [];
    for (const file of files) await this.#parts.directory.remove(file);
    this.#retryLater();
  }

  /** Resolves when nothing is being written, and nothing waits to be. */
  async settled(): Promise<void> {
    if (this.#writing || this.#scheduled)
      await new Promise<void>((resolve) => this.#whenIdle.push(resolve));
  }

  /**
   * Writes what waits and closes the files. With `empty` nothing is alive any more, and whoever opens
   * it next need not read it; otherwise it is for the next process.
   */
  async close({ empty }: { readonly empty: boolean }): Promise<void> {
    if (this.#dones.length > 0 && !empty) this.#schedule();
    await this.settled();
    this.#cancelDones?.();
    const { generation } = this.#current?.head ?? { generation: -1 };
    const isWritten = this.#state === 'open' && generation === this.#generation;
    this.#state = 'closed';
    await this.#creating;
    if (empty && isWritten) await this.#markEmpty().catch(() => {});
    for (const { file } of [...this.#ring, ...this.#spare]) await file.close().catch(() => {});
  }

  get #current(): WritableSegment | undefined {
    const last = this.#ring.at(-1);
    return last !== undefined && last.head.generation >= this.#floor ? last : undefined;
  }

  #hasRoom(bytes: number): boolean {
    const current = this.#current;
    if (current !== undefined && current.position + bytes <= this.#segmentBytes) return true;
    if (bytes > this.#segmentBytes - headBytes) return false;
    if (this.#spare.length > 0) return true;
    this.#prepareNext();
    return this.#spare.length > 0;
  }

  /** All that the event loop has read in this turn goes into one frame. */
  #schedule(): void {
    if (this.#scheduled || this.#writing) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#write();
    });
  }

  #write(): void {
    if (this.#writing) return;
    const records = this.#gathering;
    const isNeeded = !records.isEmpty || this.#dones.length > 0;
    const current = this.#current;
    if (this.#state !== 'open' || !isNeeded) this.#idle();
    else if (current === undefined || !this.#fits(records, current)) this.#nextSegment();
    else this.#writeTo(current, records);
  }

  #fits({ length }: RecordBuffer, { position }: WritableSegment): boolean {
    const [first] = this.#dones;
    const done = first === undefined ? 1 : doneBytesMax(first.id, first.indexes);
    const needed = length > frameHeadBytes ? length : length + done;
    return position + alignedBytes(needed) <= this.#segmentBytes;
  }

  #writeTo(current: WritableSegment, records: RecordBuffer): void {
    this.#addDones(records, current);
    this.#writing = true;
    const waiting = this.#waiting;
    this.#waiting = [];
    this.#gathering = this.#other;
    this.#other = records;
    const { pieces, length } = this.#frame(records, current);
    const { position } = current;
    current.position += length;
    current.live += waiting.length;
    const began = performance.now();
    current.file.write(pieces, position, (error) => {
      this.#parts.flushSeconds?.observe((performance.now() - began) / 1000);
      this.#writing = false;
      const failure = error ?? this.#lost;
      if (failure !== undefined) {
        this.#fail(failure, waiting);
        return;
      }
      records.clear();
      if (!this.#gathering.isEmpty) this.#write();
      for (const { resolve } of waiting) resolve(current);
      if (!this.#writing) this.#idle();
      this.#prepareNext();
    });
  }

  #frame(records: RecordBuffer, segment: WritableSegment) {
    const { head, payload } = records.finish();
    const length = records.length - frameHeadBytes;
    const { generation, salt } = segment.head;
    const mark = { generation, sequence: this.#sequence, salt };
    encodeFrameHead(head, mark, { length, pieces: payload });
    this.#sequence += 1;
    const padding = alignedBytes(records.length) - records.length;
    const pieces = [head, ...payload, zeros.subarray(0, padding)];
    return { pieces, length: alignedBytes(records.length) };
  }

  /** As many as there is room for. */
  #addDones(records: RecordBuffer, segment: WritableSegment): void {
    this.#cancelDones?.();
    this.#cancelDones = undefined;
    const room = Math.min(this.#segmentBytes - segment.position, 2 * frameBytesMax);
    let count = 0;
    for (const { id, indexes } of this.#dones) {
      if (records.length + doneBytesMax(id, indexes) > room) break;
      records.addDone(id, indexes);
      count += 1;
    }
    if (count === this.#dones.length) this.#dones = [];
    else this.#dones.splice(0, count);
  }

  #nextSegment(): void {
    const next = this.#spare.shift();
    if (next === undefined) this.#refuse();
    else this.#enter(next);
  }

  /** Word of what is done comes with the next message; that there is room for one was seen to. */
  #refuse(): void {
    const refused = this.#waiting.splice(0);
    this.#gathering.clear();
    for (const { reject } of refused) reject(new StorageError('the journal is full'));
    this.#prepareNext();
    this.#idle();
  }

  #enter(next: WritableSegment): void {
    this.#writing = true;
    this.#generation += 1;
    const oldest = this.#ring[0]?.head.generation ?? this.#generation;
    next.head = {
      serial: next.head.serial + 1,
      generation: this.#generation,
      tail: Math.max(oldest, this.#floor),
      firstSequence: this.#sequence,
      salt: randomBytes(saltBytes),
    };
    next.position = headBytes;
    this.#ring.push(next);
    next.file.write([encodeHead(next.head)], headPosition(next.head.serial), (error) => {
      this.#writing = false;
      const failure = error ?? this.#lost;
      if (failure === undefined) this.#write();
      else this.#fail(failure, []);
    });
  }

  /** Sees to it that another segment is there before this one is full. */
  #prepareNext(): void {
    const current = this.#current;
    if (this.#spare.length > 0 || this.#state !== 'open') return;
    const [oldest] = this.#ring;
    if (oldest !== undefined && oldest !== current && oldest.live === 0) {
      this.#ring.shift();
      this.#spare.push(oldest);
    } else if (this.#ring.length < this.#segmentsMax) {
      if (this.#mayCreate) void this.#create();
    } else if (oldest !== undefined && oldest !== current) {
      this.#owner?.onCrowded(oldest);
    }
  }

  #create(): Promise<void> {
    this.#creating ??= this.#createFile().finally(() => {
      this.#creating = undefined;
    });
    return this.#creating;
  }

  async #createFile(): Promise<void> {
    const { directory, log, clock } = this.#parts;
    // A head of its own, though nothing was written: only a damaged file has none.
    const head = {
      ...{ serial: 0, generation: 0, tail: 1, firstSequence: 0 },
      salt: randomBytes(saltBytes),
    };
    try {
      const name = randomBytes(6).toString('hex');
      const file = await directory.create(name, encodeHead(head), this.#segmentBytes);
      if (this.#state === 'open') this.#spare.push({ file, head, position: headBytes, live: 0 });
      else await directory.remove(file);
    } catch (error) {
      log.warn('journal-has-no-room', { error: String(error) });
      this.#mayCreate = false;
      clock.after(retryAfterMs, () => {
        this.#mayCreate = true;
      });
    }
  }

  #fail(error: Error, waiting: readonly Waiting[]): void {
    this.#parts.log.error('journal-failed', { error: error.message });
    this.#state = 'failed';
    this.#lost = undefined;
    this.#cancelDones?.();
    this.#cancelDones = undefined;
    this.#dones = [];
    const failure = new StorageError(error.message, { cause: error });
    for (const { reject } of [...waiting, ...this.#waiting.splice(0)]) reject(failure);
    this.#gathering.clear();
    this.#other.clear();
    this.#idle();
    this.#owner?.onFailure();
  }

  #retryLater(): void {
    this.#parts.clock.after(retryAfterMs, () => {
      if (this.#state !== 'failed') return;
      this.#floor = this.#generation + 1;
      this.#state = 'open';
      void this.prepare();
    });
  }

  #idle(): void {
    for (const resolve of this.#whenIdle.splice(0)) resolve();
  }

  /** In the newest segment's head: nothing up to here is alive. */
  #markEmpty(): Promise<void> {
    const newest = this.#ring.at(-1)!;
    const { serial, generation } = newest.head;
    newest.head = { ...newest.head, serial: serial + 1, tail: generation + 1 };
    return new Promise((resolve, reject) => {
      newest.file.write([encodeHead(newest.head)], headPosition(serial + 1), (error) => {
        if (error === undefined) resolve();
        else reject(error);
      });
    });
  }
}

const zeros = Buffer.alloc(blockBytes);
