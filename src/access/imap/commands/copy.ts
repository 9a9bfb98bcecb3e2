// COPY and MOVE: RFC 9051 §6.4.7 and §6.4.8, RFC 6851, RFC 4315 §3 (COPYUID), RFC 4314 §4. All messages or
// none. The expunges of a MOVE are told at the end of the command, after its COPYUID.

import { isSeen, systemFlags } from '../../../mailbox/flags.ts';
import { noteMoved } from '../../sorting.ts';
import type { ExecutorOf } from '../context.ts';
import type { LocatedFolder } from '../located-folder.ts';
import { formatInOrder, formatSet } from '../number-set.ts';
import { ImapRefusal, ok } from '../refusal.ts';
import type { SelectedMailbox } from '../selected-mailbox.ts';
import {
  requireRights,
  requireSelected,
  requireWritable,
  targetsOf,
  uidsAt,
} from '../selection.ts';
import { permittedFlags, quotaOf, targetFolder } from '../storing.ts';

export const copy: ExecutorOf<'COPY' | 'MOVE'> = async (command, context) => {
  const moves = command.name === 'MOVE';
  const selected = moves ? requireWritable(context) : requireSelected(context);
  // RFC 6851 §4.1: as COPY, STORE +FLAGS \Deleted and EXPUNGE.
  if (moves) requireRights(selected, 'te');
  const uids = uidsAt(selected, targetsOf(context, command));
  const target = await targetFolder(context, command.mailbox);
  refuseMissing(uids, command.uid, selected);
  const { store } = context;
  const from = selected.open.id;
  const to = target.folder.id;
  const options = { quota: quotaOf(context), without: forbiddenFlags(target, selected) };
  const work = moves ? store.move(from, uids, to, options) : store.copy(from, uids, to, options);
  const result = await work;
  // RFC 4315 §3: no COPYUID without UIDs.
  if (result.source.length === 0) return ok(`${command.name} completed`);
  noteMoved(context, { from: selected.folder, to: target.folder, uids: result.target });
  const unseen = unseenCopies(result.source, options.without, selected);
  context.updates?.know({ kind: 'added', folder: to, uids: result.target, unseen });
  const code = `COPYUID ${result.uidValidity} ${formatSet(result.source)} ${formatInOrder(result.target)}`;
  if (!moves) {
    if (to === from) await selected.open.refresh();
    return ok('COPY completed', code);
  }
  // RFC 6851 §4.3: in an untagged OK, before the messages are expunged.
  context.untagged(`OK [${code}] Moved`);
  context.updates?.answer();
  await selected.open.refresh();
  const condstore = context.isEnabled('QRESYNC');
  return ok('MOVE completed', condstore ? `HIGHESTMODSEQ ${selected.open.modseq}` : undefined);
};

// RFC 2180 §4.4.1: a number whose message is gone copies nothing.
function refuseMissing(uids: readonly number[], named: boolean, { rows }: SelectedMailbox): void {
  if (!named && uids.some((uid) => rows.rowOf(uid) < 0))
    throw new ImapRefusal('NO', 'EXPUNGEISSUED', 'Some messages are gone');
}

function unseenCopies(
  uids: readonly number[],
  without: readonly string[],
  { rows }: SelectedMailbox,
): number {
  if (without.some(isSeen)) return uids.length;
  return uids.filter((uid) => rows.isUnseen(uid)).length;
}

// RFC 4314 §4: flags that may not be set there are not kept.
function forbiddenFlags({ rights }: LocatedFolder, { rows }: SelectedMailbox): readonly string[] {
  const all = [...systemFlags, ...rows.keywordsInUse];
  const permitted = new Set(permittedFlags(all, rights));
  return all.filter((flag) => !permitted.has(flag));
}
