// The leases of a message that was just received: one per destination, with its content as it is in
// memory.

import type { Content } from './content.ts';
import type { Lease, LeasedRecipient, NewMessage, QueuedMessage } from './queue-store.ts';

export function freshLeases(
  message: NewMessage,
  { content, fence, expires }: { content: Content; fence: number; expires: number },
): readonly Lease[] {
  const { id, received, sender, params, prefix, origin, messageId, recipients } = message;
  const queued: QueuedMessage = {
    ...{ id, received, sender, params, prefix, content, origin, messageId },
  };
  const groups = new Map<string, LeasedRecipient[]>();
  recipients.forEach((recipient, index) => {
    const leased = { ...recipient, index, attempt: 1, fence, warned: false };
    const group = groups.get(recipient.destination);
    if (group === undefined) groups.set(recipient.destination, [leased]);
    else group.push(leased);
  });
  const leases: Lease[] = [];
  for (const [destination, group] of groups)
    leases.push({ message: queued, destination, recipients: group, expires });
  return leases;
}
