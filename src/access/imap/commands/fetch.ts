// FETCH and UID FETCH: RFC 9051 §6.4.5 and §7.5.2; RFC 7162 §3.1.4 (CHANGEDSINCE) and §3.2.6 (VANISHED);
// RFC 9394 §3.3 (PARTIAL); RFC 9586 (UIDFETCH). What comes of columns alone is written in one go; what
// has to be read comes in pages, the next of which is read while one is sent.

import type { CommandOf, FetchItem, Range } from '../../../imap/command.ts';
import type { Completion } from '../../../imap/event.ts';
import { seenBit } from '../../../mailbox/flags.ts';
import type { CommandContext, ExecutorOf } from '../context.ts';
import { joinWriters } from '../fetch-columns.ts';
import { type FetchPlan, planOf } from '../fetch-plan.ts';
import { ImapRefusal, no, ok, okButGone } from '../refusal.ts';
import type { SelectedMailbox } from '../selected-mailbox.ts';
import { MessageWriter } from './fetch-message.ts';
import { type Page, pagesOf } from './fetch-pages.ts';
import { tellVanished } from './qresync.ts';
import { requireSelected, targetsOf } from './selection.ts';
import { windowOf } from './window.ts';

/** Characters gathered before they are handed on. */
const chunkLength = 48 * 2 ** 10;

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

export interface Outcome {
  /** Messages that are gone, though the session has numbers for them. */
  missing: number;
  /** RFC 3516 §4.3: a part could not be decoded. */
  unknownEncoding: boolean;
  /** UIDs of messages whose content is not there as it was stored. */
  readonly unreadable: ReadonlySet<number>;
}

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

// RFC 7162 §3.2.6: before the messages; needs QRESYNC, UIDs and CHANGEDSINCE.
async function tellGone(
  { set, uid, changedSince }: Fetch,
  selected: SelectedMailbox,
  context: CommandContext,
): Promise<void> {
  if (!uid || changedSince === undefined || !context.isEnabled('QRESYNC'))
    throw new ImapRefusal('BAD', undefined, 'VANISHED goes with UID FETCH, CHANGEDSINCE, QRESYNC');
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

/** RFC 5465 §5.2: of new messages what NOTIFY asked for. */
export async function fetchNew(
  numbers: Uint32Array,
  items: readonly FetchItem[],
  selected: SelectedMailbox,
  context: CommandContext,
): Promise<void> {
  const wanted = items.map((item) => ('peek' in item ? { ...item, peek: true } : item));
  if (!wanted.some(({ kind }) => kind === 'UID')) wanted.unshift({ kind: 'UID' });
  await fetchItems(planOf(wanted), numbers, selected, context);
}

const fetchItems = (
  plan: FetchPlan,
  numbers: Uint32Array,
  selected: SelectedMailbox,
  context: CommandContext,
): Promise<Outcome> =>
  plan.columns !== undefined
    ? fetchColumns(plan.columns, numbers, selected, context)
    : fetchPages(plan, numbers, selected, context);

async function fetchColumns(
  kinds: readonly string[],
  numbers: Uint32Array,
  selected: SelectedMailbox,
  context: CommandContext,
): Promise<Outcome> {
  const { rows, uids, view } = selected;
  const write = joinWriters(kinds, selected);
  const uidOnly = context.isEnabled('UIDONLY');
  const verb = uidOnly ? ' UIDFETCH (' : ' FETCH (';
  const tells = tellsFlags(kinds, context);
  const outcome: Outcome = { missing: 0, unknownEncoding: false, unreadable: new Set() };
  let text = '';
  for (const number of numbers) {
    const uid = uids[number - 1]!;
    const row = rows.rowOf(uid, number - 1);
    if (row < 0) {
      outcome.missing += 1;
      continue;
    }
    text += `* ${uidOnly ? uid : number}${verb}${write(rows, row)})\r\n`;
    if (tells) view.tellOf(uid, rows.modseq[row]!);
    if (text.length < chunkLength) continue;
    context.raw(text);
    text = '';
    const room = context.room();
    if (room !== undefined) await room;
  }
  if (text !== '') context.raw(text);
  return outcome;
}

/** Whether the response tells all that an update of the flags would. RFC 7162 §3.1.4.2. */
export function tellsFlags(kinds: readonly string[], context: CommandContext): boolean {
  return kinds.includes('FLAGS') && (!context.isEnabled('CONDSTORE') || kinds.includes('MODSEQ'));
}

async function fetchPages(
  plan: FetchPlan,
  numbers: Uint32Array,
  selected: SelectedMailbox,
  context: CommandContext,
): Promise<Outcome> {
  const writer = new MessageWriter(plan, selected, context);
  const { unreadable } = writer;
  const outcome: Outcome = { missing: 0, unknownEncoding: false, unreadable };
  for await (const page of pagesOf(plan, numbers, selected, context)) {
    const seen = plan.seen ? await setSeen(page, selected, context) : undefined;
    for (const { number, uid, source } of page) {
      const row = selected.rows.rowOf(uid, number - 1);
      if (row < 0 || source === undefined) {
        outcome.missing += 1;
        continue;
      }
      const fine = await writer.write({ number, uid, row, source }, seen?.has(uid) ?? false);
      if (!fine) outcome.unknownEncoding = true;
    }
  }
  return outcome;
}

/** Which of them were not seen before. */
async function setSeen(
  page: Page,
  selected: SelectedMailbox,
  context: CommandContext,
): Promise<ReadonlySet<number> | undefined> {
  // RFC 4314 §4: without the right 's' the flag stays as it is.
  if (selected.readOnly || !selected.rights.includes('s')) return undefined;
  const { rows, open } = selected;
  const unseen: number[] = [];
  for (const { uid, source } of page) {
    const row = rows.rowOf(uid);
    if (source === undefined || row < 0 || (rows.flags[row]! & seenBit) !== 0) continue;
    // Nobody has seen what cannot be read.
    if (await source.isReadable()) unseen.push(uid);
  }
  if (unseen.length === 0) return undefined;
  await context.store.store(open.id, unseen, { kind: 'add', flags: ['\\Seen'] });
  await open.refresh();
  return new Set(unseen);
}
