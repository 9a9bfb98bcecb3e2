// How the store's own thread asks the reader: in a worker that is started when somebody first asks,
// or, for a store in the caller's thread, on its own connection.

import type { Log } from '../../../base/log.ts';
import { TransientMap } from '../../../base/transient-map.ts';
import { StorageError, StoreGoneError } from '../../../smtp/smtp-error.ts';
import { failureOf } from '../failure.ts';
import { DamagedStoreError } from '../group-commit.ts';
import type { Answer } from '../requests.ts';
import type { StartThread, Thread } from '../thread.ts';
import { startThread } from '../thread.ts';
import type { Reader, ReaderOperations, ReaderParts } from './reader.ts';
import type { FromReader, ReaderThreadOptions, ToReader } from './serve-reader.ts';

export interface ReaderClient {
  call<K extends keyof ReaderOperations>(
    operation: K,
    ...args: Parameters<ReaderOperations[K]>
  ): Promise<ReturnType<ReaderOperations[K]>>;
  /** Something changed: there may be work to do ahead. */
  wake(): void;
  close(): Promise<void>;
}

export interface InProcessReaderParts extends ReaderParts {
  /** @throws when the store is gone */
  readonly alive: () => void;
  readonly log: Log;
}

export async function readInProcess({
  alive,
  log,
  ...parts
}: InProcessReaderParts): Promise<ReaderClient> {
  const program = await import('./reader.ts');
  let reader: Reader | undefined;
  let closed = false;
  return {
    async call(operation, ...args) {
      if (closed) throw new StorageError('the store is closed');
      alive();
      reader ??= new program.Reader(parts);
      try {
        return program.readerCall(reader, operation, args) as never;
      } catch (error) {
        throw errorOf({ ok: false, ...failureOf(error) }, log);
      }
    },
    async close() {
      closed = true;
    },
    wake() {},
  };
}

interface Asked {
  readonly resolve: (value: never) => void;
  readonly reject: (error: Error) => void;
}

export class ReaderThread implements ReaderClient {
  readonly #options: ReaderThreadOptions;
  readonly #log: Log;
  readonly #startThread: StartThread;
  #worker: Thread | undefined;
  readonly #asked = new TransientMap<number, Asked>();
  #questions = 0;
  #closed = false;

  constructor(options: ReaderThreadOptions, log: Log, start: StartThread = startThread) {
    this.#options = options;
    this.#log = log;
    this.#startThread = start;
  }

  call<K extends keyof ReaderOperations>(
    operation: K,
    ...args: Parameters<ReaderOperations[K]>
  ): Promise<ReturnType<ReaderOperations[K]>> {
    return new Promise((resolve, reject) => {
      if (this.#closed) return reject(new StorageError('the store is closed'));
      this.#worker ??= this.#start();
      this.#questions += 1;
      const id = this.#questions;
      this.#worker.postMessage({ id, operation, args } satisfies ToReader);
      this.#asked.set(id, { resolve, reject });
    });
  }

  wake(): void {
    this.#worker?.postMessage('wake' satisfies ToReader);
  }

  /** What was asked is answered, or refused where messages would have to be read first. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    const worker = this.#worker;
    if (worker === undefined) return;
    await new Promise<void>((resolve) => {
      worker.on('exit', () => resolve());
      worker.postMessage('close');
    });
  }

  #start(): Thread {
    const worker = this.#startThread('reader/reader-worker.ts', 'reader', this.#options);
    worker.on('message', ({ id, answer }: FromReader) => {
      const asked = this.#asked.get(id);
      this.#asked.delete(id);
      if (answer.ok) asked?.resolve(answer.value as never);
      else {
        const error = errorOf(answer, this.#log);
        asked?.reject(error);
      }
    });
    // It holds nothing that cannot be read again: the next question starts another one.
    const fail = (cause: unknown) => {
      if (this.#worker !== worker) return;
      this.#worker = undefined;
      if (!this.#closed) this.#log.error('reader-stopped', { error: String(cause) });
      const error = new StoreGoneError('the reader has stopped', { cause });
      const asked = [...this.#asked.values()];
      this.#asked.clear();
      for (const { reject } of asked) reject(error);
    };
    worker.on('error', fail);
    worker.on('messageerror', fail);
    worker.on('exit', (code) => fail(new Error(`the reader's thread ended with ${code}`)));
    return worker;
  }
}

function errorOf({ kind, message }: Answer & { readonly ok: false }, log: Log): Error {
  switch (kind) {
    case 'storage':
      return new StorageError(message);
    case 'damaged':
      log.error('store-damaged', { error: message });
      return new DamagedStoreError(message);
    case 'refused':
    case 'bug':
      log.error('store-failed', { error: message });
      return new Error(message);
  }
}
