// FETCH and UID FETCH: which messages, which items, and what is said at the end. RFC 9051 §6.4.5;
// RFC 7162 §3.1.4 (CHANGEDSINCE) and §3.2.6 (VANISHED); RFC 9394 §3.3 (PARTIAL); RFC 9586 (UIDFETCH).

import { assert } from '../../../base/assert.ts';
import type { CommandOf, FetchItem, Range } from '../../../imap/command.ts';
import type { Completion } from '../../../imap/event.ts';
import type { CommandContext, ExecutorOf } from '../context.ts';
import type { Outcome } from '../fetch/fetch-items.ts';
import { fetchItems } from '../fetch/fetch-items.ts';
import { planOf } from '../fetch/fetch-plan.ts';
import { no, ok, okButGone } from '../refusal.ts';
import type { SelectedMailbox } from '../selected-mailbox.ts';
import { requireSelected, targetsOf } from '../selection.ts';
import { tellVanished } from './qresync.ts';
import { windowOf } from './window.ts';

type Fetch = CommandOf<'FETCH'>;

export const fetch: ExecutorOf<'FETCH'> = async (command, context) => {
  const selected = requireSelected(context);
  const numbers = targetsOf(context, command);
  if (command.vanished) await tellGone(command, selected, context);
  const chosen = windowOf(changedOf(numbers, command, selected), command.window);
  const plan = planOf(itemsOf(command, context));
  selected.tellKeywords(context);
  return completionOf(command, await fetchItems(plan, chosen, selected, context));
};

function completionOf({ uid }: Fetch, outcome: Outcome): Completion {
  const { missing, unknownEncoding, unreadable } = outcome;
  // RFC 5530 §3: what is left of the mailbox was answered.
  if (unreadable.size > 0)
    return no(
      'CORRUPTION',
      `The server cannot read the content of UID ${[...unreadable].slice(0, 10).join(', ')}` +
        `${unreadable.size > 10 ? ' and others' : ''}: ask the postmaster for a backup`,
    );
  if (unknownEncoding) return no('UNKNOWN-CTE', 'A part has an unknown encoding');
  // RFC 9051 §6.4.9: UIDs that are not there are no mistake, and their EXPUNGE comes at once.
  return missing > 0 && !uid ? okButGone('FETCH') : ok('FETCH completed');
}

// RFC 7162 §3.2.6: before the messages. The session has seen to QRESYNC, UIDs and CHANGEDSINCE.
async function tellGone(
  { set, changedSince }: Fetch,
  selected: SelectedMailbox,
  context: CommandContext,
): Promise<void> {
  assert(changedSince !== undefined, 'VANISHED goes with CHANGEDSINCE');
  const known: readonly Range[] =
    set.kind === 'ranges'
      ? set.ranges
      : Array.from(selected.saved, (value) => ({ from: value, to: value }));
  await tellVanished({ known, since: changedSince, floor: 0 }, selected, context);
}

function changedOf(
  numbers: Uint32Array,
  { changedSince }: Fetch,
  { rows, uids }: SelectedMailbox,
): Uint32Array {
  if (changedSince === undefined) return numbers;
  return numbers.filter((number) => {
    const row = rows.rowOf(uids[number - 1]!, number - 1);
    return row >= 0 && rows.modseq[row]! > changedSince;
  });
}

/** What has to be said besides what was asked for. */
function itemsOf(
  { items, uid, changedSince }: Fetch,
  context: CommandContext,
): readonly FetchItem[] {
  const all = [...items];
  const has = (kind: FetchItem['kind']) => all.some((item) => item.kind === kind);
  // RFC 9051 §6.4.9: the UID is in every response to a UID command; RFC 9586 has it in front.
  if (uid && !has('UID') && !context.isEnabled('UIDONLY')) all.unshift({ kind: 'UID' });
  // RFC 7162 §3.1.4.1: as if MODSEQ had been asked for.
  if (changedSince !== undefined && !has('MODSEQ')) all.push({ kind: 'MODSEQ' });
  return all;
}
