// What looks at a message with the help of others: rspamd, where the configuration or whoever started the catcher names
// one, and in the catcher the web that links lead to.

import type { CheckDesk } from '../admin/desks.ts';
import type { Config } from '../config/config.ts';
import { LinkChecker } from '../inbox/checks/link-check.ts';
import { httpRequest } from '../net/http-request.ts';
import type { RspamdServer } from '../policy/filters/rspamd-request.ts';
import type { Basics } from './basics.ts';
import type { InForce } from './in-force.ts';

/** How long rspamd may take. */
const rspamdMs = 15_000;

export function createMailChecks({
  inForce,
  clock,
}: Pick<Basics, 'clock'> & { readonly inForce: () => InForce }): CheckDesk {
  const { catcher } = inForce().config;
  const request = httpRequest;
  return {
    links: catcher && new LinkChecker({ request, clock, allowPrivate: catcher.privateLinks }),
    spam() {
      const server = rspamdOf(inForce().config);
      return server && { server, request };
    },
  };
}

function rspamdOf({ catcher, filters }: Config): RspamdServer | undefined {
  if (catcher?.rspamd !== undefined)
    return { url: catcher.rspamd, password: undefined, messageTimeout: rspamdMs };
  return filters.find(({ kind }) => kind === 'rspamd') as RspamdServer | undefined;
}
