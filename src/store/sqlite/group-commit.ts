// Group commit: while the engine commits one batch, calls gather; the next batch takes them all, so
// that a flush of the disk is shared by everybody who waited for it. What was committed without a
// flush is flushed within a second even if nothing follows.

import type { Clock } from '../../base/clock.ts';
import type { Log } from '../../base/log.ts';
import type { Histogram } from '../../base/metrics.ts';
import { StorageError } from '../../smtp/smtp-error.ts';
import { NoSuchFolderError } from '../folder-errors.ts';
import type { MailboxEvent } from '../folder-store.ts';
import { durabilities } from './request-durability.ts';
import type {
  Answer,
  BatchResult,
  ContentRow,
  Durability,
  Request,
  RequestName,
  Requests,
} from './requests.ts';
import type { Transport } from './transport.ts';

// Limit: what one transaction carries, so that nobody waits long for others' messages.
const batchRequestsMax = 1000;
const batchBytesMax = 8 * 2 ** 20;
// Batches on their way: the engine has none to wait for while we read the answers to the last one.
const batchesMax = 1;
// How long something committed may stay unflushed: a power failure then costs second deliveries.
const flushAfterMs = 1000;

// Nobody is kept by these: they ride along with the next message, which saves a transaction of their
// own and a turn of both threads. Limit: after a crash what was not sent yet is done a second time.
const patient: ReadonlySet<RequestName> = new Set(['settle', 'release', 'leaveRecent']);
const patienceMs = 5;
const patientMax = 100;

/** Clients hear what they hear of a full disk; while opening it is a reason not to start. */
export class DamagedStoreError extends StorageError {}

interface Waiting {
  readonly request: Request;
  readonly bytes: number;
  readonly resolve: (value: never) => void;
  readonly reject: (error: Error) => void;
}

export interface GroupCommitParts {
  readonly transport: Transport;
  readonly clock: Clock;
  readonly log: Log;
  readonly removeFile: (key: string) => void;
  /** What a transaction changed in the mailboxes; readers see it already. */
  readonly touched?: (events: readonly MailboxEvent[]) => void;
  /** How long batches that were flushed took. */
  readonly flushSeconds?: Histogram | undefined;
}

export class GroupCommit {
  readonly #parts: GroupCommitParts;
  #waiting: Waiting[] = [];
  #underWay = 0;
  #gathering = false;
  /** Some of those waiting would rather not wait. */
  #urgent = false;
  #cancelPatience: (() => void) | undefined;
  #closed = false;
  #refusing = false;
  #refusal: string | undefined;
  readonly #freedFiles: string[] = [];
  #idle: (() => void) | undefined;
  #cancelFlush: (() => void) | undefined;

  constructor(parts: GroupCommitParts) {
    this.#parts = parts;
  }

  call<K extends RequestName>(
    name: K,
    args: Parameters<Requests[K]>,
    contents: readonly ContentRow[] = noContents,
    durability: Durability = durabilities[name],
  ): Promise<ReturnType<Requests[K]>> {
    return new Promise((resolve, reject) => {
      if (this.#closed) {
        reject(new StorageError('the store is closed'));
        return;
      }
      if (this.#refusal !== undefined && durability !== 'read') {
        reject(new StorageError(this.#refusal));
        return;
      }
      let bytes = 0;
      for (const content of contents) bytes += content.bytes?.length ?? 0;
      const request: Request = { name, args, durability, contents };
      this.#waiting.push({ request, bytes, resolve, reject });
      this.#urgent ||= durability !== 'lazy' || !patient.has(name);
      this.#gather();
    });
  }

  /** From now on nothing is changed any more: it would not last. */
  refuse(reason: string): void {
    this.#refusal = reason;
  }

  /** Everything asked for is answered, and flushed. */
  async close(): Promise<void> {
    if (this.#closed) return;
    if (this.#cancelFlush !== undefined || this.#waiting.length > 0)
      await this.call('flush', []).catch(() => {});
    this.#closed = true;
    this.#cancelFlush?.();
    if (this.#underWay > 0 || this.#waiting.length > 0)
      await new Promise<void>((resolve) => {
        this.#idle = resolve;
      });
    await this.#parts.transport.close();
  }

  #gather(): void {
    if (this.#gathering || this.#underWay >= batchesMax) return;
    if (!this.#urgent && this.#waiting.length < patientMax && this.#parts.transport.patient) {
      this.#cancelPatience ??= this.#wait();
      return;
    }
    this.#cancelPatience?.();
    this.#cancelPatience = undefined;
    this.#gathering = true;
    this.#parts.transport.gather(() => {
      this.#gathering = false;
      this.#send();
    });
  }

  /** What nobody waits for goes with what somebody does, if that comes soon. */
  #wait(): () => void {
    const timer = setTimeout(() => {
      this.#urgent = true;
      this.#gather();
    }, patienceMs);
    return () => clearTimeout(timer);
  }

  #send(): void {
    const batch = this.#nextBatch();
    this.#underWay += 1;
    const began = performance.now();
    this.#parts.transport.run(batch.map(({ request }) => request)).then(
      (result) => {
        if (!result.unflushed)
          this.#parts.flushSeconds?.observe((performance.now() - began) / 1000);
        this.#answer(batch, result);
      },
      (error: Error) => {
        this.#underWay -= 1;
        for (const { reject } of batch) reject(error);
        this.#next();
      },
    );
  }

  #nextBatch(): Waiting[] {
    let count = 0;
    let bytes = 0;
    while (count < this.#waiting.length && count < batchRequestsMax && bytes < batchBytesMax) {
      bytes += this.#waiting[count]!.bytes;
      count += 1;
    }
    if (count < this.#waiting.length) return this.#waiting.splice(0, count);
    const all = this.#waiting;
    this.#waiting = [];
    this.#urgent = false;
    return all;
  }

  #answer(
    batch: readonly Waiting[],
    { answers, freedFiles, unflushed, touched }: BatchResult,
  ): void {
    this.#underWay -= 1;
    this.#next();
    if (touched.length > 0) this.#parts.touched?.(touched);
    this.#removeFiles(freedFiles, unflushed);
    this.#noticeRoom(batch, answers);
    for (let i = 0; i < batch.length; i += 1) {
      const answer = answers[i]!;
      if (answer.ok) batch[i]!.resolve(answer.value as never);
      else batch[i]!.reject(this.#error(answer));
    }
    this.#flushSoon(unflushed);
  }

  #noticeRoom(batch: readonly Waiting[], answers: readonly Answer[]): void {
    if (!this.#refusing) return;
    if (!answers.some(({ ok }, i) => ok && batch[i]!.request.durability === 'durable')) return;
    this.#refusing = false;
    this.#parts.log.info('store-accepts-again');
  }

  /** Not before the rows are gone for good: after a power failure they would miss their files. */
  #removeFiles(freed: readonly string[], unflushed: boolean): void {
    for (const key of freed) this.#freedFiles.push(key);
    if (unflushed) return;
    for (const key of this.#freedFiles.splice(0)) this.#parts.removeFile(key);
  }

  #next(): void {
    if (this.#waiting.length > 0) this.#gather();
    else if (this.#underWay === 0) this.#idle?.();
  }

  #flushSoon(unflushed: boolean): void {
    if (!unflushed) {
      this.#cancelFlush?.();
      this.#cancelFlush = undefined;
      return;
    }
    if (this.#closed) return;
    this.#cancelFlush ??= this.#parts.clock.after(flushAfterMs, () => {
      this.#cancelFlush = undefined;
      // Refused, there is no room: what follows tries again, and says so.
      if (!this.#closed) this.call('flush', []).catch(() => {});
    });
  }

  #error(answer: Answer & { readonly ok: false }): Error {
    const { kind, message } = answer;
    switch (kind) {
      case 'storage':
        // Said once: every client that comes while the disk is full hears it by itself.
        if (!this.#refusing) this.#parts.log.error('store-refuses', { error: message });
        this.#refusing = true;
        return new StorageError(message);
      case 'damaged':
        this.#parts.log.error('store-damaged', { error: message });
        return new DamagedStoreError(message);
      case 'refused':
        return new NoSuchFolderError(message);
      case 'bug':
        this.#parts.log.error('store-failed', { error: message });
        return new Error(message);
    }
  }
}

const noContents: readonly ContentRow[] = [];
