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
  let looks = 0;
  const store = storeBut(folders, {
    folders: async () => {
      looks += 1;
      return [...facts.values()];
    },
    folder: async (id) => {
      looks += 1;
      return facts.get(id);
    },
    watch: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  });
  const process = testProcess(store);
  const ours = listeners.size;
  const client = new TestConversation(process, ann);
  const tell = (event: MailboxEvent) => {
    for (const listener of listeners) listener(event);
  };
  return {
    client,
    tell,
    /** A message comes to each of the first `count`, or of those behind some; nobody may be told of it. */
    deliver(count: number, behind = 0, isTold = true) {
      for (const [id, folder] of [...facts].slice(behind, behind + count)) {
        const { messages, uidNext, changes } = folder;
        const more = { messages: messages + 1, uidNext: uidNext + 1, changes: changes + 1 };
        facts.set(id, { ...folder, ...more });
        if (isTold) tell({ kind: 'messages', folder: id, account: ann });
      }
    },
    /** It has another path now, or none; nobody is told. */
    move(place: number, path: string | undefined) {
      const id = 1000 + place;
      if (path === undefined) facts.delete(id);
      else facts.set(id, { ...(facts.get(id) ?? sample), id, path });
    },
    /** How often the store was asked about mailboxes since the last time. */
    looked(): number {
      const looked = looks;
      looks = 0;
      return looked;
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

  it('but not of a thousand, and then of others, nor of any that are not watched', async () => {
    await using account = await open(1100);
    const { client, deliver, notify } = account;
    await notify(personal('MESSAGENEW', 'MESSAGEEXPUNGE'));
    deliver(1000);
    assert.equal((await client.idle()).length, 1000);
    deliver(100, 1000);
    assert.equal((await client.idle()).length, 100);
    await notify({ ...personal('MESSAGENEW'), mailboxes: { kind: 'mailboxes', names: ['m7'] } });
    deliver(1100);
    assert.equal(account.looked() > 0 && client.awake, true);
    assert.deepEqual(
      (await client.idle()).map((line) => line.slice(0, 11)),
      ['STATUS "m7"'],
    );
    assert.equal(account.looked(), 1);
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

  it('is what becomes of such a wish when there are more of them', async () => {
    await using account = await open(200);
    await account.notify(personal('MAILBOXMETADATACHANGE'));
    account.move(200, 'one more');
    account.tell({ kind: 'folders', account: ann });
    assert.deepEqual(await account.client.idle(), [
      'OK [NOTIFICATIONOVERFLOW] There is more than can be told',
    ]);
    assert.equal(account.watches, 0);
  });
});

describe('what NOTIFY tells of mailboxes, and when', () => {
  const all = personal('MESSAGENEW', 'MESSAGEEXPUNGE', 'MAILBOXNAME');
  const folders: MailboxEvent = { kind: 'folders', account: ann };

  it('where nothing has happened nothing is looked at, and nobody waits', async () => {
    await using account = await open(3);
    const { client } = account;
    await account.notify(all);
    assert.equal(account.looked(), 1);
    for (const happens of [() => {}, () => account.tell(folders), () => account.deliver(1)]) {
      happens();
      await client.idle();
      account.looked();
      assert.equal(client.context.updates?.tell('idle'), undefined);
      assert.equal(account.looked(), 0);
    }
  });

  it('what happens while NOTIFY begins is told', async (t) => {
    await using account = await open(2);
    const { client } = account;
    const { promise, resolve } = Promise.withResolvers<readonly string[]>();
    t.mock.method(client.context.store, 'subscriptions', () => promise);
    const notifying = account.notify(all);
    await new Promise(setImmediate);
    account.deliver(1);
    account.tell({ kind: 'messages', folder: 77, account: bob });
    account.tell({ kind: 'unknown' });
    resolve([]);
    const told = (await notifying).map((line) => line.replace(/ \(MESSAGES.*/, ''));
    assert.deepEqual(told, ['STATUS "m0"', 'OK NOTIFY completed']);
  });

  it('where it is unknown what happened, everything that is watched is looked at, and nothing else is told', async () => {
    await using account = await open(3);
    const { client } = account;
    const names = (kind: 'mailboxes', ...names: string[]) =>
      ({ mailboxes: { kind, names } }) as const;
    await account.notify(
      { ...personal('MESSAGENEW', 'MESSAGEEXPUNGE'), ...names('mailboxes', 'm0', 'm1') },
      personal('MAILBOXNAME'),
    );
    client.taken();
    account.deliver(3, 0, false);
    account.move(1, 'n1');
    account.move(2, undefined);
    account.tell({ kind: 'unknown' });
    assert.equal(client.awake, true);
    assert.deepEqual(
      (await client.idle()).map((line) => line.replace(/ \(MESSAGES.*/, '')),
      [
        'LIST (\\HasNoChildren) "/" "n1" ("OLDNAME" ("m1"))',
        'LIST (\\NonExistent) "/" "m2"',
        'STATUS "m0"',
      ],
    );
  });

  it('a mailbox that goes before its news could be told is passed over', async () => {
    await using account = await open(2);
    await account.notify(all);
    account.deliver(2);
    account.move(0, undefined);
    assert.deepEqual(
      (await account.client.idle()).map((line) => line.slice(0, 11)),
      ['STATUS "m1"'],
    );
  });

  it('as fast as the client takes it', async (t) => {
    await using account = await open(3);
    const { client } = account;
    await account.notify(all);
    account.deliver(3);
    const { promise, resolve } = Promise.withResolvers<void>();
    t.mock.method(client.context, 'room', () => promise);
    const telling = client.context.updates?.tell('idle');
    for (let turn = 0; turn < 20; turn += 1) await new Promise(setImmediate);
    assert.equal(client.taken().length, 1);
    resolve();
    await telling;
    assert.equal(client.taken().length, 2);
  });

  it('RFC 5465 §5.4: what moved with its superior is not named, what moved out of it is', async () => {
    await using account = await open(4);
    const paths = (...all: string[]) =>
      all.forEach((path, place) => void account.move(place, path));
    paths('Work', 'Work/a', 'Work/a/b', 'Work/c');
    await account.notify(all);
    paths('Play', 'Play/a', 'Play/a/b', 'Elsewhere');
    account.tell(folders);
    assert.deepEqual(await account.client.idle(), [
      'LIST (\\HasChildren) "/" "Play" ("OLDNAME" ("Work"))',
      'LIST (\\HasNoChildren) "/" "Elsewhere" ("OLDNAME" ("Work/c"))',
    ]);
    paths('Rest', 'Play/a', 'Play/a/b', 'Rest/Elsewhere');
    account.tell(folders);
    assert.deepEqual(await account.client.idle(), [
      'LIST (\\HasChildren) "/" "Rest" ("OLDNAME" ("Play"))',
      'LIST (\\HasNoChildren) "/" "Rest/Elsewhere" ("OLDNAME" ("Elsewhere"))',
    ]);
  });

  dialogue(
    `RFC 5465 §3.1, §5.3: STATUS first of what is watched for messages and not selected; later of \\Seen, and with CONDSTORE of any flag
    A! SELECT INBOX
    A> a NOTIFY SET STATUS (mailboxes (INBOX Sent) (MessageNew MessageExpunge FlagChange)) (personal (MailboxName))
    A< * STATUS "Sent" (MESSAGES 0 …)
    A< a OK …
    B! SELECT INBOX
    B! COPY 1 Sent
    A< * STATUS "Sent" (MESSAGES 1 …)
    B! SELECT Sent
    B! STORE 1 +FLAGS.SILENT (\\Flagged)
    A> b NOOP
    A< b OK …
    B! STORE 1 +FLAGS.SILENT (\\Seen)
    A< * STATUS "Sent" (UIDVALIDITY … UNSEEN 0)
    A! ENABLE CONDSTORE
    B! STORE 1 -FLAGS.SILENT (\\Flagged)
    A< * STATUS "Sent" (UIDVALIDITY … UNSEEN 0 HIGHESTMODSEQ …)
    B! UNSUBSCRIBE Sent
    A> c NOOP
    A< c OK …`,
  );
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
    `RFC 5465 §6.3: they are not PERSONAL, whatever may be done with them; names of which there is no mailbox are
    A! CREATE Team
    A! SETACL Team ${bob} l
    A! CREATE Open
    A! SETACL Open ${bob} lrs
    D! CREATE Gone
    D! SUBSCRIBE Gone
    D! DELETE Gone
    B> a NOTIFY SET STATUS (mailboxes Nowhere (MessageNew MessageExpunge)) (personal (MailboxName SubscriptionChange))
    B< a OK …
    C! RENAME Open Opened
    B> b NOOP
    B< b OK …
    D! UNSUBSCRIBE Gone
    B< * LIST (\\NonExistent) "/" "Gone"`,
    { accounts: { B: bob, D: bob } },
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
