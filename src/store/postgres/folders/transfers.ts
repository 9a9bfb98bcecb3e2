// Messages that go from a folder to another one: copied, moved, or replaced by what comes. Room is asked for before
// anything is written.

import type { StoredContent } from '../../content.ts';
import { storedSize } from '../../content.ts';
import { OverQuotaError } from '../../folder-errors.ts';
import type { CopyOptions, CopyResult, Quota } from '../../folder-store.ts';
import type { ContentTable } from '../content/content-table.ts';
import { roomTaken } from '../deliveries.ts';
import type { Change } from './change.ts';
import { noFolder } from './folder-changes.ts';
import type { Arriving, FolderDesk } from './folder-desk.ts';
import { copyMessages, removeMessages, sizeOf } from './messages.ts';
import { usageOf } from './reading.ts';
import type { FolderState } from './states.ts';

export interface Transfer extends CopyOptions {
  readonly from: number;
  readonly uids: readonly number[];
  readonly to: number;
}

export interface TransferParts {
  readonly desk: FolderDesk;
  readonly contents: ContentTable;
}

const none: Quota = { bytes: 0, messages: 0 };

const needsOf = ({ from, to, quota }: Transfer) => ({
  folders: [from, to],
  ...(quota && { rooms: [to] }),
});

/** @throws NoSuchFolderError, OverQuotaError */
export function copy({ desk }: TransferParts, transfer: Transfer): Promise<CopyResult> {
  const { from, uids, to, quota, without = [] } = transfer;
  return desk.change(from, needsOf(transfer), async (change) => {
    const target = await targetOf(change, to);
    if (quota !== undefined)
      await assertRoom(change, target.mailbox.address, quota, await sizeOf(change, from, uids));
    return copyMessages(change, from, uids, to, without);
  });
}

/** @throws NoSuchFolderError, OverQuotaError */
export function move({ desk, contents }: TransferParts, transfer: Transfer): Promise<CopyResult> {
  const { from, uids, to, quota, without = [] } = transfer;
  return desk.change(from, needsOf(transfer), async (change) => {
    const target = await targetOf(change, to);
    const source = await change.folder(from);
    // Within an account nothing is added.
    if (quota !== undefined && source?.mailbox !== target.mailbox)
      await assertRoom(change, target.mailbox.address, quota, await sizeOf(change, from, uids));
    const copied = await copyMessages(change, from, uids, to, without);
    await removeMessages(change, from, copied.source, { marked: false, contents });
    return copied;
  });
}

/** @throws NoSuchFolderError, OverQuotaError */
export function replace(
  { desk, contents }: TransferParts,
  transfer: Transfer,
  message: Arriving,
): Promise<{ readonly uidValidity: number; readonly uid: number }> {
  const { from, uids, to, quota } = transfer;
  return desk.change(from, needsOf(transfer), async (change) => {
    const target = await targetOf(change, to);
    const source = await change.folder(from);
    const old = source?.mailbox === target.mailbox ? await sizeOf(change, from, uids) : none;
    if (quota !== undefined)
      await assertRoom(change, target.mailbox.address, quota, {
        bytes: storedSize(message.content) - old.bytes,
        messages: 1 - old.messages,
      });
    const [arrived] = await desk.arriveAll(change, [[target, message]]);
    await removeMessages(change, from, uids, { marked: false, contents });
    return { uidValidity: target.uidValidity, uid: arrived!.uid };
  });
}

/** @throws OverQuotaError */
export async function refuseRoom(
  change: Change,
  account: string,
  quota: Quota | undefined,
  messages: readonly { readonly content: StoredContent }[],
): Promise<void> {
  if (quota === undefined) return;
  const bytes = messages.reduce((sum, { content }) => sum + storedSize(content), 0);
  await assertRoom(change, account, quota, { bytes, messages: messages.length });
}

/** @throws NoSuchFolderError */
async function targetOf(change: Change, id: number): Promise<FolderState> {
  const target = await change.folder(id);
  if (target === undefined) throw noFolder(id);
  return target;
}

/** Why nothing more goes into the mailbox. @throws OverQuotaError */
async function assertRoom(
  change: Change,
  account: string,
  quota: Quota,
  more: Quota,
): Promise<void> {
  if (more.bytes <= 0 && more.messages <= 0) return;
  // What was done before in the same transaction counts.
  await change.writeFolders();
  const { bytes, messages } = await usageOf(change.transaction, account);
  // Mail that was accepted and is not delivered yet has its room already.
  const queued = await roomTaken(change.transaction, account);
  if (
    bytes + queued.bytes + more.bytes > quota.bytes ||
    messages + queued.messages + more.messages > quota.messages
  )
    throw new OverQuotaError(`${account} is over quota`);
}
