// Rows of mailboxes and folders as a change has them in memory, and how they are written back.

import type { Row } from '../../row.ts';
import { integer, text, textOrNull } from '../../row.ts';
import type { Transaction } from '../database.ts';

export interface MailboxState {
  readonly id: number;
  readonly address: string;
  readonly modseq: number;
  /** The last UIDVALIDITY that one of its folders was given. */
  validity: number;
  tombstones: number;
  /** The last modseq that this change has taken, once it has one. */
  next: number | undefined;
  /** By the step that is under way. */
  isTaken: boolean;
  /** Something of its folders that is not their messages. */
  foldersChanged: boolean;
}

export interface FolderState {
  readonly id: number;
  readonly mailbox: MailboxState;
  path: string;
  readonly specialUse: string | null;
  readonly uidValidity: number;
  readonly created: number;
  uidNext: number;
  modseq: number;
  changes: number;
  messages: number;
  unseen: number;
  deleted: number;
  bytes: number;
  expunges: number;
  changed: number;
  /** To be written. */
  dirty: boolean;
}

export const mailboxState = (row: Row): MailboxState => ({
  id: integer(row.id),
  address: text(row.address),
  modseq: integer(row.modseq),
  validity: integer(row.uid_validity),
  tombstones: integer(row.tombstones),
  next: undefined,
  isTaken: false,
  foldersChanged: false,
});

export const folderState = (row: Row, mailbox: MailboxState): FolderState => ({
  id: integer(row.id),
  mailbox,
  path: text(row.path),
  specialUse: textOrNull(row.special_use),
  uidValidity: integer(row.uid_validity),
  created: integer(row.created),
  uidNext: integer(row.uid_next),
  modseq: integer(row.modseq),
  changes: integer(row.changes),
  messages: integer(row.messages),
  unseen: integer(row.unseen),
  deleted: integer(row.deleted),
  bytes: integer(row.bytes),
  expunges: integer(row.expunges),
  changed: integer(row.changed),
  dirty: false,
});

const written = [
  ...(['uidNext', 'modseq', 'changes', 'messages', 'unseen'] as const),
  ...(['deleted', 'bytes', 'expunges', 'changed', 'id'] as const),
];

export async function writeFolders(
  transaction: Transaction,
  folders: readonly FolderState[],
  session: number,
): Promise<void> {
  await transaction.run(
    `UPDATE folder SET path = u.path, uid_next = u.uid_next, modseq = u.modseq, changes = u.changes,
       messages = u.messages, unseen = u.unseen, deleted = u.deleted, bytes = u.bytes,
       expunges = u.expunges, changed = u.changed, touched = pg_current_xact_id(), touched_by = $12
     FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[],
         $7::bigint[], $8::bigint[], $9::bigint[], $10::bigint[], $11::bigint[])
       AS u (path, uid_next, modseq, changes, messages, unseen, deleted, bytes, expunges, changed, id)
     WHERE folder.id = u.id`,
    [
      folders.map(({ path }) => path),
      ...written.map((name) => folders.map((folder) => folder[name])),
      session,
    ],
  );
}

export async function writeMailboxes(
  transaction: Transaction,
  mailboxes: readonly MailboxState[],
  session: number,
): Promise<void> {
  await transaction.run(
    `UPDATE mailbox SET modseq = u.modseq, uid_validity = u.validity, tombstones = u.tombstones,
       touched = pg_current_xact_id(), touched_by = $6,
       folders_touched = CASE WHEN u.folders THEN pg_current_xact_id() ELSE folders_touched END
     FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::boolean[])
       AS u (id, modseq, validity, tombstones, folders)
     WHERE mailbox.id = u.id`,
    [
      mailboxes.map(({ id }) => id),
      mailboxes.map(({ modseq, next }) => next ?? modseq),
      mailboxes.map(({ validity }) => validity),
      mailboxes.map(({ tombstones }) => tombstones),
      mailboxes.map(({ foldersChanged }) => foldersChanged),
      session,
    ],
  );
}
