// GETMETADATA and SETMETADATA: notes on a mailbox or on the server. RFC 5464. `/shared` entries are for
// all who may see the mailbox, `/private` ones for its owner alone. Of the server's own there are
// `/shared/admin`, and whatever the account keeps under `/private`.

import type { MetadataEntry } from '../../../imap/command.ts';
import { MailboxLimitError } from '../../../store/folder-errors.ts';
import { requireRight } from '../acl.ts';
import type { CommandContext, ExecutorOf } from '../context.ts';
import type { LocatedFolder } from '../located-folder.ts';
import { ImapRefusal, ok } from '../refusal.ts';
import { mailboxText, octetsText } from '../words.ts';

/** Limit: octets of one value, RFC 5464 §4.1 asks for 1024; of one name; entries of one mailbox, 10. */
const valueOctetsMax = 32 * 2 ** 10;
const nameOctetsMax = 256;
const entriesMax = 100;

/** RFC 6154 §4: what the mailbox is for, as LIST says it. */
const specialUseEntry = '/private/specialuse';

type Annotations = ReadonlyMap<string, Uint8Array>;

export const getMetadata: ExecutorOf<'GETMETADATA'> = async (command, context) => {
  const { mailbox, entries, depth, maxSize } = command;
  // Field: clients ask for all that is below the two roots.
  for (const name of entries) if (name !== '/private' && name !== '/shared') checkName(name);
  const located = mailbox === '' ? undefined : await annotated(mailbox, context);
  const found = await annotationsOf(located, context);
  const asked = new Map<string, Uint8Array | undefined>();
  for (const name of entries) {
    const below = [...found.keys()].filter((each) => isBelow(each, name, depth));
    // RFC 5464 §4.2: a response is required, so that what is not there is NIL.
    if (found.has(name) || below.length === 0) asked.set(name, found.get(name));
    for (const each of below) asked.set(each, found.get(each));
  }
  // RFC 5464 §4.2.1: what is too long is left out, and the longest is named.
  let longest = 0;
  if (maxSize !== undefined)
    for (const [name, value] of asked)
      if (value !== undefined && value.length > maxSize) {
        longest = Math.max(longest, value.length);
        asked.delete(name);
      }
  const name = located === undefined ? '""' : mailboxText(context, located.name);
  if (asked.size > 0) context.untagged(responseText(name, asked));
  return ok('GETMETADATA completed', longest === 0 ? undefined : `METADATA LONGENTRIES ${longest}`);
};

export const setMetadata: ExecutorOf<'SETMETADATA'> = async ({ mailbox, entries }, context) => {
  for (const { name } of entries) checkName(name);
  const located = mailbox === '' ? undefined : await annotated(mailbox, context);
  checkWritable(entries, located, context);
  // RFC 5464 §4.3
  for (const { value } of entries)
    if (value !== undefined && value.length > valueOctetsMax)
      throw new ImapRefusal('NO', `METADATA MAXSIZE ${valueOctetsMax}`, 'The value is too large');
  const found = await annotationsOf(located, context);
  const names = new Set([...found.keys(), ...entries.map(({ name }) => name)]);
  for (const { name, value } of entries) if (value === undefined) names.delete(name);
  if (names.size > entriesMax && names.size > found.size) throw tooMany();
  const changed = new Map(entries.map(({ name, value }) => [name, value]));
  const folder = located?.folder.id;
  try {
    await context.store.annotate(located?.folder.account ?? context.account, folder, changed);
    context.updates?.know({ kind: 'annotated', folder, entries: changed });
  } catch (error) {
    throw error instanceof MailboxLimitError ? tooMany() : error;
  }
  return ok('SETMETADATA completed');
};

/** RFC 9590 §3: for LIST; undefined where nothing can be said. */
export async function annotationsText(
  context: CommandContext,
  located: LocatedFolder,
  entries: readonly string[],
): Promise<string | undefined> {
  for (const name of entries) checkName(name);
  if (!mayAnnotate(located)) return undefined;
  const found = await annotationsOf(located, context);
  const asked = new Map(entries.map((name) => [name, found.get(name)]));
  return responseText(mailboxText(context, located.name), asked);
}

const tooMany = () => new ImapRefusal('NO', 'METADATA TOOMANY', 'There are too many entries');

/** RFC 5464 §5. @throws ImapRefusal */
function checkName(name: string): void {
  if (
    name.length > nameOctetsMax ||
    !/^\/(?:private|shared)(?:\/[^\u0000-\u0020\u007f-\uffff*%/]+)+$/.test(name)
  )
    throw new ImapRefusal('BAD', undefined, 'Entries begin with /private/ or /shared/');
}

// RFC 5464 §3.3
const mayAnnotate = ({ rights }: LocatedFolder): boolean => /[rswip]/.test(rights);

async function annotated(mailbox: string, context: CommandContext): Promise<LocatedFolder> {
  const located = requireRight(await context.names.locate(mailbox), 'l');
  if (!mayAnnotate(located))
    throw new ImapRefusal('NO', 'NOPERM', 'You may not read notes on this mailbox');
  return located;
}

function checkWritable(
  entries: readonly MetadataEntry[],
  located: LocatedFolder | undefined,
  { account }: CommandContext,
): void {
  const refuse = (why: string): never => {
    throw new ImapRefusal('NO', 'NOPERM', why);
  };
  for (const { name } of entries) {
    const shared = name.startsWith('/shared/');
    // RFC 5464 §4.3: private entries are kept for the owner of a mailbox only.
    if (!shared && located !== undefined && located.folder.account !== account)
      throw new ImapRefusal('NO', 'METADATA NOPRIVATE', 'There are no private notes on it for you');
    // RFC 5464 §3.3: the server's shared entries are the operator's.
    if (located === undefined && shared) refuse('Only the operator changes that');
    if (shared && located?.rights.includes('w') === false) refuse("That needs the right 'w'");
    if (located !== undefined && name === specialUseEntry) refuse('CREATE says what it is for');
  }
}

/** Of the server where `located` is undefined. */
async function annotationsOf(
  located: LocatedFolder | undefined,
  { account, store, admin }: CommandContext,
): Promise<Annotations> {
  const found = new Map<string, Uint8Array>();
  const take = (annotations: Annotations, prefix: string) => {
    for (const [name, value] of annotations) if (name.startsWith(prefix)) found.set(name, value);
  };
  if (located === undefined) {
    take(await store.annotations(account, undefined), '/private/');
    found.set('/shared/admin', Buffer.from(admin));
    return found;
  }
  const { id, account: owner, specialUse } = located.folder;
  const annotations = await store.annotations(owner, id);
  take(annotations, '/shared/');
  if (owner === account) take(annotations, '/private/');
  if (specialUse !== undefined && owner === account)
    found.set(specialUseEntry, Buffer.from(`\\${specialUse}`));
  return found;
}

function isBelow(name: string, above: string, depth: '0' | '1' | 'infinity'): boolean {
  if (depth === '0' || !name.startsWith(`${above}/`)) return false;
  return depth === 'infinity' || !name.includes('/', above.length + 1);
}

function responseText(
  mailbox: string,
  entries: ReadonlyMap<string, Uint8Array | undefined>,
): string {
  const pairs = [...entries].map(
    ([name, value]) =>
      `${name} ${value === undefined ? 'NIL' : octetsText(Buffer.from(value).toString('latin1'))}`,
  );
  return `METADATA ${mailbox} (${pairs.join(' ')})`;
}
