// The journal's files: a ring of segments that are written one after the other. A segment of which nothing
// is alive is written anew; a new file is made where there is none, as long as there may be more, and
// before it is needed. Which segment is the newest, and from which on something may be alive, stands in
// the head of each.

import { randomBytes } from 'node:crypto';
import type { Clock } from '../../../base/clock.ts';
import type { Log } from '../../../base/log.ts';
import type { JournalDirectory } from './file.ts';
import { encodeHead, headBytes, headPosition, saltBytes } from './frame.ts';
import type { OpenedSegment } from './recovery.ts';

// Limits: octets of one segment, and how many there may be.
const segmentBytesDefault = 16 * 2 ** 20;
const segmentsMaxDefault = 8;
/** How soon a disk that had no room, or failed, is tried again. */
export const retryAfterMs = 30_000;

/** A segment as the owner of messages sees it. */
export interface Segment {
  /** Messages in it that are alive. The owner takes off those that are no more. */
  live: number;
}

export interface WritableSegment extends Segment, OpenedSegment {
  head: OpenedSegment['head'];
  /** Where the next frame goes. */
  position: number;
}

export interface SegmentsParts {
  readonly directory: JournalDirectory;
  readonly clock: Clock;
  readonly log: Log;
  readonly segmentBytes?: number | undefined;
  readonly segmentsMax?: number | undefined;
}

export interface SegmentsContext {
  /** Only an open journal gets new files. */
  readonly isOpen: () => boolean;
  /** The segment is wanted for new mail: what is alive in it has to be saved. */
  readonly onCrowded: (segment: Segment) => void;
}

export class Segments {
  readonly segmentBytes: number;
  readonly #parts: SegmentsParts;
  readonly #context: SegmentsContext;
  readonly #segmentsMax: number;
  /** Oldest first; the last one is being written. */
  #ring: WritableSegment[];
  /** Never used, or of no use any more: what is written next. */
  #spare: WritableSegment[] = [];
  #creating: Promise<void> | undefined;
  #mayCreate = true;
  /** Generations below hold nothing, whatever lies there. */
  readonly #floor: number;
  #generation: number;

  constructor(parts: SegmentsParts, opened: readonly OpenedSegment[], context: SegmentsContext) {
    this.#parts = parts;
    this.#context = context;
    this.segmentBytes = parts.segmentBytes ?? segmentBytesDefault;
    this.#segmentsMax = parts.segmentsMax ?? segmentsMaxDefault;
    this.#generation = opened.at(-1)?.head.generation ?? 0;
    this.#floor = this.#generation + 1;
    this.#ring = opened.map((segment) => ({ ...segment, live: 0, position: segment.file.size }));
  }

  /** What is being written. */
  get current(): WritableSegment | undefined {
    const last = this.#ring.at(-1);
    return last !== undefined && last.head.generation >= this.#floor ? last : undefined;
  }

  /** Something was written since the journal was opened, or begun anew after a failure. */
  get isWritten(): boolean {
    return this.current?.head.generation === this.#generation;
  }

  get isEmpty(): boolean {
    return this.#ring.length === 0 && this.#spare.length === 0;
  }

  /** Whether so much can be written now, if need be into the next segment. */
  hasRoom(bytes: number): boolean {
    const current = this.current;
    if (current !== undefined && current.position + bytes <= this.segmentBytes) return true;
    if (bytes > this.segmentBytes - headBytes) return false;
    this.prepareNext();
    return this.#spare.length > 0;
  }

  /** Sees to it that another segment is there before this one is full. */
  prepareNext(): void {
    const current = this.current;
    if (this.#spare.length > 0 || !this.#context.isOpen()) return;
    const [oldest] = this.#ring;
    if (oldest !== undefined && oldest !== current && oldest.live === 0) {
      this.#ring.shift();
      this.#spare.push(oldest);
    } else if (this.#ring.length < this.#segmentsMax) {
      if (this.#mayCreate) void this.create();
    } else if (oldest !== undefined) {
      this.#context.onCrowded(oldest);
    }
  }

  /** Goes on to the next segment and writes its head; false when there is none. */
  enterNext(firstSequence: number, done: (error: Error | undefined) => void): boolean {
    const next = this.#spare.shift();
    if (next === undefined) return false;
    this.#generation += 1;
    const oldest = this.#ring[0]?.head.generation ?? this.#generation;
    const serial = next.head.serial + 1;
    next.head = {
      serial,
      generation: this.#generation,
      tail: Math.max(oldest, this.#floor),
      firstSequence,
      salt: randomBytes(saltBytes),
    };
    next.position = headBytes;
    this.#ring.push(next);
    next.file.write([encodeHead(next.head)], headPosition(serial), done);
    return true;
  }

  /** Resolves when there is one more file, or it is known that there is no room for it. */
  create(): Promise<void> {
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
      const file = await directory.create(name, encodeHead(head), this.segmentBytes);
      if (this.#context.isOpen()) this.#spare.push({ file, head, position: headBytes, live: 0 });
      else await directory.remove(file);
    } catch (error) {
      log.warn('journal-has-no-room', { error: String(error) });
      this.#mayCreate = false;
      clock.after(retryAfterMs, () => {
        this.#mayCreate = true;
      });
    }
  }

  /** In the newest segment's head: nothing up to here is alive. */
  markEmpty(): Promise<void> {
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

  /** After a failure: no file of before is written again. */
  async removeAll(): Promise<void> {
    const files = [...this.#ring, ...this.#spare].map(({ file }) => file);
    this.#ring = [];
    this.#spare = [];
    for (const file of files) await this.#parts.directory.remove(file);
  }

  /** The file that is being made is there, or is not going to be. */
  async created(): Promise<void> {
    await this.#creating;
  }

  async close(): Promise<void> {
    for (const { file } of [...this.#ring, ...this.#spare]) await file.close().catch(() => {});
  }
}
