// FETCH and STORE: RFC 9051 §6.4.5 and §6.4.6, RFC 3501 §6.4.5, with the items of RFC 7162 (MODSEQ),
// RFC 8474 (OBJECTID), RFC 8514 (SAVEDATE), RFC 8970 (PREVIEW), and the modifiers of RFC 7162 and
// RFC 9394.

import type { CommandOf, FetchItem, Partial, Section, Window } from './command.ts';
import type { Scanner } from './scanner.ts';
import { isSystemFlag, SyntaxFault } from './scanner.ts';

/** Limit: levels of a part's number, and fields that are named. */
const partLevelsMax = 100;
const fieldsMax = 1000;

export function readFetch(scanner: Scanner, uid: boolean): CommandOf<'FETCH'> {
  scanner.space();
  const set = scanner.sequenceSet();
  scanner.space();
  const items = readItems(scanner);
  return { name: 'FETCH', uid, set, items, ...readModifiers(scanner) };
}

interface Modifiers {
  readonly changedSince: number | undefined;
  readonly vanished: boolean;
  readonly window: Window | undefined;
}

function readModifiers(scanner: Scanner): Modifiers {
  let changedSince: number | undefined;
  let vanished = false;
  let window: Window | undefined;
  const read = (): void => {
    switch (scanner.word()) {
      case 'CHANGEDSINCE':
        scanner.space();
        changedSince = scanner.number64();
        return;
      case 'VANISHED':
        vanished = true;
        return;
      case 'PARTIAL':
        scanner.space();
        window = scanner.window();
        return;
      default:
        throw new SyntaxFault('That FETCH modifier is not known');
    }
  };
  if (scanner.tryEat(' (')) {
    scanner.back(1);
    scanner.list(read);
  }
  // RFC 7162 §3.2.6
  if (vanished && changedSince === undefined)
    throw new SyntaxFault('VANISHED goes with CHANGEDSINCE');
  return { changedSince, vanished, window };
}

const macros = new Map<string, readonly FetchItem[]>([
  ['FAST', [{ kind: 'FLAGS' }, { kind: 'INTERNALDATE' }, { kind: 'RFC822.SIZE' }]],
  [
    'ALL',
    [{ kind: 'FLAGS' }, { kind: 'INTERNALDATE' }, { kind: 'RFC822.SIZE' }, { kind: 'ENVELOPE' }],
  ],
  [
    'FULL',
    [
      { kind: 'FLAGS' },
      { kind: 'INTERNALDATE' },
      { kind: 'RFC822.SIZE' },
      { kind: 'ENVELOPE' },
      { kind: 'BODY' },
    ],
  ],
]);

function readItems(scanner: Scanner): readonly FetchItem[] {
  return scanner.peek() === '(' ? readItemList(scanner) : readNamed(scanner);
}

function readNamed(scanner: Scanner): readonly FetchItem[] {
  const name = scanner.name('a FETCH item');
  return macros.get(name) ?? [readItem(scanner, name)];
}

/** RFC 9051 §6.4.5: a macro stands alone. Field: not with every client, and never ambiguous. */
export const readItemList = (scanner: Scanner): readonly FetchItem[] =>
  eachOnce(scanner.list(() => readNamed(scanner)).flat());

/** Items that are answered under one name are one item; \Seen is set where one of them sets it. */
function eachOnce(items: readonly FetchItem[]): readonly FetchItem[] {
  const once = new Map<string, FetchItem>();
  for (const item of items) {
    const name = answerName(item);
    if (!once.has(name) || ('peek' in item && !item.peek)) once.set(name, item);
  }
  return [...once.values()];
}

function answerName(item: FetchItem): string {
  switch (item.kind) {
    case 'PREVIEW':
      return item.kind;
    case 'SECTION': {
      const { section, partial, as } = item;
      // RFC 5322 §2.2: field names are the same in any case.
      const fields = section.fields.map((field) => field.toUpperCase());
      return JSON.stringify([as, section.part, section.text, fields, partial]);
    }
    case 'BINARY':
      return JSON.stringify([item.kind, item.part, item.partial]);
    default:
      return JSON.stringify(item);
  }
}

const wholeMessage: Section = { part: [], text: undefined, fields: [] };

function readItem(scanner: Scanner, name: string): FetchItem {
  switch (name) {
    case 'FLAGS':
    case 'UID':
    case 'INTERNALDATE':
    case 'RFC822.SIZE':
    case 'ENVELOPE':
    case 'BODYSTRUCTURE':
    case 'MODSEQ':
    case 'EMAILID':
    case 'THREADID':
    case 'SAVEDATE':
      return { kind: name };
    case 'BODY':
      return scanner.peek() === '[' ? readBody(scanner, false) : { kind: name };
    case 'BODY.PEEK':
      return readBody(scanner, true);
    case 'BINARY':
    case 'BINARY.PEEK':
      return readBinary(scanner, name === 'BINARY.PEEK');
    case 'BINARY.SIZE':
      return { kind: name, part: readBracketedPart(scanner) };
    case 'PREVIEW':
      return { kind: name, lazy: readLazy(scanner) };
    // RFC 3501 §6.4.5: gone from IMAP4rev2.
    case 'RFC822':
      return { kind: 'SECTION', peek: false, section: wholeMessage, partial: undefined, as: name };
    case 'RFC822.HEADER': {
      const section: Section = { ...wholeMessage, text: 'HEADER' };
      return { kind: 'SECTION', peek: true, section, partial: undefined, as: name };
    }
    case 'RFC822.TEXT': {
      const section: Section = { ...wholeMessage, text: 'TEXT' };
      return { kind: 'SECTION', peek: false, section, partial: undefined, as: name };
    }
    default:
      throw new SyntaxFault('That FETCH item is not known');
  }
}

function readBody(scanner: Scanner, peek: boolean): FetchItem {
  scanner.eat('[');
  const section = readSection(scanner);
  scanner.eat(']');
  return { kind: 'SECTION', peek, section, partial: readPartial(scanner), as: 'BODY' };
}

function readBinary(scanner: Scanner, peek: boolean): FetchItem {
  const part = readBracketedPart(scanner);
  return { kind: 'BINARY', peek, part, partial: readPartial(scanner) };
}

/** RFC 9051 §9: section-binary. */
function readBracketedPart(scanner: Scanner): readonly number[] {
  scanner.eat('[');
  const part = readPart(scanner);
  scanner.eat(']');
  return part;
}

function readPart(scanner: Scanner): number[] {
  const part: number[] = [];
  while (/^[0-9]$/.test(scanner.peek())) {
    if (part.length >= partLevelsMax) throw new SyntaxFault('The part is too deep', 'NO', 'LIMIT');
    part.push(scanner.nzNumber('a part number'));
    if (!scanner.tryEat('.')) return part;
  }
  if (part.length > 0) scanner.back(1);
  return part;
}

/** RFC 9051 §9: section-spec. */
function readSection(scanner: Scanner): Section {
  const part = readPart(scanner);
  if (part.length > 0 ? !scanner.tryEat('.') : scanner.peek() === ']')
    return { part, text: undefined, fields: [] };
  const text = scanner.name('a section');
  switch (text) {
    case 'HEADER':
    case 'TEXT':
      return { part, text, fields: [] };
    case 'MIME':
      if (part.length === 0) throw new SyntaxFault('MIME belongs to a part');
      return { part, text, fields: [] };
    case 'HEADER.FIELDS':
    case 'HEADER.FIELDS.NOT': {
      scanner.space();
      const fields = scanner.list(() => scanner.astring('a field name'));
      if (fields.length > fieldsMax) throw new SyntaxFault('Too many fields', 'NO', 'LIMIT');
      return { part, text, fields };
    }
    default:
      throw new SyntaxFault('That section is not known');
  }
}

/** RFC 9051 §9: partial. */
function readPartial(scanner: Scanner): Partial | undefined {
  if (!scanner.tryEat('<')) return undefined;
  const offset = scanner.number64();
  scanner.eat('.');
  const length = scanner.number64();
  if (length === 0) throw new SyntaxFault('A number must not be 0');
  scanner.eat('>');
  return { offset, length };
}

// RFC 8970 §3.1
function readLazy(scanner: Scanner): boolean {
  if (!scanner.tryEat(' (')) return false;
  scanner.back(1);
  const modifiers = scanner.list(() => scanner.word(), true);
  if (modifiers.some((modifier) => modifier !== 'LAZY'))
    throw new SyntaxFault('That PREVIEW modifier is not known');
  return modifiers.length > 0;
}

// STORE.

export function readStore(scanner: Scanner, uid: boolean): CommandOf<'STORE'> {
  scanner.space();
  const set = scanner.sequenceSet();
  scanner.space();
  const unchangedSince = readUnchangedSince(scanner);
  const change = scanner.tryEat('+') ? 'add' : scanner.tryEat('-') ? 'remove' : 'replace';
  const name = scanner.name('FLAGS');
  if (name !== 'FLAGS' && name !== 'FLAGS.SILENT') throw new SyntaxFault('Only FLAGS are stored');
  scanner.space();
  const flags = readFlags(scanner);
  return { name: 'STORE', uid, set, change, silent: name !== 'FLAGS', flags, unchangedSince };
}

// RFC 7162 §3.1.3
function readUnchangedSince(scanner: Scanner): number | undefined {
  if (scanner.peek() !== '(') return undefined;
  const modifiers = scanner.list(() => {
    if (!scanner.tryWord('UNCHANGEDSINCE'))
      throw new SyntaxFault('That STORE modifier is not known');
    scanner.space();
    return scanner.number64();
  });
  if (modifiers.length > 1) throw new SyntaxFault('UNCHANGEDSINCE stands twice');
  scanner.space();
  return modifiers[0];
}

function readFlags(scanner: Scanner): readonly string[] {
  if (scanner.peek() === '(') return readFlagList(scanner);
  const flags = [scanner.flag()];
  while (scanner.peek() === ' ') {
    while (scanner.tryEat(' '));
    if (!scanner.atEnd) flags.push(scanner.flag());
  }
  return settable(flags);
}

export const readFlagList = (scanner: Scanner): readonly string[] =>
  settable(scanner.list(() => scanner.flag(), true));

function settable(flags: readonly string[]): readonly string[] {
  // RFC 9051 §2.3.2: flags that begin with a backslash are those it defines, and no others.
  const unknown = flags.find((flag) => flag.startsWith('\\') && !isSystemFlag(flag));
  if (unknown !== undefined)
    throw new SyntaxFault(`There is no system flag ${unknown}`, 'NO', 'CANNOT');
  // Field: clients send \Recent back, which RFC 3501 §2.3.2 leaves to the server alone.
  return [...new Set(flags.filter((flag) => flag !== '\\Recent'))];
}
