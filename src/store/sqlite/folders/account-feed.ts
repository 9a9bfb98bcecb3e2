// What changed in an account since a state that its client was told: RFC 8620 §5.2. The rows that are
// there say themselves when they came and when they last changed; tombstones say what is gone.
//
// Changes are told in the order of their places: of what the client does not know, when it came; of
// everything else, when it last changed. A page ends between two places, even within one change of
// 100,000 messages, so that it is never longer than was asked for.

import type { DatabaseSync } from 'node:sqlite';
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

/**
 * `changed` has an object once: when it last changed (modseq), when it came (created), whether it is
 * there (live), and when it changed itself (own).
 * ?1 mailbox, ?2 the last modseq that is known whole, ?3 and ?4 the state, ?5 how many.
 */
const inOrder = (changed: string): string => `
  ${changed}, placed AS (
    SELECT object, live, own, (created, object) > (?3, ?4) AS fresh,
      CASE WHEN (created, object) > (?3, ?4) THEN created ELSE modseq END AS place
    FROM changed)
  SELECT object, live, own, fresh, place FROM placed
  WHERE (place, object) > (?3, ?4) AND (live OR NOT fresh)
  ORDER BY place, object LIMIT ?5`;

export function prepareStatements(database: DatabaseSync) {
  const prepare = (sql: string) => database.prepare(sql);
  const { folder, email } = tombstoneKind;
  return {
    mailbox: prepare('SELECT id, modseq, forgotten FROM mailbox WHERE address = ?'),
    none: prepare(`SELECT value FROM meta WHERE name = 'mailbox_modseq'`),
    emailsSince: prepare(
      inOrder(`
        WITH touched AS (
          SELECT mail.email AS object, mail.modseq, mail.created, 1 AS here
          FROM folder CROSS JOIN mail INDEXED BY mail_modseq
            ON mail.folder = folder.id AND mail.modseq > ?2
          WHERE folder.mailbox = ?1 AND folder.modseq > ?2
          UNION ALL
          SELECT object, modseq, created, 0 FROM tombstone
          WHERE mailbox = ?1 AND modseq > ?2 AND kind = ${email}),
        changed AS (
          SELECT object, max(modseq) AS modseq, min(created) AS created, 0 AS own,
            max(here) OR EXISTS (
              SELECT 1 FROM mail CROSS JOIN folder ON folder.id = mail.folder
              WHERE mail.email = object AND folder.mailbox = ?1) AS live
          FROM touched GROUP BY object)`),
    ),
    foldersSince: prepare(
      inOrder(`
        WITH changed AS (
          SELECT id AS object, max(changed, modseq) AS modseq, created, 1 AS live,
            (changed, id) > (?3, ?4) AS own
          FROM folder WHERE mailbox = ?1 AND max(changed, modseq) > ?2
          UNION ALL
          SELECT object, modseq, created, 0, 1 FROM tombstone
          WHERE mailbox = ?1 AND modseq > ?2 AND kind = ${folder})`),
    ),
  };
}

type Statement = 'emailsSince' | 'foldersSince';

export class AccountFeed {
  readonly #sql: ReturnType<typeof prepareStatements>;

  constructor(database: DatabaseSync) {
    this.#sql = prepareStatements(database);
  }

  state(account: string): string {
    const { modseq } = this.#mailbox(account);
    return stateText({ modseq, object: all });
  }

  emails(account: string, since: string, limit: number): AccountChanges {
    return sorted(this.#changes('emailsSince', account, since, limit), emailId);
  }

  folders(account: string, since: string, limit: number): FolderListChanges {
    const found = this.#changes('foldersSince', account, since, limit);
    const updated = found.rows.filter((row) => row.fresh === 0 && row.live === 1);
    return { ...sorted(found, mailboxId), messagesOnly: updated.every((row) => row.own === 0) };
  }

  #changes(statement: Statement, account: string, since: string, limit: number): Found {
    const { id, modseq, forgotten } = this.#mailbox(account);
    const state = { modseq, object: all };
    const from = stateOf(since);
    const known = from === undefined ? -1 : from.object === all ? from.modseq : from.modseq - 1;
    if (from === undefined || known < forgotten || from.modseq > modseq)
      return { rows: [], state, hasMore: false, complete: false };
    const place = [from.modseq, from.object] as const;
    const rows = this.#sql[statement].all(id, known, ...place, limit + 1);
    if (rows.length <= limit) return { rows, state, hasMore: false, complete: true };
    const page = rows.slice(0, limit);
    const last = page.at(-1)!;
    const end = { modseq: integer(last.place), object: integer(last.object) };
    return { rows: page, state: end, hasMore: true, complete: true };
  }

  /** Of whom there is none yet, the state is the one that his mailbox will begin with. */
  #mailbox(account: string): { id: number; modseq: number; forgotten: number } {
    const row = this.#sql.mailbox.get(account);
    if (row === undefined) {
      const modseq = integer(this.#sql.none.get()?.value);
      return { id: 0, modseq, forgotten: modseq };
    }
    const { id, modseq, forgotten } = row;
    return { id: integer(id), modseq: integer(modseq), forgotten: integer(forgotten) };
  }
}
