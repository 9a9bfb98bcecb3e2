// What the conformance suites ask of an implementation: an empty store, and a way to end it as a
// crash or a restart would and to open what is left.

import type { FakeClock } from '../../base/fake-clock.ts';
import type { Content, StoredContent } from '../content.ts';
import type { FolderStore, ListedMessage, NewMailboxMessage } from '../folder-store.ts';
import type {
  Effect,
  Lease,
  NewMessage,
  NewRecipient,
  Outcome,
  QueueStore,
  Settlement,
} from '../queue-store.ts';
import type { Spool } from '../spool.ts';
import type { Stores } from '../stores.ts';

export interface TestStores extends AsyncDisposable {
  readonly stores: Stores;
  readonly clock: FakeClock;
  /** Ends the process, so to speak, and opens what is durable. `stores` is the new one from then on. */
  restart(): Promise<void>;
}

export type OpenTestStores = () => Promise<TestStores>;

export const text = (bytes: string): StoredContent => ({
  kind: 'inline',
  bytes: Buffer.from(bytes),
});

export const at = (address: string, destination: string): NewRecipient => ({
  address,
  delivery: destination === 'local' ? 'local' : 'relay',
  destination,
  params: [],
});

export function message(id: string, changes: Partial<NewMessage> = {}): NewMessage {
  return {
    id,
    received: 1000,
    sender: 'ann@example.org',
    params: [],
    recipients: [at('bob@example.net', 'mx:example.net')],
    prefix: 'Received: by mx.example.org\r\n',
    content: text('Subject: hello\r\n\r\nHello\r\n'),
    origin: { session: 'session-1', service: 'smtp', protocol: 'ESMTP' },
    ...changes,
  };
}

export interface Effects {
  readonly append?: readonly NewMailboxMessage[];
  readonly enqueue?: readonly NewMessage[];
  readonly effects?: readonly Effect[];
}

/** The same outcome for all recipients of a lease. */
export function settlement(
  lease: Lease,
  outcome: Outcome,
  { append = [], enqueue = [], effects = [] }: Effects = {},
): Settlement {
  return {
    message: lease.message.id,
    outcomes: lease.recipients.map(({ index, fence }) => ({ index, fence, outcome })),
    effects: [
      ...append.map((one) => ({ kind: 'append', ...one }) as const),
      ...enqueue.map((one) => ({ kind: 'enqueue', reason: 'report', message: one }) as const),
      ...effects,
    ],
  };
}

export const delivered: Outcome = { kind: 'delivered' };

export function deferred(until: number, warned?: boolean): Outcome {
  const reply = { code: 451, detail: '4.1', lines: ['Try again later'] } as const;
  return { kind: 'deferred', until, reply, ...(warned === undefined ? {} : { warned }) };
}

/** What is listed of a folder; nothing where there is no such folder. */
export async function listed(
  folders: FolderStore,
  account: string,
  { path = 'INBOX', after = 0, limit = 1000 } = {},
): Promise<readonly ListedMessage[]> {
  const folder = await folders.find(account, path);
  return folder === undefined ? [] : folders.list(folder.id, { after, limit });
}

/** The message with that id, wherever the account has it. */
export async function openById(
  folders: FolderStore,
  account: string,
  id: string,
): Promise<Content | undefined> {
  const [copy] = await folders.copies(account, id);
  return copy === undefined ? undefined : (await folders.open(copy.folder, [copy.uid]))[0];
}

/** Of INBOX; returns what was there of them. */
export async function removed(
  folders: FolderStore,
  account: string,
  uids: readonly number[],
): Promise<readonly number[]> {
  const inbox = await folders.find(account, 'INBOX');
  return inbox === undefined ? [] : (await folders.removeMessages(inbox.id, uids)).uids;
}

/** Read until there is nothing to read: a file goes by itself after the commit that lets go of it. @throws StorageError then */
export async function readUntilGone(
  spool: Pick<Spool, 'open'>,
  content: Parameters<Spool['open']>[0],
): Promise<never> {
  for (let tries = 0; tries < 500; tries += 1) {
    await collected(spool.open(content).read());
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error('it stays');
}

export async function collected<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
}

/** What is in the queue. */
export async function countOf(queue: Pick<QueueStore, 'totals'>) {
  const { messages, recipients } = await queue.totals({});
  return { messages, recipients };
}
