// What the queue asks of mailboxes, in the transaction of a settlement; and what mailboxes ask of the queue. The
// folders implement the one, the queue the other, and neither imports its neighbour.

import type { NewMailboxMessage, Quota } from '../folder-store.ts';
import type { Queries, Transaction } from './database.ts';

/** A message for a folder, whose content is a row already. */
export interface Delivered extends Omit<NewMailboxMessage, 'content'> {
  /** The number of a row of `content`: shared, if others refer to it. */
  readonly content: number;
  /** The folder is made if it is missing and may be; otherwise, and failing that, the message goes to INBOX. */
  readonly create: boolean;
}

export interface Deliveries {
  /**
   * Each into its folder, in order; mailboxes that are missing are made. All mailboxes concerned are locked first,
   * in the order of their addresses, so that no two settlements wait for each other.
   */
  append(transaction: Transaction, messages: readonly Delivered[], now: number): Promise<void>;
  /** What an account has in its mailbox. */
  usage(queries: Queries, account: string): Promise<Quota>;
  /** Everything an account has. */
  removeMailbox(transaction: Transaction, account: string): Promise<void>;
}

/** What the queue holds for an account that its mailbox does not hold yet. */
export async function roomTaken(queries: Queries, account: string): Promise<Quota> {
  const [row] = await queries.rows(
    'SELECT coalesce(sum(room), 0)::bigint AS bytes, count(*) AS messages FROM recipient WHERE account = $1',
    [account],
  );
  return { bytes: Number(row?.bytes), messages: Number(row?.messages) };
}

/**
 * Until the transaction ends nobody else adds up what these mailboxes have and are to get, or changes the sum:
 * usage() and roomTaken() are true together. Before anything else is locked.
 */
export async function lockRoom(
  transaction: Transaction,
  accounts: readonly string[],
): Promise<void> {
  await transaction.run(
    `SELECT pg_advisory_xact_lock($1, lock) FROM
       (SELECT DISTINCT hashtext(account) AS lock FROM unnest($2::text[]) AS account ORDER BY 1) locks`,
    [roomLocks, accounts],
  );
}

/** Ours among the locks that applications agree upon: "room" in ASCII. */
const roomLocks = 0x726f6f6d;
