// Mailboxes on this database, put together.

import type { Clock } from '../../../base/clock.ts';
import type { ContentTable } from '../content/content-table.ts';
import type { Database } from '../database.ts';
import { ContentSearch } from '../search/content-search.ts';
import { Derived } from '../search/derived.ts';
import { MailLists } from '../search/mail-lists.ts';
import { MessageSource } from '../search/message-source.ts';
import type { Signals } from '../signals.ts';
import { AccountFeed } from './account-feed.ts';
import { FolderDesk } from './folder-desk.ts';
import { PostgresFolderStore } from './folder-store.ts';
import { MailboxDeliveries } from './mailbox-deliveries.ts';
import { MailboxEvents } from './mailbox-events.ts';
import { FolderColumns } from './reading.ts';

export interface MailboxesParts {
  readonly database: Database;
  readonly contents: ContentTable;
  readonly clock: Clock;
  readonly signals: Signals;
  /** Of this process, whatever its node is called. */
  readonly session: number;
}

export interface Mailboxes extends AsyncDisposable {
  readonly folders: PostgresFolderStore;
  readonly deliveries: MailboxDeliveries;
}

export function openMailboxes(parts: MailboxesParts): Mailboxes {
  const { database, contents, clock, signals, session } = parts;
  const events = new MailboxEvents({ database, signals, clock, session });
  const desk = new FolderDesk({
    ...{ database, contents, clock, session },
    publish: (changes) => events.publish(changes),
  });
  const deliveries = new MailboxDeliveries(desk, contents);
  const source = new MessageSource(database, contents);
  const derived = new Derived({ database, source });
  const contentSearch = new ContentSearch({ database, derived, source });
  const columns = new FolderColumns();
  const lists = new MailLists({ database, columns, derived, search: contentSearch });
  const feed = new AccountFeed(database);
  return {
    deliveries,
    folders: new PostgresFolderStore({
      ...{ database, contents, desk, deliveries, events, columns, feed },
      ...{ source, derived, contentSearch, lists },
    }),
    async [Symbol.asyncDispose]() {
      await desk.idle();
      events.close();
    },
  };
}
