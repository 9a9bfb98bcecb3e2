// STATUS: numbers of a folder without selecting it. RFC 9051 §6.3.11; RFC 7162 §3.1.3
// (HIGHESTMODSEQ), RFC 7889 (APPENDLIMIT), RFC 8438 (SIZE), RFC 8474 (MAILBOXID), RFC 9208 (DELETED,
// DELETED-STORAGE).

import { unreachable } from '../../../base/assert.ts';
import type { StatusItem } from '../../../imap/command.ts';
import { deletedBit } from '../../../mailbox/flags.ts';
import { mailboxId } from '../../../store/object-id.ts';
import { requireRight } from '../acl.ts';
import type { CommandContext, ExecutorOf } from '../context.ts';
import type { LocatedFolder } from '../located-folder.ts';
import { ok } from '../refusal.ts';
import { mailboxText } from '../words.ts';

export const status: ExecutorOf<'STATUS'> = async ({ mailbox, items }, context) => {
  const located = requireRight(await context.names.locate(mailbox), 'r');
  context.untagged(await statusText(context, located, items));
  return ok('STATUS completed');
};

export async function statusText(
  context: CommandContext,
  located: LocatedFolder,
  items: readonly StatusItem[],
): Promise<string> {
  const values: string[] = [];
  for (const item of new Set(items))
    values.push(`${item} ${await valueText(item, located, context)}`);
  return `STATUS ${mailboxText(context, located.name)} (${values.join(' ')})`;
}

function valueText(
  item: StatusItem,
  { folder }: LocatedFolder,
  context: CommandContext,
): string | number | Promise<number> {
  switch (item) {
    case 'MESSAGES':
      return folder.messages;
    case 'UIDNEXT':
      return folder.uidNext;
    case 'UIDVALIDITY':
      return folder.uidValidity;
    case 'UNSEEN':
      return folder.unseen;
    case 'DELETED':
      return folder.deleted;
    case 'SIZE':
      return folder.bytes;
    case 'RECENT':
      return recentMessages(folder, context);
    case 'HIGHESTMODSEQ':
      return folder.modseq;
    case 'MAILBOXID':
      return `(${mailboxId(folder.id)})`;
    case 'APPENDLIMIT':
      return context.limits.messageSize;
    case 'DELETED-STORAGE':
      return folder.deleted === 0 ? 0 : deletedBytes(folder.id, context);
    default:
      return unreachable(item);
  }
}

// RFC 3501 §6.3.10. IMAP4rev2 has no such thing.
function recentMessages(
  folder: LocatedFolder['folder'],
  { store, openFolders, isEnabled }: CommandContext,
): number | Promise<number> {
  const from = openFolders.recentFrom(folder);
  if (from >= folder.uidNext || isEnabled('IMAP4REV2')) return 0;
  return from === 1 ? folder.messages : store.countFrom(folder.id, from);
}

// RFC 9208 §4.1.4: the sum of the sizes may stand for what is really freed.
async function deletedBytes(folder: number, { store }: CommandContext): Promise<number> {
  const found = await store.snapshot(folder);
  if (found === undefined) return 0;
  const { length, flags, size } = found.messages;
  let sum = 0;
  for (let i = 0; i < length; i += 1) if ((flags[i]! & deletedBit) !== 0) sum += size[i]!;
  return sum;
}
