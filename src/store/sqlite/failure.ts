// What went wrong in a request or a question, as it travels between threads.

import { messageOf } from '../../base/error-text.ts';
import { NoSuchFolderError } from '../folder-errors.ts';
import { StoreOpenError } from '../open-error.ts';
import { DamagedRowError } from '../row.ts';
import { codeOf, sqliteCode } from './database.ts';
import type { Failure } from './requests.ts';

export function failureOf(error: unknown): Failure {
  const message = messageOf(error);
  if (error instanceof DamagedRowError || error instanceof StoreOpenError)
    return { kind: 'damaged', message };
  if (error instanceof NoSuchFolderError) return { kind: 'refused', message };
  switch (codeOf(error)) {
    case sqliteCode.full:
    case sqliteCode.ioError:
    case sqliteCode.busy:
    case sqliteCode.locked:
    case sqliteCode.cannotOpen:
    case sqliteCode.readOnly:
    case sqliteCode.noMemory:
      return { kind: 'storage', message };
    case sqliteCode.corrupt:
    case sqliteCode.notADatabase:
      return { kind: 'damaged', message };
    default:
      return { kind: 'bug', message: error instanceof Error ? (error.stack ?? message) : message };
  }
}
