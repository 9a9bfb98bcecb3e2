// The embedded MailboxStore. See ../mailbox-store.ts for what it promises.

import type { Clock } from '../../base/clock.ts';
import type { Content } from '../content.ts';
import type {
  Folder,
  FolderIndex,
  MailboxMessage,
  MailboxStore,
  NewMailboxMessage,
} from '../mailbox-store.ts';
import type { Spool } from '../spool.ts';
import { granted } from './folder-store.ts';
import type { GroupCommit } from './group-commit.ts';
import { emailText } from './mailbox-tables.ts';
import { prefixed, unpackMails } from './packed-mails.ts';
import { appendRow, contentOf } from './queue-store.ts';

// Limit: rows that one request reads, so that nobody waits long for a large mailbox.
const indexRowsPerPage = 10_000;

export interface SqliteMailboxStoreParts {
  readonly commit: GroupCommit;
  readonly spool: Spool;
  readonly clock: Clock;
}

export class SqliteMailboxStore implements MailboxStore {
  readonly #parts: SqliteMailboxStoreParts;

  constructor(parts: SqliteMailboxStoreParts) {
    this.#parts = parts;
  }

  async ensure(account: string): Promise<void> {
    await this.#parts.commit.call('ensure', [account, this.#parts.clock.now()]);
  }

  append(message: NewMailboxMessage): Promise<MailboxMessage> {
    const row = appendRow(message);
    const contents = typeof row.content === 'object' ? [row.content] : [];
    return this.#parts.commit.call('append', [row, this.#parts.clock.now()], contents);
  }

  owners(): Promise<readonly string[]> {
    return this.#parts.commit.call('owners', []);
  }

  async folders(account: string): Promise<readonly Folder[]> {
    const rows = await this.#parts.commit.call('folders', [account]);
    return rows.map((row) => ({ ...row, specialUse: row.specialUse ?? undefined }));
  }

  list(
    account: string,
    folder: string,
    page: { readonly after: number; readonly limit: number },
  ): Promise<readonly MailboxMessage[]> {
    return this.#parts.commit.call('mails', [account, folder, page.after, page.limit]);
  }

  async open(
    account: string,
    id: string,
  ): Promise<{ message: MailboxMessage; content: Content } | undefined> {
    const row = await this.#parts.commit.call('openMail', [account, id]);
    if (row === undefined) return undefined;
    const { message, prefix } = row;
    const content = contentOf(row.content, this.#parts.spool);
    return { message, content: prefix === '' ? content : prefixed(Buffer.from(prefix), content) };
  }

  async index(account: string, folder: string): Promise<FolderIndex> {
    const pages: Float64Array[] = [];
    for (let after = 0; ; ) {
      const page = await this.#parts.commit.call('mailIndex', [
        ...([account, folder, after, indexRowsPerPage] as const),
      ]);
      if (page.length > 0) pages.push(page);
      if (page.length < 3 * indexRowsPerPage) return folderIndex(pages);
      after = page.at(-3)!;
    }
  }

  async openMany(
    account: string,
    folder: string,
    uids: readonly number[],
  ): Promise<readonly (Content | undefined)[]> {
    const packed = await this.#parts.commit.call('openMails', [account, folder, uids]);
    return unpackMails(packed, this.#parts.spool);
  }

  async store(
    account: string,
    folder: string,
    uids: readonly number[],
    change: { readonly kind: 'add' | 'remove' | 'replace'; readonly flags: readonly string[] },
  ): Promise<readonly MailboxMessage[]> {
    return granted(await this.#parts.commit.call('store', [account, folder, uids, change]));
  }

  expunge(account: string, folder: string, uids: readonly number[]): Promise<readonly number[]> {
    return this.#parts.commit.call('expunge', [account, folder, uids]);
  }

  usage(account: string): Promise<{ readonly bytes: number; readonly messages: number }> {
    return this.#parts.commit.call('usage', [account]);
  }

  async removeAll(account: string): Promise<void> {
    await this.#parts.commit.call('removeMailbox', [account]);
  }
}

function folderIndex(pages: readonly Float64Array[]): FolderIndex {
  const length = pages.reduce((sum, page) => sum + page.length, 0);
  let rows = pages[0] ?? new Float64Array(0);
  if (pages.length > 1) {
    rows = new Float64Array(length);
    let at = 0;
    for (const page of pages) {
      rows.set(page, at);
      at += page.length;
    }
  }
  return {
    length: length / 3,
    uidAt: (index) => rows[3 * index]!,
    idAt: (index) => emailText(rows[3 * index + 1]!),
    sizeAt: (index) => rows[3 * index + 2]!,
  };
}
