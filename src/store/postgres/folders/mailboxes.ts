// Mailboxes and the rows of their folders, within a change that has them locked.

import { superiorsOf } from '../../folders/folder-path.ts';
import { missingFolders } from '../../folders/standard-folders.ts';
import { integer } from '../../row.ts';
import type { ContentTable } from '../content/content-table.ts';
import type { Change } from './change.ts';
import { releaseEmails } from './emails.ts';
import type { FolderState, MailboxState } from './states.ts';

/** The standard folders, those of them that are missing being made. */
export async function ensureFolders(change: Change, mailbox: MailboxState): Promise<void> {
  const missing = missingFolders(await change.foldersOf(mailbox));
  for (const [path, specialUse] of missing) await makeFolder(change, mailbox, path, specialUse);
  if (missing.length === 0) return;
  // Field: clients show what is subscribed, and nothing else unless they are told to.
  await change.transaction.run(
    `INSERT INTO subscription (mailbox, path) SELECT $1::bigint, unnest($2::text[])
     ON CONFLICT DO NOTHING`,
    [mailbox.id, missing.map(([path]) => path)],
  );
}

/** With its standard folders, if it had to be made: it must be among those that are. */
export async function mailboxFor(change: Change, account: string): Promise<MailboxState> {
  const mailbox = change.mailbox(account);
  if (mailbox === undefined) throw new Error(`the mailbox of ${account} is not locked`);
  if ((await change.foldersOf(mailbox)).length === 0) await ensureFolders(change, mailbox);
  return mailbox;
}

/** RFC 4314 §4: with the access list of the folder above it. */
export async function makeFolder(
  change: Change,
  mailbox: MailboxState,
  path: string,
  specialUse: string | null,
): Promise<FolderState> {
  const folder = await change.insertFolder(mailbox, path, specialUse);
  const superior = superiorsOf(path).at(-1);
  const above = superior === undefined ? undefined : await change.folderAt(mailbox, superior);
  if (above !== undefined)
    await change.transaction.run(
      `INSERT INTO acl (folder, identifier, rights)
       SELECT $1::bigint, identifier, rights FROM acl WHERE folder = $2`,
      [folder.id, above.id],
    );
  return folder;
}

/** With its messages. */
export async function removeFolder(
  change: Change,
  folder: FolderState,
  contents: ContentTable,
): Promise<void> {
  await change.folderGoes(folder);
  await deleteFolders(change, [folder], contents);
}

/** With all its folders; and the rights that go with the account. */
export async function removeMailbox(
  change: Change,
  account: string,
  contents: ContentTable,
): Promise<void> {
  const { transaction } = change;
  // Whoever has the address next inherits nothing.
  const rights = await transaction.rows(
    `DELETE FROM acl WHERE identifier = ANY($1::text[]) RETURNING folder`,
    [rightsOf(account)],
  );
  for (const { folder } of rights) {
    const shared = await change.folder(integer(folder));
    if (shared !== undefined) change.folderChanged(shared);
  }
  const mailbox = change.mailbox(account);
  if (mailbox === undefined) return;
  await deleteFolders(change, await change.foldersOf(mailbox), contents);
  for (const table of ['subscription', 'annotation', 'tombstone'])
    await transaction.run(`DELETE FROM ${table} WHERE mailbox = $1`, [mailbox.id]);
  await transaction.run(
    `UPDATE meta SET value = greatest(value, CASE name WHEN 'uid_validity' THEN $1::bigint ELSE $2 END)
     WHERE name IN ('uid_validity', 'mailbox_modseq')`,
    [mailbox.validity, change.modseq(mailbox)],
  );
  await transaction.run('DELETE FROM mailbox WHERE id = $1', [mailbox.id]);
  change.mailboxGone(mailbox);
}

/** The identifiers that stand for an account in access lists. */
export const rightsOf = (account: string): readonly string[] => [account, `-${account}`];

async function deleteFolders(
  change: Change,
  folders: readonly FolderState[],
  contents: ContentTable,
): Promise<void> {
  const { transaction } = change;
  const ids = folders.map(({ id }) => id);
  const mails = await transaction.rows(
    'DELETE FROM mail WHERE folder = ANY($1::bigint[]) RETURNING email',
    [ids],
  );
  for (const table of ['expunged', 'acl'])
    await transaction.run(`DELETE FROM ${table} WHERE folder = ANY($1::bigint[])`, [ids]);
  await transaction.run('DELETE FROM folder WHERE id = ANY($1::bigint[])', [ids]);
  for (const folder of folders) change.folderGone(folder);
  await releaseEmails(
    transaction,
    mails.map(({ email }) => integer(email)),
    contents,
  );
}
