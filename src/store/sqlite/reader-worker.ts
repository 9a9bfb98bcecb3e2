// The reader's thread: a connection of its own to the same database. Answers each question with one
// message; typed arrays are handed over.

import { isMainThread, parentPort, workerData } from 'node:worker_threads';
import { openReadDatabase } from './database.ts';
import { failureOf } from './engine.ts';
import type { Answer } from './operation.ts';
import { Reader, readerCall } from './reader.ts';
import { headReader } from './transport.ts';

export interface ReaderWorkerOptions {
  readonly path: string;
  readonly spoolDirectory: string;
}

export interface ToReader {
  readonly operation: string;
  readonly args: readonly unknown[];
}

if (!isMainThread && parentPort !== null) serve(workerData as ReaderWorkerOptions, parentPort);

function serve(options: ReaderWorkerOptions, port: NonNullable<typeof parentPort>): void {
  const database = openReadDatabase(options.path);
  const reader = new Reader({ database, readHead: headReader(options.spoolDirectory) });
  port.on('message', (message: ToReader | 'close') => {
    if (message === 'close') {
      database.close();
      port.close();
      return;
    }
    const { answer, transfer } = answerOf(reader, message);
    port.postMessage(answer, transfer);
  });
}

function answerOf(reader: Reader, { operation, args }: ToReader) {
  try {
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
