// What the server that runs tells of the DNS. A check asks a dozen questions of each domain, so those who ask for one
// within a few seconds share it.

import { certificateStates } from '../../acme/kept.ts';
import type { PublishedDesk } from '../../admin/desks.ts';
import type { Clock } from '../../base/clock.ts';
import type { Resolver } from '../../dns/resolver.ts';
import type { Stores } from '../../store/stores.ts';
import type { InForce } from '../in-force.ts';
import type { CheckedConfig } from './check.ts';
import { publishedFindings, publishedRecords } from './check.ts';

export interface PublishedParts {
  readonly inForce: () => InForce;
  readonly stores: Pick<Stores, 'records'>;
  readonly resolver: Resolver;
  readonly clock: Clock;
}

/** Limit: how long a check holds. */
const holdsMs = 10_000;

export function createPublished({
  inForce,
  stores,
  resolver,
  clock,
}: PublishedParts): PublishedDesk {
  let last: { readonly at: number; readonly found: ReturnType<PublishedDesk['check']> } | undefined;
  const config = async (): Promise<CheckedConfig> => {
    const states = await certificateStates(stores.records);
    const obtained = states.flatMap(({ certificate }) => certificate ?? []);
    return { ...inForce().config, obtained };
  };
  return {
    records: async () => publishedRecords(await config()),
    check() {
      const at = clock.now();
      if (last === undefined || at - last.at >= holdsMs) {
        const found = config()
          .then((checked) => publishedFindings(checked, resolver))
          .then((findings) => ({ at, findings }));
        last = { at, found };
        // What failed is asked again by the next.
        found.catch(() => {
          last = undefined;
        });
      }
      return last.found;
    },
  };
}
