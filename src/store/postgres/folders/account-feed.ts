// What changed in an account since a state that its client was told: RFC 8620 §5.2. The rows that are there say
// themselves when they came and when they last changed; tombstones say what is gone. They are told in the order
// of their places, as ../../folders/account-state.ts has it.

import type { AccountChanges, FolderListChanges } from '../../folder-store.ts';
import {
  all,
  type Found,
  sorted,
  stateOf,
  stateText,
  tombstoneKind,
} from '../../folders/account-state.ts';
import { emailId, mailboxId } from '../../object-id.ts';
import { integer } from '../../row.ts';
import type { Database, Queries } from '../database.ts';
import { atOneMoment } from './reading.ts';

const { folder: folderKind, email: emailKind } = tombstoneKind;

/**
 * `changed` has an object once: when it last changed (modseq), when it came (created), whether it is there (live),
 * and whether it changed itself (own).
 * $1 mailbox, $2 the last modseq that is known whole, $3 and $4 the state, $5 how many.
 */
const inOrder = (changed: string): string => `
  ${changed}, placed AS (
    SELECT object, live, own, (created, object) > ($3::bigint, $4::bigint) AS is_fresh,
      CASE WHEN (created, object) > ($3::bigint, $4::bigint) THEN created ELSE modseq END AS place
    FROM changed)
  SELECT object, live::int, own::int, is_fresh::int AS fresh, place FROM placed
  WHERE (place, object) > ($3::bigint, $4::bigint) AND (live OR NOT is_fresh)
  ORDER BY place, object LIMIT $5`;

const emailsSince = inOrder(`
  WITH touched AS (
    SELECT mail.email AS object, mail.modseq, mail.created, true AS here
    FROM folder JOIN mail ON mail.folder = folder.id AND mail.modseq > $2
    WHERE folder.mailbox = $1 AND folder.modseq > $2
    UNION ALL
    SELECT object, modseq, created, false FROM tombstone
    WHERE mailbox = $1 AND modseq > $2 AND kind = ${emailKind}),
  changed AS (
    SELECT object, max(modseq) AS modseq, min(created) AS created, false AS own,
      bool_or(here) OR EXISTS (
        SELECT FROM mail JOIN folder ON folder.id = mail.folder
        WHERE mail.email = object AND folder.mailbox = $1) AS live
    FROM touched GROUP BY object)`);

const foldersSince = inOrder(`
  WITH changed AS (
    SELECT id AS object, greatest(changed, modseq) AS modseq, created, true AS live,
      (changed, id) > ($3::bigint, $4::bigint) AS own
    FROM folder WHERE mailbox = $1 AND greatest(changed, modseq) > $2
    UNION ALL
    SELECT object, modseq, created, false, true FROM tombstone
    WHERE mailbox = $1 AND modseq > $2 AND kind = ${folderKind})`);

export class AccountFeed {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  async state(account: string): Promise<string> {
    const { modseq } = await mailboxOf(this.#database, account);
    return stateText({ modseq, object: all });
  }

  async emails(account: string, since: string, limit: number): Promise<AccountChanges> {
    return sorted(await this.#changes(emailsSince, { account, since, limit }), emailId);
  }

  async folders(account: string, since: string, limit: number): Promise<FolderListChanges> {
    const found = await this.#changes(foldersSince, { account, since, limit });
    const updated = found.rows.filter((row) => row.fresh === 0 && row.live === 1);
    return { ...sorted(found, mailboxId), messagesOnly: updated.every((row) => row.own === 0) };
  }

  #changes(
    statement: string,
    { account, since, limit }: { account: string; since: string; limit: number },
  ): Promise<Found> {
    return atOneMoment(this.#database, async (queries) => {
      const { id, modseq, forgotten } = await mailboxOf(queries, account);
      const state = { modseq, object: all };
      const from = stateOf(since);
      const known = from === undefined ? -1 : from.object === all ? from.modseq : from.modseq - 1;
      if (from === undefined || known < forgotten || from.modseq > modseq)
        return { rows: [], state, hasMore: false, complete: false };
      const values = [id, known, from.modseq, from.object, limit + 1];
      const rows = await queries.rows(statement, values);
      if (rows.length <= limit) return { rows, state, hasMore: false, complete: true };
      const page = rows.slice(0, limit);
      const last = page.at(-1)!;
      const end = { modseq: integer(last.place), object: integer(last.object) };
      return { rows: page, state: end, hasMore: true, complete: true };
    });
  }
}

/** Of whom there is none yet, the state is the one that his mailbox will begin with. */
async function mailboxOf(queries: Queries, account: string) {
  const [row] = await queries.rows(
    `SELECT mailbox.id, mailbox.modseq, mailbox.forgotten, meta.value
     FROM meta LEFT JOIN mailbox ON mailbox.address = $1 WHERE meta.name = 'mailbox_modseq'`,
    [account],
  );
  const none = integer(row?.value);
  if (row?.id === null) return { id: 0, modseq: none, forgotten: none };
  const [id, modseq, forgotten] = [row?.id, row?.modseq, row?.forgotten].map(integer);
  return { id: id!, modseq: modseq!, forgotten: forgotten! };
}
