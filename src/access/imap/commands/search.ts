// SEARCH, SORT and THREAD with their UID forms: RFC 9051 §6.4.4 and §7.3.4 (ESEARCH), RFC 3501 §7.2.5,
// RFC 4731, RFC 5182 (SAVE), RFC 5256, RFC 5267 §3 (ESORT), RFC 7162 §3.1.5, RFC 9394 §3.1 (PARTIAL).

import type { CommandOf, SearchKey, SearchReturn } from '../../../imap/command.ts';
import type { Completion } from '../../../imap/event.ts';
import { sortRows } from '../../../imap/sort.ts';
import { formatThreads, threadBySubject } from '../../../imap/thread.ts';
import { threadByReferences } from '../../../imap/thread-references.ts';
import type { SortFacts } from '../../../store/folder-store.ts';
import type { CommandContext, ExecutorOf } from '../context.ts';
import { ImapRefusal, ok, okButGone } from '../refusal.ts';
import { contentTerms, hasModseq, search as searchIn } from '../search-keys.ts';
import type { SelectedMailbox } from '../selected-mailbox.ts';
import { requireSelected } from '../selection.ts';
import { formatResult, savedOf } from './search-result.ts';

type Searching = CommandOf<'SEARCH' | 'SORT'>;

export const search: ExecutorOf<'SEARCH'> = (command, context) =>
  answer(command, context, async (numbers) => numbers);

export const sort: ExecutorOf<'SORT'> = (command, context) =>
  answer(command, context, async (numbers, selected) => {
    const { rows, uids } = selected;
    const wanted = Array.from(numbers, (number) => uids[number - 1]!);
    const facts = await factsOf(wanted, selected, context);
    const sortable = facts.flatMap((fact) => {
      const row = rows.rowOf(fact.uid);
      // Gone meanwhile.
      if (row < 0) return [];
      return [{ ...fact, arrival: rows.received[row]!, size: rows.size[row]! }];
    });
    const sorted = sortRows(sortable, command.criteria);
    return Uint32Array.from(sorted, ({ uid }) => selected.numberOf(uid)!);
  });

export const thread: ExecutorOf<'THREAD'> = async ({ key, uid, algorithm }, context) => {
  const selected = requireSelected(context);
  const numbers = await find(key, selected, context);
  const wanted = Array.from(numbers, (number) => selected.uids[number - 1]!);
  const facts = await factsOf(wanted, selected, context);
  const threads = algorithm === 'REFERENCES' ? threadByReferences(facts) : threadBySubject(facts);
  const nameOf = uid ? undefined : (each: number) => selected.numberOf(each)!;
  context.untagged(`THREAD${formatThreads(threads, nameOf)}`);
  return completionOf({ name: 'THREAD', uid }, selected);
};

async function answer(
  command: Searching,
  context: CommandContext,
  order: (numbers: Uint32Array, selected: SelectedMailbox) => Promise<Uint32Array>,
) {
  const selected = requireSelected(context);
  const { key, uid, returns, refusal } = command;
  try {
    if (refusal !== undefined) throw new ImapRefusal('NO', refusal.code, refusal.text);
    const found = await order(await find(key, selected, context), selected);
    const saved = savedOf(returns, found);
    const { uids } = selected;
    if (saved !== undefined) selected.saved = saved.map((number) => uids[number - 1]!).sort();
    const response = formatResult({
      found,
      selected,
      uid,
      sorted: command.name === 'SORT',
      withModseq: hasModseq(key),
      returns: returnsOf(command, context),
      tag: context.tag,
    });
    if (response !== undefined) context.raw(`* ${response}\r\n`);
  } catch (error) {
    // RFC 5182 §2.1: after NO nothing is saved. What is BAD was refused before.
    if (returns?.some(({ kind }) => kind === 'SAVE')) selected.saved = new Uint32Array(0);
    throw error;
  }
  return completionOf(command, selected);
}

/** What is gone is not found, though the session has numbers for it. */
const completionOf = (
  { name, uid }: Pick<Searching | CommandOf<'THREAD'>, 'name' | 'uid'>,
  { view, rows }: SelectedMailbox,
): Completion => (!uid && view.hasExpunged(rows) ? okButGone(name) : ok(`${name} completed`));

// RFC 9051 §6.4.4: without RETURN, IMAP4rev2 answers with ESEARCH, too.
function returnsOf(
  { name, returns }: Searching,
  context: CommandContext,
): readonly SearchReturn[] | undefined {
  if (returns === undefined)
    return name === 'SEARCH' && context.isEnabled('IMAP4REV2') ? [{ kind: 'ALL' }] : undefined;
  return returns.length === 0 ? [{ kind: 'ALL' }] : returns;
}

async function find(
  key: SearchKey,
  selected: SelectedMailbox,
  { store, clock }: CommandContext,
): Promise<Uint32Array> {
  const terms = [...contentTerms(key)];
  const found = await Promise.all(terms.map(([, term]) => store.search(selected.open.id, term)));
  const answers = new Map(terms.map(([name], i) => [name, found[i]!]));
  return searchIn(key, { selected, answers, now: clock.now() });
}

function factsOf(
  wanted: readonly number[],
  { open, rows }: SelectedMailbox,
  { store }: CommandContext,
): Promise<readonly SortFacts[]> {
  // Naming each message costs more than having the store answer for some too many.
  return store
    .sortFacts(open.id, wanted.length === rows.length ? undefined : wanted)
    .then((facts) => {
      if (wanted.length === facts.length) return facts;
      const asked = new Set(wanted);
      return facts.filter(({ uid }) => asked.has(uid));
    });
}
