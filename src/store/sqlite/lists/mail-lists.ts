// Lists of messages (mail-rows.ts) that were looked at lately, so that looking again costs what changed since.

import type { DatabaseSync } from 'node:sqlite';
import type { MailColumns } from '../../folder-store.ts';
import { MailRows } from '../../lists/mail-rows.ts';
import type { MailQuestion } from '../../mail-question.ts';
import { integer, text } from '../../row.ts';
import { prepareArrays } from '../arrays.ts';

type Rows = readonly (readonly unknown[])[];

/** What says whether a folder is still as it was. */
export interface FolderState {
  readonly id: number;
  readonly modseq: number;
  readonly messages: number;
  /** Expunges up to this modseq are not remembered. */
  readonly forgotten: number;
}

interface Known {
  readonly state: string;
  readonly rows: MailRows;
}

// Limit: lists kept, those of different accounts and folders.
const listsMax = 8;

function prepareStatements(database: DatabaseSync) {
  const prepare = (sql: string) => prepareArrays(database, sql);
  const folders = `
    SELECT folder.id, mailbox.address, folder.path, folder.modseq, folder.messages, folder.forgotten
    FROM folder JOIN mailbox ON mailbox.id = folder.mailbox WHERE folder.messages > 0`;
  return {
    everybody: prepare(`${folders} ORDER BY folder.id`),
    account: prepare(`${folders} AND mailbox.address = ? ORDER BY folder.id`),
    folder: prepare(`${folders} AND mailbox.address = ? AND folder.path = ?`),
    contents: prepare(`
      SELECT json_group_array(id), json_group_array(content) FROM email
      WHERE id IN (SELECT value FROM json_each(?))`),
  };
}

export class MailLists {
  readonly #sql: ReturnType<typeof prepareStatements>;
  readonly #columns: (folder: FolderState) => MailColumns;
  readonly #known = new Map<string, Known>();
  /** Content of each email, of all lists: that of everybody and that of an account have the same ones. */
  #contents = new Map<number, number>();

  constructor(database: DatabaseSync, columns: (folder: FolderState) => MailColumns) {
    this.#sql = prepareStatements(database);
    this.#columns = columns;
  }

  /** Within a transaction, so that it is all of one moment. */
  get({ account, folder }: Pick<MailQuestion, 'account' | 'folder'>): MailRows {
    const found = this.#folders(account, folder);
    const state = found.map(([id, , , modseq]) => `${id}:${modseq}`).join();
    const key = JSON.stringify([account, folder]);
    const known = this.#known.get(key);
    this.#known.delete(key);
    const next = known?.state === state ? known : this.#read(state, found, known);
    this.#known.set(key, next);
    for (const oldest of this.#known.keys()) {
      if (this.#known.size <= listsMax) break;
      this.#known.delete(oldest);
    }
    return next.rows;
  }

  clear(): void {
    this.#known.clear();
    this.#contents = new Map();
  }

  #folders(account: string | undefined, folder: string | undefined): Rows {
    const { everybody, account: ofAccount, folder: one } = this.#sql;
    if (account === undefined) {
      const all = everybody.all() as unknown as Rows;
      return folder === undefined ? all : all.filter(([, , path]) => path === folder);
    }
    return (folder === undefined
      ? ofAccount.all(account)
      : one.all(account, folder)) as unknown as Rows;
  }

  #read(state: string, found: Rows, before: Known | undefined): Known {
    const folders = found.map(([id, address, path, modseq, messages, forgotten]) => ({
      ...{ id: integer(id), account: text(address), path: text(path) },
      columns: this.#columns({
        ...{ id: integer(id), modseq: integer(modseq) },
        ...{ messages: integer(messages), forgotten: integer(forgotten) },
      }),
    }));
    const places = folders.reduce((sum, { columns }) => sum + columns.length, 0);
    const lists = [...this.#known.values()].map(({ rows }) => rows.folders);
    const kept = lists.flat().reduce((sum, { columns }) => sum + columns.length, places);
    // What was kept of many that are gone is not worth its memory.
    const isAnew = this.#contents.size > 2 * kept + 1000;
    if (isAnew) this.#contents = new Map();
    // What has the columns that it had, has nothing new.
    const known = new Set(isAnew ? [] : before?.rows.folders.map(({ columns }) => columns));
    for (const { columns } of folders) if (!known.has(columns)) this.#readContents(columns);
    const contents = this.#contents;
    const rows = new MailRows(folders, (email) => contents.get(email) ?? -email, before?.rows);
    return { state, rows };
  }

  #readContents({ email }: MailColumns): void {
    const contents = this.#contents;
    const missing: number[] = [];
    for (const one of email) if (!contents.has(one)) missing.push(one);
    if (missing.length === 0) return;
    const row = this.#sql.contents.get(JSON.stringify(missing)) as unknown as readonly unknown[];
    const [ids, of] = row.map((column) => JSON.parse(text(column)) as readonly number[]);
    for (const [i, id] of ids!.entries()) contents.set(id, of![i]!);
  }
}
