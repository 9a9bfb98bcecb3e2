// CREATE, DELETE, RENAME, SUBSCRIBE, UNSUBSCRIBE. RFC 9051 §6.3.4 to §6.3.8, RFC 6154 §3 (USE),
// RFC 4314 §4 (who may), RFC 8474 §4.2 (MAILBOXID).

import type { FolderFacts } from '../../../store/folder-store.ts';
import { mailboxId } from '../../../store/object-id.ts';
import { requireRight } from '../acl.ts';
import type { CommandContext, ExecutorOf } from '../context.ts';
import type { LocatedFolder } from '../located-folder.ts';
import { newName, superiors } from '../names.ts';
import { ImapRefusal, ok } from '../refusal.ts';
import { closeSelected } from '../selection.ts';
import { mailboxText } from '../words.ts';

/** RFC 6154 §2: those that are about where messages lie. \All and \Flagged would be views. */
const specialUses: ReadonlyMap<string, string> = new Map(
  ['Archive', 'Drafts', 'Junk', 'Sent', 'Trash'].map((use) => [use.toLowerCase(), use]),
);

interface Place {
  readonly account: string;
  readonly path: string;
}

export const create: ExecutorOf<'CREATE'> = async ({ mailbox, specialUse }, context) => {
  // RFC 9051 §6.3.4: the separator at the end declares an intention, which we need not know.
  const written = mailbox.endsWith('/') ? mailbox.slice(0, -1) : mailbox;
  const { name, place } = await newPlace(written, context);
  const use = await newUse(specialUse, place, context);
  const folder = await context.store.create(place.account, place.path, use);
  context.updates?.know({ kind: 'made', folder });
  announce(context, { written, name });
  return ok('CREATE completed', `MAILBOXID (${mailboxId(folder.id)})`);
};

export const remove: ExecutorOf<'DELETE'> = async ({ mailbox }, context) => {
  const located = await existing(mailbox, 'x', context);
  const { account, path } = located.folder;
  if (path === 'INBOX') throw new ImapRefusal('NO', 'CANNOT', 'INBOX cannot be deleted');
  await context.store.remove(account, path);
  context.updates?.know({ kind: 'removed', folder: located.folder.id });
  announce(context, { written: mailbox, name: located.name, gone: true });
  const done = ok('DELETE completed');
  if (context.selected?.open.id !== located.folder.id) return done;
  closeSelected(context);
  return { ...done, state: 'unselected' };
};

export const rename: ExecutorOf<'RENAME'> = async ({ mailbox, to }, context) => {
  const located = await existing(mailbox, 'x', context);
  const { account, path } = located.folder;
  const written = to.endsWith('/') ? to.slice(0, -1) : to;
  const { name, place } = await newPlace(written, context);
  if (place.account !== account)
    throw new ImapRefusal('NO', 'CANNOT', 'A mailbox stays with the account it belongs to');
  if (place.path === 'INBOX' || place.path === path) throw exists();
  if (path === 'INBOX' && account !== context.account)
    throw new ImapRefusal('NO', 'NOPERM', 'Only its owner can rename INBOX');
  // RFC 9051 §6.3.6: what is below INBOX stays where it is.
  if (path !== 'INBOX') {
    if (place.path.startsWith(`${path}/`))
      throw new ImapRefusal('NO', 'CANNOT', 'A mailbox cannot be moved below itself');
    await checkInferiors(located, name, context);
  }
  await context.store.rename(account, path, place.path);
  await knowRenamed(located.folder, place.path, context);
  // RFC 9051 §6.3.6: the old name as it was written, where one of the two had another form.
  if (written !== name || mailbox !== located.name) announce(context, { written: mailbox, name });
  return ok('RENAME completed');
};

// RFC 9051 §6.3.6: INBOX stays, and what it had is in a mailbox that was made.
async function knowRenamed(
  { id, account, path }: FolderFacts,
  to: string,
  { store, updates }: CommandContext,
): Promise<void> {
  if (updates === undefined) return;
  if (path !== 'INBOX') {
    updates.know({ kind: 'renamed', account, from: path, to });
    return;
  }
  const folder = await store.find(account, to);
  if (folder !== undefined) updates.know({ kind: 'made', folder });
  updates.know({ kind: 'emptied', folder: id });
}

export const subscribe: ExecutorOf<'SUBSCRIBE'> = async ({ mailbox }, context) => {
  // RFC 9051 §6.3.7: we look whether it is there; it may go later, the subscription stays.
  const { name } = await existing(mailbox, 'l', context);
  await context.store.subscribe(context.account, name, true);
  context.updates?.know({ kind: 'subscribed', name, on: true });
  return ok('SUBSCRIBE completed');
};

export const unsubscribe: ExecutorOf<'UNSUBSCRIBE'> = async ({ mailbox }, context) => {
  const place = context.names.place(mailbox);
  const name = place === undefined ? mailbox : context.names.nameOf(place);
  await context.store.subscribe(context.account, name, false);
  context.updates?.know({ kind: 'subscribed', name, on: false });
  return ok('UNSUBSCRIBE completed');
};

const exists = () => new ImapRefusal('NO', 'ALREADYEXISTS', 'There is such a mailbox already');

/** @throws ImapRefusal; RFC 5530 §3: HASCHILDREN where there are only names below it. */
async function existing(
  mailbox: string,
  rights: string,
  context: CommandContext,
): Promise<LocatedFolder> {
  const located = await context.names.locate(mailbox);
  const place = located === undefined ? context.names.place(mailbox) : undefined;
  if (place !== undefined) {
    const above = `${context.names.nameOf(place)}/`;
    const all = await context.names.all();
    if (all.some(({ name }) => name.startsWith(above)))
      throw new ImapRefusal('NO', 'HASCHILDREN', 'There are only mailboxes below that name');
  }
  return requireRight(located, rights);
}

/** Where a new name leads, if the account may put something there. RFC 4314 §4: 'k' on what is above. */
async function newPlace(
  written: string,
  { names, account, store }: CommandContext,
): Promise<{ name: string; place: Place }> {
  const name = newName(written);
  const place = names.place(name);
  if (place === undefined) throw new ImapRefusal('NO', 'CANNOT', 'No mailbox can have that name');
  if (place.account !== account) {
    let parent: FolderFacts | undefined;
    for (const superior of superiors(place.path)) {
      parent = await store.find(place.account, superior);
      if (parent !== undefined) break;
    }
    if (parent === undefined || !(await names.rightsOn(parent)).includes('k'))
      throw new ImapRefusal('NO', 'NOPERM', 'You may not create mailboxes there');
  }
  return { name: names.nameOf(place), place };
}

/** The attribute as the store has it. @throws ImapRefusal; nothing is created then. */
async function newUse(
  wanted: readonly string[],
  place: Place,
  context: CommandContext,
): Promise<string | undefined> {
  if (wanted.length === 0) return undefined;
  const refuse = (why: string) => new ImapRefusal('NO', 'USEATTR', why);
  const [use, ...others] = new Set(wanted.map((one) => specialUses.get(one.toLowerCase())));
  if (use === undefined) throw refuse('No mailbox can be made for that');
  if (others.length > 0) throw refuse('A mailbox has one special use');
  if (place.account !== context.account) throw refuse('Only its owner says what it is for');
  const folders = await context.store.folders(context.account);
  if (folders.some(({ specialUse }) => specialUse === use))
    throw refuse(`There is a mailbox for \\${use} already`);
  return use;
}

/** Names that get longer with the one above them are still names. */
async function checkInferiors(
  { folder }: LocatedFolder,
  to: string,
  { store }: CommandContext,
): Promise<void> {
  const above = `${folder.path}/`;
  for (const { path } of await store.folders(folder.account))
    if (path.startsWith(above)) newName(`${to}/${path.slice(above.length)}`);
}

/** RFC 9051 §6.3.9.7: what belongs to a LIST response when the name was written in another form. */
export const oldName = (context: CommandContext, written: string): string =>
  ` ("OLDNAME" (${mailboxText(context, written)}))`;

// RFC 9051 §6.3.9.7: a client that wrote the name in another form is told ours.
function announce(
  context: CommandContext,
  { written, name, gone = false }: { written: string; name: string; gone?: boolean },
): void {
  if (written === name || !context.isEnabled('IMAP4REV2')) return;
  const text = (mailbox: string) => mailboxText(context, mailbox);
  const attributes = gone ? '\\NonExistent' : '';
  context.untagged(`LIST (${attributes}) "/" ${text(name)}${oldName(context, written)}`);
}
