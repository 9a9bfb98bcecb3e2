// What `postrider mail import` finds at a path: the messages of an mbox file, a single message (EML), or those of a
// Maildir with its subfolders, as Dovecot, Courier and Postfix have them: Maildir++ (`.Sent.2024` beside `cur`), or a
// folder within the folder. What cannot be read is told in its place, and what comes behind it is found all the same.
// Of a file no more is in memory than a message.

import type { Dirent } from 'node:fs';
import { constants } from 'node:fs';
import { type FileHandle, lstat, open, readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { whyUnreadable } from '../config/why-unreadable.ts';
import { decodeModifiedUtf7 } from '../imap/modified-utf7.ts';
import { asMail, type MboxMessage, MboxReader } from '../mail/mbox.ts';
import { printable } from './context.ts';

export type Found = FoundMessage | FoundProblem | FoundGone;

interface FoundMessage {
  readonly kind: 'message';
  /** As a person finds it again. */
  readonly name: string;
  /** Undefined: where the command says. */
  readonly folder: string | undefined;
  readonly flags: readonly string[];
  /** ISO 8601. */
  readonly received: string | undefined;
  readonly mail: Buffer;
}

interface FoundProblem {
  readonly kind: 'problem';
  readonly name: string;
  readonly why: string;
}

/** Somebody has deleted it, or moved it elsewhere, since it was listed. */
interface FoundGone {
  readonly kind: 'gone';
  readonly name: string;
}

/** Limit: octets of a message, as much as the server takes (`importedMax`, without base64). */
const messageBytesMax = 28 * 2 ** 20;
/** Octets that are read in one go. */
const pieceBytes = 2 ** 18;
/** Limit: folders within folders. */
const depthMax = 32;
/** Limit: how often a folder is listed anew for what is not where it was. */
const listsMax = 10;

/** `shown` is the path as it was given. */
export async function* messagesAt(path: string, shown: string): AsyncGenerator<Found> {
  const name = printable(shown.replace(/(?<=.)\/+$/, ''));
  const facts = await stat(path).catch((error: unknown) => whyUnreadable(error));
  if (typeof facts === 'string') yield problem(name, facts);
  else if (facts.isDirectory()) yield* maildirs(path, name);
  else yield* messagesOfFile(path, name);
}

async function* messagesOfFile(path: string, name: string): AsyncGenerator<Found> {
  const reader = new MboxReader(messageBytesMax);
  let number = 0;
  const told = ({ octets, bytes }: MboxMessage): Found => {
    number += 1;
    return found(reader.isMbox ? `${name}, message ${number}` : name, { octets, bytes });
  };
  try {
    await using file = await open(path);
    for await (const piece of piecesOf(file))
      for (const message of reader.push(piece)) yield told(message);
  } catch (error) {
    const behind = number > 0 ? `, what is behind message ${number}` : '';
    return yield problem(`${name}${behind}`, whyUnreadable(error));
  }
  for (const message of reader.end()) yield told(message);
  if (number === 0) yield problem(name, 'there is no message in it');
}

async function* piecesOf(file: FileHandle, bytes = pieceBytes): AsyncGenerator<Buffer> {
  for (;;) {
    const piece = Buffer.allocUnsafe(bytes);
    const { bytesRead } = await file.read(piece, 0, bytes);
    if (bytesRead === 0) return;
    yield piece.subarray(0, bytesRead);
  }
}

interface MaildirPlace {
  readonly path: string;
  readonly name: string;
  readonly folder: string | undefined;
}

async function* maildirs(path: string, name: string): AsyncGenerator<Found> {
  let any = false;
  for await (const place of placesIn({ path, name, folder: undefined }, 0)) {
    if ('kind' in place) yield place;
    else yield* messagesOfMaildir(place);
    any = true;
  }
  if (!any)
    yield problem(
      name,
      'is a folder, and no Maildir is in it (one has `cur` and `new`); name the files in it',
    );
}

async function* placesIn(
  place: MaildirPlace,
  depth: number,
): AsyncGenerator<MaildirPlace | FoundProblem> {
  const entries = await entriesOf(place.path);
  if (entries === undefined) return; // deleted since it was listed
  if (typeof entries === 'string') return yield problem(place.name, entries);
  const names = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  if (names.includes('cur') || names.includes('new')) yield place;
  if (depth >= depthMax) return;
  for (const each of names.sort()) {
    if (['cur', 'new', 'tmp'].includes(each)) continue;
    // Maildir++ has all its folders side by side, with '.' between the levels; other layouts nest them.
    const levels = each.startsWith('.') ? each.slice(1).split('.') : [each];
    const folder = [
      ...(place.folder === undefined ? [] : [place.folder]),
      ...levels.map((level) => decodeModifiedUtf7(level)),
    ].join('/');
    const inner = {
      path: join(place.path, each),
      name: `${place.name}/${printable(each)}`,
      folder,
    };
    yield* placesIn(inner, depth + 1);
  }
}

/**
 * Whoever reads the mail meanwhile moves it from `new` to `cur`, and renames it there as its flags change. So `new` is
 * listed first, that nothing is in neither list, and what is not where it was is looked for in `cur` at the end. What is
 * in both lists was moved in between, unless it is in `new` still: then it is another message of the same name.
 */
async function* messagesOfMaildir({ path, name, folder }: MaildirPlace): AsyncGenerator<Found> {
  const keywords = await keywordsOf(path);
  const shown = ({ part, file }: MaildirFile) => `${name}/${part}/${printable(file)}`;
  const messageAt = async (at: MaildirFile): Promise<Found | undefined> => {
    const one = await read(join(path, at.part, at.file));
    if (one === undefined || typeof one === 'string')
      return one === undefined ? undefined : problem(shown(at), one);
    const flags = at.part === 'cur' ? flagsOf(at.file, keywords) : [];
    return found(shown(at), one, { folder, flags, received: timeOf(one.changed) });
  };
  const unread = yield* filesIn({ path, name }, 'new');
  const listed = yield* filesIn({ path, name }, 'cur');
  const cur = byUniqueName(listed);
  const away: MaildirFile[] = [];
  for (const given of [...[...cur.values()].flat(), ...unread]) {
    const one = await messageAt(given);
    const isMoved = one === undefined && given.part === 'new' && cur.has(uniqueNameOf(given.file));
    if (one !== undefined) yield one;
    else if (!isMoved) away.push(given);
  }
  const places = { path, name, known: new Set(listed.map(({ file }) => file)) };
  yield* movedWithin(places, away, messageAt);
}

interface Places extends Pick<MaildirPlace, 'path' | 'name'> {
  /** What was in `cur` when it was listed, or was looked for there since. */
  readonly known: Set<string>;
}

/**
 * Looks for many at once, since a list takes long where there are many. A list may lack what is renamed while it is
 * made, so what is in one of two is found.
 */
async function* movedWithin(
  { known, ...place }: Places,
  away: readonly MaildirFile[],
  messageAt: (at: MaildirFile) => Promise<Found | undefined>,
): AsyncGenerator<Found> {
  let left = away;
  for (let lists = 0, vain = 0; left.length > 0 && vain < 2 && lists < listsMax; lists += 1) {
    const cur = byUniqueName(yield* filesIn(place, 'cur'));
    const still: MaildirFile[] = [];
    vain += 1;
    for (const given of left) {
      const now = cur
        .get(uniqueNameOf(given.file))
        ?.find(({ file }) => !known.has(file) || (given.part === 'cur' && file === given.file));
      const one = now === undefined ? undefined : await messageAt(now);
      if (now !== undefined) known.add(now.file);
      if (one === undefined) {
        still.push(now ?? given);
        continue;
      }
      vain = 0;
      yield one;
    }
    left = still;
  }
  for (const { part, file } of left)
    yield { kind: 'gone', name: `${place.name}/${part}/${printable(file)}` };
}

interface MaildirFile {
  readonly part: 'cur' | 'new';
  readonly file: string;
}

const byUniqueName = (files: readonly MaildirFile[]) =>
  Map.groupBy(files, ({ file }) => uniqueNameOf(file));

/** Of one of the two, which may be missing. */
async function* filesIn(
  { path, name }: Pick<MaildirPlace, 'path' | 'name'>,
  part: MaildirFile['part'],
): AsyncGenerator<FoundProblem, readonly MaildirFile[]> {
  const entries = await entriesOf(join(path, part));
  if (typeof entries === 'string') yield problem(`${name}/${part}`, entries);
  if (entries === undefined || typeof entries === 'string') return [];
  return entries
    .filter((entry) => !entry.isDirectory() && !entry.name.startsWith('.'))
    .map(({ name: file }) => ({ part, file }))
    .sort((a, b) => (a.file < b.file ? -1 : 1));
}

/** Undefined where there is none; what is wrong, where it cannot be read. */
const entriesOf = (path: string): Promise<readonly Dirent[] | string | undefined> =>
  readdir(path, { withFileTypes: true }).catch(whyNot);

interface MaildirMessage extends MboxMessage {
  readonly changed: Date;
}

/** Undefined where there is none; what is wrong, where it cannot be read. */
async function read(path: string): Promise<MaildirMessage | string | undefined> {
  try {
    // Of a pipe that has the name of a message nobody waits for the other end.
    await using file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const facts = await file.stat();
    if (!facts.isFile()) return 'it is no file';
    if (facts.size > messageBytesMax) return tooLarge(facts.size);
    const pieces: Buffer[] = [];
    let bytes = 0;
    for await (const piece of piecesOf(file, Math.min(facts.size + 1, pieceBytes))) {
      pieces.push(piece);
      bytes += piece.length;
      if (bytes > messageBytesMax) break;
    }
    return { octets: Buffer.concat(pieces), bytes, changed: facts.mtime };
  } catch (error) {
    const why = whyNot(error);
    const isLink = why === undefined && (await isSymbolicLink(path));
    return isLink ? 'it is a link that leads to no file' : why;
  }
}

const isSymbolicLink = (path: string): Promise<boolean> =>
  lstat(path).then(
    (facts) => facts.isSymbolicLink(),
    () => false,
  );

const whyNot = (error: unknown): string | undefined =>
  (error as NodeJS.ErrnoException).code === 'ENOENT' ? undefined : whyUnreadable(error);

/** A file may say any year; a message came in one of four digits. */
function timeOf(changed: Date): string | undefined {
  const time = changed.toISOString();
  return /^\d{4}-/.test(time) ? time : undefined;
}

/** What stands behind `:2,` in the name of a file; some systems write `;2,` or `!2,`, which may not have a colon. */
const maildirFlags: ReadonlyMap<string, string> = new Map([
  ['D', '\\Draft'],
  ['F', '\\Flagged'],
  ['P', '$Forwarded'],
  ['R', '\\Answered'],
  ['S', '\\Seen'],
  ['T', '\\Deleted'],
]);

/** What stays the same when a message is moved and its flags change. */
const uniqueNameOf = (file: string): string => file.replace(/[:;!]2,[A-Za-z]*$/, '');

function flagsOf(file: string, keywords: ReadonlyMap<string, string>): readonly string[] {
  const letters = /[:;!]2,([A-Za-z]*)/.exec(file)?.[1] ?? '';
  return [...letters].flatMap((letter) => maildirFlags.get(letter) ?? keywords.get(letter) ?? []);
}

/** Field: Dovecot writes which keyword `a`, `b` and so on stand for into a file: `0 $Junk`. */
async function keywordsOf(path: string): Promise<ReadonlyMap<string, string>> {
  const lines = await readFile(join(path, 'dovecot-keywords'), 'latin1').catch(() => '');
  return new Map(
    [...lines.matchAll(/^(\d+) ([^\x00-\x20\x7f-\xff(){%*"\\\]]{1,100})$/gm)].flatMap(
      ([, number, keyword]) =>
        Number(number) < 26
          ? [[String.fromCharCode(97 + Number(number)), keyword as string] as const]
          : [],
    ),
  );
}

/** The server takes what begins like an mbox for one: a message is one also where somebody has put such a line before it. */
function withoutFromLines(content: Buffer): Buffer {
  let rest = content;
  while (rest.toString('latin1', 0, 5) === 'From ') {
    const end = rest.indexOf(10);
    rest = end < 0 ? rest.subarray(rest.length) : rest.subarray(end + 1);
  }
  return rest;
}

type Place = Pick<FoundMessage, 'folder' | 'flags' | 'received'>;
const anyPlace: Place = { folder: undefined, flags: [], received: undefined };

function found(name: string, { octets, bytes }: MboxMessage, place: Place = anyPlace): Found {
  const [first, second] = octets;
  // Field: Dovecot's zlib plugin leaves the names of the files as they are.
  if (first === 0x1f && second === 0x8b)
    return problem(name, 'it is compressed (gzip); unpack it first');
  if (bytes > messageBytesMax) return problem(name, tooLarge(bytes));
  const message = withoutFromLines(octets);
  if (message.length === 0) return problem(name, 'it is empty');
  const mail = asMail(message);
  if (mail.length > messageBytesMax) return problem(name, tooLarge(mail.length));
  return { kind: 'message', name, mail, ...place };
}

const tooLarge = (bytes: number): string =>
  `it has ${bytes} octets, and ${messageBytesMax} are the most`;

const problem = (name: string, why: string): FoundProblem => ({ kind: 'problem', name, why });
