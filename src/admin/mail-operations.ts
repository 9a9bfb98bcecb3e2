// What an operator does with the messages in mailboxes: list, read, delete. See operations.ts.

import { ContentError } from '../store/content.ts';
import type { FolderFacts, FolderStore, ListedMessage } from '../store/folder-store.ts';
import type { MailLine, Operations } from './operations.ts';
import { OperationError } from './operations.ts';

export interface MailOperationsParts {
  readonly folders: FolderStore;
  /** The account an address belongs to; in `dev`, any address. */
  readonly accountOf: (address: string) => Promise<string | undefined>;
  /** `postrider dev`: mail is there to be looked at and thrown away. */
  readonly dev: () => boolean;
}

type MailOperations = Pick<Operations, 'mailList' | 'mailShow' | 'mailDelete'>;

const pageSize = 200;
/** Limit: messages that one transaction deletes. */
const deletedAtOnce = 1000;

export function mailOperations(parts: MailOperationsParts): MailOperations {
  return {
    mailList: (request) => listMail(parts, request),
    mailShow: (request) => showMail(parts, request),
    mailDelete: (request) =>
      request.ids === undefined ? deleteAll(parts, request.address) : deleteMail(parts, request),
  };
}

async function ownerOf({ accountOf }: MailOperationsParts, address: string): Promise<string> {
  const account = await accountOf(address);
  if (account === undefined)
    throw new OperationError(
      `there is no account ${address}; \`postrider account list\` shows those there are`,
    );
  return account;
}

const ownersOf = async (parts: MailOperationsParts, address: string | undefined) =>
  address === undefined ? parts.folders.owners() : [await ownerOf(parts, address)];

async function* listMail(
  parts: MailOperationsParts,
  { address, folder }: { readonly address?: string; readonly folder?: string },
): AsyncIterable<MailLine> {
  for (const account of await ownersOf(parts, address))
    for (const { id: number, path } of await foldersOf(parts, account, folder))
      for await (const page of pagesOf(parts.folders, number))
        for (const { id, uid, from, subject, size, received, flags } of page)
          yield {
            ...{ id, mailbox: account, folder: path, uid, from, subject, size },
            received: new Date(received).toISOString(),
            flags,
          };
}

/** INBOX first, then as they were made; or the one of that name, if there is one. */
async function foldersOf(
  { folders }: MailOperationsParts,
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

const unknownMessage = (address: string, id: string): string =>
  `${address} has no message ${id}; \`postrider mail list ${address}\` shows those there are`;

async function* showMail(
  parts: MailOperationsParts,
  { address, id }: { readonly address: string; readonly id: string },
): AsyncIterable<Uint8Array> {
  const account = await ownerOf(parts, address);
  const { folders } = parts;
  const [message] = await folders.copies(account, id);
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
  parts: MailOperationsParts,
  request: { readonly address?: string; readonly ids?: readonly string[] },
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

async function deleteAll(parts: MailOperationsParts, address: string | undefined): Promise<number> {
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
