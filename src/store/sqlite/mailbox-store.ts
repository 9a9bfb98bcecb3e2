// The embedded MailboxStore. See ../mailbox-store.ts for what it promises.

import type { Clock } from '../../base/clock.ts';
import type { Content } from '../content.ts';
import { memoryContent } from '../content.ts';
import type { Folder, MailboxMessage, MailboxStore, NewMailboxMessage } from '../mailbox-store.ts';
import type { Spool } from '../spool.ts';
import type { GroupCommit } from './group-commit.ts';
import { appendRow, contentOf } from './queue-store.ts';

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

  store(
    account: string,
    folder: string,
    uids: readonly number[],
    change: { readonly kind: 'add' | 'remove' | 'replace'; readonly flags: readonly string[] },
  ): Promise<readonly MailboxMessage[]> {
    return this.#parts.commit.call('store', [account, folder, uids, change]);
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

function prefixed(prefix: Uint8Array, content: Content): Content {
  if (content.bytes !== undefined) return memoryContent(Buffer.concat([prefix, content.bytes]));
  return {
    size: prefix.length + content.size,
    bytes: undefined,
    async *read() {
      yield* memoryContent(prefix).read();
      yield* content.read();
    },
  };
}
