// Where the engine runs: in a worker thread (a server: commits wait for the disk, the event loop does
// not) or in the caller's own thread (tests and simulations: deterministic, with faults on demand).

import { StoreGoneError } from '../../smtp/smtp-error.ts';
import { StoreOpenError } from '../open-error.ts';
import { packContents } from './batch-contents.ts';
import type { EngineOptions } from './engine.ts';
import type { Answer, BatchResult, Request } from './requests.ts';
import type { FromWorker, StoreThreadOptions, ToWorker } from './serve-store.ts';
import type { StartThread } from './thread.ts';
import { startThread } from './thread.ts';

export interface Transport {
  /** Recipients whose leases ended with the last process. */
  readonly recovered: number;
  /** Batches are run in order. @throws StorageError when the engine is gone */
  run(requests: readonly Request[]): Promise<BatchResult>;
  /** Calls back soon: what is asked for until then goes into one batch. */
  gather(callback: () => void): void;
  /** Whether it is worth waiting for company in real time. */
  readonly patient: boolean;
  /** What a reader in this thread needs, if the engine is in it. */
  readonly local?: Pick<EngineOptions, 'database' | 'readHead'>;
  /** Whether a simulated crash ended it. @throws StoreCrashedError */
  readonly alive?: () => void;
  close(): Promise<void>;
}

/** What a simulation lets happen to a batch; `names` are those of its requests. */
export type Fault =
  /** Nothing is applied, every request gets a StorageError. */
  | 'full'
  /** The process dies: nothing is applied, nobody hears anything any more. */
  | 'crash-before'
  /** The process dies: all of it is durable, nobody hears of it. */
  | 'crash-after';

export type Faults = (names: readonly string[]) => Fault | undefined;

/** Rejections after a simulated crash, so that a test can tell them from others. */
export class StoreCrashedError extends StoreGoneError {}

export interface InProcessOptions extends EngineOptions {
  /** Whether the database ends with the store. */
  readonly closes: boolean;
}

/** A server whose engine is in a worker does not read its program here. */
export async function openInProcess(
  options: InProcessOptions,
  faults?: Faults,
): Promise<Transport> {
  const { Engine } = await import('./engine.ts');
  const engine = new Engine(options);
  let crashed = false;
  const crash = (): never => {
    if (!crashed && options.closes) engine.close();
    crashed = true;
    throw new StoreCrashedError('the store crashed');
  };
  return {
    recovered: engine.recovered,
    async run(requests) {
      if (crashed) crash();
      const fault = faults?.(requests.map(({ name }) => name));
      if (fault === 'crash-before') crash();
      if (fault === 'full') return fullResult(requests.length);
      const result = engine.transaction(requests);
      if (fault === 'crash-after') crash();
      return result;
    },
    gather: queueMicrotask,
    patient: false,
    local: options,
    alive() {
      if (crashed) crash();
    },
    async close() {
      if (options.closes && !crashed) engine.close();
    },
  };
}

/** Beside a database that must not be written to: what only reads is answered, and nothing else is done. */
export const reading = (transport: Transport): Transport => ({
  ...transport,
  async run(requests) {
    if (requests.every(({ durability }) => durability === 'read')) return transport.run(requests);
    const reads = requests.flatMap(({ durability }, i) => (durability === 'read' ? [i] : []));
    const read = await transport.run(reads.map((i) => requests[i]!));
    return { ...read, answers: requests.map((_, i) => read.answers[reads.indexOf(i)] ?? noRoom) };
  },
});

const noRoom: Answer = { ok: false, kind: 'storage', message: 'the disk is full: make room on it' };

function fullResult(count: number): BatchResult {
  const answer = { ok: false, kind: 'storage', message: 'database or disk is full' } as const;
  return {
    answers: new Array(count).fill(answer),
    ...{ freedFiles: [], unflushed: false, touched: [], transfer: [] },
  };
}

export interface WorkerTransportOptions extends StoreThreadOptions {
  /** The worker died: what waits and what comes is rejected; the server should end, loudly. */
  readonly onFailure: (error: Error) => void;
  readonly start?: StartThread | undefined;
}

/** @throws StoreOpenError */
export async function openInWorker(options: WorkerTransportOptions): Promise<Transport> {
  const { onFailure, start = startThread, ...data } = options;
  const worker = start('worker.ts', 'store', data);
  const waiting: { resolve(result: BatchResult): void; reject(error: Error): void }[] = [];
  let ended: Error | undefined;
  let closed: (() => void) | undefined;
  let opened = false;

  const recovered = await new Promise<number>((resolve, reject) => {
    worker.on('message', (message: FromWorker) => {
      switch (message.kind) {
        case 'result':
          waiting.shift()?.resolve(message.result);
          return;
        case 'ready':
          opened = true;
          resolve(message.recovered);
          return;
        case 'not-opened':
          reject(
            message.problem === undefined
              ? new Error(message.text)
              : new StoreOpenError(message.problem, message.text),
          );
          return;
      }
    });
    const fail = (cause: unknown) => {
      if (ended !== undefined) return;
      ended = new StoreGoneError('the store has stopped', { cause });
      reject(ended);
      for (const { reject: give } of waiting.splice(0)) give(ended);
      if (opened && closed === undefined) onFailure(ended);
    };
    worker.on('error', fail);
    worker.on('messageerror', fail);
    worker.on('exit', (code) => {
      fail(new Error(`the store's thread ended with ${code}`));
      closed?.();
    });
  });

  const post = (message: ToWorker, transfer: ArrayBuffer[] = []) =>
    worker.postMessage(message, transfer);
  return {
    recovered,
    run(requests) {
      return new Promise((resolve, reject) => {
        if (ended !== undefined) return reject(ended);
        const pack = packContents(requests);
        post({ kind: 'batch', requests, pack }, pack === undefined ? [] : [pack]);
        // Only what has gone is answered: there may be no memory for it, or no copy of it.
        waiting.push({ resolve, reject });
      });
    },
    // All that the event loop has read in this turn.
    gather: setImmediate,
    patient: true,
    async close() {
      if (ended !== undefined) return;
      await new Promise<void>((resolve) => {
        closed = resolve;
        post({ kind: 'close' });
      });
    },
  };
}
