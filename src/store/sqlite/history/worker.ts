// The thread of the history's index: answers what is asked, and follows the history's files when the machine has
// little else to do.

import { isMainThread, parentPort, workerData } from 'node:worker_threads';
import { systemClock } from '../../../base/clock.ts';
import { messageOf } from '../../../base/error-text.ts';
import type { MessagesAsked, RefusalsAsked } from '../../history-search.ts';
import { machineIdleMs, ReaderAhead } from '../reader/reader-ahead.ts';
import { HistoryIndex } from './history-index.ts';

export interface HistoryWorkerOptions {
  readonly directory: string;
  readonly path: string;
}

export type HistoryQuestion = { readonly id: number } & (
  | { readonly kind: 'messages'; readonly asked: MessagesAsked }
  | { readonly kind: 'refusals'; readonly asked: RefusalsAsked }
);

export type ToHistory = HistoryQuestion | 'wake' | 'close';

export type FromHistory =
  | { readonly id: number; readonly value: unknown }
  | { readonly id: number; readonly error: string };

/** Who asked for what is done ahead; questions have numbers from 1. */
const nobody = 0;
/** While somebody looks, what is recorded is read without regard to how busy the machine is. */
const lookedAtMs = 30_000;

if (!isMainThread && parentPort !== null) serve(workerData as HistoryWorkerOptions, parentPort);

function serve(options: HistoryWorkerOptions, port: NonNullable<typeof parentPort>): void {
  const clock = systemClock();
  const index = new HistoryIndex({ ...options, now: () => clock.now() });
  let askedAt = Number.NEGATIVE_INFINITY;
  const ahead = new ReaderAhead({
    ...{ reader: index, clock },
    idleMs: () => (clock.now() - askedAt < lookedAtMs ? undefined : machineIdleMs()),
    failed: (error) =>
      port.postMessage({ id: nobody, error: messageOf(error) } satisfies FromHistory),
  });
  ahead.wake();
  port.on('message', (message: ToHistory) => {
    if (message === 'wake') return ahead.wake();
    if (message === 'close') {
      ahead.stop();
      index.close();
      port.close();
      return undefined;
    }
    askedAt = clock.now();
    port.postMessage(answerTo(index, message));
    return ahead.wake();
  });
}

function answerTo(index: HistoryIndex, question: HistoryQuestion): FromHistory {
  const { id } = question;
  try {
    const value =
      question.kind === 'messages'
        ? index.messages(question.asked)
        : index.refusals(question.asked);
    return { id, value };
  } catch (error) {
    return { id, error: messageOf(error) };
  }
}
