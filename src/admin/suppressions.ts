// Addresses that get no mail of ours that is submitted: it bounced there for good, somebody complained, or an
// operator says so.

import { z } from 'zod';
import type { Suppression } from '../policy/suppressions.ts';
import {
  addSuppression,
  findSuppression,
  listSuppressions,
  removeSuppression,
  suppressionReasons,
} from '../policy/suppressions.ts';
import { isoDate, isoOrNull, next, paged, pageSize, sought } from './asking.ts';
import { count, done, text, value } from './operation.ts';

const suppression = z.object({
  address: text,
  reason: z.enum(suppressionReasons),
  /** The reply or the report that it came of, or an operator's words. */
  note: z.string().nullable(),
  since: text,
  /** Null: for ever. */
  expires: z.string().nullable(),
});

const one = z.strictObject({ address: sought });

export const suppressionOperations = {
  suppressionList: value({
    about: 'Addresses that get nothing which is submitted here.',
    changes: false,
    input: z.strictObject({ /** Its beginning. */ text: sought.optional(), ...paged }),
    output: z.object({ suppressions: z.array(suppression).readonly(), total: count, next }),
    run: async ({ records }, { text: prefix, after, ...asked }) => {
      const page = await listSuppressions(records, { prefix, after, limit: pageSize(asked) });
      return { ...page, suppressions: page.suppressions.map(asShown) };
    },
  }),
  suppressionAdd: value({
    about: 'Suppresses an address, or `@example.org` for all of a domain.',
    changes: true,
    input: z.strictObject({
      address: sought,
      note: z.string().max(1000).optional(),
      /** In days; without it for ever. */
      days: z.int().positive().max(3650).optional(),
    }),
    output: suppression,
    run: async ({ records, clock }, { address, note, days }) => {
      const now = clock.now();
      const expires = days === undefined ? undefined : now + days * 86_400_000;
      const added = { address, reason: 'manual', note, since: now, expires } as const;
      return asShown(await addSuppression(records, added));
    },
  }),
  suppressionRemove: value({
    about: 'Lets an address get mail again.',
    changes: true,
    input: one,
    output: done,
    run: async ({ records }, { address }) => {
      await removeSuppression(records, address);
      return null;
    },
  }),
  suppressionCheck: value({
    about: 'Whether mail for an address would be suppressed, and why; null when not.',
    changes: false,
    input: one,
    output: suppression.nullable(),
    run: async ({ records }, { address }) => {
      const found = await findSuppression(records, address);
      return found === undefined ? null : asShown(found);
    },
  }),
};

const asShown = (found: Suppression): z.infer<typeof suppression> => ({
  ...found,
  note: found.note ?? null,
  since: isoDate(found.since),
  expires: isoOrNull(found.expires),
});
