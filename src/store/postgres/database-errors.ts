// What an error of the database means: that it is away, that two were in each other's way, that something is
// there already, or that we are wrong. https://www.postgresql.org/docs/15/errcodes-appendix.html

import { messageOf } from '../../base/error-text.ts';
import { localError, StorageError, systemFull } from '../../smtp/smtp-error.ts';

/** SQLSTATE, or what the system calls an error of a socket. */
export function codeOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}

export const sqlState = {
  uniqueViolation: '23505',
  serializationFailure: '40001',
  deadlock: '40P01',
  readOnly: '25006',
  diskFull: '53100',
  undefinedTable: '42P01',
  invalidCatalog: '3D000',
} as const;

/** Two transactions were in each other's way: once more, and it goes. */
export const isRepeatable = (error: unknown): boolean => {
  const code = codeOf(error);
  return code === sqlState.serializationFailure || code === sqlState.deadlock;
};

// Connections, insufficient resources, what an operator does, errors of its own system.
const passingClasses = new Set(['08', '28', '53', '57', '58']);
const passingStates = new Set<string>([
  // It was the primary until a moment ago.
  sqlState.readOnly,
  '25P03',
  // Nobody got the lock in time.
  '55P03',
  sqlState.invalidCatalog,
  sqlState.serializationFailure,
  sqlState.deadlock,
]);
const socketErrors =
  /^(ECONNREFUSED|ECONNRESET|EPIPE|ETIMEDOUT|ENOENT|EHOSTUNREACH|ENETUNREACH|ENOTFOUND|EAI_AGAIN|EACCES|ENOBUFS|EMFILE)$/;
/** Said by the driver, without a code. */
const driverErrors =
  /Connection terminated|timeout exceeded when trying to connect|Query read timeout|Client has encountered a connection error|Client was closed|not queryable/;

/** The database is away, full, busy, or not to be written to: it will pass. */
export function isPassing(error: unknown): boolean {
  const code = codeOf(error);
  if (code === undefined) return driverErrors.test(messageOf(error));
  return passingClasses.has(code.slice(0, 2)) || passingStates.has(code) || socketErrors.test(code);
}

/** RFC 3463 §3.4: full is X.3.1; all else is ours, and passes. */
export const storageErrorOf = (error: unknown): StorageError =>
  new StorageError(`the database: ${messageOf(error)}`, {
    cause: error,
    reply: codeOf(error) === sqlState.diskFull ? systemFull : localError,
  });

/** What is to be there once is there already. */
export const isDuplicate = (error: unknown): boolean => codeOf(error) === sqlState.uniqueViolation;
