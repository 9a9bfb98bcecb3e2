// What NOTIFY may cost, and what is told of mailboxes that others may or may not see. RFC 5465.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FakeClock } from '../../base/fake-clock.ts';
import { silentLog } from '../../base/log.ts';
import type { NotifyGroup } from '../../imap/command.ts';
import { StorageError } from '../../smtp/smtp-error.ts';
import type { FolderFacts, MailboxEvent } from '../../store/folder-store.ts';
import { openStores } from '../../store/open-stores.ts';
import { openInMemory } from '../../store/sqlite/test-stores.ts';
import { storeBut, TestConversation, testProcess } from './test-conversation.ts';
import { ann, bob, dialogue } from './test-dialogue.ts';

const personal = (...events: readonly string[]): NotifyGroup => ({
  mailboxes: { kind: 'personal' },
  events: events.map((name) => ({ name, items: [] })),
});

/** An account with so many mailboxes, and a way to say that something happened in some of them. */
async function open(mailboxes: number) {
  const test = await openInMemory();
  const { folders } = test.stores;
  await folders.ensure(ann);
  const sample = (await folders.find(ann, 'INBOX'))!;
  const facts = new Map<number, FolderFacts>(
    Array.from({ length: mailboxes }, (_, i) => [
      1000 + i,
      { ...sample, id: 1000 + i, path: `m${i}` },
    ]),
  );
  const listeners = new Set<(event: MailboxEvent) => void>();
  const store = storeBut(folders, {
    folders: async () => [...facts.values()],
    folder: async (id) => facts.get(id),
    watch: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  });
  const process = testProcess(store);
  const ours = listeners.size;
  const client = new TestConversation(process, ann);
  return {
    client,
    /** A message comes to each of the first `count`. */
    deliver(count: number) {
      for (const [id, folder] of [...facts].slice(0, count)) {
        const { messages, uidNext, changes } = folder;
        const more = { messages: messages + 1, uidNext: uidNext + 1, changes: changes + 1 };
        facts.set(id, { ...folder, ...more });
        for (const listener of listeners) listener({ kind: 'messages', folder: id, account: ann });
      }
    },
    get watches() {
      return listeners.size - ours;
    },
    notify: (...groups: readonly NotifyGroup[]) =>
      client.run({
        name: 'NOTIFY',
        groups: groups.length === 0 ? undefined : groups,
        status: false,
      }),
    [Symbol.asyncDispose]: () => test[Symbol.asyncDispose](),
  };
}

describe('RFC 5465 §5.8: what is too much', () => {
  it('is news of more than a thousand mailboxes at once; then it is as if NOTIFY NONE had been said', async () => {
    await using account = await open(1001);
    const { client, deliver, notify } = account;
    assert.deepEqual(await notify(personal('MESSAGENEW', 'MESSAGEEXPUNGE')), [
      'OK NOTIFY completed',
    ]);
    deliver(1000);
    const told = await client.run({ name: 'NOOP' });
    assert.equal(told.filter((line) => line.startsWith('STATUS "m')).length, 1000);
    assert.equal(account.watches, 1);
    deliver(1001);
    assert.deepEqual(await client.idle(), [
      'OK [NOTIFICATIONOVERFLOW] There is more than can be told',
    ]);
    assert.equal(account.watches, 0);
    deliver(1);
    assert.deepEqual(await client.idle(), []);
  });

  it('is a wish to be told of the notes on more than two hundred mailboxes', async () => {
    for (const [mailboxes, answer] of [
      [200, 'OK NOTIFY completed'],
      [201, 'NO [NOTIFICATIONOVERFLOW]'],
    ] as const) {
      await using account = await open(mailboxes);
      assert.deepEqual(await account.notify(personal('MAILBOXMETADATACHANGE')), [answer]);
      assert.equal(account.watches, answer.startsWith('OK') ? 1 : 0);
      await account.notify();
      assert.equal(account.watches, 0);
    }
  });
});

describe('NOTIFY and mailboxes of others', () => {
  const team = `"Other Users/${ann}/Team"`;
  dialogue(
    `RFC 5465 §5, RFC 4314 §4: of messages and notes hears only who may read them; \\NoAccess says so
    A! CREATE Team
    A! SETACL Team ${bob} l
    B> a NOTIFY SET STATUS (subtree "Other Users" (MessageNew MessageExpunge FlagChange MailboxName MailboxMetadataChange))
    B< * LIST (\\NoAccess) "/" ${team}
    B< a OK …
    A! SELECT INBOX
    A! COPY 1 Team
    A! SETMETADATA Team (/shared/comment "x" /private/comment "mine")
    B> b NOOP
    B< b OK …
    A! SETACL Team ${bob} lr
    B< * METADATA ${team} /shared/comment
    A! SETMETADATA Team (/shared/comment "y" /private/comment "still mine")
    B< * METADATA ${team} /shared/comment
    A! COPY 1 Team
    B< * STATUS ${team} (MESSAGES 2 …)
    A! DELETEACL Team ${bob}
    B< * LIST (\\NonExistent) "/" ${team}
    A! COPY 1 Team
    A! SETMETADATA Team (/shared/comment "z")
    B> d NOOP
    B< d OK …`,
    { accounts: { B: bob } },
  );
  dialogue(
    `RFC 5465 §5.7: notes on the server, of the account's own alone
    A> a NOTIFY SET (personal (ServerMetadataChange))
    A< a OK …
    B! SETMETADATA "" (/private/vendor/x "y")
    C! SETMETADATA "" (/private/vendor/x "y")
    C! SETMETADATA "" (/private/vendor/z "y")
    A< * METADATA "" /private/vendor/x
    A< * METADATA "" /private/vendor/z
    A> b NOOP
    A< b OK …`,
    { accounts: { B: bob } },
  );
});

const events: NotifyGroup['events'] = ['MESSAGENEW', 'MESSAGEEXPUNGE'].map((name) => ({
  ...{ name, items: [] },
}));

it('RFC 5465 §3.1: a NOTIFY that the store fails leaves nobody watching', async () => {
  await using stores = await openStores({
    directory: ':memory:',
    log: silentLog,
    clock: new FakeClock(),
  });
  await stores.folders.ensure(ann);
  let watching = 0;
  const store = storeBut(stores.folders, {
    subscriptions: async () => {
      throw new StorageError('the disk fails');
    },
    watch: () => {
      watching += 1;
      return () => {
        watching -= 1;
      };
    },
  });
  const session = new TestConversation(testProcess(store), ann);
  const groups: readonly NotifyGroup[] = [{ mailboxes: { kind: 'personal' }, events }];
  const before = watching;
  const said = await session.run({ name: 'NOTIFY', groups, status: false });
  assert.match(said.join(), /^NO \[UNAVAILABLE\]/);
  assert.equal(watching, before);
  session.close();
});

it('RFC 5465 §6: mailboxes by name and below a name, in whatever form they are written', async () => {
  await using stores = await openStores({
    directory: ':memory:',
    log: silentLog,
    clock: new FakeClock(),
  });
  const { folders } = stores;
  await folders.ensure(ann);
  for (const path of ['Work', 'Work/2026', 'Workshop', 'e\u0301'.normalize('NFC')])
    await folders.create(ann, path, undefined);
  const session = new TestConversation(testProcess(folders), ann, ['IMAP4REV2']);
  const groups: readonly NotifyGroup[] = [
    { mailboxes: { kind: 'subtree', names: ['Work'] }, events },
    { mailboxes: { kind: 'mailboxes', names: ['inbox', 'e\u0301'] }, events },
  ];
  const said = await session.run({ name: 'NOTIFY', groups, status: true });
  const named = said.flatMap((line) => /^STATUS "([^"]+)"/.exec(line)?.[1] ?? []);
  assert.deepEqual(named.map((name) => Buffer.from(name, 'latin1').toString()).sort(), [
    ...['INBOX', 'Work', 'Work/2026', '\u00e9'],
  ]);
  session.close();
});

it('RFC 5465 §6.1: who wants to hear of the selected mailbox alone, or of nothing, has no other looked at', async () => {
  await using account = await open(1);
  const selected: NotifyGroup = {
    ...personal('MESSAGENEW', 'MESSAGEEXPUNGE'),
    mailboxes: { kind: 'selected' },
  };
  for (const [groups, watches] of [
    [[selected], 0],
    [[personal()], 0],
    [[selected, personal()], 0],
    [[selected, personal('MAILBOXNAME')], 1],
  ] as const) {
    assert.deepEqual(await account.notify(...groups), ['OK NOTIFY completed']);
    assert.equal(account.watches, watches);
  }
});
