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
  /** The first octets, before it ends: for whoever wants to know what was refused. */
  head?(): Uint8Array;
  /** Small content is handed back in memory; large content is a file, synced with its directory. */
  commit(): Promise<StoredContent>;
  /** Content that was handed back in memory is kept by somebody else now, or by nobody. */
  release(): void;
  /** Removes every trace; never throws. */
  abort(): Promise<void>;
}

export interface Spool extends AsyncDisposable {
  /** With `relayed` content that is not small may come back in memory, too, for the journal. */
  create(options?: { readonly relayed: boolean }): ContentWriter;
  /** Writes content that came back in memory to a file after all. @throws StorageError */
  store(bytes: Uint8Array): Promise<StoredContent>;
  open(stored: StoredContent): Content;
  /** Removes the file of content that no row refers to, once nobody holds it. Never throws. */
  remove(key: string): Promise<void>;
}

/** What maintenance asks of a spool. */
export interface SpoolUpkeep {
  /** Until the hold is released no file is removed: somebody copies them. */
  hold(): () => void;
  /** Whether content is on the disk, whatever is known of it in memory. @throws ContentError */
  look(content: { readonly key: string; readonly size: number }): Promise<void>;
  /** Takes what lies in the place of content out of the way; returns where to, if there is anything. */
  setAside(key: string): Promise<string | undefined>;
}
