// Rows of recipients as they are read, and checked while they are.

import type { LeasedRecipient, Way } from '../../queue-store.ts';
import { words } from '../../queue-texts.ts';
import type { Row } from '../../row.ts';
import { DamagedRowError, integer, text, textOrNull } from '../../row.ts';
import type { DueRow } from './message-rows.ts';

const deliveries: ReadonlySet<string> = new Set<Way['delivery']>(['local', 'relay', 'discard']);

export function wayOf({ delivery, destination }: Row): Way {
  const how = text(delivery);
  if (!deliveries.has(how)) throw new DamagedRowError(`the store is damaged: a delivery by ${how}`);
  return { delivery: how as Way['delivery'], destination: text(destination) };
}

export function recipientOf(row: Row): LeasedRecipient {
  const [original, account] = [textOrNull(row.original), textOrNull(row.account)];
  return {
    index: integer(row.idx),
    address: text(row.address),
    params: words(text(row.params)),
    ...wayOf(row),
    ...{ attempt: integer(row.attempts), fence: integer(row.fence), warned: row.warned === true },
    ...(original === null ? {} : { original }),
    ...(account === null ? {} : { room: account }),
  };
}

/** None when it is held: nobody may claim it. */
export const dueRow = (row: Row): readonly DueRow[] =>
  row.held === true
    ? []
    : [
        {
          destination: text(row.destination),
          priority: integer(row.priority),
          at: integer(row.at),
        },
      ];
