// CLOSE, UNSELECT, CHECK, NOOP and EXPUNGE. RFC 9051 §6.4.1, §6.4.2, §6.4.3, §6.1.2; RFC 3501 §6.4.1;
// RFC 3691 §2 (UNSELECT); RFC 4315 §2.1 (UID EXPUNGE); RFC 7162 §3.2.7 (HIGHESTMODSEQ). What is new is
// told at the end of every command by updates.ts.

import { deletedBit } from '../../../mailbox/flags.ts';
import type { CommandContext, ExecutorOf } from '../context.ts';
import { numbersOf } from '../number-set.ts';
import { ok } from '../refusal.ts';
import {
  closeSelected,
  requireRights,
  requireSelected,
  requireWritable,
  uidsAt,
} from '../selection.ts';

export const check: ExecutorOf<'CHECK'> = (_, context) => {
  requireSelected(context);
  return ok('CHECK completed');
};

export const unselect: ExecutorOf<'UNSELECT'> = (_, context) => {
  requireSelected(context);
  closeSelected(context);
  return { ...ok('UNSELECT completed'), state: 'unselected' };
};

export const close: ExecutorOf<'CLOSE'> = async (_, context) => {
  const selected = requireSelected(context);
  // RFC 9051 §6.4.1: nothing is said of it. RFC 4314 §4: without 'e' nothing is expunged.
  if (!selected.readOnly && selected.rights.includes('e') && hasDeleted(context)) {
    const { rows, open } = selected;
    const { uids } = await context.store.expunge(open.id);
    const unseen = uids.filter((uid) => rows.isUnseen(uid)).length;
    context.updates?.know({ kind: 'expunged', folder: open.id, uids, unseen });
  }
  closeSelected(context);
  return { ...ok('CLOSE completed'), state: 'unselected' };
};

export const expunge: ExecutorOf<'EXPUNGE'> = async ({ uids }, context) => {
  const selected = requireWritable(context);
  requireRights(selected, 'e');
  const chosen = uids && uidsAt(selected, numbersOf(uids, selected, true));
  const result = await context.store.expunge(selected.open.id, chosen);
  context.updates?.answer();
  await selected.open.refresh();
  const condstore = context.isEnabled('QRESYNC');
  // RFC 7162 §3.2.7
  const code = condstore && result.uids.length > 0 ? `HIGHESTMODSEQ ${result.modseq}` : undefined;
  return ok('EXPUNGE completed', code);
};

/** Whether anything seems to be marked: most often nothing is, and the store need not be asked. */
function hasDeleted({ selected }: CommandContext): boolean {
  const open = selected!.open;
  if (!open.isCurrent) return true;
  const { flags, length } = open.rows;
  for (let row = 0; row < length; row += 1) if ((flags[row]! & deletedBit) !== 0) return true;
  return false;
}
