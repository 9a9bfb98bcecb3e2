// What `postrider mail import` finds at a path: the messages of an mbox file, a single message (EML), or those of a
// Maildir with its subfolders, as Dovecot, Courier and Postfix have them: Maildir++ (`.Sent.2024` beside `cur`), or a
// folder within the folder. What cannot be read is told in its place, and what comes behind it is found all the same.

import type { Dirent } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { whyUnreadable } from '../config/why-unreadable.ts';
import { decodeModifiedUtf7 } from '../imap/modified-utf7.ts';
import { asMail, mboxMessages } from '../mail/mbox.ts';
import { printable } from './context.ts';

export type Found = FoundMessage | FoundProblem;

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

/** Limits: octets of a file that is read; of a message, as much as the server takes (`importedMax`, without base64). */
const fileBytesMax = 1024 * 2 ** 20;
const messageBytesMax = 28 * 2 ** 20;
/** Limit: folders within folders. */
const depthMax = 32;

/** `shown` is the path as it was given. */
export async function* messagesAt(path: string, shown: string): AsyncGenerator<Found> {
  const name = printable(shown.replace(/(?<=.)\/+$/, ''));
  const facts = await stat(path).catch((error: unknown) => whyUnreadable(error));
  if (typeof facts === 'string') yield problem(name, facts);
  else if (facts.isDirectory()) yield* maildirs(path, name);
  else yield* messagesOfFile(path, name);
}

async function* messagesOfFile(path: string, name: string): AsyncGenerator<Found> {
  const file = await read(path);
  if (typeof file === 'string') return yield problem(name, file);
  const { content } = file;
  let number = 0;
  for (const message of mboxMessages(content)) {
    number += 1;
    yield found(isMbox(content) ? `${name}, message ${number}` : name, message);
  }
  if (number === 0) yield problem(name, 'there is no message in it');
}

const isMbox = (content: Buffer): boolean => content.toString('latin1', 0, 5) === 'From ';

/** What is wrong, where it cannot be read. */
async function read(
  path: string,
): Promise<{ readonly content: Buffer; readonly changed: Date } | string> {
  try {
    const { size, mtime } = await stat(path);
    if (size > fileBytesMax)
      return `it has ${size} octets, and no more than ${fileBytesMax} are read; cut it in pieces`;
    return { content: await readFile(path), changed: mtime };
  } catch (error) {
    return whyUnreadable(error);
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
 * listed first, that nothing is in neither list, and what is not where it was is looked for in `cur`. What is in both
 * lists was moved in between, unless it is in `new` still: then it is another message of the same name.
 */
async function* messagesOfMaildir({ path, name, folder }: MaildirPlace): AsyncGenerator<Found> {
  const keywords = await keywordsOf(path);
  const unread = await filesIn(path, 'new');
  const cur = byUniqueName(await filesIn(path, 'cur'));
  const places: Places = { path, cur };
  for (const given of [...[...cur.values()].flat(), ...unread]) {
    const isInBoth = given.part === 'new' && cur.has(uniqueNameOf(given.file));
    if (isInBoth && (await isGone(join(path, given.part, given.file)))) continue;
    const { at, one } = await readWherever(places, given);
    const shown = `${name}/${at.part}/${printable(at.file)}`;
    if (typeof one === 'string') yield problem(shown, one);
    else
      yield found(shown, one.content, {
        folder,
        flags: at.part === 'cur' ? flagsOf(at.file, keywords) : [],
        received: one.changed.toISOString(),
      });
  }
}

interface MaildirFile {
  readonly part: 'cur' | 'new';
  readonly file: string;
}

interface Places {
  readonly path: string;
  /** As it was listed last: that takes long where there are many, and many may be renamed at once. */
  cur: ReadonlyMap<string, readonly MaildirFile[]>;
}

async function readWherever(places: Places, given: MaildirFile) {
  const { path } = places;
  const pathOf = ({ part, file }: MaildirFile) => join(path, part, file);
  let at = given;
  let one = await read(pathOf(at));
  for (const isListedAnew of [false, true]) {
    if (typeof one !== 'string' || !(await isGone(pathOf(at)))) break;
    if (isListedAnew) places.cur = byUniqueName(await filesIn(path, 'cur'));
    const now = places.cur.get(uniqueNameOf(given.file))?.[0];
    if (now === undefined) continue;
    at = now;
    one = await read(pathOf(at));
  }
  return { at, one };
}

const isGone = (path: string): Promise<boolean> =>
  stat(path).then(
    () => false,
    (error: NodeJS.ErrnoException) => error.code === 'ENOENT',
  );

const byUniqueName = (files: readonly MaildirFile[]) =>
  Map.groupBy(files, ({ file }) => uniqueNameOf(file));

/** Of one of the two, which may be missing. */
async function filesIn(path: string, part: MaildirFile['part']): Promise<readonly MaildirFile[]> {
  const entries = await entriesOf(join(path, part));
  if (typeof entries === 'string') return [];
  return entries
    .filter((entry) => !entry.isDirectory() && !entry.name.startsWith('.'))
    .map(({ name: file }) => ({ part, file }))
    .sort((a, b) => (a.file < b.file ? -1 : 1));
}

async function entriesOf(path: string): Promise<readonly Dirent[] | string> {
  return readdir(path, { withFileTypes: true }).catch((error: unknown) => whyUnreadable(error));
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
  while (isMbox(rest)) {
    const end = rest.indexOf(10);
    rest = end < 0 ? rest.subarray(rest.length) : rest.subarray(end + 1);
  }
  return rest;
}

type Place = Pick<FoundMessage, 'folder' | 'flags' | 'received'>;
const anyPlace: Place = { folder: undefined, flags: [], received: undefined };

function found(name: string, octets: Buffer, place: Place = anyPlace): Found {
  const [first, second] = octets;
  // Field: Dovecot's zlib plugin leaves the names of the files as they are.
  if (first === 0x1f && second === 0x8b)
    return problem(name, 'it is compressed (gzip); unpack it first');
  const message = withoutFromLines(octets);
  if (message.length === 0) return problem(name, 'it is empty');
  const mail = message.length > messageBytesMax ? message : asMail(message);
  if (mail.length > messageBytesMax)
    return problem(name, `it has ${mail.length} octets, and ${messageBytesMax} are the most`);
  return { kind: 'message', name, mail, ...place };
}

const problem = (name: string, why: string): FoundProblem => ({ kind: 'problem', name, why });
