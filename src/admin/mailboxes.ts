// Operations on the messages in mailboxes: list, read, delete.

import { z } from 'zod';
import { ContentError } from '../store/content.ts';
import type { FolderFacts, FolderStore, ListedMessage } from '../store/folder-store.ts';
import { isoDate } from './asking.ts';
import { bytes, count, list, OperationError, text, texts, value } from './operation.ts';
import type { OperationParts } from './operation-parts.ts';

type MailboxParts = Pick<OperationParts, 'folders' | 'accountOf' | 'dev'>;

const message = z.object({
  id: text,
  /** Whose it is. */
  mailbox: text,
  folder: text,
  uid: count,
  from: text,
  subject: text,
  size: count,
  received: text,
  flags: texts,
});
type MailLine = z.infer<typeof message>;

const pageSize = 200;
/** Limit: messages that one transaction deletes. */
const deletedAtOnce = 1000;

export const mailOperations = {
  mailList: list({
    about: 'The messages of an address; without one everybody’s, one mailbox after the other.',
    changes: false,
    input: z.strictObject({ address: text.optional(), folder: text.optional() }),
    output: message,
    run: listMail,
  }),
  mailShow: bytes({
    about: 'One message as it lies in the mailbox, by its id or its Message-ID.',
    changes: false,
    input: z.strictObject({ address: text, id: text }),
    run: showMail,
  }),
  mailDelete: value({
    about:
      'Deletes messages for good and gives their number: all that are named, or none where one is not there. Without `ids` everything of the address, or of all: in `dev` only.',
    changes: true,
    input: z.strictObject({ address: text.optional(), ids: texts.optional() }),
    output: count,
    run: (parts, request) =>
      request.ids === undefined ? deleteAll(parts, request.address) : deleteMail(parts, request),
  }),
};

export async function ownerOf(
  { accountOf }: Pick<OperationParts, 'accountOf'>,
  address: string,
): Promise<string> {
  const account = await accountOf(address);
  if (account === undefined)
    throw new OperationError(
      `there is no account ${address}; \`postrider account list\` shows those there are`,
    );
  return account;
}

const ownersOf = async (parts: MailboxParts, address: string | undefined) =>
  address === undefined ? parts.folders.owners() : [await ownerOf(parts, address)];

async function* listMail(
  parts: MailboxParts,
  {
    address,
    folder,
  }: { readonly address?: string | undefined; readonly folder?: string | undefined },
): AsyncIterable<MailLine> {
  for (const account of await ownersOf(parts, address))
    for (const { id: number, path } of await foldersOf(parts, account, folder))
      for await (const page of pagesOf(parts.folders, number))
        for (const { id, uid, from, subject, size, received, flags } of page)
          yield {
            ...{ id, mailbox: account, folder: path, uid, from, subject, size },
            received: isoDate(received),
            flags,
          };
}

/** INBOX first, then as they were made; or the one of that name, if there is one. */
async function foldersOf(
  { folders }: MailboxParts,
  account: string,
  path?: string,
): Promise<readonly FolderFacts[]> {
  if (path === undefined) return (await folders.folders(account)).toSorted((a, b) => a.id - b.id);
  const found = await folders.find(account, path);
  return found === undefined ? [] : [found];
}

async function* pagesOf(
  folders: FolderStore,
  folder: number,
): AsyncIterable<readonly ListedMessage[]> {
  let after = 0;
  for (;;) {
    const page = await folders.list(folder, { after, limit: pageSize });
    yield page;
    const last = page.at(-1);
    if (last === undefined || page.length < pageSize) return;
    after = last.uid;
  }
}

export const unknownMessage = (address: string, id: string): string =>
  `${address} has no message ${id}; \`postrider mail list ${address}\` shows those there are`;

/** By the id that lists show, or by its Message-ID, which is looked for in one folder after the other. */
async function findMessage(
  { folders }: Pick<OperationParts, 'folders'>,
  account: string,
  id: string,
): Promise<{ readonly folder: number; readonly uid: number } | undefined> {
  if (!id.includes('@')) return (await folders.copies(account, id))[0];
  const text = id.startsWith('<') ? id : `<${id}>`;
  for (const { id: folder } of await folders.folders(account)) {
    const [uid] = await folders.search(folder, { kind: 'header', name: 'message-id', text });
    if (uid !== undefined) return { folder, uid };
  }
  return undefined;
}

export async function* showMail(
  parts: MailboxParts,
  { address, id }: { readonly address: string; readonly id: string },
): AsyncIterable<Uint8Array> {
  const account = await ownerOf(parts, address);
  const { folders } = parts;
  const message = await findMessage(parts, account, id);
  const [content] = message === undefined ? [] : await folders.open(message.folder, [message.uid]);
  if (message === undefined || content === undefined)
    throw new OperationError(unknownMessage(address, id));
  try {
    await content.check?.();
    yield* content.read();
  } catch (error) {
    if (!(error instanceof ContentError)) throw error;
    const path = (await folders.folder(message.folder))?.path;
    throw new OperationError(
      `the content of ${id} (${account}, ${path}, UID ${message.uid}) cannot be read: ${error.message}; ` +
        '`postrider verify` says what can be done',
    );
  }
}

/** All of them or, where one is not there, none. */
async function deleteMail(
  parts: MailboxParts,
  request: { readonly address?: string | undefined; readonly ids?: readonly string[] | undefined },
): Promise<number> {
  const { address, ids = [] } = request;
  if (address === undefined) throw new OperationError('whose message is it? Give the address');
  const { folders } = parts;
  const account = await ownerOf(parts, address);
  const wanted = new Set(ids);
  for (const id of wanted)
    if ((await folders.copies(account, id)).length === 0)
      throw new OperationError(unknownMessage(address, id));
  // A copy in another folder has the same id (RFC 8474 §4).
  for (const id of wanted)
    for (const { folder, uid } of await folders.copies(account, id))
      await folders.removeMessages(folder, [uid]);
  return wanted.size;
}

async function deleteAll(parts: MailboxParts, address: string | undefined): Promise<number> {
  if (!parts.dev())
    throw new OperationError(
      'all mail at once is deleted in `postrider dev` only; name the messages, or remove the account',
    );
  const { folders } = parts;
  let count = 0;
  for (const account of await ownersOf(parts, address))
    for (const { id } of await foldersOf(parts, account)) {
      const uids = [...((await folders.index(id))?.uid ?? [])];
      for (let i = 0; i < uids.length; i += deletedAtOnce) {
        const removed = await folders.removeMessages(id, uids.slice(i, i + deletedAtOnce));
        count += removed.uids.length;
      }
    }
  return count;
}
