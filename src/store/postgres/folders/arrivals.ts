// Messages that come to folders, many at once: in a statement for each table, whoever they are for.

import { NoSuchFolderError } from '../../folder-errors.ts';
import { deletedBit, type StoredFlags, seenBit } from '../../folders/flags.ts';
import type { Listing } from '../../folders/listing.ts';
import type { Change } from './change.ts';
import { insertEmails } from './emails.ts';
import { mailboxFor } from './mailboxes.ts';
import type { FolderState } from './states.ts';
import { storablePath } from './texts.ts';

/** A message for a folder, whose content is a row. */
export interface Arrival extends Listing {
  readonly content: number;
  readonly prefix: string;
  readonly flags: StoredFlags;
  /** Internal date, milliseconds since the epoch. */
  readonly received: number;
  /** Octets, the prefix among them. */
  readonly size: number;
}

export interface Arrived {
  readonly folder: FolderState;
  readonly uid: number;
  readonly email: number;
  readonly modseq: number;
  readonly saved: number;
}

/** Each into its folder, in order. */
export async function arrive(
  change: Change,
  arrivals: readonly (readonly [folder: FolderState, arrival: Arrival])[],
): Promise<readonly Arrived[]> {
  const emails = await insertEmails(
    change.transaction,
    arrivals.map(([, arrival]) => arrival),
  );
  const rows = arrivals.map(([folder, { flags, size, received }], i) => {
    const modseq = change.messagesChanged(folder);
    const uid = folder.uidNext;
    folder.uidNext += 1;
    count(folder, flags.bits, size, 1);
    return {
      folder,
      uid,
      email: emails[i]!,
      modseq,
      flags,
      received,
      size,
      created: modseq,
      saved: change.now,
    };
  });
  await insertMails(change, rows);
  return rows;
}

/** A row of `mail` to be. */
export interface NewMailRow {
  readonly folder: { readonly id: number };
  readonly uid: number;
  readonly email: number;
  readonly modseq: number;
  readonly flags: StoredFlags;
  readonly received: number;
  readonly size: number;
  /** When the email came to the account. */
  readonly created: number;
}

export async function insertMails(
  { transaction, now }: Change,
  rows: readonly NewMailRow[],
): Promise<void> {
  await transaction.run(
    `INSERT INTO mail (folder, uid, email, modseq, flags, keywords, received, size, created, saved)
     SELECT *, $10::bigint FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[],
       $5::integer[], $6::text[], $7::bigint[], $8::bigint[], $9::bigint[])`,
    [
      rows.map(({ folder }) => folder.id),
      rows.map(({ uid }) => uid),
      rows.map(({ email }) => email),
      rows.map(({ modseq }) => modseq),
      rows.map(({ flags }) => flags.bits),
      rows.map(({ flags }) => flags.keywords),
      rows.map(({ received }) => received),
      rows.map(({ size }) => size),
      rows.map(({ created }) => created),
      now,
    ],
  );
}

/** A message more, or one less, in the folder's counters. */
export function count(folder: FolderState, bits: number, size: number, by: 1 | -1): void {
  folder.messages += by;
  folder.bytes += by * size;
  countFlags(folder, bits, by);
}

export function countFlags(folder: FolderState, bits: number, by: 1 | -1): void {
  if ((bits & seenBit) === 0) folder.unseen += by;
  if ((bits & deletedBit) !== 0) folder.deleted += by;
}

/** The folder that mail for an account goes to. Undefined when there is none, even among the standard ones. */
export async function folderFor(
  change: Change,
  account: string,
  name: string,
): Promise<FolderState | undefined> {
  return change.folderAt(await mailboxFor(change, account), storablePath(name));
}

export async function folderOrInbox(
  change: Change,
  account: string,
  name: string,
): Promise<FolderState> {
  const found =
    (await folderFor(change, account, name)) ?? (await folderFor(change, account, 'INBOX'));
  if (found === undefined) throw NoSuchFolderError.of(account, 'INBOX');
  return found;
}
