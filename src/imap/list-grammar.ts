// LIST, LSUB and STATUS: RFC 9051 §6.3.9 and §6.3.11, RFC 3501 §6.3.9, with the options of RFC 5258,
// RFC 5819 (STATUS), RFC 6154 (SPECIAL-USE), RFC 8440 (MYRIGHTS) and RFC 9590 (METADATA).

import type { CommandOf, ListOptions, StatusItem } from './command.ts';
import type { Scanner } from './scanner.ts';
import { mailboxOf, SyntaxFault } from './scanner.ts';

/** Limit: patterns of one LIST. */
const patternsMax = 100;

type Mutable<T> = { -readonly [K in keyof T]: T[K] };
type Selection = Mutable<
  Pick<ListOptions, 'subscribed' | 'remote' | 'recursiveMatch' | 'specialUse'>
>;
type Returns = Mutable<ListOptions['returns']>;

export function readList(scanner: Scanner): CommandOf<'LIST'> {
  scanner.space();
  const selection: Selection = {
    subscribed: false,
    remote: false,
    recursiveMatch: false,
    specialUse: false,
  };
  let extended = scanner.peek() === '(';
  if (extended) {
    scanner.list(() => readSelection(scanner, selection), true);
    // RFC 9051 §6.3.9.1: with a base option only, which SPECIAL-USE is not (RFC 6154 §6).
    if (selection.recursiveMatch && !selection.subscribed)
      throw new SyntaxFault('RECURSIVEMATCH needs SUBSCRIBED');
    scanner.space();
  }
  const reference = scanner.mailbox();
  scanner.space();
  const several = scanner.peek() === '(';
  const patterns = several
    ? scanner.list(() => readPattern(scanner), true)
    : [readPattern(scanner)];
  if (patterns.length > patternsMax) throw new SyntaxFault('Too many patterns', 'NO', 'LIMIT');
  const returns: Returns = {
    subscribed: false,
    children: false,
    specialUse: false,
    myRights: false,
    status: [],
    metadata: [],
  };
  const returning = tryReturn(scanner);
  if (returning) scanner.list(() => readReturn(scanner, returns), true);
  extended ||= several || returning;
  return { name: 'LIST', options: { reference, patterns, ...selection, returns, extended } };
}

function tryReturn(scanner: Scanner): boolean {
  if (!/^ return $/i.test(scanner.ahead(8))) return false;
  scanner.skip(8);
  return true;
}

export function readLsub(scanner: Scanner): CommandOf<'LSUB'> {
  scanner.space();
  const reference = scanner.mailbox();
  scanner.space();
  return { name: 'LSUB', reference, pattern: readPattern(scanner) };
}

const readPattern = (scanner: Scanner): string => mailboxOf(scanner.listMailbox(), scanner.context);

// RFC 5258 §3.1; BAD for what is not known.
function readSelection(scanner: Scanner, selection: Selection): void {
  switch (scanner.word('an option')) {
    case 'SUBSCRIBED':
      selection.subscribed = true;
      return;
    case 'REMOTE':
      selection.remote = true;
      return;
    case 'RECURSIVEMATCH':
      selection.recursiveMatch = true;
      return;
    case 'SPECIAL-USE':
      selection.specialUse = true;
      return;
    default:
      throw new SyntaxFault('That LIST selection option is not known');
  }
}

function readReturn(scanner: Scanner, returns: Returns): void {
  switch (scanner.word('an option')) {
    case 'SUBSCRIBED':
      returns.subscribed = true;
      return;
    case 'CHILDREN':
      returns.children = true;
      return;
    case 'SPECIAL-USE':
      returns.specialUse = true;
      return;
    case 'MYRIGHTS':
      returns.myRights = true;
      return;
    case 'STATUS':
      scanner.space();
      returns.status = readStatusItems(scanner);
      return;
    // RFC 9590 §3: entries in a list, or one.
    case 'METADATA':
      scanner.space();
      returns.metadata = readEntries(scanner);
      return;
    default:
      throw new SyntaxFault('That LIST return option is not known');
  }
}

/** RFC 5464 §5: entries. Names are the same in any case. */
export const readEntries = (scanner: Scanner): readonly string[] => [
  ...new Set(
    scanner.peek() === '(' ? scanner.list(() => readEntry(scanner)) : [readEntry(scanner)],
  ),
];

export const readEntry = (scanner: Scanner): string =>
  scanner.astring('an entry name').toLowerCase();

// STATUS.

export function readStatus(scanner: Scanner): CommandOf<'STATUS'> {
  scanner.space();
  const mailbox = scanner.mailbox();
  scanner.space();
  return { name: 'STATUS', mailbox, items: readStatusItems(scanner) };
}

const statusItems = new Map<string, StatusItem>(
  (
    [
      'MESSAGES',
      'UIDNEXT',
      'UIDVALIDITY',
      'UNSEEN',
      'DELETED',
      'SIZE',
      'RECENT',
      'HIGHESTMODSEQ',
      'MAILBOXID',
      'APPENDLIMIT',
      'DELETED-STORAGE',
    ] as const
  ).map((item) => [item, item]),
);

function readStatusItems(scanner: Scanner): readonly StatusItem[] {
  const items = scanner.list(() => {
    const item = statusItems.get(scanner.word());
    if (item === undefined) throw new SyntaxFault('That STATUS item is not known');
    return item;
  });
  return [...new Set(items)];
}
