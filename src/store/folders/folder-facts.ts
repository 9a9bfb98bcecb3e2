// A row of a folder, with its mailbox's address, as everybody sees it.

import type { FolderFacts } from '../folder-store.ts';
import type { Row } from '../row.ts';
import { integer, text, textOrNull } from '../row.ts';

export const factsOf = (row: Row): FolderFacts => ({
  id: integer(row.id),
  account: text(row.address),
  path: text(row.path),
  uidValidity: integer(row.uid_validity),
  uidNext: integer(row.uid_next),
  recentFrom: integer(row.recent_from),
  modseq: integer(row.modseq),
  changes: integer(row.changes),
  messages: integer(row.messages),
  unseen: integer(row.unseen),
  deleted: integer(row.deleted),
  bytes: integer(row.bytes),
  specialUse: textOrNull(row.special_use) ?? undefined,
});
