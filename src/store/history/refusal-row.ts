// A refusal as the row that searches of the history look at, in whatever database.

import { findingText } from '../../mail/finding.ts';
import type { RefusedEvent } from '../history.ts';
import type { RefusalFound } from '../history-search.ts';
import type { Row } from '../row.ts';
import { integer, text, textOrNull } from '../row.ts';

/** But its key. */
export function refusalRow({ id, at, refusal }: RefusedEvent) {
  const { service, client, hello, from, to, recipients, messageId, account } = refusal;
  const { stage, reply, reason, findings = [] } = refusal;
  return {
    ...{ at, session: id === '' ? null : id, service: service ?? null, client },
    ...{ hello: hello ?? null, sender: from ?? null, recipient: to ?? null },
    recipient_count: recipients ?? (to === undefined ? 0 : 1),
    ...{ message_id: messageId ?? null, account: account ?? null, stage, reply: reply ?? null },
    ...{ reason, findings: findings.map(findingText).join('\n') },
  } satisfies Row;
}

/** What it is found by, beside its addresses. */
export const refusalWords = (row: ReturnType<typeof refusalRow>): string =>
  [row.message_id, row.hello, row.reply, row.reason, row.findings]
    .filter((word) => word !== null)
    .join('\n');

export const refusalFound = (row: Row): RefusalFound => ({
  at: integer(row.at),
  session: textOrNull(row.session) ?? undefined,
  service: textOrNull(row.service) ?? undefined,
  client: text(row.client),
  hello: textOrNull(row.hello) ?? undefined,
  sender: textOrNull(row.sender) ?? undefined,
  recipient: textOrNull(row.recipient) ?? undefined,
  recipientCount: integer(row.recipient_count),
  messageId: textOrNull(row.message_id) ?? undefined,
  account: textOrNull(row.account) ?? undefined,
  stage: text(row.stage),
  reply: textOrNull(row.reply) ?? undefined,
  reason: text(row.reason),
  findings: text(row.findings)
    .split('\n')
    .filter((line) => line !== ''),
});
