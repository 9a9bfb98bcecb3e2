// Searches of a history: its index is made and asked in a thread of its own, which begins when there is something to
// do and ends when there was nothing for a while; or in the caller's, for one command.

import { join } from 'node:path';
import type { Worker } from 'node:worker_threads';
import type { Clock } from '../../../base/clock.ts';
import type { Log } from '../../../base/log.ts';
import type { HistorySearch } from '../../history-search.ts';
import { startThread } from '../thread.ts';
import type { HistoryIndex } from './history-index.ts';
import type { FromHistory, HistoryQuestion, HistoryWorkerOptions, ToHistory } from './worker.ts';

export interface HistorySearchOptions {
  /** Of the history's files. The index lies beside them. */
  readonly directory: string;
  readonly clock: Clock;
  readonly log: Log;
}

export interface OpenHistorySearch extends HistorySearch, AsyncDisposable {
  /** So many octets were written to the history. */
  wrote(bytes: number): void;
}

/** What may gather before the thread is begun for it: some 10,000 events, which are read in a moment. */
const gatheredBytes = 4 * 2 ** 20;
/** How long the thread stays when nobody asks and nothing gathers. */
const staysMs = 5 * 60_000;

const indexPath = (directory: string): string => join(directory, 'history.db');

export function openHistorySearch(options: HistorySearchOptions): OpenHistorySearch {
  return new HistorySearchThread(options);
}

/** For one command: nobody else uses the directory. */
export function historySearchHere({ directory, clock }: HistorySearchOptions): OpenHistorySearch {
  const path = indexPath(directory);
  let index: HistoryIndex | undefined;
  const opened = async () => {
    const program = await import('./history-index.ts');
    index ??= new program.HistoryIndex({ directory, path, now: () => clock.now() });
    // Nobody waits for anything else.
    while (index.advance(() => false) !== undefined);
    return index;
  };
  return {
    messages: async (asked) => (await opened()).messages(asked),
    refusals: async (asked) => (await opened()).refusals(asked),
    wrote() {},
    [Symbol.asyncDispose]: async () => index?.close(),
  };
}

interface Asked {
  readonly resolve: (value: never) => void;
  readonly reject: (error: Error) => void;
}

class HistorySearchThread implements OpenHistorySearch {
  readonly #options: HistorySearchOptions;
  readonly #asked = new Map<number, Asked>();
  #worker: Worker | undefined;
  #questions = 0;
  #gathered = 0;
  #cancelEnd: (() => void) | undefined;
  /** When the last thread that was ended has. */
  #ended: Promise<void> | undefined;
  #closed = false;

  constructor(options: HistorySearchOptions) {
    this.#options = options;
  }

  messages(asked: Parameters<HistorySearch['messages']>[0]): ReturnType<HistorySearch['messages']> {
    return this.#ask({ kind: 'messages', asked });
  }

  refusals(asked: Parameters<HistorySearch['refusals']>[0]): ReturnType<HistorySearch['refusals']> {
    return this.#ask({ kind: 'refusals', asked });
  }

  wrote(bytes: number): void {
    this.#gathered += bytes;
    if (this.#gathered < gatheredBytes || this.#closed) return;
    this.#gathered = 0;
    this.#post('wake');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    await this.#end();
  }

  async #ask<Answer>(
    question: HistoryQuestion extends infer One
      ? One extends HistoryQuestion
        ? Omit<One, 'id'>
        : never
      : never,
  ): Promise<Answer> {
    // A thread that is ending answers nobody any more; another one may begin when it has left the index.
    await this.#ended;
    if (this.#closed) throw new Error('the history is closed');
    return new Promise((resolve, reject) => {
      this.#questions += 1;
      const id = this.#questions;
      this.#asked.set(id, { resolve, reject });
      this.#post({ id, ...question });
    });
  }

  #post(message: ToHistory): void {
    this.#worker ??= this.#start();
    this.#worker.postMessage(message);
    this.#cancelEnd?.();
    this.#cancelEnd = this.#options.clock.after(staysMs, () => void this.#end());
  }

  async #end(): Promise<void> {
    this.#cancelEnd?.();
    const worker = this.#worker;
    if (worker === undefined) return;
    this.#ended = new Promise((resolve) => worker.once('exit', () => resolve()));
    worker.postMessage('close' satisfies ToHistory);
    await this.#ended;
  }

  #start(): Worker {
    const { directory } = this.#options;
    const options: HistoryWorkerOptions = { directory, path: indexPath(directory) };
    const worker = startThread('history/worker.ts', 'history', options);
    worker.unref();
    worker.on('message', (message: FromHistory) => this.#answered(message));
    const gone = (problem: string) => this.#gone(worker, problem);
    worker.on('error', (error) => gone(String(error)));
    worker.on('exit', (code) => gone(`its thread ended with ${code}`));
    return worker;
  }

  #answered(message: FromHistory): void {
    const asked = this.#asked.get(message.id);
    this.#asked.delete(message.id);
    if ('value' in message) asked?.resolve(message.value as never);
    else if (asked === undefined) this.#warn(message.error);
    else asked.reject(new Error(message.error));
  }

  /** It holds nothing that cannot be made again: the next question starts another one. */
  #gone(worker: Worker, problem: string): void {
    if (this.#worker !== worker) return;
    this.#worker = undefined;
    if (this.#asked.size > 0) this.#warn(problem);
    for (const { reject } of this.#asked.values()) reject(new Error(problem));
    this.#asked.clear();
  }

  #warn(error: string): void {
    this.#options.log.warn('history not searched', { error });
  }
}
