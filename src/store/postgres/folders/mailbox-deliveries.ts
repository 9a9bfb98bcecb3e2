// What the queue asks of mailboxes, in the transaction of a settlement.

import type { Quota } from '../../folder-store.ts';
import { storedFlags } from '../../folders/flags.ts';
import type { ContentTable } from '../content/content-table.ts';
import type { Queries, Transaction } from '../database.ts';
import type { Delivered, Deliveries } from '../deliveries.ts';
import { type Arrival, arrive, folderFor, folderOrInbox } from './arrivals.ts';
import type { Change } from './change.ts';
import { readListings } from './emails.ts';
import { createFolder } from './folder-changes.ts';
import { type FolderDesk, isRefusal } from './folder-desk.ts';
import { ensureFolders, mailboxFor, removeMailbox, rightsOf } from './mailboxes.ts';
import { usageOf } from './reading.ts';
import type { FolderState } from './states.ts';

export class MailboxDeliveries implements Deliveries {
  readonly #desk: FolderDesk;
  readonly #contents: ContentTable;

  constructor(desk: FolderDesk, contents: ContentTable) {
    this.#desk = desk;
    this.#contents = contents;
  }

  append(transaction: Transaction, messages: readonly Delivered[], now: number): Promise<void> {
    const make = messages.map(({ account }) => account);
    return this.#desk.within(transaction, { make }, now, async (change) => {
      const listings = await readListings(
        transaction,
        messages.map(({ content }) => content),
      );
      const places: [FolderState, Arrival][] = [];
      for (const { prefix, received, content, ...message } of messages) {
        const { size, ...listing } = listings.get(content)!;
        const arrival = {
          ...{ ...listing, content, prefix, received, flags: storedFlags(message.flags) },
          size: size + Buffer.byteLength(prefix),
        };
        places.push([await folderOf(change, message), arrival]);
      }
      await arrive(change, places);
    });
  }

  /** The mailbox with its standard folders: what is missing of it is made. */
  ensure(account: string): Promise<void> {
    return this.#desk.change(account, { make: [account] }, async (change) =>
      ensureFolders(change, await mailboxFor(change, account)),
    );
  }

  usage(queries: Queries, account: string): Promise<Quota> {
    return usageOf(queries, account);
  }

  async removeMailbox(transaction: Transaction, account: string): Promise<void> {
    // Whose folders he has rights on: they change, too.
    const shared = await transaction.rows(
      'SELECT folder FROM acl WHERE identifier = ANY($1::text[])',
      [rightsOf(account)],
    );
    const needs = { accounts: [account], folders: shared.map(({ folder }) => Number(folder)) };
    await this.#desk.within(transaction, needs, undefined, (change) =>
      removeMailbox(change, account, this.#contents),
    );
  }
}

/** A refusal to make the folder is none: it is there, or there are too many. RFC 5228 §2.10.2. */
async function folderOf(
  change: Change,
  { account, folder, create }: Pick<Delivered, 'account' | 'folder' | 'create'>,
): Promise<FolderState> {
  if (create && (await folderFor(change, account, folder)) === undefined)
    try {
      await createFolder(change, account, folder, null);
    } catch (error) {
      if (!isRefusal(error)) throw error;
    }
  return folderOrInbox(change, account, folder);
}
