// What a transaction leaves behind outside the database: how to take back changes in memory when it
// is rolled back, files that nobody needs once it is committed, buffers that may be handed over.

import type { MailboxEvent } from '../folder-store.ts';

export interface Work {
  /** Runs, in reverse order, if the transaction does not commit. */
  undo(action: () => void): void;
  /** Its last reference is gone: removed after the commit. */
  freeFile(key: string): void;
  transfer(bytes: { readonly buffer: ArrayBufferLike; readonly byteLength: number }): void;
  /** Whoever watches hears of it after the commit. */
  touch(event: MailboxEvent): void;
}
