// What the reader's thread does: it has a connection of its own to the same database. Answers each question with one
// message; typed arrays are handed over. When nobody asks it derives ahead what will be needed, in
// slices that keep nobody waiting, and rests in between: deliveries come first.

import type { MessagePort } from 'node:worker_threads';
import { systemClock } from '../../../base/clock.ts';
import { keepThreadMemory } from '../../../base/memory-keeper.ts';
import { openReadDatabase, releasePages } from '../database.ts';
import { failureOf } from '../failure.ts';
import type { Answer } from '../requests.ts';
import { headReader } from '../spool-head.ts';
import { KeptColumns } from './kept-columns.ts';
import { Reader, readerCall } from './reader.ts';
import { machineIdleMs, ReaderAhead } from './reader-ahead.ts';

export interface ReaderThreadOptions {
  readonly path: string;
  readonly searchPath: string;
  readonly spoolDirectory: string;
  readonly keepsUp?: boolean | undefined;
}

export type ToReader =
  | { readonly id: number; readonly operation: string; readonly args: readonly unknown[] }
  | 'wake'
  | 'close';

export interface FromReader {
  readonly id: number;
  readonly answer: Answer;
}

type Question = Exclude<ToReader, string>;

/** Who asked for what is done ahead; questions have numbers from 1. */
const nobody = 0;

// Limit: how long it works on one answer while others may be waiting for theirs.
const turnMs = 25;

export function serveReader(options: ReaderThreadOptions, port: MessagePort): void {
  const { path, searchPath, spoolDirectory, keepsUp } = options;
  const database = openReadDatabase(path);
  const reader = new Reader({ database, searchPath, readHead: headReader(spoolDirectory) });
  const clock = systemClock();
  // Whoever reads within a transaction that was left open sees the past, for ever.
  const rollBack = () => {
    if (database.isTransaction) database.exec('ROLLBACK');
  };
  const failed = (error: unknown) => {
    rollBack();
    const answer = { ok: false, ...failureOf(error) } satisfies Answer;
    port.postMessage({ id: nobody, answer } satisfies FromReader);
  };
  const ahead = new ReaderAhead({ reader, clock, idleMs: machineIdleMs, keepsUp, failed });
  ahead.wake();
  // Its garbage is the largest, and the question after it not the one that counts.
  const columns = new KeptColumns(clock, reader);
  const rest = () => {
    releasePages(database);
    columns.rest();
  };
  const letGo = keepThreadMemory({ clock, rest, restBefore: { muchMs: 1_000, someMs: 1_000 } });
  // What has to read messages first takes turns with what can be answered at once.
  const unready: Question[] = [];
  const give = (question: Question): boolean => {
    if (question.operation === 'mails') columns.seen();
    const end = performance.now() + turnMs;
    const given = answerOf(reader, question, () => performance.now() >= end);
    if (given === undefined) return false;
    if (!given.answer.ok) rollBack();
    port.postMessage(
      { id: question.id, answer: given.answer } satisfies FromReader,
      given.transfer,
    );
    return true;
  };
  const goOn = () => {
    const question = unready.shift();
    if (question === undefined) return;
    if (!give(question)) unready.push(question);
    if (unready.length > 0) setImmediate(goOn);
  };
  // What is not ready by then may be minutes away: nobody can wait for it.
  const close = () => {
    const answer = { ok: false, kind: 'storage', message: 'the store is closed' } as const;
    for (const { id } of unready.splice(0)) port.postMessage({ id, answer } satisfies FromReader);
    ahead.stop();
    letGo();
    columns.stop();
    reader.close();
    database.close();
    port.close();
  };
  port.on('message', (message: ToReader) => {
    switch (message) {
      case 'wake':
        ahead.wake();
        return;
      case 'close':
        close();
        return;
      default:
        if (give(message)) return;
        unready.push(message);
        if (unready.length === 1) setImmediate(goOn);
    }
  });
}

/** Undefined when it is not ready yet. */
function answerOf(reader: Reader, { operation, args }: Question, isOver: () => boolean) {
  try {
    if (!reader.prepare(operation, args, isOver)) return undefined;
    const value = readerCall(reader, operation, args);
    return { answer: { ok: true, value } satisfies Answer, transfer: buffersIn(value) };
  } catch (error) {
    return { answer: { ok: false, ...failureOf(error) } satisfies Answer, transfer: [] };
  }
}

/** Those of the typed arrays in a value, and of the objects in it. */
function buffersIn(value: unknown, depth = 0): ArrayBuffer[] {
  if (ArrayBuffer.isView(value))
    return value.buffer instanceof ArrayBuffer && value.byteLength === value.buffer.byteLength
      ? [value.buffer]
      : [];
  if (typeof value !== 'object' || value === null || depth > 2 || Array.isArray(value)) return [];
  return Object.values(value).flatMap((member) => buffersIn(member, depth + 1));
}
