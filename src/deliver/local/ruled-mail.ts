// What the rules of an account are asked about.

import type { LeasedRecipient, QueuedMessage } from '../../store/queue-store.ts';

/** A message that is about to be delivered to an account. */
export interface RuledMail {
  readonly account: string;
  readonly message: QueuedMessage;
  readonly recipient: LeasedRecipient;
  /** Its first octets, with the header in them. */
  readonly head: Uint8Array;
  /** As of `deliveredBefore`. */
  readonly before: ReadonlySet<string> | undefined;
}
