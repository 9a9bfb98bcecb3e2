// The journal: frames of records, written one after the other into segments (segments.ts). Whoever comes
// while a write is under way goes into the next one, so that everybody shares a flush. What is done with
// is written down when something is written anyway, or a moment later.
//
// A write that failed is not repeated on the same file (what the kernel has dropped by then is
// unknown): the journal is given up, its owner saves what is alive, and a new one is begun later.

import type { Histogram } from '../../../base/metrics.ts';
import { StorageError } from '../../../smtp/smtp-error.ts';
import { alignedBytes, blockBytes, encodeFrameHead, frameHeadBytes } from './frame.ts';
import type { JournaledMessage } from './record.ts';
import { doneBytesMax, encodedBytesMax, encodeMessage, RecordBuffer } from './record.ts';
import type { OpenedSegment, RecoveredMessage } from './recovery.ts';
import { recoverJournal } from './recovery.ts';
import type { Segment, SegmentsParts, WritableSegment } from './segments.ts';
import { retryAfterMs, Segments } from './segments.ts';

/** Limit: what one flush carries. */
const frameBytesMax = 8 * 2 ** 20;

// How long word of what is done waits for company. A crash costs second deliveries of that time.
const doneAfterMs = 50;

export interface JournalParts extends SegmentsParts {
  /** How long writes took. */
  readonly flushSeconds?: Histogram | undefined;
}

export interface JournalOwner {
  /** The segment is wanted for new mail: save what is alive in it. */
  onCrowded(segment: Segment): void;
  /** Save all that is alive, then call begin() again. */
  onFailure(): void;
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
  readonly #segments: Segments;
  #owner: JournalOwner | undefined;
  #state: 'open' | 'failed' | 'closed' = 'open';
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
    this.#segments = new Segments(parts, segments, {
      isOpen: () => this.#state === 'open',
      onCrowded: (segment) => this.#owner?.onCrowded(segment),
    });
    this.#sequence = sequence;
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
    if (newest !== undefined && newest.tail <= newest.generation)
      await journal.#segments.markEmpty();
    return journal;
  }

  /** To be looked at: it takes nothing, and its files are left to the next process. @throws StoreOpenError */
  static async atRest(
    parts: JournalParts,
  ): Promise<{ readonly journal: Journal; readonly left: readonly RecoveredMessage[] }> {
    const { segments, live, nextSequence } = await recoverJournal(parts.directory);
    const journal = new Journal(parts, segments, nextSequence);
    journal.#state = 'closed';
    return { journal, left: live };
  }

  /** Whether it takes anything. What is alive in it while it does not is nowhere else but in the old files. */
  get isOpen(): boolean {
    return this.#state === 'open';
  }

  own(owner: JournalOwner): void {
    this.#owner = owner;
  }

  /** Resolves once there is room for a first message, or it is known that there is none. */
  async prepare(): Promise<void> {
    if (this.#segments.isEmpty) await this.#segments.create();
  }

  /**
   * Durable when it resolves, with the segment whose `live` counts it. Undefined at once when there
   * is no room now. @throws StorageError
   */
  append(message: JournaledMessage): Promise<Segment> | undefined {
    if (this.#state !== 'open') return undefined;
    const encoded = encodeMessage(message);
    const needed = this.#gathering.length + encodedBytesMax(encoded);
    if (needed > frameBytesMax || !this.#segments.hasRoom(alignedBytes(needed))) return undefined;
    this.#gathering.addMessage(encoded);
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      this.#schedule();
    });
  }

  /** Word that these recipients, or all, are done with. */
  done(id: string, indexes?: readonly number[]): void {
    if (this.#state !== 'open') return;
    this.#dones.push({ id, indexes });
    this.#writeDonesSoon();
  }

  #writeDonesSoon(): void {
    this.#cancelDones ??= this.#parts.clock.after(doneAfterMs, () => {
      this.#cancelDones = undefined;
      this.#schedule();
    });
  }

  /** A segment's `live` may have come to nothing. */
  noticeRoom(): void {
    this.#segments.prepareNext();
  }

  /** Its files are no longer where the next process looks for them: as after a failure. */
  giveUp(reason: string): void {
    if (this.#state !== 'open' || this.#segments.isEmpty) return;
    this.#lost = new Error(reason);
    if (!this.#writing) this.#fail(this.#lost, []);
  }

  /** After a failure, once everything that was alive is safe: new files, in a moment. */
  async begin(): Promise<void> {
    await this.#segments.removeAll();
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
    const isWritten = this.#state === 'open' && this.#segments.isWritten;
    this.#state = 'closed';
    await this.#segments.created();
    if (empty && isWritten) await this.#segments.markEmpty().catch(() => {});
    await this.#segments.close();
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
    const records = this.#gathering;
    const isNeeded = !records.isEmpty || this.#dones.length > 0;
    const { current } = this.#segments;
    if (this.#state !== 'open' || !isNeeded) this.#idle();
    else if (current === undefined || !this.#fits(records, current)) this.#nextSegment();
    else this.#writeTo(current, records);
  }

  #fits({ length }: RecordBuffer, { position }: WritableSegment): boolean {
    const [first] = this.#dones;
    const done = first === undefined ? 1 : doneBytesMax(first.id, first.indexes);
    const needed = length > frameHeadBytes ? length : length + done;
    return position + alignedBytes(needed) <= this.#segments.segmentBytes;
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
      this.#segments.prepareNext();
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

  /** As many as there is room for; the others a moment later. */
  #addDones(records: RecordBuffer, segment: WritableSegment): void {
    this.#cancelDones?.();
    this.#cancelDones = undefined;
    const room = Math.min(this.#segments.segmentBytes - segment.position, 2 * frameBytesMax);
    let count = 0;
    for (const { id, indexes } of this.#dones) {
      if (records.length + doneBytesMax(id, indexes) > room) break;
      records.addDone(id, indexes);
      count += 1;
    }
    this.#dones.splice(0, count);
    if (this.#dones.length > 0) this.#writeDonesSoon();
  }

  #nextSegment(): void {
    this.#writing = true;
    const entered = this.#segments.enterNext(this.#sequence, (error) => {
      this.#writing = false;
      const failure = error ?? this.#lost;
      if (failure === undefined) this.#write();
      else this.#fail(failure, []);
    });
    if (entered) return;
    this.#writing = false;
    this.#refuse();
  }

  /** Word of what is done comes with the next message; that there is room for one was seen to. */
  #refuse(): void {
    const refused = this.#waiting.splice(0);
    this.#gathering.clear();
    for (const { reject } of refused) reject(new StorageError('the journal is full'));
    this.#segments.prepareNext();
    this.#idle();
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
      this.#state = 'open';
      void this.prepare();
    });
  }

  #idle(): void {
    for (const resolve of this.#whenIdle.splice(0)) resolve();
  }
}

const zeros = Buffer.alloc(blockBytes);
