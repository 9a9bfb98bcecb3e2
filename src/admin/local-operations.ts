// Operations over the stores themselves: in the server that owns them, or in a command that has
// opened them because no server runs.

import { type Clock, sleep } from '../base/clock.ts';
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
import { replyText } from '../queue/reply-text.ts';
import type { MessageStory } from '../queue/story.ts';
import { formatWhy } from '../queue/story-text.ts';
import type { AccountStore } from '../store/account-store.ts';
import { ContentError } from '../store/content.ts';
import type { HistoryEvent } from '../store/history.ts';
import type { StoreMaintenance } from '../store/maintenance.ts';
import type { QueuedMessage, QueueEntry, QueueStore } from '../store/queue-store.ts';
import type { MailOperationsParts } from './mail-operations.ts';
import { mailOperations } from './mail-operations.ts';
import type { AccountLine, AddressTaken, Operations, QueueLine } from './operations.ts';
import { OperationError } from './operations.ts';

export interface LocalOperationsParts extends MailOperationsParts {
  readonly queue: QueueStore;
  readonly accounts: AccountStore;
  readonly maintenance: StoreMaintenance;
  readonly clock: Clock;
  /** Mail for the domain is delivered here. */
  readonly isOurs: (domain: string) => boolean;
  /** Takes a message from the queue, with or without a bounce; how many recipients that were. */
  readonly cancel: (id: string, options: { readonly silent: boolean }) => Promise<number>;
  /** By queue id or Message-ID. */
  readonly storiesOf: (id: string) => Promise<readonly MessageStory[]>;
  /** Something may be due now. */
  readonly wake: () => void;
}

// How often whoever holds the store hears that it does: shorter than anybody's patience.
const heldEveryMs = 10_000;

async function* holdFor({ maintenance, clock }: LocalOperationsParts): AsyncIterable<object> {
  const release = await maintenance.hold();
  try {
    for (;;) {
      yield { held: true };
      await sleep(clock, heldEveryMs);
    }
  } finally {
    release();
  }
}

/** Limit: header shown by `queue show`. */
const headerBytesShown = 64 * 1024;

export function localOperations(parts: LocalOperationsParts): Operations {
  const { queue, folders, accounts, clock, wake } = parts;
  const checked = async (ids: readonly string[]) => {
    for (const id of ids)
      if ((await queue.get(id)) === undefined) throw new OperationError(notQueued(id));
    return ids;
  };
  return {
    accountAdd: ({ address, password }) =>
      refused(async () => {
        const added = await addAccount(accounts, address, password, clock);
        await folders.ensure(added.address);
        return taken(added.address, added.advice, foreign(parts, added.address));
      }),
    accountList: () => listAccounts(parts),
    accountPassword: ({ address, password }) =>
      refused(async () => {
        const { advice } = await changePassword(accounts, address, password, clock);
        return taken(addressKey(address), advice);
      }),
    accountRemove: ({ address }) =>
      refused(async () => {
        await removeAccount(accounts, address);
        await folders.removeAll(addressKey(address));
      }),
    addressAdd: ({ account, address }) =>
      refused(async () => {
        const added = await addAddress(accounts, account, address);
        return taken(added, foreign(parts, added));
      }),
    addressRemove: ({ account, address }) =>
      refused(() => removeAddress(accounts, account, address)),
    appPasswordAdd: ({ account, name }) =>
      refused(() => addAppPassword(accounts, account, name, clock)),
    appPasswordRemove: ({ account, name }) =>
      refused(() => removeAppPassword(accounts, account, name)),

    ...mailOperations(parts),

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
    backupHold: () => holdFor(parts),
    mendContent: async ({ content }) => {
      const mended = await parts.maintenance.mend(content);
      if (mended === undefined) return null;
      return { messages: mended.messages, aside: mended.aside ?? null };
    },
    why: async ({ id }) => {
      const found = await parts.storiesOf(id);
      if (found.length === 0)
        throw new OperationError(
          `nothing is known of ${id}: it is no queue id and no Message-ID seen lately, and nothing of it was refused`,
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

/** Destinations in the operator's words, and nothing that is there to be found by only. */
function shownEvent(event: HistoryEvent): HistoryEvent {
  if (event.kind === 'refused') return { ...event, keys: [] };
  if (event.kind !== 'attempt') return event;
  return { ...event, destination: destinationText(event.destination) };
}

const notQueued = (id: string): string =>
  `there is no message ${id} in the queue; \`postrider why ${id}\` may know where it went`;

const taken = (address: string, ...advice: readonly (string | undefined)[]): AddressTaken => ({
  address,
  advice: advice.filter((sentence) => sentence !== undefined).join('; ') || null,
});

/** An account elsewhere may log in, but its mail is not delivered here. */
function foreign({ isOurs }: LocalOperationsParts, address: string): string | undefined {
  const domain = address.slice(address.lastIndexOf('@') + 1);
  return isOurs(domain)
    ? undefined
    : `${domain} is not in \`domains\`: mail for ${address} is not delivered here until it is`;
}

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
  folders,
}: LocalOperationsParts): AsyncIterable<AccountLine> {
  for (const { address, addresses, created } of await accounts.list()) {
    const credentials = await accounts.credentials(address);
    const { bytes, messages } = await folders.usage(address);
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
      delivery: recipient.delivery,
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
