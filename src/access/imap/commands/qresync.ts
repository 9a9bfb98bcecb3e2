// What happened while a client was away: VANISHED (EARLIER) and the messages that changed. RFC 7162
// §3.2.5 (SELECT) and §3.2.6 (UID FETCH).

import type { QresyncParam, Range, SequenceSet } from '../../../imap/command.ts';
import type { CommandContext } from '../context.ts';
import type { Span } from '../number-set.ts';
import { formatSet, formatSpans, isWithin, spansWithout, uidsMeant } from '../number-set.ts';
import type { SelectedMailbox } from '../selected-mailbox.ts';

/** Limit: pairs of sequence-match-data that are looked at. */
const pairsMax = 10_000;

export async function resynchronise(
  { uidValidity, modseq, knownUids, match }: QresyncParam,
  selected: SelectedMailbox,
  context: CommandContext,
): Promise<void> {
  // RFC 7162 §3.2.5.1: with another UIDVALIDITY nothing the client knows is of use.
  if (uidValidity !== selected.folder.uidValidity) return;
  const known = knownUids?.kind === 'ranges' ? knownUids.ranges : [{ from: 1, to: 0 }];
  const floor = match === undefined ? 0 : matchedUid(match, selected);
  await tellVanished({ known, since: modseq, floor }, selected, context);
  const { rows } = selected;
  if (modseq >= selected.folder.modseq) return;
  const meant = uidsMeant(known, selected.folder.uidNext - 1);
  for (let row = 0; row < rows.length; row += 1) {
    if (rows.modseq[row]! <= modseq) continue;
    const uid = rows.uid[row]!;
    const number = selected.numberOf(uid);
    if (number === undefined || !isWithin(meant, uid)) continue;
    selected.tellMessage(context, number, uid);
    const room = context.room();
    if (room !== undefined) await room;
  }
}

export interface Absence {
  readonly known: readonly Range[];
  /** A modseq. */
  readonly since: number;
  /** Up to this UID, which is one of them or 0, the client knows which messages there are. */
  readonly floor: number;
}

export async function tellVanished(
  { known, since, floor }: Absence,
  selected: SelectedMailbox,
  context: CommandContext,
): Promise<void> {
  const { open } = selected;
  const changes = since >= open.modseq ? undefined : await context.store.changes(open.id, since);
  if (changes === undefined) return;
  const largest = open.facts.uidNext - 1;
  const meant = uidsMeant(known, largest);
  const upTo = ([from, to]: Span): Span => [Math.max(from, floor), Math.min(to, largest)];
  // What was expunged since the session opened the folder it will be told by message number, not here.
  const isTold = (uid: number) =>
    uid <= largest && isWithin(meant, uid) && selected.numberOf(uid) === undefined;
  // RFC 7162 §3.2.10.1: if not all expunges are remembered, every UID that is not there is called vanished.
  const told = changes.complete
    ? formatSet(changes.vanished.filter(isTold))
    : formatSpans(spansWithout(meant.map(upTo), selected.uids));
  if (told !== '') context.untagged(`VANISHED (EARLIER) ${told}`);
}

/** RFC 7162 §3.2.5.2: the last UID that still has the number the client knows it by. */
function matchedUid(
  { sequence, uids }: { readonly sequence: SequenceSet; readonly uids: SequenceSet },
  selected: SelectedMailbox,
): number {
  const each = elements(uids);
  let matched = 0;
  for (const number of elements(sequence)) {
    const { value: uid } = each.next();
    if (uid === undefined || selected.uidAt(number) !== uid) break;
    matched = uid;
  }
  return matched;
}

function* elements(set: SequenceSet): Generator<number, undefined> {
  if (set.kind === 'saved') return undefined;
  let count = 0;
  for (const { from, to } of set.ranges)
    for (let value = Math.min(from, to); value <= Math.max(from, to); value += 1) {
      if (++count > pairsMax) return undefined;
      yield value;
    }
  return undefined;
}
