// How SEARCH and SORT answer: SEARCH, SORT or ESEARCH. Pure. RFC 9051 §7.3.4, RFC 4731 §3, RFC 5182
// §2.4, RFC 5256 §4, RFC 5267 §3, RFC 7162 §3.1.6 and §3.1.10, RFC 9394 §3.1.

import type { SearchReturn } from '../../../imap/command.ts';
import { formatInOrder, formatSet } from '../number-set.ts';
import type { SelectedMailbox } from '../selected-mailbox.ts';
import { windowOf } from './window.ts';

export interface SearchResult {
  /** Message numbers; ascending, or in the order of SORT. */
  readonly found: Uint32Array;
  readonly selected: SelectedMailbox;
  readonly uid: boolean;
  readonly sorted: boolean;
  readonly withModseq: boolean;
  /** Undefined: no ESEARCH. */
  readonly returns: readonly SearchReturn[] | undefined;
  readonly tag: string;
}

/** Without `* ` and CRLF; undefined where nothing is to be said. */
export function formatResult(result: SearchResult): string | undefined {
  const { found, selected, uid, returns } = result;
  const shown = uid ? found.map((number) => selected.uids[number - 1]!) : found;
  if (returns !== undefined) return formatExtended(result, shown, returns);
  const modseq = result.withModseq ? highest(found, selected) : 0;
  const list = shown.length === 0 ? '' : ` ${shown.join(' ')}`;
  return `${result.sorted ? 'SORT' : 'SEARCH'}${list}${modseq > 0 ? ` (MODSEQ ${modseq})` : ''}`;
}

function formatExtended(
  { found, selected, uid, sorted, withModseq, tag }: SearchResult,
  shown: Uint32Array,
  returns: readonly SearchReturn[],
): string | undefined {
  // RFC 5182 §2.1: with SAVE alone there is no response.
  if (returns.every(({ kind }) => kind === 'SAVE')) return undefined;
  const format = sorted ? formatInOrder : formatSet;
  const items: string[] = [];
  for (const item of returns) {
    if (item.kind === 'COUNT') items.push(`COUNT ${shown.length}`);
    if (item.kind === 'PARTIAL') {
      const { from, to } = item.window;
      const part = windowOf(shown, item.window);
      items.push(`PARTIAL (${from}:${to} ${part.length === 0 ? 'NIL' : format(part)})`);
    }
    // RFC 4731 §3.1: without a result MIN, MAX and ALL are left out.
    if (shown.length === 0) continue;
    if (item.kind === 'MIN') items.push(`MIN ${shown[0]}`);
    if (item.kind === 'MAX') items.push(`MAX ${shown[shown.length - 1]}`);
    if (item.kind === 'ALL') items.push(`ALL ${format(shown)}`);
  }
  // RFC 7162 §3.1.10: of what is named in the response.
  const modseq = withModseq ? highest(named(returns, found) ?? found, selected) : 0;
  if (modseq > 0) items.push(`MODSEQ ${modseq}`);
  const words = [
    `ESEARCH (TAG "${tag.replace(/["\\]/g, '\\$&')}")`,
    ...(uid ? ['UID'] : []),
    ...items,
  ];
  return words.join(' ');
}

/** What SAVE saves: message numbers; undefined without it. RFC 5182 §2.4. */
export function savedOf(
  returns: readonly SearchReturn[] | undefined,
  found: Uint32Array,
): Uint32Array | undefined {
  if (!returns?.some(({ kind }) => kind === 'SAVE')) return undefined;
  return named(returns, found) ?? found;
}

/** RFC 5182 §2.4, RFC 7162 §3.1.10: MIN and MAX alone name only those; undefined: all. */
function named(returns: readonly SearchReturn[], found: Uint32Array): Uint32Array | undefined {
  const parts = new Set<number>();
  let some = false;
  for (const item of returns) {
    if (item.kind === 'ALL' || item.kind === 'COUNT') return undefined;
    if (item.kind === 'SAVE') continue;
    some = true;
    // One by one: a window may have more than fit among the arguments of a function.
    if (item.kind === 'PARTIAL')
      for (const number of windowOf(found, item.window)) parts.add(number);
    else if (found.length > 0) parts.add(item.kind === 'MIN' ? found[0]! : found.at(-1)!);
  }
  return some ? Uint32Array.from(parts) : undefined;
}

function highest(numbers: Uint32Array, { rows, uids }: SelectedMailbox): number {
  let modseq = 0;
  for (const number of numbers) {
    const row = rows.rowOf(uids[number - 1]!, number - 1);
    if (row >= 0) modseq = Math.max(modseq, rows.modseq[row]!);
  }
  return modseq;
}
