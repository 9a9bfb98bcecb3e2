// NOTIFY: which events a session wants to be told of, of which mailboxes. RFC 5465.

import type { ExecutorOf } from '../context.ts';
import { FolderWatch } from '../folder-watch.ts';
import { ImapRefusal, ok } from '../refusal.ts';
import { SessionUpdates } from '../updates.ts';

const supported = [
  ...['MessageNew', 'MessageExpunge', 'FlagChange', 'MailboxName', 'SubscriptionChange'],
  ...['MailboxMetadataChange', 'ServerMetadataChange'],
];
const known = new Set(supported.map((name) => name.toUpperCase()));

export const notify: ExecutorOf<'NOTIFY'> = async ({ groups, status }, context) => {
  const updates = SessionUpdates.of(context);
  if (groups === undefined) {
    updates.notify({ selected: undefined, others: undefined });
    return ok('NOTIFY completed');
  }
  // RFC 5465 §3.1: the supported events are named.
  if (groups.some(({ events }) => events.some(({ name }) => !known.has(name))))
    throw new ImapRefusal('NO', `BADEVENT (${supported.join(' ')})`, 'There is no such event here');
  const isSelected = ({ mailboxes }: (typeof groups)[number]) =>
    mailboxes.kind === 'selected' || mailboxes.kind === 'selected-delayed';
  const others = groups.filter((group) => !isSelected(group) && group.events.length > 0);
  let watch: FolderWatch | undefined;
  if (others.length > 0) {
    watch = await FolderWatch.start(context, others);
    if (watch === undefined)
      throw new ImapRefusal('NO', 'NOTIFICATIONOVERFLOW', 'These are too many mailboxes');
  }
  updates.notify({ selected: groups.find(isSelected), others: watch });
  // RFC 5465 §3.1: what has changed in the selected mailbox until now is told, as by NOOP.
  updates.answer();
  await watch?.tellFirst(status, context.selected?.open.id);
  return ok('NOTIFY completed');
};
