// Emails: what never changes of a stored message. Copies in other folders share one, and it goes, with its
// content, when the last of them does. Its number is never used again.

import { type Listing, listedBytesMax, listingOf } from '../../folders/listing.ts';
import type { Row } from '../../row.ts';
import { blob, integer } from '../../row.ts';
import type { ContentTable } from '../content/content-table.ts';
import type { Transaction } from '../database.ts';
import { storable } from './texts.ts';

export interface NewEmail extends Listing {
  readonly content: number;
  readonly prefix: string;
}

/** Their numbers, in order. */
export async function insertEmails(
  transaction: Transaction,
  emails: readonly NewEmail[],
): Promise<readonly number[]> {
  const rows = await transaction.rows(
    `INSERT INTO email (content, sender, subject, prefix)
     SELECT content, sender, subject, prefix
     FROM unnest($1::bigint[], $2::text[], $3::text[], $4::bytea[]) WITH ORDINALITY
       AS new (content, sender, subject, prefix, nth)
     ORDER BY nth RETURNING id`,
    [
      emails.map(({ content }) => content),
      emails.map(({ from }) => from),
      emails.map(({ subject }) => subject),
      emails.map(({ prefix }) => Buffer.from(prefix)),
    ],
  );
  // Given one after the other, whatever order they are told in.
  return rows.map(({ id }) => integer(id)).sort((a, b) => a - b);
}

export function storableListing(head: Uint8Array): Listing {
  const { from, subject } = listingOf(head.subarray(0, listedBytesMax));
  return { from: storable(from), subject: storable(subject) };
}

/** Of content that is there; by its number. What cannot be read has no sender. */
export async function readListings(
  transaction: Transaction,
  contents: readonly number[],
): Promise<ReadonlyMap<number, Listing & { readonly size: number }>> {
  const rows = await transaction.rows(
    `SELECT id, size, coalesce(substring(bytes FOR $2), head, (
       SELECT substring(piece.bytes FOR $2) FROM content_piece piece
       WHERE piece.content = content.id AND piece.number = 0), '') AS octets
     FROM content WHERE id = ANY($1::bigint[])`,
    [contents, listedBytesMax],
  );
  const listing = ({ id, size, octets }: Row) =>
    [integer(id), { size: integer(size), ...storableListing(blob(octets)) }] as const;
  return new Map(rows.map(listing));
}

/** After messages that referred to them went: those that no message refers to go, too, with their content. */
export async function releaseEmails(
  transaction: Transaction,
  emails: readonly number[],
  contents: ContentTable,
): Promise<void> {
  if (emails.length === 0) return;
  const released = [...new Set(emails)];
  // Two mailboxes may lose the last two copies at once: the second one sees that there is none. Whoever copies
  // one meanwhile has the mailbox locked that it comes from.
  await transaction.rows(
    'SELECT id FROM email WHERE id = ANY($1::bigint[]) ORDER BY id FOR UPDATE',
    [released],
  );
  const gone = await transaction.rows(
    `DELETE FROM email WHERE id = ANY($1::bigint[])
       AND NOT EXISTS (SELECT FROM mail WHERE mail.email = email.id)
     RETURNING id, content`,
    [released],
  );
  if (gone.length === 0) return;
  await transaction.run('DELETE FROM derived WHERE email = ANY($1::bigint[])', [
    gone.map(({ id }) => integer(id)),
  ]);
  const ids = [...new Set(gone.map(({ content }) => integer(content)))];
  await contents.release(transaction, ids);
}
