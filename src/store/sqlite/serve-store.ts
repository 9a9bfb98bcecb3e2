// What the store's thread does: opens the database, runs the batches it is sent, answers each with one message.

import type { DatabaseSync } from 'node:sqlite';
import type { MessagePort } from 'node:worker_threads';
import { systemClock } from '../../base/clock.ts';
import { messageOf } from '../../base/error-text.ts';
import { keepThreadMemory } from '../../base/memory-keeper.ts';
import type { OpenProblem } from '../open-error.ts';
import { StoreOpenError } from '../open-error.ts';
import { unpackContents } from './batch-contents.ts';
import { openDatabase, openError, releasePages } from './database.ts';
import { Engine } from './engine.ts';
import type { BatchResult, Request } from './requests.ts';
import { headReader } from './spool-head.ts';

export interface StoreThreadOptions {
  readonly path: string;
  readonly spoolDirectory: string;
  readonly exclusive: boolean;
  readonly now: number;
  readonly pagesMax?: number | undefined;
}

export type ToWorker =
  | {
      readonly kind: 'batch';
      readonly requests: readonly Request[];
      readonly pack: ArrayBuffer | undefined;
    }
  | { readonly kind: 'close' };

export type FromWorker =
  | { readonly kind: 'ready'; readonly recovered: number }
  | {
      readonly kind: 'not-opened';
      readonly problem: OpenProblem | undefined;
      readonly text: string;
    }
  | { readonly kind: 'result'; readonly result: BatchResult };

export function serveStore(options: StoreThreadOptions, port: MessagePort): void {
  const say = (message: FromWorker, transfer: readonly ArrayBuffer[] = []) =>
    port.postMessage(message, [...transfer]);
  let engine: Engine;
  let letGo: () => void;
  try {
    const database = openDatabase(options);
    engine = openEngine(database, options);
    letGo = keepThreadMemory({
      clock: systemClock(),
      rest: () => releasePages(database),
      collectsFirst: true,
    });
  } catch (error) {
    const problem = error instanceof StoreOpenError ? error.problem : undefined;
    const text = messageOf(error);
    say({ kind: 'not-opened', problem, text });
    port.close();
    return;
  }
  port.on('message', (message: ToWorker) => {
    if (message.kind === 'close') {
      letGo();
      engine.close();
      port.close();
      return;
    }
    unpackContents(message.requests, message.pack);
    const { transfer, ...result } = engine.transaction(message.requests);
    say({ kind: 'result', result: { ...result, transfer: [] } }, transfer);
  });
  say({ kind: 'ready', recovered: engine.recovered });
}

function openEngine(
  database: DatabaseSync,
  { path, spoolDirectory, exclusive, now }: StoreThreadOptions,
): Engine {
  try {
    return new Engine({ database, exclusive, now, readHead: headReader(spoolDirectory) });
  } catch (error) {
    database.close();
    throw openError(path, error);
  }
}
