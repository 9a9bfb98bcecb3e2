// Operations on reports: what others have told us of our domains.

import { z } from 'zod';
import { receivedKind } from '../deliver/reports/received-reports.ts';
import type { ReportSummary } from '../report/summary.ts';
import { asKept, list } from './operation.ts';
import type { OperationParts } from './operation-parts.ts';

/** How many records are read at once. */
const pageRecords = 200;

const asked = z.strictObject({
  kind: z.enum(['dmarc', 'tls', 'abuse']),
  /** In milliseconds since 1970: those received from then on. */
  since: z.int(),
});

export const reportOperations = {
  reportList: list({
    about: 'What others have reported of our domains, in the order of the days it is about.',
    changes: false,
    input: asked,
    output: asKept<ReportSummary>(),
    run: listReports,
  }),
};

async function* listReports(
  { records }: OperationParts,
  { kind, since }: z.infer<typeof asked>,
): AsyncIterable<ReportSummary> {
  let after: string | undefined;
  for (;;) {
    const page = await records.list(receivedKind, {
      ...{ prefix: `${kind} `, after, limit: pageRecords },
    });
    for (const { value } of page) {
      const summary = JSON.parse(value) as ReportSummary;
      if (Date.parse(summary.received) >= since) yield summary;
    }
    after = page.at(-1)?.key;
    if (page.length < pageRecords) return;
  }
}
