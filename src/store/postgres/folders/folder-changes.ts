// What FolderStore promises to change of folders, within a change that has their mailboxes locked. Everything is
// checked before anything is written: a refusal fails nobody else's request in the same transaction.

import { FolderExistsError, MailboxLimitError, NoSuchFolderError } from '../../folder-errors.ts';
import {
  aclEntriesMax,
  annotationBytesMax,
  annotationsMax,
  foldersMax,
  pathCharactersMax,
  subscriptionsMax,
} from '../../folders/folder-limits.ts';
import { superiorsOf } from '../../folders/folder-path.ts';
import { changeRights, type Rights, type RightsChange } from '../../folders/rights.ts';
import { integer, text } from '../../row.ts';
import type { ContentTable } from '../content/content-table.ts';
import type { Change } from './change.ts';
import { mailboxFor, makeFolder, removeFolder as removeWhole } from './mailboxes.ts';
import type { FolderState, MailboxState } from './states.ts';
import { storablePath } from './texts.ts';

/** @throws FolderExistsError, MailboxLimitError */
export async function createFolder(
  change: Change,
  account: string,
  name: string,
  specialUse: string | null,
): Promise<number> {
  const path = storablePath(name);
  const mailbox = await mailboxFor(change, account);
  if ((await change.folderAt(mailbox, path)) !== undefined) throw exists(path);
  await assertRoom(change, mailbox, path);
  await makeSuperiors(change, mailbox, path);
  return (await makeFolder(change, mailbox, path, specialUse)).id;
}

/** @throws NoSuchFolderError, FolderExistsError, MailboxLimitError */
export async function renameFolder(
  change: Change,
  account: string,
  fromName: string,
  toName: string,
): Promise<void> {
  const [from, to] = [storablePath(fromName), storablePath(toName)];
  const mailbox = await mailboxFor(change, account);
  const source = await change.folderAt(mailbox, from);
  const inferiors = from === 'INBOX' ? [] : await change.inferiorsOf(mailbox, from);
  if (source === undefined && inferiors.length === 0) throw noFolder(from);
  const taken = new Map((await change.foldersOf(mailbox)).map(({ id, path }) => [path, id]));
  if (taken.has(to)) throw exists(to);
  const moved = [...inferiors, ...(source ? [source] : [])].map((folder) => ({
    folder,
    path: to + folder.path.slice(from.length),
  }));
  const longest = moved.reduce((long, { path }) => (path.length > long.length ? path : long), to);
  await assertRoom(change, mailbox, longest);
  const moving = new Set(moved.map(({ folder }) => folder.id));
  for (const { path } of moved) {
    const there = taken.get(path);
    if (there !== undefined && !moving.has(there)) throw exists(path);
  }
  if (from === 'INBOX') return moveInbox(change, source!, to);
  for (const { folder, path } of moved) {
    folder.path = path;
    change.folderChanged(folder);
  }
  // Where the folders were there is room for new ones only when they have moved.
  await change.writeFolders();
  await makeSuperiors(change, mailbox, to);
}

/** @throws NoSuchFolderError */
export async function removeFolder(
  change: Change,
  account: string,
  name: string,
  contents: ContentTable,
): Promise<void> {
  const path = storablePath(name);
  const mailbox = change.mailbox(account);
  const folder = mailbox && (await change.folderAt(mailbox, path));
  // RFC 9051 §6.3.5: INBOX cannot be deleted.
  if (folder === undefined || path === 'INBOX') throw noFolder(path);
  await change.transaction.run('DELETE FROM annotation WHERE mailbox = $1 AND folder = $2', [
    ...[folder.mailbox.id, folder.id],
  ]);
  await removeWhole(change, folder, contents);
  change.foldersChanged(folder.mailbox);
}

/** @throws MailboxLimitError */
export async function subscribe(
  change: Change,
  account: string,
  name: string,
  on: boolean,
): Promise<void> {
  const mailbox = on ? await mailboxFor(change, account) : change.mailbox(account);
  if (mailbox === undefined) return;
  const { transaction } = change;
  const path = storablePath(name);
  if (on && path.length > pathCharactersMax) throw new MailboxLimitError('the name is too long');
  const [row] = await transaction.rows(
    'SELECT count(*) AS count FROM subscription WHERE mailbox = $1',
    [mailbox.id],
  );
  if (on && integer(row?.count) >= subscriptionsMax)
    throw new MailboxLimitError(`no more than ${subscriptionsMax} subscriptions`);
  const changed = await transaction.run(
    on
      ? 'INSERT INTO subscription (mailbox, path) VALUES ($1, $2) ON CONFLICT DO NOTHING'
      : 'DELETE FROM subscription WHERE mailbox = $1 AND path = $2',
    [mailbox.id, path],
  );
  if (changed === 0) return;
  // A name need not be a folder's.
  const folder = await change.folderAt(mailbox, path);
  if (folder !== undefined) change.folderChanged(folder);
  else {
    change.modseq(mailbox);
    change.foldersChanged(mailbox);
  }
}

interface AclChange {
  readonly identifier: string;
  readonly modify: RightsChange;
  readonly by: Rights;
}

/** The lock of the folder keeps others out meanwhile. @throws NoSuchFolderError, MailboxLimitError */
export async function setAcl(
  change: Change,
  id: number,
  { identifier, modify, by }: AclChange,
): Promise<void> {
  const folder = await change.folder(id);
  if (folder === undefined) throw noFolder(id);
  const [row] = await change.transaction.rows(
    `SELECT count(*) AS count, coalesce(max(rights) FILTER (WHERE identifier = $2), '') AS rights
     FROM acl WHERE folder = $1`,
    [id, identifier],
  );
  const before = text(row?.rights);
  const rights = changeRights(before, modify, by);
  if (before === '' && rights !== '' && integer(row?.count) >= aclEntriesMax)
    throw new MailboxLimitError('the access list is full');
  if (rights === '')
    await change.transaction.run('DELETE FROM acl WHERE folder = $1 AND identifier = $2', [
      ...[id, identifier],
    ]);
  else
    await change.transaction.run(
      `INSERT INTO acl (folder, identifier, rights) VALUES ($1, $2, $3)
       ON CONFLICT (folder, identifier) DO UPDATE SET rights = excluded.rights`,
      [id, identifier, rights],
    );
  change.folderChanged(folder);
}

/** @throws NoSuchFolderError, MailboxLimitError */
export async function annotate(
  change: Change,
  account: string,
  id: number | undefined,
  entries: ReadonlyMap<string, Uint8Array | undefined>,
): Promise<void> {
  const folder = id === undefined ? undefined : await change.folder(id);
  if (id !== undefined && folder?.mailbox.address !== account) throw noFolder(id);
  const mailbox = await mailboxFor(change, account);
  const { transaction } = change;
  const place = [mailbox.id, id ?? 0];
  const before = await transaction.rows(
    'SELECT entry FROM annotation WHERE mailbox = $1 AND folder = $2',
    place,
  );
  assertAnnotations(new Set(before.map(({ entry }) => text(entry))), entries);
  const names = [...entries.keys()];
  await transaction.run(
    'DELETE FROM annotation WHERE mailbox = $1 AND folder = $2 AND entry = ANY($3::text[])',
    [...place, names],
  );
  for (const [entry, value] of entries)
    if (value !== undefined)
      await transaction.run(
        'INSERT INTO annotation (mailbox, folder, entry, value) VALUES ($1, $2, $3, $4)',
        [...place, entry, value],
      );
  if (folder === undefined) change.foldersChanged(mailbox);
  else change.folderChanged(folder);
}

function assertAnnotations(
  after: Set<string>,
  entries: ReadonlyMap<string, Uint8Array | undefined>,
): void {
  for (const [entry, value] of entries) {
    if (value === undefined) after.delete(entry);
    else after.add(entry);
    if (value !== undefined && value.length + entry.length > annotationBytesMax)
      throw new MailboxLimitError(`no annotation over ${annotationBytesMax} octets`);
  }
  if (after.size > annotationsMax)
    throw new MailboxLimitError(`no more than ${annotationsMax} annotations`);
}

/** RFC 9051 §6.3.6: INBOX stays, empty; its inferiors stay where they are. */
async function moveInbox(change: Change, inbox: FolderState, to: string): Promise<void> {
  const { transaction } = change;
  await makeSuperiors(change, inbox.mailbox, to);
  const folder = await makeFolder(change, inbox.mailbox, to, null);
  const { uidNext, messages, unseen, deleted, bytes } = inbox;
  Object.assign(folder, { uidNext, messages, unseen, deleted, bytes });
  inbox.expunges += messages;
  Object.assign(inbox, { messages: 0, unseen: 0, deleted: 0, bytes: 0 });
  const modseq = change.messagesChanged(inbox);
  change.messagesChanged(folder);
  await transaction.run(
    `UPDATE folder SET recent_from = (SELECT recent_from FROM folder WHERE id = $1) WHERE id = $2`,
    [inbox.id, folder.id],
  );
  await transaction.run(
    `INSERT INTO expunged (folder, modseq, uid) SELECT folder, $2, uid FROM mail WHERE folder = $1`,
    [inbox.id, modseq],
  );
  await transaction.run('UPDATE mail SET folder = $1, modseq = $2 WHERE folder = $3', [
    ...[folder.id, modseq, inbox.id],
  ]);
}

async function makeSuperiors(change: Change, mailbox: MailboxState, path: string): Promise<void> {
  for (const superior of superiorsOf(path))
    if ((await change.folderAt(mailbox, superior)) === undefined)
      await makeFolder(change, mailbox, superior, null);
}

async function assertRoom(change: Change, mailbox: MailboxState, path: string): Promise<void> {
  if (path.length > pathCharactersMax) throw new MailboxLimitError('the name is too long');
  const more = superiorsOf(path).length + 1;
  if ((await change.foldersOf(mailbox)).length + more > foldersMax)
    throw new MailboxLimitError(`no more than ${foldersMax} folders`);
}

const exists = (path: string): FolderExistsError =>
  new FolderExistsError(`there is a folder ${path} already`);

export const noFolder = (what: number | string): NoSuchFolderError =>
  new NoSuchFolderError(`there is no folder ${what}`);
