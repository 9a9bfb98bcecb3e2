// Where content lies while it is received, and large content for as long as it is needed.

import type { Content, StoredContent } from './content.ts';

/** One message being received. Exactly one of commit() and abort() ends it. */
export interface ContentWriter {
  /** Octets so far. */
  readonly size: number;
  /**
   * Copies `bytes`. Returns a promise only when the caller must wait (back-pressure).
   * @throws StorageError (at once or by the promise) when there is no room.
   */
  write(bytes: Uint8Array): Promise<void> | undefined;
  /** Small content is handed back in memory; large content is a file, synced with its directory. */
  commit(): Promise<StoredContent>;
  /** Removes every trace; never throws. */
  abort(): Promise<void>;
}

export interface Spool extends AsyncDisposable {
  create(): ContentWriter;
  open(stored: StoredContent): Content;
  /** Removes the file of content that no row refers to. Never throws. */
  remove(key: string): Promise<void>;
}
