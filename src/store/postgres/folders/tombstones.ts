// What is gone of an account, for its clients: in the transaction that takes it away.

import { type Departed, tombstoneKind } from '../../folders/account-state.ts';
import { tombstonesMax, tombstonesSlack } from '../../folders/folder-limits.ts';
import { integer } from '../../row.ts';
import type { Transaction } from '../database.ts';

const { folder: folderKind, email: emailKind } = tombstoneKind;
const bury = 'INSERT INTO tombstone (mailbox, modseq, kind, object, created)';

/** How many there are more. */
export const buryEmails = (
  transaction: Transaction,
  mailbox: number,
  modseq: number,
  departed: readonly Departed[],
): Promise<number> =>
  transaction.run(
    `${bury} SELECT $1::bigint, $2::bigint, ${emailKind}, object, min(created)
     FROM unnest($3::bigint[], $4::bigint[]) AS gone (object, created) GROUP BY object
     ON CONFLICT DO NOTHING`,
    [mailbox, modseq, departed.map(([email]) => email), departed.map(([, created]) => created)],
  );

/** The folder and all that is in it. */
export const buryFolder = (
  transaction: Transaction,
  mailbox: number,
  modseq: number,
  folder: number,
): Promise<number> =>
  transaction.run(
    `${bury} SELECT $1::bigint, $2::bigint, ${emailKind}, email, min(created) FROM mail
       WHERE folder = $3 GROUP BY email
     UNION ALL SELECT mailbox, $2, ${folderKind}, id, created FROM folder WHERE id = $3
     ON CONFLICT DO NOTHING`,
    [mailbox, modseq, folder],
  );

/** What is forgotten is of whole changes: tombstones of one modseq stay or go together. How many went. */
export async function forgetTombstones(
  transaction: Transaction,
  { id, tombstones }: { readonly id: number; readonly tombstones: number },
): Promise<number> {
  if (tombstones <= tombstonesMax + tombstonesSlack) return 0;
  const [row] = await transaction.rows(
    'SELECT modseq FROM tombstone WHERE mailbox = $1 ORDER BY modseq DESC LIMIT 1 OFFSET $2',
    [id, tombstonesMax - 1],
  );
  const oldest = integer(row?.modseq);
  await transaction.run('UPDATE mailbox SET forgotten = greatest(forgotten, $2) WHERE id = $1', [
    ...[id, oldest - 1],
  ]);
  const sql = 'DELETE FROM tombstone WHERE mailbox = $1 AND modseq < $2';
  return transaction.run(sql, [id, oldest]);
}
