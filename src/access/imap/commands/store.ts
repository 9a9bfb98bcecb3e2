// STORE and UID STORE: RFC 9051 §6.4.6, RFC 7162 §3.1.3 (UNCHANGEDSINCE), RFC 4314 §4 (which flags).

import type { CommandOf } from '../../../imap/command.ts';
import type { Completion } from '../../../imap/event.ts';
import type { FlagChange, StoreResult } from '../../../store/folder-store.ts';
import { noteFlagged } from '../../sorting.ts';
import type { CommandContext, ExecutorOf } from '../context.ts';
import { ExpectedFlags, sortedKeywords } from '../flag-change.ts';
import { formatSet, numbersOfUids } from '../number-set.ts';
import { ImapRefusal, ok, okButGone } from '../refusal.ts';
import type { SelectedMailbox } from '../selected-mailbox.ts';
import { requireWritable, targetsOf, uidsAt } from '../selection.ts';
import { permittedFlags } from '../storing.ts';

type Store = CommandOf<'STORE'>;

/** Flags of a message before the change, as the session knew them. */
interface Before {
  readonly bits: number;
  readonly keywords: string;
}

export const store: ExecutorOf<'STORE'> = async (command, context) => {
  const selected = requireWritable(context);
  const uids = uidsAt(selected, targetsOf(context, command));
  if (uids.length === 0) return ok('STORE completed');
  const changes = changesOf(command, selected);
  const before = command.silent ? knownFlags(uids, selected) : undefined;
  const result = await context.store.store(selected.open.id, uids, changes, command.unchangedSince);
  if (command.change !== 'remove')
    noteFlagged(context, {
      folder: selected.folder,
      flags: command.flags,
      uids: result.messages.uid,
    });
  await selected.open.refresh();
  selected.tellKeywords(context);
  if (command.silent) await tellSilently(command, { result, before, selected, context }, changes);
  else await tell(command, { result, selected, context });
  return completionOf(command, { result, uids, selected });
};

// RFC 4314 §4: what the rights allow is done, unless that is nothing at all.
function changesOf({ change, flags }: Store, selected: SelectedMailbox): readonly FlagChange[] {
  const permitted = permittedFlags(flags, selected.rights);
  const everything = ['s', 't', 'w'].every((right) => selected.rights.includes(right));
  if (permitted.length === 0 && !everything && (flags.length > 0 || !/[stw]/.test(selected.rights)))
    throw new ImapRefusal('NO', 'NOPERM', 'You may not change these flags');
  if (change !== 'replace' || everything) return [{ kind: change, flags: permitted }];
  const kept = new Set(permitted.map((flag) => flag.toLowerCase()));
  const others = [
    ...['\\Seen', '\\Answered', '\\Flagged', '\\Deleted', '\\Draft'],
    ...selected.rows.keywordsInUse,
  ].filter((flag) => !kept.has(flag.toLowerCase()));
  return [
    { kind: 'remove', flags: permittedFlags(others, selected.rights) },
    { kind: 'add', flags: permitted },
  ];
}

/** Of those messages whose flags the session knows. */
function knownFlags(
  uids: readonly number[],
  { rows, view }: SelectedMailbox,
): ReadonlyMap<number, Before> {
  const known = new Map<number, Before>();
  for (const uid of uids) {
    const row = rows.rowOf(uid);
    if (row < 0 || rows.modseq[row]! > view.toldOf(uid)) continue;
    known.set(uid, { bits: rows.flags[row]!, keywords: rows.keywordSets[rows.keywords[row]!]! });
  }
  return known;
}

interface Result {
  readonly result: StoreResult;
  readonly selected: SelectedMailbox;
  readonly context: CommandContext;
}

async function tell({ uid: named }: Store, { result, selected, context }: Result): Promise<void> {
  const { messages } = result;
  for (let i = 0; i < messages.length; i += 1) {
    selected.tellStored(context, messages, i, named);
    const room = i % 1000 === 999 ? context.room() : undefined;
    if (room !== undefined) await room;
  }
}

/** What others changed meanwhile is told at the end of the command. */
async function tellSilently(
  { uid: named }: Store,
  {
    result,
    before,
    selected,
    context,
  }: Result & { before: ReadonlyMap<number, Before> | undefined },
  changes: readonly FlagChange[],
): Promise<void> {
  const condstore = context.isEnabled('CONDSTORE') || context.isEnabled('QRESYNC');
  const expected = changes.map((change) => new ExpectedFlags(change));
  const { length, uid, modseq, flags, keywords, keywordSets } = result.messages;
  for (let i = 0; i < length; i += 1) {
    const was = before?.get(uid[i]!);
    if (was === undefined) continue;
    let { bits, keywords: words } = was;
    for (const each of expected) {
      bits = each.bits(bits);
      words = each.keywords(words);
    }
    const same = bits === flags[i] && words === sortedKeywords(keywordSets[keywords[i]!]!);
    if (!same) continue;
    selected.view.tellOf(uid[i]!, modseq[i]!);
    // RFC 7162 §3.1.3: the new mod-sequence is told even so.
    if (condstore) tellModseq({ uid: uid[i]!, modseq: modseq[i]!, named }, selected, context);
    const room = i % 1000 === 999 ? context.room() : undefined;
    if (room !== undefined) await room;
  }
}

function tellModseq(
  { uid, modseq, named }: { uid: number; modseq: number; named: boolean },
  selected: SelectedMailbox,
  context: CommandContext,
): void {
  if (context.isEnabled('UIDONLY')) {
    context.untagged(`${uid} UIDFETCH (MODSEQ (${modseq}))`);
    return;
  }
  const withUid = named || context.isEnabled('QRESYNC') ? `UID ${uid} ` : '';
  context.untagged(`${selected.numberOf(uid)!} FETCH (${withUid}MODSEQ (${modseq}))`);
}

function completionOf(
  { uid }: Store,
  { result, uids, selected }: Omit<Result, 'context'> & { readonly uids: readonly number[] },
): Completion {
  const { modified, messages } = result;
  if (modified.length > 0) {
    const sorted = [...modified].sort((one, other) => one - other);
    const set = formatSet(uid ? sorted : numbersOfUids(sorted, selected.uids));
    return ok('Conditional STORE failed', `MODIFIED ${set}`);
  }
  return !uid && messages.length < uids.length ? okButGone('STORE') : ok('STORE completed');
}
