// Operations on reports: what others have told us of our domains, and what we tell them of their mail.

import { z } from 'zod';
import { receivedKind } from '../deliver/reports/received-reports.ts';
import { abuseTypes } from '../report/abuse-report.ts';
import type { ReportSummary } from '../report/summary.ts';
import { allRecords } from '../store/all-records.ts';
import { ownerOf, showMail } from './mailboxes.ts';
import { asKept, list, OperationError, text, value } from './operation.ts';
import type { OperationParts } from './operation-parts.ts';
import { running } from './running.ts';

const asked = z.strictObject({
  kind: z.enum(['dmarc', 'tls', 'abuse']),
  /** In milliseconds since 1970: those received from then on. */
  since: z.int(),
});

const complaint = z.strictObject({
  /** Whose mailbox. */
  address: text,
  /** Of the message: as lists show it, or its Message-ID. */
  id: text,
  type: z.enum(abuseTypes).default('abuse'),
  /** Without it `abuse@` the domain that DKIM, or else SPF, proves to have sent the message. */
  to: text.optional(),
  /** Only the header goes along. */
  headerOnly: z.boolean().default(false),
});

const complained = z.object({
  to: text,
  /** Who is proven to have sent it. */
  domain: text.nullable(),
  /** Of the report, which `why` knows. */
  messageId: text,
});

export const reportOperations = {
  reportList: list({
    about: 'What others have reported of our domains, in the order of the days it is about.',
    changes: false,
    input: asked,
    output: asKept<ReportSummary>(),
    run: listReports,
  }),
  reportAbuse: value({
    about:
      'Sends an abuse report (RFC 5965) about one message in a mailbox, with the message, to whoever answers for it.',
    changes: true,
    input: complaint,
    output: complained,
    run: reportAbuse,
  }),
};

async function* listReports(
  { records }: OperationParts,
  { kind, since }: z.infer<typeof asked>,
): AsyncIterable<ReportSummary> {
  for await (const { value } of allRecords(records, receivedKind, { prefix: `${kind} ` })) {
    const summary = JSON.parse(value) as ReportSummary;
    if (Date.parse(summary.received) >= since) yield summary;
  }
}

/** Limit: a message that is larger is reported by its header. */
const enclosedBytesMax = 10 * 2 ** 20;

async function reportAbuse(
  parts: OperationParts,
  { address, id, type, to, headerOnly }: z.output<typeof complaint>,
): Promise<z.infer<typeof complained>> {
  const server = running(parts);
  const recipient = await ownerOf(parts, address);
  const pieces: Uint8Array[] = [];
  let size = 0;
  for await (const piece of showMail(parts, { address, id })) {
    pieces.push(Buffer.from(piece));
    size += piece.length;
    if (size > enclosedBytesMax) break;
  }
  const isWhole = !headerOnly && size <= enclosedBytesMax;
  const message = Buffer.concat(pieces);
  const sent = await server.abuse.send({ message, isWhole, recipient, type, to });
  if (sent.kind === 'refused') throw new OperationError(sent.problem);
  return { to: sent.to, domain: sent.domain ?? null, messageId: sent.messageId };
}
