// What commands in the selected state have in common. RFC 9051 §6.4.

import type { SequenceSet } from '../../imap/command.ts';
import { lacks } from './acl.ts';
import type { CommandContext } from './context.ts';
import { numbersOf } from './number-set.ts';
import { ImapRefusal } from './refusal.ts';
import type { SelectedMailbox } from './selected-mailbox.ts';
import { SessionUpdates } from './updates.ts';

/** @throws ImapRefusal when no mailbox is selected */
export function requireSelected(context: CommandContext): SelectedMailbox {
  const { selected } = context;
  if (selected === undefined) throw new ImapRefusal('BAD', undefined, 'No mailbox is selected');
  return selected;
}

/** @throws ImapRefusal when it was opened by EXAMINE */
export function requireWritable(context: CommandContext): SelectedMailbox {
  const selected = requireSelected(context);
  if (selected.readOnly)
    throw new ImapRefusal('NO', 'READ-ONLY', 'The mailbox is selected for reading only');
  return selected;
}

/** @throws ImapRefusal */
export function requireRights({ rights }: SelectedMailbox, needed: string): void {
  for (const right of needed) if (!rights.includes(right)) throw lacks(right);
}

/** Message numbers. @throws ImapRefusal */
export function targetsOf(
  context: CommandContext,
  { set, uid }: { readonly set: SequenceSet; readonly uid: boolean },
): Uint32Array {
  return numbersOf(set, requireSelected(context), uid);
}

export const uidsAt = (selected: SelectedMailbox, numbers: Uint32Array): number[] =>
  Array.from(numbers, (number) => selected.uids[number - 1]!);

/** Stops looking at the folder. */
export function closeSelected(context: CommandContext): void {
  SessionUpdates.of(context).deselect();
  context.selected = undefined;
}
