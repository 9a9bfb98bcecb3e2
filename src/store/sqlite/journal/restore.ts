// After a crash: what was alive in the journal goes into the store, due at once. Doing it twice does no
// harm, should the process end over it.

import type { Clock } from '../../../base/clock.ts';
import type { AdoptingStore } from './adopting-store.ts';
import type { RecoveredMessage } from './recovery.ts';
import type { ContentFiles } from './small-content.ts';
import { withSmallContent } from './small-content.ts';

// Limit: messages on their way into the store at once.
const batchMax = 200;

export async function restore(
  live: readonly RecoveredMessage[],
  store: Pick<AdoptingStore, 'adopt'>,
  { spool, clock }: { readonly spool: ContentFiles; readonly clock: Clock },
): Promise<void> {
  const due = clock.now();
  for (let at = 0; at < live.length; at += batchMax)
    await Promise.all(
      live
        .slice(at, at + batchMax)
        .map(({ message, indexes }) =>
          withSmallContent(message, spool, (one) =>
            store.adopt(one, { indexes: [...indexes], lease: null, due }),
          ),
        ),
    );
}
