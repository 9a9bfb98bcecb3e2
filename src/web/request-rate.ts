// How many requests one network may make. Who is on this machine, or trusted, is not counted.

import type { Rate } from '../base/token-buckets.ts';
import { TokenBuckets } from '../base/token-buckets.ts';
import type { WebApp } from './web-app.ts';

export interface RequestRateParts {
  readonly clock: ConstructorParameters<typeof TokenBuckets>[0];
  readonly rate: () => Rate;
  readonly isExempt: (address: string) => boolean;
  readonly networkOf: (address: string) => string;
}

/** Limit: networks that are counted at a time; then the one is forgotten that asked longest ago. */
const networksMax = 10_000;

/** For paths that are added behind it. */
export function requestRate({ clock, rate, isExempt, networkOf }: RequestRateParts) {
  const buckets = new TokenBuckets(clock, networksMax);
  return (app: WebApp): void => {
    app.use(async (c, next) => {
      const { address } = c.env;
      const exceeded = isExempt(address) ? undefined : buckets.take(networkOf(address), [rate()]);
      if (exceeded === undefined) return next();
      const seconds = String(Math.ceil(exceeded.waitMs / 1000));
      return c.text('too many requests\n', 429, { 'retry-after': seconds });
    });
  };
}
