// What FolderStore promises to change of messages that are there, within a change that has their mailboxes locked.
// Everything is checked before anything is written: a refusal fails nobody else's request in the same transaction.

import { MailboxLimitError } from '../../folder-errors.ts';
import type { CopyResult, Expunged, FlagChange, MailColumns } from '../../folder-store.ts';
import type { Departed } from '../../folders/account-state.ts';
import {
  addsKeyword,
  changedFlags,
  deletedBit,
  flagsRefusal,
  type StoredFlags,
} from '../../folders/flags.ts';
import { expungesMax, expungesSlack } from '../../folders/folder-limits.ts';
import type { Row } from '../../row.ts';
import { integer, text } from '../../row.ts';
import type { ContentTable } from '../content/content-table.ts';
import { count, countFlags, insertMails } from './arrivals.ts';
import type { Change } from './change.ts';
import { releaseEmails } from './emails.ts';
import { noFolder } from './folder-changes.ts';
import { aggregated, columnsIn } from './reading.ts';
import type { FolderState } from './states.ts';

/** Octets and number of those of `uids` that are there. */
export async function sizeOf(
  { transaction }: Change,
  folder: number,
  uids: readonly number[],
): Promise<{ readonly bytes: number; readonly messages: number }> {
  const [row] = await transaction.rows(
    `SELECT coalesce(sum(size), 0)::bigint AS bytes, count(*) AS messages FROM mail
     WHERE folder = $1 AND uid = ANY($2::bigint[])`,
    [folder, uids],
  );
  return { bytes: integer(row?.bytes), messages: integer(row?.messages) };
}

/** @throws NoSuchFolderError */
export async function copyMessages(
  change: Change,
  from: number,
  uids: readonly number[],
  to: number,
  without: readonly string[],
): Promise<CopyResult> {
  const target = await change.folder(to);
  if (target === undefined) throw noFolder(to);
  const rows = await change.transaction.rows(
    `SELECT mail.*, (
       SELECT min(there.created) FROM mail there JOIN folder ON folder.id = there.folder
       WHERE there.email = mail.email AND folder.mailbox = $3) AS known
     FROM mail WHERE folder = $1 AND uid = ANY($2::bigint[]) ORDER BY uid`,
    [from, uids, target.mailbox.id],
  );
  const { uidValidity } = target;
  if (rows.length === 0) return { uidValidity, source: [], target: [] };
  const modseq = change.messagesChanged(target);
  const copies = rows.map((row) => {
    const flags = changedFlags(flagsOf(row), { kind: 'remove', flags: without });
    const size = integer(row.size);
    const uid = target.uidNext;
    target.uidNext += 1;
    count(target, flags.bits, size, 1);
    const created = row.known === null ? modseq : integer(row.known);
    const [email, received] = [integer(row.email), integer(row.received)];
    return { folder: target, uid, email, modseq, flags, received, size, created };
  });
  await insertMails(change, copies);
  return {
    uidValidity,
    source: rows.map(({ uid }) => integer(uid)),
    target: copies.map(({ uid }) => uid),
  };
}

/** Of all, or of `uids`; with `marked` only those that have \Deleted. */
export async function removeMessages(
  change: Change,
  id: number,
  uids: readonly number[] | undefined,
  { marked, contents }: { readonly marked: boolean; readonly contents: ContentTable },
): Promise<Expunged> {
  const { transaction } = change;
  const folder = await change.folder(id);
  if (folder === undefined) return { uids: [], modseq: 0 };
  const none = { uids: [], modseq: folder.modseq };
  if (marked && folder.deleted === 0) return none;
  const rows = await transaction.rows(
    `DELETE FROM mail WHERE folder = $1 ${marked ? `AND flags & ${deletedBit} <> 0` : ''}
     ${uids === undefined ? '' : 'AND uid = ANY($2::bigint[])'}
     RETURNING uid, email, flags, size, created`,
    uids === undefined ? [id] : [id, uids],
  );
  if (rows.length === 0) return none;
  const modseq = change.messagesChanged(folder);
  for (const { flags, size } of rows) count(folder, integer(flags), integer(size), -1);
  const departed = rows.map((row): Departed => [integer(row.email), integer(row.created)]);
  await change.emailsGone(folder, departed);
  const gone = rows.map(({ uid }) => integer(uid)).sort((a, b) => a - b);
  await transaction.run(
    'INSERT INTO expunged (folder, modseq, uid) SELECT $1::bigint, $2::bigint, unnest($3::bigint[])',
    [id, modseq, gone],
  );
  folder.expunges += rows.length;
  await forgetExpunges(change, folder);
  await releaseEmails(
    transaction,
    departed.map(([email]) => email),
    contents,
  );
  return { uids: gone, modseq };
}

/** What is forgotten is of whole operations: those of one modseq stay or go together. */
async function forgetExpunges({ transaction }: Change, folder: FolderState): Promise<void> {
  if (folder.expunges <= expungesMax + expungesSlack) return;
  const [row] = await transaction.rows(
    'SELECT modseq FROM expunged WHERE folder = $1 ORDER BY modseq DESC LIMIT 1 OFFSET $2',
    [folder.id, expungesMax - 1],
  );
  const oldest = integer(row?.modseq);
  const sql = 'DELETE FROM expunged WHERE folder = $1 AND modseq < $2';
  folder.expunges -= await transaction.run(sql, [folder.id, oldest]);
  await transaction.run('UPDATE folder SET forgotten = greatest(forgotten, $2) WHERE id = $1', [
    ...[folder.id, oldest - 1],
  ]);
}

export interface FlagsChanged {
  /** Those there are and were not left alone, ascending. */
  readonly present: readonly number[];
  readonly modified: readonly number[];
  /** HIGHESTMODSEQ afterwards. */
  readonly modseq: number;
}

interface Outcome {
  readonly after: StoredFlags;
  readonly isSame: boolean;
  readonly uids: number[];
}

/** What one of the messages cannot have is refused for all. @throws MailboxLimitError */
export async function changeFlags(
  change: Change,
  id: number,
  uids: readonly number[],
  {
    changes,
    unchangedSince = Number.MAX_SAFE_INTEGER,
  }: { readonly changes: readonly FlagChange[]; readonly unchangedSince?: number | undefined },
): Promise<FlagsChanged> {
  const folder = await change.folder(id);
  if (folder === undefined) return { present: [], modified: [], modseq: 0 };
  const rows = await change.transaction.rows(
    `SELECT uid, modseq, flags, keywords FROM mail
     WHERE folder = $1 AND uid = ANY($2::bigint[]) ORDER BY uid`,
    [id, uids],
  );
  const isModified = (row: Row) => integer(row.modseq) > unchangedSince;
  const here = rows.filter((row) => !isModified(row));
  const outcomes = outcomesOf(here, changes);
  const changed = [...outcomes.entries()].filter(([, { isSame }]) => !isSame);
  if (changed.length > 0) {
    const modseq = change.messagesChanged(folder);
    for (const [before, { after, uids: list }] of changed) {
      const bits = Number.parseInt(before, 10);
      for (const _ of list) {
        countFlags(folder, bits, -1);
        countFlags(folder, after.bits, 1);
      }
      await change.transaction.run(
        `UPDATE mail SET flags = $3, keywords = $4, modseq = $5
         WHERE folder = $1 AND uid = ANY($2::bigint[])`,
        [id, list, after.bits, after.keywords, modseq],
      );
    }
  }
  return {
    present: here.map(({ uid }) => integer(uid)),
    modified: rows.filter(isModified).map(({ uid }) => integer(uid)),
    modseq: folder.modseq,
  };
}

/** As they are now, those of them that are there. */
export async function columnsOf(
  { transaction }: Change,
  folder: number,
  uids: readonly number[],
): Promise<MailColumns> {
  const [row] = await transaction.rows(
    `SELECT ${aggregated} FROM (
       SELECT * FROM mail WHERE folder = $1 AND uid = ANY($2::bigint[]) ORDER BY uid) present`,
    [folder, uids],
  );
  return columnsIn(row!);
}

/** By the flags before: what many messages have in common is done with one statement. */
function outcomesOf(
  rows: readonly Row[],
  changes: readonly FlagChange[],
): ReadonlyMap<string, Outcome> {
  const outcomes = new Map<string, Outcome>();
  for (const row of rows) {
    const before = flagsOf(row);
    const key = `${before.bits} ${before.keywords}`;
    let outcome = outcomes.get(key);
    if (outcome === undefined) {
      const after = changes.reduce(changedFlags, before);
      // What has too many already, however it came to them, may lose some.
      const refusal = flagsRefusal(after);
      if (refusal !== undefined && addsKeyword(before, after)) throw new MailboxLimitError(refusal);
      const isSame = after.bits === before.bits && after.keywords === before.keywords;
      outcome = { after, isSame, uids: [] };
      outcomes.set(key, outcome);
    }
    outcome.uids.push(integer(row.uid));
  }
  return outcomes;
}

const flagsOf = (row: Row): StoredFlags => ({
  bits: integer(row.flags),
  keywords: text(row.keywords),
});
