// SEARCH, SORT and THREAD: RFC 9051 §6.4.4 and RFC 3501 §6.4.4, RFC 5256, with the keys of RFC 5032
// (WITHIN), RFC 7162 (MODSEQ), RFC 8474 (OBJECTID) and RFC 8514 (SAVEDATE), and the return options of
// RFC 4731, RFC 5182 (SAVE), RFC 5267 §2 (with SORT) and RFC 9394 (PARTIAL).

import type { CommandOf, SearchKey, SearchReturn, SortCriterion } from './command.ts';
import { readDate } from './date-grammar.ts';
import type { Scanner } from './scanner.ts';
import { SyntaxFault } from './scanner.ts';

export function readSearch(scanner: Scanner, uid: boolean): CommandOf<'SEARCH'> {
  scanner.space();
  const returns = readReturns(scanner);
  const searched = keyOrRefusal(scanner, returns, () => {
    if (scanner.tryWord('CHARSET')) {
      // RFC 6855 §3: UTF-8 is the only one then, and not to be named.
      if (scanner.context.utf8Accept) throw new SyntaxFault('No CHARSET with UTF8=ACCEPT');
      scanner.space();
      readCharset(scanner);
      scanner.space();
    }
    return readKeys(scanner);
  });
  return { name: 'SEARCH', uid, returns, ...searched };
}

export function readSort(scanner: Scanner, uid: boolean): CommandOf<'SORT'> {
  scanner.space();
  const returns = readReturns(scanner);
  const criteria = eachOnce(scanner.list(() => readCriterion(scanner)));
  scanner.space();
  const searched = keyOrRefusal(scanner, returns, () => {
    readCharset(scanner);
    scanner.space();
    return readKeys(scanner);
  });
  return { name: 'SORT', uid, criteria, returns, ...searched };
}

// RFC 5182 §2.1: where the result is to be saved, whoever saves it has to know of a NO.
function keyOrRefusal(
  scanner: Scanner,
  returns: readonly SearchReturn[] | undefined,
  read: () => SearchKey,
): Pick<CommandOf<'SEARCH'>, 'key' | 'refusal'> {
  try {
    return { key: read() };
  } catch (error) {
    const saves = returns?.some(({ kind }) => kind === 'SAVE') === true;
    if (!saves || !(error instanceof SyntaxFault) || error.status !== 'NO') throw error;
    scanner.skipAll();
    return { key: { kind: 'all' }, refusal: { code: error.code, text: error.message } };
  }
}

export function readThread(scanner: Scanner, uid: boolean): CommandOf<'THREAD'> {
  scanner.space();
  const algorithm = scanner.word();
  if (algorithm !== 'ORDEREDSUBJECT' && algorithm !== 'REFERENCES')
    throw new SyntaxFault('That threading algorithm is not known');
  scanner.space();
  readCharset(scanner);
  scanner.space();
  return { name: 'THREAD', uid, algorithm, key: readKeys(scanner) };
}

// RFC 9051 §6.4.4: US-ASCII and UTF-8 there must be, others may be; NO with BADCHARSET for what is not
// known, which names the two that every server has.
function readCharset(scanner: Scanner): void {
  if (!scanner.tryCharset(scanner.astring('a charset')))
    throw new SyntaxFault('That charset is not known', 'NO', 'BADCHARSET (UTF-8 US-ASCII)');
}

// RFC 4731 §3.1: RETURN () means ALL.
function readReturns(scanner: Scanner): readonly SearchReturn[] | undefined {
  if (!scanner.tryWord('RETURN')) return undefined;
  scanner.space();
  const returns = new Map<string, SearchReturn>();
  for (const option of scanner.list(() => readReturn(scanner), true)) {
    if (option.kind === 'PARTIAL' && returns.has('PARTIAL'))
      throw new SyntaxFault('PARTIAL stands twice');
    returns.set(option.kind, option);
  }
  scanner.space();
  // RFC 9394 §3.1: one PARTIAL, one ALL, or neither.
  if (returns.has('PARTIAL') && returns.has('ALL')) throw new SyntaxFault('PARTIAL excludes ALL');
  return returns.size === 0 ? [{ kind: 'ALL' }] : [...returns.values()];
}

function readReturn(scanner: Scanner): SearchReturn {
  const kind = scanner.word();
  switch (kind) {
    case 'MIN':
    case 'MAX':
    case 'ALL':
    case 'COUNT':
    case 'SAVE':
      return { kind };
    case 'PARTIAL':
      scanner.space();
      return { kind, window: scanner.window() };
    default:
      throw new SyntaxFault('That return option is not known');
  }
}

const sortKeys = new Map<string, SortCriterion['key']>(
  (
    ['ARRIVAL', 'CC', 'DATE', 'FROM', 'SIZE', 'SUBJECT', 'TO', 'DISPLAYFROM', 'DISPLAYTO'] as const
  ).map((key) => [key, key]),
);

function readCriterion(scanner: Scanner): SortCriterion {
  const reverse = scanner.tryWord('REVERSE');
  if (reverse) scanner.space();
  const key = sortKeys.get(scanner.word());
  if (key === undefined) throw new SyntaxFault('That sort criterion is not known');
  return { key, reverse };
}

/** What is equal by a criterion is equal by the same one again, whichever way round. */
function eachOnce(criteria: readonly SortCriterion[]): readonly SortCriterion[] {
  const once = new Map<SortCriterion['key'], SortCriterion>();
  for (const each of criteria) if (!once.has(each.key)) once.set(each.key, each);
  return [...once.values()];
}

/** Keys up to the end of the command; all of them are to be met. */
function readKeys(scanner: Scanner): SearchKey {
  const keys = [readKey(scanner)];
  for (;;) {
    // Field: a space before the end of the line.
    while (scanner.tryEat(' '));
    if (scanner.atEnd) break;
    keys.push(readKey(scanner));
  }
  return allOf(keys);
}

const allOf = (keys: readonly SearchKey[]): SearchKey =>
  keys.length === 1 ? keys[0]! : { kind: 'and', keys };

type KeyReader = (scanner: Scanner) => SearchKey;

function readKey(scanner: Scanner): SearchKey {
  scanner.countKey();
  const next = scanner.peek();
  if (next === '(') return scanner.nested(() => allOf(scanner.list(() => readKey(scanner))));
  if (/^[0-9*$]$/.test(next)) {
    // RFC 5182 §2.1: '$' is the saved result, and begins keywords elsewhere only.
    return { kind: 'sequence', set: scanner.sequenceSet() };
  }
  const reader = keyReaders.get(scanner.word('a search key'));
  if (reader === undefined) throw new SyntaxFault('That search key is not known');
  return reader(scanner);
}

const flagKey =
  (flag: string, set: boolean): KeyReader =>
  () => ({ kind: 'flag', flag, set });

const withSpace =
  (read: KeyReader): KeyReader =>
  (scanner) => {
    scanner.space();
    return read(scanner);
  };

const fieldKey = (name: string): KeyReader =>
  withSpace((scanner) => ({ kind: 'header', name, text: scanner.text() }));

const keywordKey = (set: boolean): KeyReader =>
  withSpace((scanner) => ({ kind: 'flag', flag: scanner.flag(), set }));

const dateKey = (kind: 'internal' | 'sent' | 'saved', is: 'before' | 'on' | 'since'): KeyReader =>
  withSpace((scanner) => ({ kind, is, day: readDate(scanner) }));

const idKey = (kind: 'email-id' | 'thread-id'): KeyReader =>
  withSpace((scanner) => ({ kind, id: scanner.astring('an identifier') }));

const readHeader = withSpace((scanner) => {
  const name = scanner.astring('a field name').toLowerCase();
  scanner.space();
  return { kind: 'header', name, text: scanner.text() };
});

const readOr = withSpace((scanner) =>
  scanner.nested(() => {
    const first = readKey(scanner);
    scanner.space();
    return { kind: 'or', keys: [first, readKey(scanner)] };
  }),
);

// RFC 7162 §3.1.5: the entry and its type tell nothing where each message has one mod-sequence.
const readModseq = withSpace((scanner) => {
  if (scanner.peek() === '"') {
    scanner.string();
    scanner.space();
    const type = scanner.word();
    if (type !== 'ALL' && type !== 'PRIV' && type !== 'SHARED')
      throw new SyntaxFault('The type of an entry is "priv", "shared" or "all"');
    scanner.space();
  }
  return { kind: 'modseq', since: scanner.number64() };
});

const isNot = (key: SearchKey): SearchKey => ({ kind: 'not', key });
const unseen: SearchKey = { kind: 'flag', flag: '\\Seen', set: false };

const keyReaders: ReadonlyMap<string, KeyReader> = new Map<string, KeyReader>([
  ['ALL', () => ({ kind: 'all' })],
  ['ANSWERED', flagKey('\\Answered', true)],
  ['UNANSWERED', flagKey('\\Answered', false)],
  ['DELETED', flagKey('\\Deleted', true)],
  ['UNDELETED', flagKey('\\Deleted', false)],
  ['DRAFT', flagKey('\\Draft', true)],
  ['UNDRAFT', flagKey('\\Draft', false)],
  ['FLAGGED', flagKey('\\Flagged', true)],
  ['UNFLAGGED', flagKey('\\Flagged', false)],
  ['SEEN', flagKey('\\Seen', true)],
  ['UNSEEN', () => unseen],
  ['KEYWORD', keywordKey(true)],
  ['UNKEYWORD', keywordKey(false)],
  // RFC 3501 §6.4.4: gone from IMAP4rev2.
  ['RECENT', () => ({ kind: 'recent', set: true })],
  ['OLD', () => ({ kind: 'recent', set: false })],
  ['NEW', () => ({ kind: 'and', keys: [{ kind: 'recent', set: true }, unseen] })],
  ['BEFORE', dateKey('internal', 'before')],
  ['ON', dateKey('internal', 'on')],
  ['SINCE', dateKey('internal', 'since')],
  ['SENTBEFORE', dateKey('sent', 'before')],
  ['SENTON', dateKey('sent', 'on')],
  ['SENTSINCE', dateKey('sent', 'since')],
  // RFC 8514 §4.3
  ['SAVEDBEFORE', dateKey('saved', 'before')],
  ['SAVEDON', dateKey('saved', 'on')],
  ['SAVEDSINCE', dateKey('saved', 'since')],
  ['SAVEDATESUPPORTED', () => ({ kind: 'save-date-supported' })],
  ['LARGER', withSpace((scanner) => ({ kind: 'larger', octets: scanner.number64() }))],
  ['SMALLER', withSpace((scanner) => ({ kind: 'smaller', octets: scanner.number64() }))],
  // RFC 5032 §2
  ['OLDER', withSpace((scanner) => ({ kind: 'older', seconds: scanner.nzNumber() }))],
  ['YOUNGER', withSpace((scanner) => ({ kind: 'younger', seconds: scanner.nzNumber() }))],
  ['BCC', fieldKey('bcc')],
  ['CC', fieldKey('cc')],
  ['FROM', fieldKey('from')],
  ['SUBJECT', fieldKey('subject')],
  ['TO', fieldKey('to')],
  ['HEADER', readHeader],
  ['BODY', withSpace((scanner) => ({ kind: 'body', text: scanner.text() }))],
  ['TEXT', withSpace((scanner) => ({ kind: 'text', text: scanner.text() }))],
  ['UID', withSpace((scanner) => ({ kind: 'uid', set: scanner.sequenceSet() }))],
  ['NOT', withSpace((scanner) => scanner.nested(() => isNot(readKey(scanner))))],
  ['OR', readOr],
  ['MODSEQ', readModseq],
  // RFC 8474 §5.4
  ['EMAILID', idKey('email-id')],
  ['THREADID', idKey('thread-id')],
]);
