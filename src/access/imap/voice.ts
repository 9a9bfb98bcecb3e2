// How a conversation is spoken to: what the client turned on, and ways to tell it something.

import type { Enabled } from '../../imap/event.ts';

export interface Voice {
  isEnabled(extension: Enabled): boolean;
  /** There is something to tell: updates.tell() is called as soon as it may be. Cheap. */
  wake(): void;
  /**
   * Adds an untagged response: the text after `* `, without CRLF, octets as latin1. Cheap: text is
   * gathered. Where much is said, await room() now and then.
   */
  untagged(response: string): void;
  /** For what is not made of short texts: octets, as they are. */
  raw(octets: Uint8Array | string): void;
  /** Resolves when what was said may be followed by more; undefined when that is now. */
  room(): Promise<void> | undefined;
}
