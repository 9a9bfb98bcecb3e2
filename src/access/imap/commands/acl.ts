// SETACL, DELETEACL, GETACL, LISTRIGHTS, MYRIGHTS. RFC 4314 §3. The owner of a mailbox has all rights
// and keeps them: nobody can lock themselves out. Identifiers are addresses of accounts here, or
// `anyone`; with '-' in front the rights are taken away.

import {
  allRights,
  anyone,
  formatRights,
  noSuchMailbox,
  parseRights,
  requireRight,
} from '../acl.ts';
import type { CommandContext, ExecutorOf } from '../context.ts';
import type { LocatedFolder, Rights } from '../located-folder.ts';
import { bad, ImapRefusal, ok } from '../refusal.ts';
import { astringText, mailboxText } from '../words.ts';

export const setAcl: ExecutorOf<'SETACL'> = async (command, context) => {
  const located = await administered(command.mailbox, context);
  const rights = parseRights(command.rights);
  // RFC 4314 §3.1: what is not known is never ignored.
  if (rights === undefined) return bad('There is no such right');
  const identifier = await prepared(command.identifier, context);
  const { account, id } = located.folder;
  if (identifier === account) {
    if (command.modify === '-' || (command.modify === '' && rights !== allRights))
      throw new ImapRefusal('NO', 'CANNOT', 'The owner of a mailbox has all rights');
    return ok('SETACL completed');
  }
  await context.store.setAcl(id, identifier, rights, command.modify);
  return ok('SETACL completed');
};

export const deleteAcl: ExecutorOf<'DELETEACL'> = async ({ mailbox, identifier }, context) => {
  const { folder } = await administered(mailbox, context);
  const found = await known(identifier, context);
  // What is no account any more may still have an entry.
  const key = found ?? identifier;
  if (key === folder.account)
    throw new ImapRefusal('NO', 'CANNOT', 'The owner of a mailbox has all rights');
  await context.store.setAcl(folder.id, key, '');
  return ok('DELETEACL completed');
};

export const getAcl: ExecutorOf<'GETACL'> = async ({ mailbox }, context) => {
  const { folder, name } = await administered(mailbox, context, 'la');
  // None of them is the owner's, and none is empty: SETACL sees to it.
  const entries = [[folder.account, allRights] as const, ...(await context.store.acl(folder.id))];
  // Field: a widespread library (imapclient, in Python) takes quotes for a part of the identifier.
  const pairs = entries.map(([who, rights]) => ` ${astringText(who)} ${formatRights(rights)}`);
  context.untagged(`ACL ${mailboxText(context, name)}${pairs.join('')}`);
  return ok('GETACL completed');
};

export const listRights: ExecutorOf<'LISTRIGHTS'> = async ({ mailbox, identifier }, context) => {
  const { folder, name } = await administered(mailbox, context, 'la');
  const isOwner = (await prepared(identifier, context)) === folder.account;
  // RFC 4314 §3.7: what is always granted, then what can be, one by one.
  const rights = isOwner ? formatRights(allRights) : `"" ${[...formatRights(allRights)].join(' ')}`;
  context.untagged(`LISTRIGHTS ${mailboxText(context, name)} ${astringText(identifier)} ${rights}`);
  return ok('LISTRIGHTS completed');
};

export const myRights: ExecutorOf<'MYRIGHTS'> = async ({ mailbox }, context) => {
  const located = await context.names.locate(mailbox);
  if (located === undefined) throw noSuchMailbox();
  const { name, rights } = located;
  context.untagged(`MYRIGHTS ${mailboxText(context, name)} ${formatRights(rights)}`);
  return ok('MYRIGHTS completed');
};

/** RFC 4314 §4: who changes an access list has the right 'a'; §6: who sees it may list the mailbox. */
const administered = async (
  mailbox: string,
  context: CommandContext,
  rights: Rights = 'a',
): Promise<LocatedFolder> => requireRight(await context.names.locate(mailbox), rights);

/** RFC 4314 §3: the form in which an identifier is kept. @throws ImapRefusal when it is nobody's. */
async function prepared(identifier: string, context: CommandContext): Promise<string> {
  if (identifier === '' || identifier === '-')
    throw new ImapRefusal('BAD', undefined, 'The identifier is empty');
  const found = await known(identifier, context);
  if (found === undefined)
    throw new ImapRefusal('NO', 'CANNOT', 'Identifiers are addresses of accounts, or anyone');
  return found;
}

async function known(identifier: string, context: CommandContext): Promise<string | undefined> {
  const minus = identifier.startsWith('-') ? '-' : '';
  const name = identifier.slice(minus.length);
  if (name.toLowerCase() === anyone) return minus + anyone;
  const account = await context.accountOf(name);
  return account === undefined ? undefined : minus + account;
}
