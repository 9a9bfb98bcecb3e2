// The store behind the journal: where mail goes that lives longer.

import type { NewMessage, QueueStore } from '../../queue-store.ts';

/** The store behind, which takes over what the journal shall keep no longer. */
export interface AdoptingStore extends QueueStore {
  adopt(
    message: NewMessage,
    left: {
      readonly indexes: readonly number[];
      readonly lease: { readonly fence: number; readonly expires: number } | null;
      readonly due: number;
    },
  ): Promise<boolean>;
}
