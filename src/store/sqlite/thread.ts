// How the store starts its threads. A test may have its own way: see test-threads.ts.

import { Worker } from 'node:worker_threads';

/** Relative to here. */
export type Program = 'worker.ts' | 'reader/reader-worker.ts' | 'history/worker.ts';

/** What of a thread its owner sees. */
export interface Thread {
  postMessage(message: unknown, transfer?: readonly ArrayBuffer[]): void;
  /** As a Worker's. */
  on<T>(event: 'message' | 'messageerror' | 'error' | 'exit', listener: (told: T) => void): unknown;
}

/** `data` is what the program finds as its `workerData`. */
export type StartThread = (program: Program, name: string, data: object) => Thread;

/** SQLite's memory is not V8's: a nursery of 2 MiB (a third of this) is enough. */
const resourceLimits = { maxYoungGenerationSizeMb: 6 } as const;

export const startThread = (program: Program, name: string, workerData: object): Worker => {
  // Under node_modules the compiled file is the one to run.
  const file = import.meta.url.endsWith('.ts') ? program : program.replace(/ts$/, 'js');
  const url = new URL(`./${file}`, import.meta.url);
  return new Worker(url, { workerData, name, resourceLimits });
};
