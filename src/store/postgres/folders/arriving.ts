// Messages that are delivered or appended by themselves.

import { assert } from '../../../base/assert.ts';
import { MailboxLimitError, NoSuchFolderError } from '../../folder-errors.ts';
import type { ListedMessage, NewMail, NewMailboxMessage, Quota } from '../../folder-store.ts';
import { flagNames, flagsRefusal, storedFlags } from '../../folders/flags.ts';
import { emailId } from '../../object-id.ts';
import { folderFor } from './arrivals.ts';
import { noFolder } from './folder-changes.ts';
import type { Arriving, FolderDesk } from './folder-desk.ts';
import { refuseRoom } from './transfers.ts';

export function deliver(desk: FolderDesk, message: NewMailboxMessage): Promise<ListedMessage> {
  const { account, folder, content, flags, ...rest } = message;
  assert(content.kind !== 'queued', 'content of the queue is shared in its settlement alone');
  const stored = storedFlags(flags);
  return desk.arrive(
    account,
    { make: [account] },
    {
      messages: [{ ...rest, content, flags: stored }],
      async folder(change) {
        const found = await folderFor(change, account, folder);
        if (found === undefined) throw NoSuchFolderError.of(account, folder);
        return found;
      },
      answer: ([arrived]) => {
        const { uid, modseq, email, from, subject, size, saved } = arrived!;
        return {
          ...{ folder: arrived!.folder.id, uid, modseq, flags: flagNames(stored) },
          ...{ received: rest.received, saved, size, id: emailId(email), from, subject },
        };
      },
    },
  );
}

export async function append(
  desk: FolderDesk,
  folder: number,
  messages: readonly NewMail[],
  quota: Quota | undefined,
): Promise<{ readonly uidValidity: number; readonly uids: readonly number[] }> {
  assert(messages.length > 0, 'an append has messages');
  const arriving = messages.map(arrivingOf);
  return desk.arrive(
    folder,
    { folders: [folder], ...(quota && { rooms: [folder] }) },
    {
      messages: arriving,
      async folder(change) {
        const found = await change.folder(folder);
        if (found === undefined) throw noFolder(folder);
        await refuseRoom(change, found.mailbox.address, quota, arriving);
        return found;
      },
      answer: (arrived) => ({
        uidValidity: arrived[0]!.folder.uidValidity,
        uids: arrived.map(({ uid }) => uid),
      }),
      alone: quota !== undefined,
    },
  );
}

/** @throws MailboxLimitError */
export function arrivingOf({ content, flags, received }: NewMail): Arriving {
  const stored = storedFlags(flags);
  const refusal = flagsRefusal(stored);
  if (refusal !== undefined) throw new MailboxLimitError(refusal);
  return { content, prefix: '', flags: stored, received };
}
