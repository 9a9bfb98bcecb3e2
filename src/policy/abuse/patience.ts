// Waiting for something for a while, by a clock that tests can hold.

import type { Clock } from '../../base/clock.ts';

/** What `asked` resolves to; undefined when it takes longer. What it throws then is nobody's business. */
export async function within<T>(
  clock: Pick<Clock, 'after'>,
  ms: number,
  asked: Promise<T>,
): Promise<T | undefined> {
  const over = Promise.withResolvers<undefined>();
  const cancel = clock.after(ms, () => over.resolve(undefined));
  asked.catch(() => {});
  try {
    return await Promise.race([asked, over.promise]);
  } finally {
    cancel();
  }
}
