// Rows of the queue's tables as they are read, and checked while they are.

import type { Way } from '../../queue-store.ts';
import type { Row } from '../../row.ts';
import { DamagedRowError, integer, text, textOrNull } from '../../row.ts';
import type { LeasedRecipientRow, MessageColumns } from '../requests.ts';

const deliveries: ReadonlySet<string> = new Set<Way['delivery']>(['local', 'relay', 'discard']);

export function wayOf({ delivery, destination }: Row): Way {
  const how = text(delivery);
  if (!deliveries.has(how)) throw new DamagedRowError(`the store is damaged: a delivery by ${how}`);
  return { delivery: how as Way['delivery'], destination: text(destination) };
}

export const columnsOf = (row: Row): MessageColumns => [
  integer(row.key),
  text(row.id),
  integer(row.received),
  text(row.sender),
  text(row.params),
  text(row.origin),
  textOrNull(row.message_id),
  text(row.prefix),
];

export const leasedRecipient = (row: Row): LeasedRecipientRow => ({
  index: integer(row.idx),
  address: text(row.address),
  params: text(row.params),
  ...wayOf(row),
  original: textOrNull(row.original),
  attempts: integer(row.attempts),
  warned: integer(row.warned) !== 0,
  account: textOrNull(row.account),
});
