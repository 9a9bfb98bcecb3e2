// History in append-only files of JSON lines, DIR/000001.jsonl and so on. Events gather in memory and
// are written together, off the message path; files are rotated by size and the oldest removed. A
// full disk costs events (counted and logged), never mail; a file that somebody removes or moves away
// is begun anew. find() streams the files, newest first.

import { type FileHandle, mkdir, open, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../../base/clock.ts';
import { stackOf } from '../../base/error-text.ts';
import type { Log } from '../../base/log.ts';
import type { HistoryEvent, HistoryStore, RefusedEvent } from '../history.ts';
import {
  bareMessageId,
  historyEventsMax,
  historyLineBytesMax,
  refusalKeys,
  refusalMatcher,
  refusalsMax,
  sameMessageId,
} from '../history.ts';

export interface FileHistoryOptions {
  readonly directory: string;
  readonly clock: Clock;
  readonly log: Log;
  /** Octets of all files together, about. */
  readonly bytesMax?: number;
  /** Hears of everything that is recorded. */
  readonly onRecorded?: ((event: HistoryEvent) => void) | undefined;
  /** So many octets were written. */
  readonly onWritten?: ((bytes: number) => void) | undefined;
  /** These are the files of refusals, and have no others beside them. */
  readonly isOfRefusals?: boolean;
}

/** How long an event may wait for company. */
const gatherMs = 50;
/** Events that are put into words together, at most. */
const togetherMax = 64;
/** Limit: what may wait when the disk does not take it; some 20,000 events. */
const pendingBytesMax = 8 * 2 ** 20;
const fileBytes = 32 * 2 ** 20;
const chunkBytes = 2 ** 20;
/** Limit: refusals have files of this part of the size, beside those of messages. */
const refusedShare = 8;
/** Limit: messages that share one Message-ID; the newest are shown. */
const idsMax = 20;

export class FileHistory implements HistoryStore {
  readonly #options: FileHistoryOptions;
  #fileBytesMax = fileBytes;
  #bytesMax = 20 * fileBytes;
  #unspelled: HistoryEvent[] = [];
  #pending: string[] = [];
  #pendingBytes = 0;
  #dropped = 0;
  #cancelTimer: (() => void) | undefined;
  #writing: Promise<void> | undefined;
  #file: HistoryFile | undefined;
  #failing = false;
  #isClosed = false;
  /** Refusals have files of their own, so that a flood of them costs no message its story. */
  #refused: FileHistory | undefined;

  constructor(options: FileHistoryOptions) {
    this.#options = options;
    this.resize(options.bytesMax ?? 20 * fileBytes);
  }

  /** What is too much now goes when the next file begins. */
  resize(bytesMax: number): void {
    this.#bytesMax = bytesMax;
    // Even a small history keeps some of its past when a file is removed.
    this.#fileBytesMax = Math.min(fileBytes, bytesMax / 4);
    this.#refused?.resize(bytesMax / refusedShare);
  }

  record(event: HistoryEvent): void {
    this.#keep(event);
    if (!this.#options.isOfRefusals) this.#options.onRecorded?.(event);
  }

  #keep(event: HistoryEvent): void {
    if (this.#isClosed) return;
    if (event.kind === 'refused' && !this.#options.isOfRefusals) {
      this.#ofRefusals().record(event);
      return;
    }
    if (this.#pendingBytes > pendingBytesMax) {
      this.#dropped += 1;
      return;
    }
    this.#unspelled.push(event);
    if (this.#unspelled.length >= togetherMax) this.#spell();
    if (this.#writing === undefined) this.#cancelTimer ??= this.#writeLater();
  }

  /** Many at once, since the first of them takes seven times as long as those behind it. */
  #spell(): void {
    const events = this.#unspelled;
    this.#unspelled = [];
    for (const event of events) {
      const line = JSON.stringify(event);
      this.#pending.push(line);
      this.#pendingBytes += line.length;
    }
  }

  async flush(): Promise<void> {
    await this.#refused?.flush();
    await this.#writing;
    await this.#write();
  }

  async find(idOrMessageId: string): Promise<readonly HistoryEvent[]> {
    await this.flush();
    const ids = [idOrMessageId, ...(await this.#idsOf(idOrMessageId))];
    const events: HistoryEvent[] = [];
    for (const id of new Set(ids)) events.push(...(await this.#findId(id)));
    return events.sort((a, b) => a.at - b.at).slice(0, historyEventsMax);
  }

  async findRefused(text: string): Promise<readonly RefusedEvent[]> {
    if (!this.#options.isOfRefusals) return this.#ofRefusals().findRefused(text);
    await this.flush();
    const matches = refusalMatcher(text);
    const found = new Set<RefusedEvent>();
    for (const file of await this.#files()) {
      const here = new Map<string, RefusedEvent>();
      for (const key of new Set([text, ...refusalKeys(text)]))
        for await (const event of this.#eventsWith(file, JSON.stringify(key)))
          if (matches(event)) here.set(JSON.stringify(event), event);
      for (const event of [...here.values()].sort((a, b) => b.at - a.at)) found.add(event);
      if (found.size >= refusalsMax) break;
    }
    return [...found].slice(0, refusalsMax).sort((a, b) => a.at - b.at);
  }

  /** What is recorded later is not kept: a connection may end after all else. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    await this.#refused?.[Symbol.asyncDispose]();
    await this.flush();
    // What the disk has not taken by now it never will: nothing is opened any more.
    const lost = this.#pending.length + this.#dropped;
    if (lost > 0) this.#options.log.warn('history lost', { events: lost });
    this.#pending = [];
    this.#cancelTimer?.();
    await this.#file?.handle.close();
  }

  #ofRefusals(): FileHistory {
    const directory = join(this.#options.directory, 'refused');
    const bytesMax = this.#bytesMax / refusedShare;
    this.#refused ??= new FileHistory({
      ...this.#options,
      directory,
      bytesMax,
      isOfRefusals: true,
    });
    return this.#refused;
  }

  #writeLater(): () => void {
    return this.#options.clock.after(gatherMs, () => {
      this.#cancelTimer = undefined;
      void this.#write();
    });
  }

  /** Writes all that waits; one write at a time. Never rejects. */
  #write(): Promise<void> {
    this.#writing ??= this.#append().finally(() => {
      this.#writing = undefined;
      if (this.#pending.length + this.#unspelled.length > 0)
        this.#cancelTimer ??= this.#writeLater();
    });
    return this.#writing;
  }

  async #append(): Promise<void> {
    this.#spell();
    if (this.#pending.length === 0) return;
    let taken: { readonly lines: readonly string[]; readonly bytes: number } | undefined;
    try {
      await this.#letGoIfMoved();
      this.#file ??= await this.#open();
      const file = this.#file;
      taken = { lines: this.#pending, bytes: this.#pendingBytes };
      this.#pending = [];
      this.#pendingBytes = 0;
      const data = Buffer.from(`${taken.lines.join('\n')}\n`);
      await file.handle.writeFile(data);
      taken = undefined;
      file.size += data.length;
      this.#options.onWritten?.(data.length);
      if (file.size >= this.#fileBytesMax) await this.#rotate(file);
      if (this.#dropped > 0) this.#options.log.warn('history lost', { events: this.#dropped });
      this.#dropped = 0;
      this.#failing = false;
    } catch (error) {
      if (!this.#failing) this.#options.log.warn('history not written', { error: stackOf(error) });
      this.#failing = true;
      if (taken !== undefined) {
        this.#pending = [...taken.lines, ...this.#pending];
        this.#pendingBytes += taken.bytes;
      }
      // What was torn is ended by the new line that opening begins with.
      await this.#file?.handle.close().catch(() => {});
      this.#file = undefined;
    }
  }

  /** What is in a file without a name, or by another one, nobody finds. */
  async #letGoIfMoved(): Promise<void> {
    if (this.#file === undefined) return;
    const { path, handle, inode } = this.#file;
    const found = await stat(path).catch(() => undefined);
    if (found?.ino === inode) return;
    this.#file = undefined;
    await handle.close();
    this.#options.log.warn('history begun anew', { path, reason: 'it was removed or moved away' });
  }

  async #open(): Promise<HistoryFile> {
    const { directory } = this.#options;
    await mkdir(directory, { recursive: true, mode: 0o700 });
    const last = (await this.#files()).at(0);
    const file = await openForAppending(join(directory, last ?? fileName(1)));
    if (file.size >= this.#fileBytesMax) {
      await file.handle.close();
      return this.#openNext(last);
    }
    try {
      // A crash may have torn the last line: the next one begins on its own.
      if (file.size > 0) await file.handle.write('\n');
    } catch (error) {
      await file.handle.close();
      throw error;
    }
    return file;
  }

  #openNext(last: string | undefined): Promise<HistoryFile> {
    const name = fileName(Number.parseInt(last ?? '0', 10) + 1);
    return openForAppending(join(this.#options.directory, name));
  }

  async #rotate({ handle }: HistoryFile): Promise<void> {
    const { directory } = this.#options;
    await handle.close();
    const files = await this.#files();
    // Before the old ones are removed: where all of them are, the next start would give their numbers again.
    this.#file = await this.#openNext(files[0]);
    let bytes = 0;
    for (const old of files) {
      const path = join(directory, old);
      // Files of before a resize may be larger than they would be now.
      bytes += (await stat(path).catch(() => ({ size: 0 }))).size;
      if (bytes > this.#bytesMax) await rm(path, { force: true });
    }
  }

  /** Newest first. */
  async #files(): Promise<string[]> {
    const names = await readdir(this.#options.directory).catch(() => []);
    const ours = names.filter((name) => /^\d{6,15}\.jsonl$/.test(name));
    return ours.sort((a, b) => Number.parseInt(b, 10) - Number.parseInt(a, 10));
  }

  async #findId(id: string): Promise<HistoryEvent[]> {
    const found: HistoryEvent[] = [];
    for (const file of await this.#files()) {
      for await (const event of this.#eventsWith(file, JSON.stringify(id))) {
        if (event.id === id) found.push(event);
        if (found.length >= historyEventsMax) return found;
      }
      // It was received in this file: older ones know nothing of it.
      if (found.some(({ kind }) => kind === 'received')) break;
    }
    return found;
  }

  async #idsOf(messageId: string): Promise<string[]> {
    let ids: string[] = [];
    const needle = JSON.stringify(bareMessageId(messageId)).slice(1, -1);
    if (needle === '') return ids;
    for (const file of await this.#files()) {
      const here: string[] = [];
      for await (const event of this.#eventsWith(file, needle))
        if (event.kind === 'received' && sameMessageId(event.messageId, messageId))
          here.push(event.id);
      ids = [...here, ...ids].slice(-idsMax);
      if (ids.length >= idsMax) break;
    }
    return ids;
  }

  /** The events of a file whose line holds `needle`; lines that are damaged are skipped. */
  async *#eventsWith(name: string, needle: string): AsyncGenerator<HistoryEvent> {
    let handle: FileHandle;
    try {
      handle = await open(join(this.#options.directory, name));
    } catch {
      return; // rotated away meanwhile
    }
    try {
      for await (const line of linesWith(handle, Buffer.from(needle))) {
        try {
          yield JSON.parse(line) as HistoryEvent;
        } catch {}
      }
    } finally {
      await handle.close();
    }
  }
}

interface HistoryFile {
  readonly path: string;
  readonly handle: FileHandle;
  readonly inode: number;
  size: number;
}

async function openForAppending(path: string): Promise<HistoryFile> {
  const handle = await open(path, 'a', 0o600);
  try {
    const { ino: inode, size } = await handle.stat();
    return { path, handle, inode, size };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

async function* linesWith(handle: FileHandle, needle: Buffer): AsyncGenerator<string> {
  let kept: Buffer = Buffer.alloc(0);
  for (;;) {
    const { bytesRead, buffer } = await handle.read(Buffer.allocUnsafe(chunkBytes), 0, chunkBytes);
    if (bytesRead === 0) return;
    const read = buffer.subarray(0, bytesRead);
    const data = kept.length === 0 ? read : Buffer.concat([kept, read]);
    const end = data.lastIndexOf(0x0a) + 1;
    const lines = data.subarray(0, end);
    for (let at = lines.indexOf(needle); at >= 0; ) {
      const lineEnd = lines.indexOf(0x0a, at);
      yield lines.toString('utf8', lines.lastIndexOf(0x0a, at) + 1, lineEnd);
      at = lines.indexOf(needle, lineEnd);
    }
    // What is longer than any line of ours is damage.
    kept = data.length - end > historyLineBytesMax ? Buffer.alloc(0) : data.subarray(end);
  }
}

const fileName = (number: number): string => `${String(number).padStart(6, '0')}.jsonl`;
