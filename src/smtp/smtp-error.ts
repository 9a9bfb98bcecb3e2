// The one error type with a reply in it, and the one function that makes a reply of any error.

import type { Reply } from './reply.ts';
import { replies, reply } from './reply.ts';

/** An expected refusal that knows its reply. Anything else thrown is a bug or a broken disk. */
export class SmtpError extends Error {
  override readonly name = 'SmtpError';
  readonly reply: Reply;

  constructor(refusal: Reply, options?: ErrorOptions) {
    super(refusal.lines[0], options);
    this.reply = refusal;
  }
}

export const { localError } = replies;

/** RFC 3463 §3.4: X.3.1, mail system full. */
export const systemFull = reply(452, '3.1', 'Insufficient system storage, try again later');

/** Thrown by stores and spools when there is no room or the disk fails: it will pass. */
export class StorageError extends SmtpError {
  constructor(message: string, options?: ErrorOptions & { readonly reply?: Reply }) {
    super(options?.reply ?? systemFull, options);
    this.message = message;
  }
}

/** The store is gone. Whether it did what it was last asked for is known only after a restart. */
export class StoreGoneError extends StorageError {}

/** Unknown failures are transient and tell nothing: a bug may delay mail, never bounce it. */
export function replyFor(error: unknown): Reply {
  return error instanceof SmtpError ? error.reply : localError;
}
