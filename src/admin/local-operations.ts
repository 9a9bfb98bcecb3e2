// Operations over the stores themselves: in the server that owns them, or in a command that has
// opened them because no server runs.

import type { Clock } from '../base/clock.ts';
import { addressKey } from '../mail/address.ts';
import { findHeaderEnd } from '../mail/header.ts';
import {
  AccountError,
  addAccount,
  addAddress,
  addAppPassword,
  changePassword,
  removeAccount,
  removeAddress,
  removeAppPassword,
} from '../policy/account-operations.ts';
import { destinationText } from '../queue/destination-text.ts';
import type { MessageStory } from '../queue/operations.ts';
import { replyText } from '../queue/reply-text.ts';
import { formatWhy } from '../queue/story.ts';
import type { AccountStore } from '../store/account-store.ts';
import { ContentError } from '../store/content.ts';
import type { HistoryEvent } from '../store/history.ts';
import type { MailboxStore } from '../store/mailbox-store.ts';
import type { QueuedMessage, QueueEntry, QueueStore } from '../store/queue-store.ts';
import type { AccountLine, MailLine, Operations, PasswordTaken, QueueLine } from './operations.ts';
import { OperationError } from './operations.ts';

export interface LocalOperationsParts {
  readonly queue: QueueStore;
  readonly mailboxes: MailboxStore;
  readonly accounts: AccountStore;
  readonly clock: Clock;
  /** The account an address belongs to; in `dev`, any address. */
  readonly accountOf: (address: string) => Promise<string | undefined>;
  /** Takes a message from the queue, with or without a bounce; how many recipients that were. */
  readonly cancel: (id: string, options: { readonly silent: boolean }) => Promise<number>;
  /** By queue id or Message-ID. */
  readonly storiesOf: (id: string) => Promise<readonly MessageStory[]>;
  /** Something may be due now. */
  readonly wake: () => void;
}

const pageSize = 200;
/** Limit: header shown by `queue show`. */
const headerBytesShown = 64 * 1024;

export function localOperations(parts: LocalOperationsParts): Operations {
  const { queue, mailboxes, accounts, clock, wake } = parts;
  const checked = async (ids: readonly string[]) => {
    for (const id of ids)
      if ((await queue.get(id)) === undefined) throw new OperationError(notQueued(id));
    return ids;
  };
  return {
    accountAdd: ({ address, password }) =>
      refused(async () => {
        const added = await addAccount(accounts, address, password, clock);
        await mailboxes.ensure(added.address);
        return { address: added.address, advice: added.advice ?? null };
      }),
    accountList: () => listAccounts(parts),
    accountPassword: ({ address, password }) =>
      refused(async (): Promise<PasswordTaken> => {
        const { advice } = await changePassword(accounts, address, password, clock);
        return { address: addressKey(address), advice: advice ?? null };
      }),
    accountRemove: ({ address }) =>
      refused(async () => {
        await removeAccount(accounts, address);
        await mailboxes.removeAll(addressKey(address));
      }),
    addressAdd: ({ account, address }) =>
      refused(async () => void (await addAddress(accounts, account, address))),
    addressRemove: ({ account, address }) =>
      refused(() => removeAddress(accounts, account, address)),
    appPasswordAdd: ({ account, name }) =>
      refused(() => addAppPassword(accounts, account, name, clock)),
    appPasswordRemove: ({ account, name }) =>
      refused(() => removeAppPassword(accounts, account, name)),

    mailList: (request) => listMail(parts, request),
    mailShow: (request) => showMail(parts, request),

    queueList: () => listQueue(queue),
    queueShow: async ({ id }) => {
      const entry = await queue.get(id);
      if (entry === undefined) throw new OperationError(notQueued(id));
      const { params, origin } = entry;
      return { ...queueLine(entry), params, origin, header: await headerOf(queue, id) };
    },
    queueRetry: async ({ ids }) => {
      const wanted = ids === undefined ? undefined : await checked(ids);
      const count = await queue.retry(wanted, clock.now());
      wake();
      return count;
    },
    queueHold: async ({ ids }) => queue.hold(await checked(ids)),
    queueRelease: async ({ ids }) => {
      const count = await queue.unhold(await checked(ids), clock.now());
      wake();
      return count;
    },
    queueCancel: async ({ ids, silent }) => {
      let count = 0;
      for (const id of await checked(ids)) count += await parts.cancel(id, { silent });
      wake();
      return count;
    },
    why: async ({ id }) => {
      const found = await parts.storiesOf(id);
      if (found.length === 0)
        throw new OperationError(
          `nothing is known of ${id}: it is neither a queue id nor a Message-ID seen lately`,
        );
      const stories = found.map(({ queued, events, ...story }) => ({
        ...story,
        events: events.map(shownEvent),
        queued: queued === undefined ? null : queueLine(queued),
      }));
      return { stories, text: formatWhy(found) };
    },
  };
}

/** Destinations in the operator's words. */
const shownEvent = (event: HistoryEvent): HistoryEvent =>
  event.kind === 'attempt' ? { ...event, destination: destinationText(event.destination) } : event;

const notQueued = (id: string): string =>
  `there is no message ${id} in the queue; \`postrider why ${id}\` may know where it went`;

/** What the operator can put right comes back as such; anything else stays what it is. */
async function refused<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof AccountError) throw new OperationError(error.message);
    throw error;
  }
}

async function* listAccounts({
  accounts,
  mailboxes,
}: LocalOperationsParts): AsyncIterable<AccountLine> {
  for (const { address, addresses, created } of await accounts.list()) {
    const credentials = await accounts.credentials(address);
    const { bytes, messages } = await mailboxes.usage(address);
    yield {
      address,
      addresses: [address, ...addresses.filter((other) => other !== address)],
      appPasswords: credentials.map(({ name }) => name).filter((name) => name !== ''),
      created: isoDate(created),
      messages,
      bytes,
    };
  }
}

async function ownerOf({ accountOf }: LocalOperationsParts, address: string): Promise<string> {
  const account = await accountOf(address);
  if (account === undefined)
    throw new OperationError(
      `there is no account ${address}; \`postrider account list\` shows those there are`,
    );
  return account;
}

async function* listMail(
  parts: LocalOperationsParts,
  { address, folder }: { readonly address: string; readonly folder?: string },
): AsyncIterable<MailLine> {
  const account = await ownerOf(parts, address);
  const { mailboxes } = parts;
  const folders =
    folder === undefined ? (await mailboxes.folders(account)).map(({ path }) => path) : [folder];
  for (const path of folders) {
    let after = 0;
    for (;;) {
      const page = await mailboxes.list(account, path, { after, limit: pageSize });
      for (const { id, uid, from, subject, size, received, flags } of page)
        yield { id, folder: path, uid, from, subject, size, received: isoDate(received), flags };
      const last = page.at(-1);
      if (last === undefined || page.length < pageSize) break;
      after = last.uid;
    }
  }
}

async function* showMail(
  parts: LocalOperationsParts,
  { address, id }: { readonly address: string; readonly id: string },
): AsyncIterable<Uint8Array> {
  const account = await ownerOf(parts, address);
  const opened = await parts.mailboxes.open(account, id);
  if (opened === undefined)
    throw new OperationError(
      `${address} has no message ${id}; \`postrider mail list ${address}\` shows those there are`,
    );
  try {
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

async function* listQueue(queue: QueueStore): AsyncIterable<QueueLine> {
  for await (const entry of queue.list()) yield queueLine(entry);
}

function queueLine(entry: QueueEntry): QueueLine {
  const { id, sender, received, size, messageId, recipients } = entry;
  return {
    id,
    sender,
    received: isoDate(received),
    size,
    messageId: messageId ?? null,
    recipients: recipients.map((recipient) => ({
      address: recipient.address,
      original: recipient.original ?? null,
      destination: destinationText(recipient.destination),
      state: recipient.state,
      attempts: recipient.attempts,
      nextAttempt: recipient.nextAttempt === undefined ? null : isoDate(recipient.nextAttempt),
      lastReply: recipient.lastReply === undefined ? null : replyText(recipient.lastReply),
    })),
  };
}

async function headerOf(queue: QueueStore, id: string): Promise<string> {
  const message = await queue.open(id);
  if (message === undefined) return '';
  try {
    return await readHeader(message);
  } catch (error) {
    if (!(error instanceof ContentError)) throw error;
    const advice = 'put it back from a backup, or cancel the message: its sender is told';
    return `${message.prefix}\r\n(the content cannot be read: ${error.message}; ${advice})\r\n`;
  }
}

async function readHeader(message: QueuedMessage): Promise<string> {
  for await (const chunk of message.content.read()) {
    const head = chunk.subarray(0, headerBytesShown);
    return message.prefix + Buffer.from(head.subarray(0, findHeaderEnd(head))).toString('utf8');
  }
  return message.prefix;
}

const isoDate = (ms: number): string => new Date(ms).toISOString();
