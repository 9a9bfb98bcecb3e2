// SEARCH over the messages of a session. What the columns know is looked at here, a byte for each
// message and key; what needs the messages was asked of the store before, each question once.
// RFC 9051 §6.4.4, RFC 5032, RFC 7162 §3.1.5, RFC 8474 §5.3, RFC 8514.

import { unreachable } from '../../base/assert.ts';
import type { SearchKey } from '../../imap/command.ts';
import { bitOf } from '../../mailbox/flags.ts';
import type { ContentTerm } from '../../store/folder-store.ts';
import { emailId } from '../../store/object-id.ts';
import { numbersFound } from './number-set.ts';
import type { SelectedMailbox } from './selected-mailbox.ts';

/** One for each message of the session that is asked about: 1 where the key matches. */
type Marks = Uint8Array;

const dayMs = 86_400_000;

/** What has to be asked of the store, by termKey(). */
export function contentTerms(key: SearchKey, terms = new Map<string, ContentTerm>()) {
  switch (key.kind) {
    case 'and':
    case 'or':
      for (const each of key.keys) contentTerms(each, terms);
      break;
    case 'not':
      contentTerms(key.key, terms);
      break;
    case 'header':
    case 'body':
    case 'text':
      terms.set(termKey(key), key);
      break;
    case 'sent':
      terms.set(termKey(key), { kind: 'sent', is: key.is, day: key.day });
      break;
    default:
      break;
  }
  return terms;
}

const termKey = (key: SearchKey): string => JSON.stringify(key);

/** Whether MODSEQ is among the keys. RFC 7162 §3.1.5. */
export function hasModseq(key: SearchKey): boolean {
  if (key.kind === 'and' || key.kind === 'or') return key.keys.some(hasModseq);
  return key.kind === 'not' ? hasModseq(key.key) : key.kind === 'modseq';
}

export interface SearchFacts {
  readonly selected: SelectedMailbox;
  /** UIDs by termKey(). */
  readonly answers: ReadonlyMap<string, Uint32Array>;
  readonly now: number;
}

/** Numbers of the messages that match, ascending; messages that are gone never do. */
export function search(key: SearchKey, facts: SearchFacts): Uint32Array {
  return new Search(facts).numbers(key);
}

class Search {
  readonly #facts: SearchFacts;
  /** By number minus one; -1 for what is gone. Undefined: they are the same. */
  readonly #rowOf: Int32Array | undefined;
  readonly #length: number;
  /** Of each set of keywords. */
  #words: readonly ReadonlySet<string>[] | undefined;

  constructor(facts: SearchFacts) {
    this.#facts = facts;
    const { uids, rows } = facts.selected;
    this.#length = uids.length;
    this.#rowOf = uids === rows.uids ? undefined : rowIndexes(uids, rows);
  }

  numbers(key: SearchKey): Uint32Array {
    const marks = this.#evaluate(key);
    const rowOf = this.#rowOf;
    const numbers = new Uint32Array(this.#length);
    let count = 0;
    for (let i = 0; i < this.#length; i += 1)
      if (marks[i] === 1 && (rowOf === undefined || rowOf[i]! >= 0)) numbers[count++] = i + 1;
    return numbers.subarray(0, count);
  }

  #evaluate(key: SearchKey): Marks {
    const { selected, now } = this.#facts;
    const { rows } = selected;
    switch (key.kind) {
      case 'all':
      case 'save-date-supported':
        return this.#all(1);
      case 'recent':
        return this.#rows((row) => selected.isRecent(rows.uid[row]!) === key.set);
      case 'thread-id':
        return this.#all(0);
      case 'and':
      case 'or':
        return this.#combine(key.keys, key.kind === 'and');
      case 'not': {
        const marks = this.#evaluate(key.key);
        for (let i = 0; i < marks.length; i += 1) marks[i]! ^= 1;
        return marks;
      }
      case 'sequence':
        return this.#numbers(numbersFound(key.set, selected, false));
      case 'uid':
        return this.#numbers(numbersFound(key.set, selected, true));
      case 'flag':
        return this.#flag(key.flag, key.set);
      case 'internal':
        return this.#days(rows.received, key);
      case 'saved':
        return this.#days(rows.saved, key);
      case 'larger':
        return this.#rows((row) => rows.size[row]! > key.octets);
      case 'smaller':
        return this.#rows((row) => rows.size[row]! < key.octets);
      case 'older':
        return this.#rows((row) => rows.received[row]! <= now - key.seconds * 1000);
      case 'younger':
        return this.#rows((row) => rows.received[row]! >= now - key.seconds * 1000);
      case 'modseq':
        return this.#rows((row) => rows.modseq[row]! >= key.since);
      case 'email-id':
        return this.#rows((row) => emailId(rows.email[row]!) === key.id);
      case 'header':
      case 'body':
      case 'text':
      case 'sent':
        return this.#answered(this.#facts.answers.get(termKey(key))!);
      default:
        return unreachable(key);
    }
  }

  #all(mark: 0 | 1): Marks {
    const marks = new Uint8Array(this.#length);
    return mark === 0 ? marks : marks.fill(1);
  }

  #combine(keys: readonly SearchKey[], every: boolean): Marks {
    const marks = this.#all(every ? 1 : 0);
    for (const key of keys) {
      const other = this.#evaluate(key);
      if (every) for (let i = 0; i < marks.length; i += 1) marks[i]! &= other[i]!;
      else for (let i = 0; i < marks.length; i += 1) marks[i]! |= other[i]!;
    }
    return marks;
  }

  #numbers(numbers: Uint32Array): Marks {
    const marks = this.#all(0);
    for (const number of numbers) marks[number - 1] = 1;
    return marks;
  }

  #rows(matches: (row: number) => boolean): Marks {
    const marks = this.#all(0);
    const rowOf = this.#rowOf;
    for (let i = 0; i < marks.length; i += 1) {
      const row = rowOf === undefined ? i : rowOf[i]!;
      if (row >= 0 && matches(row)) marks[i] = 1;
    }
    return marks;
  }

  #flag(flag: string, set: boolean): Marks {
    const { rows } = this.#facts.selected;
    const bit = bitOf(flag);
    if (bit !== 0) return this.#rows((row) => ((rows.flags[row]! & bit) !== 0) === set);
    // RFC 9051 §2.3.2: keywords are compared without case.
    const word = flag.toLowerCase();
    this.#words ??= rows.keywordSets.map((words) => new Set(words.toLowerCase().split(' ')));
    const has = this.#words.map((words) => words.has(word));
    return this.#rows((row) => has[rows.keywords[row]!] === set);
  }

  // RFC 9051 §6.4.4: by the day, disregarding time and zone.
  #days(
    column: Float64Array,
    { is, day }: { readonly is: 'before' | 'on' | 'since'; readonly day: number },
  ): Marks {
    const start = day * dayMs;
    if (is === 'before') return this.#rows((row) => column[row]! < start);
    if (is === 'since') return this.#rows((row) => column[row]! >= start);
    return this.#rows((row) => column[row]! >= start && column[row]! < start + dayMs);
  }

  /** `found` is ascending. */
  #answered(found: Uint32Array): Marks {
    const marks = this.#all(0);
    const { uids } = this.#facts.selected;
    let i = 0;
    for (const uid of found) {
      while (i < uids.length && uids[i]! < uid) i += 1;
      if (uids[i] === uid) marks[i] = 1;
    }
    return marks;
  }
}

function rowIndexes(uids: Uint32Array, rows: SelectedMailbox['rows']): Int32Array {
  const indexes = new Int32Array(uids.length).fill(-1);
  let row = 0;
  for (let i = 0; i < uids.length; i += 1) {
    while (row < rows.length && rows.uid[row]! < uids[i]!) row += 1;
    if (row < rows.length && rows.uid[row] === uids[i]) indexes[i] = row;
  }
  return indexes;
}
