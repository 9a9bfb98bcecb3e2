// One command out of its octets: total, bounded, and never throws. `text` is the command as latin1,
// with its literals as they came and without the last CRLF. APPEND and REPLACE are only begun here:
// what follows their name is read by append-grammar.ts while it comes. RFC 9051 §9, RFC 3501 §9.

import { decodeBase64 } from '../sasl/base64.ts';
import type { AppendTarget, Command } from './command.ts';
import { readFetch, readStore } from './fetch-grammar.ts';
import { readList, readLsub, readStatus } from './list-grammar.ts';
import {
  readCopy,
  readCreate,
  readGetMetadata,
  readGetQuota,
  readId,
  readIdentifierCommand,
  readMailbox,
  readRename,
  readRights,
  readSelect,
  readSetAcl,
  readSetMetadata,
  readSetQuota,
  readUidExpunge,
} from './mailbox-grammar.ts';
import { readNotify } from './notify-grammar.ts';
import type { ParseContext } from './parse-context.ts';
import { LiteralMissing, Scanner, SyntaxFault } from './scanner.ts';
import { readSearch, readSort, readThread } from './search-grammar.ts';
import { readGenUrlAuth, readResetKey, readUrlFetch } from './url-grammar.ts';

export interface Malformed {
  readonly kind: 'malformed';
  /** Undefined: not even the tag can be read, and the answer is untagged. */
  readonly tag: string | undefined;
  readonly status: 'BAD' | 'NO';
  readonly code: string | undefined;
  readonly text: string;
}

export type Parsed =
  | { readonly kind: 'command'; readonly tag: string; readonly command: Command }
  | Malformed;

/** `rest` is where the arguments begin. */
export interface AppendBegin {
  readonly tag: string;
  readonly name: AppendTarget['name'];
  readonly uid: boolean;
  readonly rest: number;
}

// RFC 9051 §9: tag is made of ASTRING-CHARs but '+'.
const tagPattern = /^[^\x00-\x20\x7f-\uffff(){%*"\\+]+(?= )/;
const appendPattern = /^([^\x00-\x20\x7f-\uffff(){%*"\\+]+) (?:(APPEND)|(UID )?(REPLACE))(?= |$)/i;

/** Limit: a tag comes back with the answer, and nobody needs a long one. */
const tagOctetsMax = 1000;

export function tagOf(text: string): string | undefined {
  const tag = tagPattern.exec(text.slice(0, tagOctetsMax))?.[0];
  return tag;
}

/** Whether the command is one whose messages come as events. */
export function beginsAppend(text: string): AppendBegin | undefined {
  const match = appendPattern.exec(text.slice(0, tagOctetsMax + 20));
  if (match === null || match[1]!.length >= tagOctetsMax) return undefined;
  const name = match[2] === undefined ? 'REPLACE' : 'APPEND';
  return { tag: match[1]!, name, uid: match[3] !== undefined, rest: match[0].length };
}

export function parseCommand(text: string, context: ParseContext): Parsed {
  const tag = tagOf(text);
  if (tag === undefined) {
    // Field: a line with a tag alone is answered with that tag.
    const whole = tagOf(`${text.trimEnd()} `);
    const what = whole === undefined ? 'A command begins with a tag' : 'Which command?';
    return { kind: 'malformed', tag: whole, status: 'BAD', code: undefined, text: what };
  }
  const scanner = new Scanner(text, context, tag.length);
  try {
    const command = readCommand(scanner);
    scanner.end();
    return { kind: 'command', tag, command };
  } catch (error) {
    return malformed(tag, error);
  }
}

/** The answer to what a grammar threw; anything but the client's mistakes is thrown on. */
export function malformed(tag: string, error: unknown): Malformed {
  if (error instanceof SyntaxFault) {
    const { status, code, message } = error;
    return { kind: 'malformed', tag, status, code, text: message };
  }
  if (!(error instanceof LiteralMissing)) throw error;
  return { kind: 'malformed', tag, status: 'BAD', code: undefined, text: 'A literal is cut off' };
}

function readCommand(scanner: Scanner): Command {
  scanner.space();
  const name = scanner.name('a command');
  if (name === 'UID') {
    scanner.space();
    const reader = uidReaders.get(scanner.word('a command'));
    if (reader === undefined) throw new SyntaxFault('That UID command is not known');
    return reader(scanner);
  }
  const reader = readers.get(name);
  if (reader === undefined) throw new SyntaxFault('That command is not known');
  return reader(scanner);
}

type Reader = (scanner: Scanner) => Command;

function readLogin(scanner: Scanner): Command {
  scanner.space();
  const user = scanner.text('a user name');
  scanner.space();
  return { name: 'LOGIN', user, password: scanner.text('a password') };
}

// RFC 9051 §6.2.2, RFC 4959 §3: "=" is an initial response of no octets.
function readAuthenticate(scanner: Scanner): Command {
  scanner.space();
  const mechanism = scanner.word('a mechanism');
  let initial: Uint8Array | undefined;
  if (scanner.tryEat(' ') && !scanner.atEnd) {
    const base64 = scanner.astring('base64');
    initial = base64 === '=' ? new Uint8Array() : decodeBase64(base64);
    if (initial === undefined) throw new SyntaxFault('The initial response is no base64');
  }
  return { name: 'AUTHENTICATE', mechanism, initial };
}

function readEnable(scanner: Scanner): Command {
  const capabilities: string[] = [];
  while (scanner.tryEat(' ')) if (!scanner.atEnd) capabilities.push(scanner.word());
  if (capabilities.length === 0) throw scanner.expected('capabilities');
  return { name: 'ENABLE', capabilities };
}

// RFC 4978 §3
function readCompress(scanner: Scanner): Command {
  scanner.space();
  if (!scanner.tryWord('DEFLATE')) throw new SyntaxFault('DEFLATE is the only mechanism');
  return { name: 'COMPRESS' };
}

const plainCommands = [
  'CAPABILITY',
  'NOOP',
  'LOGOUT',
  'STARTTLS',
  'NAMESPACE',
  'UNAUTHENTICATE',
  'IDLE',
  'CLOSE',
  'UNSELECT',
  'CHECK',
] as const;

const readers: ReadonlyMap<string, Reader> = new Map<string, Reader>([
  ...plainCommands.map((name): [string, Reader] => [name, () => ({ name })]),
  ['ID', readId],
  ['LOGIN', readLogin],
  ['AUTHENTICATE', readAuthenticate],
  ['ENABLE', readEnable],
  ['COMPRESS', readCompress],
  ['SELECT', (scanner) => readSelect(scanner, 'SELECT')],
  ['EXAMINE', (scanner) => readSelect(scanner, 'EXAMINE')],
  ['CREATE', readCreate],
  ['DELETE', (scanner) => readMailbox(scanner, 'DELETE')],
  ['SUBSCRIBE', (scanner) => readMailbox(scanner, 'SUBSCRIBE')],
  ['UNSUBSCRIBE', (scanner) => readMailbox(scanner, 'UNSUBSCRIBE')],
  ['RENAME', readRename],
  ['LIST', readList],
  ['LSUB', readLsub],
  ['STATUS', readStatus],
  ['GETQUOTA', readGetQuota],
  ['GETQUOTAROOT', (scanner) => readRights(scanner, 'GETQUOTAROOT')],
  ['SETQUOTA', readSetQuota],
  ['SETACL', readSetAcl],
  ['DELETEACL', (scanner) => readIdentifierCommand(scanner, 'DELETEACL')],
  ['LISTRIGHTS', (scanner) => readIdentifierCommand(scanner, 'LISTRIGHTS')],
  ['GETACL', (scanner) => readRights(scanner, 'GETACL')],
  ['MYRIGHTS', (scanner) => readRights(scanner, 'MYRIGHTS')],
  ['GETMETADATA', readGetMetadata],
  ['SETMETADATA', readSetMetadata],
  ['GENURLAUTH', readGenUrlAuth],
  ['URLFETCH', readUrlFetch],
  ['RESETKEY', readResetKey],
  ['NOTIFY', readNotify],
  ['EXPUNGE', () => ({ name: 'EXPUNGE', uids: undefined })],
  ['SEARCH', (scanner) => readSearch(scanner, false)],
  ['SORT', (scanner) => readSort(scanner, false)],
  ['THREAD', (scanner) => readThread(scanner, false)],
  ['FETCH', (scanner) => readFetch(scanner, false)],
  ['STORE', (scanner) => readStore(scanner, false)],
  ['COPY', (scanner) => readCopy(scanner, 'COPY', false)],
  ['MOVE', (scanner) => readCopy(scanner, 'MOVE', false)],
]);

const uidReaders: ReadonlyMap<string, Reader> = new Map<string, Reader>([
  ['EXPUNGE', readUidExpunge],
  ['SEARCH', (scanner) => readSearch(scanner, true)],
  ['SORT', (scanner) => readSort(scanner, true)],
  ['THREAD', (scanner) => readThread(scanner, true)],
  ['FETCH', (scanner) => readFetch(scanner, true)],
  ['STORE', (scanner) => readStore(scanner, true)],
  ['COPY', (scanner) => readCopy(scanner, 'COPY', true)],
  ['MOVE', (scanner) => readCopy(scanner, 'MOVE', true)],
]);
