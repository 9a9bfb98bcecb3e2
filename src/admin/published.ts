// Operations on what others find out about us in the DNS.

import { z } from 'zod';
import { isoDate } from './asking.ts';
import { list, nothing, text, value } from './operation.ts';
import { running } from './running.ts';

const record = z.object({
  name: text,
  /** `A`, `MX`, `TXT` … */
  type: text,
  /** Without quotes. */
  value: text,
  why: text,
});

const finding = z.object({
  state: z.enum(['ok', 'warning', 'failure']),
  /** Of the setting it is about; '' for what is no setting. */
  path: text,
  text,
});

export const publishedOperations = {
  dnsRecords: list({
    about: 'The DNS records to publish, of each domain; with the first those of the server itself.',
    changes: false,
    input: nothing,
    output: z.object({ domain: text, records: z.array(record).readonly() }),
    run: async function* records(parts) {
      yield* await running(parts).published.records();
    },
  }),
  dnsCheck: value({
    about: 'What the DNS says of this server now, compared with what it should: as `check --dns`.',
    changes: false,
    input: nothing,
    output: z.object({ at: text, findings: z.array(finding).readonly() }),
    run: async (parts) => {
      const { at, findings } = await running(parts).published.check();
      return { at: isoDate(at), findings };
    },
  }),
};
