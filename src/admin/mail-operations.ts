// What an operator does with the messages in mailboxes: list, read, delete. See operations.ts.

import { ContentError } from '../store/content.ts';
import type { MailboxMessage, MailboxStore } from '../store/mailbox-store.ts';
import type { MailLine, Operations } from './operations.ts';
import { OperationError } from './operations.ts';

export interface MailOperationsParts {
  readonly mailboxes: MailboxStore;
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
  address === undefined ? parts.mailboxes.owners() : [await ownerOf(parts, address)];

async function* listMail(
  parts: MailOperationsParts,
  { address, folder }: { readonly address?: string; readonly folder?: string },
): AsyncIterable<MailLine> {
  const { mailboxes } = parts;
  for (const account of await ownersOf(parts, address)) {
    const folders =
      folder === undefined ? (await mailboxes.folders(account)).map(({ path }) => path) : [folder];
    for (const path of folders)
      for await (const page of pagesOf(mailboxes, account, path))
        for (const { id, uid, from, subject, size, received, flags } of page)
          yield {
            ...{ id, mailbox: account, folder: path, uid, from, subject, size },
            received: new Date(received).toISOString(),
            flags,
          };
  }
}

async function* pagesOf(
  mailboxes: MailboxStore,
  account: string,
  folder: string,
): AsyncIterable<readonly MailboxMessage[]> {
  let after = 0;
  for (;;) {
    const page = await mailboxes.list(account, folder, { after, limit: pageSize });
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
  const opened = await parts.mailboxes.open(account, id);
  if (opened === undefined) throw new OperationError(unknownMessage(address, id));
  try {
    await opened.content.check?.();
    yield* opened.content.read();
  } catch (error) {
    if (!(error instanceof ContentError)) throw error;
    const { folder, uid } = opened.message;
    throw new OperationError(
      `the content of ${id} (${account}, ${folder}, UID ${uid}) cannot be read: ${error.message}; ` +
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
  const { mailboxes } = parts;
  const account = await ownerOf(parts, address);
  const wanted = new Set(ids);
  for (const id of wanted)
    if ((await mailboxes.open(account, id)) === undefined)
      throw new OperationError(unknownMessage(address, id));
  for (const id of wanted)
    for (;;) {
      // A copy in another folder has the same id (RFC 8474 §4).
      const opened = await mailboxes.open(account, id);
      if (opened === undefined) break;
      const { folder, uid } = opened.message;
      await mailboxes.expunge(account, folder, [uid]);
    }
  return wanted.size;
}

async function deleteAll(parts: MailOperationsParts, address: string | undefined): Promise<number> {
  if (!parts.dev())
    throw new OperationError(
      'all mail at once is deleted in `postrider dev` only; name the messages, or remove the account',
    );
  const { mailboxes } = parts;
  let count = 0;
  for (const account of await ownersOf(parts, address))
    for (const { path } of await mailboxes.folders(account)) {
      const index = await mailboxes.index(account, path);
      const uids = Array.from({ length: index.length }, (_, i) => index.uidAt(i));
      for (let i = 0; i < uids.length; i += deletedAtOnce)
        count += (await mailboxes.expunge(account, path, uids.slice(i, i + deletedAtOnce))).length;
    }
  return count;
}
