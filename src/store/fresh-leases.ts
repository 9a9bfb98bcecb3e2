// The leases of a message that was just received: one per destination, with its content as it is in
// memory.

import type { Content } from './content.ts';
import type { Lease, LeasedRecipient, NewMessage, QueuedMessage } from './queue-store.ts';

export interface FreshLeaseParts {
  readonly content: Content;
  readonly fence: number;
  readonly expires: number;
  /**
   * What of the message was queued, with the account that each recipient has room in ('' for none);
   * undefined: all of it, without room.
   */
  readonly roomOf?: ReadonlyMap<number, string>;
}

export function freshLeases(
  message: NewMessage,
  { content, fence, expires, roomOf }: FreshLeaseParts,
): readonly Lease[] {
  const { id, received, sender, params, prefix, origin, messageId, recipients } = message;
  const queued: QueuedMessage = {
    ...{ id, received, sender, params, prefix, content, origin, messageId },
  };
  const groups = new Map<string, LeasedRecipient[]>();
  recipients.forEach((recipient, index) => {
    const room = roomOf?.get(index);
    if (roomOf !== undefined && room === undefined) return;
    const leased: LeasedRecipient = {
      ...{ ...recipient, index, attempt: 1, fence, warned: false },
      ...(room && { room }),
    };
    const group = groups.get(recipient.destination);
    if (group === undefined) groups.set(recipient.destination, [leased]);
    else group.push(leased);
  });
  const leases: Lease[] = [];
  for (const [destination, group] of groups)
    leases.push({ message: queued, destination, recipients: group, expires });
  return leases;
}
