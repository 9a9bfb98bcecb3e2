// Aliases with several addresses behind them. RFC 3461 §5.2.7.3 (c): what the sender asked for
// travels on to each of them, except that SUCCESS is answered here, by one "expanded" report.

import { notifyOf } from '../mail/status/delivery-status.ts';
import { reply } from '../smtp/reply.ts';
import type { NewMessage, NewRecipient } from '../store/queue-store.ts';
import type { Report } from './reports/bounce.ts';

// RFC 3463 §3.2: X.1.5, destination address valid.
const expanded = reply(250, '1.5', 'Sent on to the addresses behind it');

/** The message as it is to be queued, and the report that its sender asked for, if any. */
export function expandAliases(message: NewMessage): {
  readonly message: NewMessage;
  readonly report: Report | undefined;
} {
  const groups = message.sender === '' ? undefined : groupsToReport(message.recipients);
  if (groups === undefined) return { message, report: undefined };
  const recipients = message.recipients.map((recipient) =>
    groups.has(recipient.original ?? '') && wantsSuccess(recipient)
      ? { ...recipient, params: recipient.params.map(withoutSuccess) }
      : recipient,
  );
  const reported = [...groups.values()].map((recipient) => ({
    recipient,
    reply: expanded,
    remote: false,
  }));
  return {
    message: { ...message, recipients },
    report: { action: 'expanded', recipients: reported },
  };
}

/** One recipient for each alias that has several and whose success is asked for. */
function groupsToReport(
  recipients: readonly NewRecipient[],
): Map<string, NewRecipient> | undefined {
  if (!recipients.some((recipient) => recipient.original !== undefined && wantsSuccess(recipient)))
    return undefined;
  const counts = new Map<string, number>();
  for (const { original } of recipients)
    if (original !== undefined) counts.set(original, (counts.get(original) ?? 0) + 1);
  const groups = new Map<string, NewRecipient>();
  for (const recipient of recipients) {
    const { original } = recipient;
    if (original === undefined || (counts.get(original) ?? 0) < 2) continue;
    if (wantsSuccess(recipient)) groups.set(original, recipient);
  }
  return groups.size === 0 ? undefined : groups;
}

const wantsSuccess = ({ params }: NewRecipient): boolean =>
  params.length > 0 && notifyOf(params).success;

/** RFC 3461 §4.1: NOTIFY may not be empty. Where nothing is left to ask for, it becomes NEVER. */
function withoutSuccess(param: string): string {
  if (!/^NOTIFY=/i.test(param)) return param;
  const rest = param
    .slice(7)
    .split(',')
    .filter((word) => word.toUpperCase() !== 'SUCCESS');
  return `NOTIFY=${rest.length === 0 ? 'NEVER' : rest.join(',')}`;
}
