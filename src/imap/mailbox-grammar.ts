// Commands about one mailbox: SELECT, CREATE and RENAME (RFC 9051 §6.3), COPY, MOVE and EXPUNGE
// (§6.4), rights (RFC 4314), quota (RFC 9208, RFC 2087) and notes (RFC 5464).

import type { Command, CommandOf, MetadataEntry, QresyncParam } from './command.ts';
import { readEntries, readEntry } from './list-grammar.ts';
import type { Scanner } from './scanner.ts';
import { SyntaxFault, textOf } from './scanner.ts';

export function readSelect(scanner: Scanner, name: 'SELECT' | 'EXAMINE'): Command {
  scanner.space();
  const mailbox = scanner.mailbox();
  let condstore = false;
  let qresync: QresyncParam | undefined;
  if (scanner.tryEat(' (')) {
    scanner.back(1);
    scanner.list(() => {
      const param = scanner.word();
      if (param === 'CONDSTORE') condstore = true;
      else if (param === 'QRESYNC') qresync = readQresync(scanner);
      else throw new SyntaxFault('That parameter is not known');
    });
  }
  return { name, mailbox, condstore, qresync };
}

// RFC 7162 §3.2.5
function readQresync(scanner: Scanner): QresyncParam {
  scanner.eat(' (');
  const uidValidity = scanner.nzNumber();
  scanner.space();
  const modseq = scanner.number64();
  let knownUids: QresyncParam['knownUids'];
  let match: QresyncParam['match'];
  if (scanner.tryEat(' ')) {
    if (scanner.peek() !== '(') {
      knownUids = scanner.sequenceSet(false);
      if (scanner.tryEat(' ')) match = readMatch(scanner);
    } else match = readMatch(scanner);
  }
  scanner.eat(')');
  return { uidValidity, modseq, knownUids, match };
}

function readMatch(scanner: Scanner): NonNullable<QresyncParam['match']> {
  scanner.eat('(');
  const sequence = scanner.sequenceSet(false);
  scanner.space();
  const uids = scanner.sequenceSet(false);
  scanner.eat(')');
  return { sequence, uids };
}

export function readCreate(scanner: Scanner): Command {
  scanner.space();
  const mailbox = scanner.mailbox();
  const specialUse: string[] = [];
  if (scanner.tryEat(' (')) {
    scanner.back(1);
    scanner.list(() => {
      // RFC 6154 §6: create-param.
      if (!scanner.tryWord('USE')) throw new SyntaxFault('That parameter is not known');
      scanner.space();
      const uses = scanner.list(() => {
        scanner.eat('\\');
        return scanner.atom();
      }, true);
      specialUse.push(...uses);
    });
  }
  return { name: 'CREATE', mailbox, specialUse };
}

export function readMailbox<N extends 'DELETE' | 'SUBSCRIBE' | 'UNSUBSCRIBE'>(
  scanner: Scanner,
  name: N,
): Command {
  scanner.space();
  return { name, mailbox: scanner.mailbox() };
}

export function readRename(scanner: Scanner): Command {
  scanner.space();
  const mailbox = scanner.mailbox();
  scanner.space();
  return { name: 'RENAME', mailbox, to: scanner.mailbox() };
}

export function readCopy(scanner: Scanner, name: 'COPY' | 'MOVE', uid: boolean): Command {
  scanner.space();
  const set = scanner.sequenceSet();
  scanner.space();
  return { name, uid, set, mailbox: scanner.mailbox() };
}

/** RFC 4315 §2.1 */
export function readUidExpunge(scanner: Scanner): Command {
  scanner.space();
  return { name: 'EXPUNGE', uids: scanner.sequenceSet() };
}

// Rights.

export function readSetAcl(scanner: Scanner): Command {
  const { mailbox, identifier } = readIdentified(scanner);
  scanner.space();
  // RFC 4314 §3.1: a plus or minus in front adds or removes.
  const rights = scanner.astring('rights');
  const modify = rights.startsWith('+') ? '+' : rights.startsWith('-') ? '-' : '';
  return {
    name: 'SETACL',
    mailbox,
    identifier,
    modify,
    rights: rights.slice(modify.length),
  };
}

export function readIdentifierCommand(scanner: Scanner, name: 'DELETEACL' | 'LISTRIGHTS'): Command {
  return { name, ...readIdentified(scanner) };
}

function readIdentified(scanner: Scanner): { mailbox: string; identifier: string } {
  scanner.space();
  const mailbox = scanner.mailbox();
  scanner.space();
  return { mailbox, identifier: scanner.text('an identifier') };
}

export function readRights(
  scanner: Scanner,
  name: 'GETACL' | 'MYRIGHTS' | 'GETQUOTAROOT',
): Command {
  scanner.space();
  return { name, mailbox: scanner.mailbox() };
}

// Quota.

export function readGetQuota(scanner: Scanner): Command {
  scanner.space();
  return { name: 'GETQUOTA', root: scanner.text('a quota root') };
}

export function readSetQuota(scanner: Scanner): Command {
  scanner.space();
  const root = scanner.text('a quota root');
  scanner.space();
  const limits = scanner.list((): [string, number] => {
    const resource = scanner.word('a resource');
    scanner.space();
    return [resource, scanner.number64()];
  }, true);
  return { name: 'SETQUOTA', root, limits: new Map(limits) };
}

// Notes.

// RFC 5464 §4.2. Field: §5 has the options before the mailbox, the examples of §4.2.1 after it.
export function readGetMetadata(scanner: Scanner): CommandOf<'GETMETADATA'> {
  const options: MetadataOptions = { depth: '0', maxSize: undefined };
  scanner.space();
  if (scanner.peek() === '(') {
    scanner.list(() => readMetadataOption(scanner, options));
    scanner.space();
  }
  const mailbox = scanner.mailbox();
  scanner.space();
  if (/^\( *(?:depth|maxsize) /i.test(scanner.ahead(20))) {
    scanner.list(() => readMetadataOption(scanner, options));
    scanner.space();
  }
  return { name: 'GETMETADATA', mailbox, entries: readEntries(scanner), ...options };
}

interface MetadataOptions {
  depth: '0' | '1' | 'infinity';
  maxSize: number | undefined;
}

function readMetadataOption(scanner: Scanner, options: MetadataOptions): void {
  const option = scanner.word('an option');
  scanner.space();
  if (option === 'MAXSIZE') {
    options.maxSize = scanner.number64();
    return;
  }
  if (option !== 'DEPTH') throw new SyntaxFault('That GETMETADATA option is not known');
  const depth = scanner.atom().toLowerCase();
  if (depth !== '0' && depth !== '1' && depth !== 'infinity')
    throw new SyntaxFault('DEPTH is 0, 1 or infinity');
  options.depth = depth;
}

// RFC 5464 §4.3
export function readSetMetadata(scanner: Scanner): Command {
  scanner.space();
  const mailbox = scanner.mailbox();
  scanner.space();
  const entries = scanner.list((): MetadataEntry => {
    const name = readEntry(scanner);
    scanner.space();
    const value = scanner.nstring();
    return { name, value: value === undefined ? undefined : Buffer.from(value, 'latin1') };
  });
  return { name: 'SETMETADATA', mailbox, entries };
}

// RFC 2971 §3.3
/** Limit: RFC 2971 §3.3 allows 30 pairs, names of 30 octets and values of 1024. */
const idFieldsMax = 30;

export function readId(scanner: Scanner): Command {
  scanner.space();
  if (scanner.tryNil()) return { name: 'ID', fields: undefined };
  const fields = scanner.list((): [string, string | undefined] => {
    const name = textOf(scanner.string('a field name'));
    scanner.space();
    const value = scanner.nstring();
    return [name, value === undefined ? undefined : textOf(value)];
  }, true);
  if (fields.length > idFieldsMax) throw new SyntaxFault('Too many fields');
  return { name: 'ID', fields: new Map(fields) };
}
