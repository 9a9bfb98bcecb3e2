// What the parts of the suite for FolderStores have in common: two accounts, their folders, and what is in these.

import assert from 'node:assert/strict';
import type { FolderStore, MailColumns, NewMail } from '../folder-store.ts';
import type { TestStores } from './harness.ts';
import { text } from './harness.ts';

export const ann = 'ann@example.org';
export const bob = 'bob@example.org';

export const mail = (changes: Partial<NewMail> = {}): NewMail => ({
  content: text('From: Bob <bob@example.net>\r\nSubject: Hi\r\n\r\nHello\r\n'),
  flags: [],
  received: 5000,
  ...changes,
});

/** An account with its standard folders, and INBOX with `count` messages. */
export async function inboxOf(test: TestStores, count = 0): Promise<number> {
  const { folders } = test.stores;
  await folders.ensure(ann);
  const inbox = (await folders.find(ann, 'INBOX'))!.id;
  if (count > 0)
    await folders.append(
      inbox,
      Array.from({ length: count }, () => mail()),
    );
  return inbox;
}

export async function folderId(folders: FolderStore, path: string, account = ann): Promise<number> {
  const found = await folders.find(account, path);
  assert.ok(found, `there is a folder ${path}`);
  return found.id;
}

export const uidsIn = async (folders: FolderStore, folder: number): Promise<number[]> => [
  ...((await folders.snapshot(folder))?.messages.uid ?? []),
];

export const paths = async (folders: FolderStore, account = ann): Promise<string[]> =>
  (await folders.folders(account)).map(({ path }) => path);

export const flagsOf = (messages: MailColumns): [uid: number, bits: number, keywords: string][] =>
  Array.from(messages.uid, (uid, i) => [
    uid,
    messages.flags[i]!,
    messages.keywordSets[messages.keywords[i]!]!,
  ]);

/** What a folder says of itself is what is in it. */
export async function assertCounters(folders: FolderStore, account = ann): Promise<void> {
  let bytes = 0;
  let messages = 0;
  for (const { id } of await folders.folders(account)) {
    const { folder, messages: mails } = (await folders.snapshot(id))!;
    const having = (bit: number) => mails.flags.filter((bits) => (bits & bit) !== 0).length;
    const size = mails.size.reduce((sum, one) => sum + one, 0);
    assert.deepEqual(
      [folder.messages, folder.unseen, folder.deleted, folder.bytes],
      [mails.length, mails.length - having(1), having(8), size],
      folder.path,
    );
    bytes += size;
    messages += mails.length;
  }
  assert.deepEqual(await folders.usage(account), { bytes, messages });
}
