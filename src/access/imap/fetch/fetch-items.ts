// The messages of a FETCH, answered: by the command, and by NOTIFY for new ones. What comes of columns
// alone is written in one go; what has to be read comes in pages, the next of which is read while one
// is sent. RFC 9051 §7.5.2, RFC 9586 (UIDFETCH), RFC 5465 §5.2.

import type { FetchItem } from '../../../imap/command.ts';
import { seenBit } from '../../../mailbox/flags.ts';
import type { CommandContext } from '../context.ts';
import type { SelectedMailbox } from '../selected-mailbox.ts';
import { joinWriters, tellsFlags } from './fetch-columns.ts';
import { chunkLength, MessageWriter } from './fetch-message.ts';
import type { Page } from './fetch-pages.ts';
import { pagesOf } from './fetch-pages.ts';
import type { FetchPlan } from './fetch-plan.ts';
import { planOf } from './fetch-plan.ts';

export interface Outcome {
  /** Messages that are gone, though the session has numbers for them. */
  missing: number;
  /** RFC 3516 §4.3: a part could not be decoded. */
  unknownEncoding: boolean;
  /** UIDs of messages whose content is not there as it was stored. */
  readonly unreadable: ReadonlySet<number>;
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

export const fetchItems = (
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

async function fetchPages(
  plan: FetchPlan,
  numbers: Uint32Array,
  selected: SelectedMailbox,
  context: CommandContext,
): Promise<Outcome> {
  const listed = context.texts.of(selected.open.id);
  const writer = new MessageWriter(plan, listed, selected, context);
  const { unreadable } = writer;
  const outcome: Outcome = { missing: 0, unknownEncoding: false, unreadable };
  try {
    for await (const page of pagesOf({ plan, listed }, numbers, selected, context)) {
      const seen = plan.seen ? await setSeen(page, selected, context) : undefined;
      for (const { number, uid, source } of page) {
        const row = selected.rows.rowOf(uid, number - 1);
        if (row < 0 || source === undefined) {
          outcome.missing += 1;
          continue;
        }
        const writing = writer.write({ number, uid, row, source }, seen?.has(uid) ?? false);
        if (writing !== undefined && !(await writing)) outcome.unknownEncoding = true;
        const room = writer.room();
        if (room !== undefined) await room;
      }
    }
  } finally {
    writer.handOn();
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
    // A message that could not be read is not marked as \Seen.
    if (await source.isReadable()) unseen.push(uid);
  }
  if (unseen.length === 0) return undefined;
  await context.store.store(open.id, unseen, { kind: 'add', flags: ['\\Seen'] });
  await open.refresh();
  return new Set(unseen);
}
