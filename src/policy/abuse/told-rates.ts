// Rates that hold for all nodes together: what each takes of them is told to the others, who count it as their own.

import type { Rate, TokenBuckets } from '../../base/token-buckets.ts';
import type { TellOthers } from '../../store/nodes.ts';

/** `rates`: read anew each time. */
export function tellOfRates(
  tellOthers: TellOthers | undefined,
  topic: string,
  { buckets, rates }: { readonly buckets: TokenBuckets; readonly rates: () => readonly Rate[] },
): void {
  tellOthers?.(`rates ${topic}`, {
    say: () => buckets.taken(),
    hear: (said) => buckets.takenElsewhere(said, rates()),
  });
}
