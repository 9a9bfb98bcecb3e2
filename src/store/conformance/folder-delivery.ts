// What every FolderStore must do with what is delivered, by itself or by the queue, and with what POP3
// and the command line read. A part of its conformance suite.

import assert from 'node:assert/strict';
import { it } from 'node:test';
import { StorageError } from '../../smtp/smtp-error.ts';
import { NoSuchFolderError } from '../folder-errors.ts';
import type { FlagChange, FolderStore, ListedMessage, NewMailboxMessage } from '../folder-store.ts';
import { emailId } from '../object-id.ts';
import type { OpenTestStores } from './harness.ts';
import { collected, listed, openById, readUntilGone, removed, text } from './harness.ts';

const ann = 'ann@example.org';

const mail = (changes: Partial<NewMailboxMessage> = {}): NewMailboxMessage => ({
  account: ann,
  folder: 'INBOX',
  content: text('From: Bob <bob@example.net>\r\nSubject: Hi\r\n\r\nHello\r\n'),
  prefix: 'Return-Path: <bob@example.net>\r\n',
  flags: [],
  received: 5000,
  ...changes,
});

export function testFolderDelivery(open: OpenTestStores): void {
  testStandardFolders(open);
  testMessages(open);
  testListedFlags(open);
  testMany(open);
  testRemoval(open);
}

function testStandardFolders(open: OpenTestStores): void {
  it('RFC 6154 §2: makes the standard folders, once', async () => {
    await using test = await open();
    const { folders } = test.stores;
    assert.deepEqual(await folders.folders(ann), []);
    await Promise.all([folders.ensure(ann), folders.ensure(ann)]);
    const made = (await folders.folders(ann)).toSorted((a, b) => a.id - b.id);
    assert.deepEqual(
      made.map(({ path, specialUse }) => [path, specialUse]),
      [
        ['INBOX', undefined],
        ['Sent', 'Sent'],
        ['Drafts', 'Drafts'],
        ['Junk', 'Junk'],
        ['Trash', 'Trash'],
        ['Archive', 'Archive'],
      ],
    );
    for (const folder of made) {
      assert.equal(folder.uidNext, 1);
      assert.equal(folder.messages, 0);
    }
  });

  it('RFC 9051 §2.3.1.1: a folder made anew has another UIDVALIDITY', async () => {
    await using test = await open();
    const { folders } = test.stores;
    const seen = new Set<number>();
    for (let i = 0; i < 3; i += 1) {
      await folders.deliver(mail());
      const inbox = await folders.find(ann, 'INBOX');
      seen.add(inbox!.uidValidity);
      await folders.removeAll(ann);
      assert.deepEqual(await folders.folders(ann), []);
    }
    assert.equal(seen.size, 3);
  });

  it('counts messages, the unseen among them, and octets', async () => {
    await using test = await open();
    const { folders } = test.stores;
    const { size } = await folders.deliver(mail());
    await folders.deliver(mail({ flags: ['\\Seen'] }));
    await folders.deliver(mail({ folder: 'Junk' }));
    const inbox = await folders.find(ann, 'INBOX');
    assert.deepEqual([inbox?.messages, inbox?.unseen, inbox?.uidNext], [2, 1, 3]);
    assert.deepEqual(await folders.usage(ann), { bytes: 3 * size, messages: 3 });
    assert.deepEqual(await folders.usage('bob@example.org'), { bytes: 0, messages: 0 });
  });
}

function testMessages(open: OpenTestStores): void {
  it('gives UIDs in order, and the message back with its prefix', async () => {
    await using test = await open();
    const { folders } = test.stores;
    const given = Array.from({ length: 20 }, (_, i) => mail({ received: i }));
    const stored = await Promise.all(given.map((message) => folders.deliver(message)));
    assert.deepEqual(
      stored.map(({ uid, received }) => [uid, received]),
      given.map((_, i) => [i + 1, i]),
    );
    assert.equal(new Set(stored.map(({ id }) => id)).size, 20);
    assert.deepEqual(await listed(folders, ann), stored);
    assert.deepEqual(
      (await listed(folders, ann, { path: 'inbox', after: 5, limit: 3 })).map(({ uid }) => uid),
      [6, 7, 8],
    );
    assert.deepEqual(await folders.copies(ann, stored[4]!.id), [stored[4]]);
    const opened = await openById(folders, ann, stored[4]!.id);
    const whole =
      'Return-Path: <bob@example.net>\r\nFrom: Bob <bob@example.net>\r\nSubject: Hi\r\n\r\nHello\r\n';
    const pieces = await collected(opened!.read());
    assert.equal(Buffer.concat(pieces).toString(), whole);
    assert.deepEqual([opened?.size, stored[4]?.size], [whole.length, whole.length]);
  });

  it('reads From and Subject for listings, decoded', async () => {
    await using test = await open();
    const { folders } = test.stores;
    const encoded =
      'From: =?utf-8?q?J=C3=B6rg?= <j@example.net>\r\nsubject: =?utf-8?b?w5xiZXI=?=\r\n folded\r\n\r\n';
    const { from, subject } = await folders.deliver(mail({ content: text(encoded) }));
    assert.deepEqual([from, subject], ['Jörg <j@example.net>', 'Über folded']);
    for (const odd of ['', '\r\n', 'no header', 'Subject', ': x\r\n', '\xff\xfe\x00'])
      assert.equal((await folders.deliver(mail({ content: text(odd) }))).subject, '');
  });

  it('shows nobody another account’s mail', async () => {
    await using test = await open();
    const { folders } = test.stores;
    const { id } = await folders.deliver(mail());
    await folders.deliver(mail({ account: 'bob@example.org' }));
    assert.equal(await openById(folders, 'bob@example.org', id), undefined);
    for (const odd of ['', 'm', 'x1', `${id}x`, "m1' OR 1", '__proto__', 'm'.repeat(99)])
      assert.equal(await openById(folders, ann, odd), undefined);
  });

  it('refuses a folder that does not exist', async () => {
    await using test = await open();
    const { folders } = test.stores;
    await assert.rejects(folders.deliver(mail({ folder: 'Nowhere' })), NoSuchFolderError);
    assert.deepEqual(await listed(folders, ann, { path: 'Nowhere' }), []);
  });

  it('is there after a restart, and gives no UID or id twice', async () => {
    await using test = await open();
    const first = await test.stores.folders.deliver(mail());
    await removed(test.stores.folders, ann, [first.uid]);
    const second = await test.stores.folders.deliver(mail());
    await test.restart();
    const third = await test.stores.folders.deliver(mail());
    assert.deepEqual([first.uid, second.uid, third.uid], [1, 2, 3]);
    assert.equal(new Set([first.id, second.id, third.id]).size, 3);
    assert.deepEqual(await listed(test.stores.folders, ann), [second, third]);
  });

  it('large content lies in the spool and goes with its message', async () => {
    await using test = await open();
    const { folders, spool } = test.stores;
    const writer = spool.create();
    const body = `Subject: large\r\n\r\n${'x'.repeat(500_000)}`;
    await writer.write(Buffer.from(body));
    const content = await writer.commit();
    const { uid, id, subject, size } = await folders.deliver(mail({ content, prefix: '' }));
    assert.deepEqual([subject, size], ['large', body.length]);
    const opened = await openById(folders, ann, id);
    const pieces = await collected(opened!.read());
    assert.equal(Buffer.concat(pieces).toString(), body);
    await removed(folders, ann, [uid]);
    await assert.rejects(readUntilGone(spool, content), StorageError);
  });
}

function testListedFlags(open: OpenTestStores): void {
  it('RFC 9051 §2.3.2: adds, removes and replaces flags and keywords', async () => {
    await using test = await open();
    const { folders } = test.stores;
    const { uid } = await folders.deliver(mail({ flags: ['\\flagged', '$Forwarded'] }));
    const steps = [
      ['add', ['\\Seen', '$forwarded', 'todo'], ['\\Seen', '\\Flagged', '$Forwarded', 'todo']],
      ['remove', ['\\FLAGGED', '$FORWARDED', 'never'], ['\\Seen', 'todo']],
      ['replace', ['\\Draft', 'a b', '\\Unknown', ''], ['\\Draft']],
      ['add', ['__proto__'], ['\\Draft', '__proto__']],
    ] as const;
    for (const [kind, flags, expected] of steps) {
      const [changed] = await stored(folders, [uid], { kind, flags });
      assert.deepEqual(changed?.flags, expected);
    }
    const [message] = await listed(folders, ann);
    assert.deepEqual(message?.flags, ['\\Draft', '__proto__']);
  });

  it('RFC 7162 §3.1.2: modseq grows with each change, and only with a change', async () => {
    await using test = await open();
    const { folders } = test.stores;
    const first = await folders.deliver(mail());
    const second = await folders.deliver(mail());
    assert.ok(second.modseq > first.modseq);
    const seen = { kind: 'add', flags: ['\\Seen'] } as const;
    const both = await stored(folders, [first.uid, second.uid, 99], seen);
    assert.equal(both.length, 2);
    assert.ok(both.every(({ modseq }) => modseq > second.modseq));
    const again = await stored(folders, [first.uid], seen);
    assert.equal(again[0]?.modseq, both[0]?.modseq);
    const inbox = await folders.find(ann, 'INBOX');
    assert.deepEqual([inbox?.modseq, inbox?.unseen], [both[0]?.modseq, 0]);
  });
}

/** Messages of INBOX, as they are listed after a change of their flags. */
async function stored(
  folders: FolderStore,
  uids: readonly number[],
  change: FlagChange,
): Promise<readonly ListedMessage[]> {
  const { messages } = await folders.store((await folders.find(ann, 'INBOX'))!.id, uids, change);
  const there = (await listed(folders, ann)).filter(({ uid }) => uids.includes(uid));
  assert.deepEqual(
    [...messages.uid],
    there.map(({ uid }) => uid),
  );
  return there;
}

function testMany(open: OpenTestStores): void {
  it('an index has UID, id and size of each message, in order, and no more than these', async () => {
    await using test = await open();
    const { folders } = test.stores;
    await folders.ensure(ann);
    const inbox = (await folders.find(ann, 'INBOX'))!.id;
    assert.equal((await folders.index(inbox))?.uid.length, 0);
    const stored = [];
    for (let i = 0; i < 5; i += 1)
      stored.push(await folders.deliver(mail({ content: text('x'.repeat(i)) })));
    await folders.deliver(mail({ folder: 'Junk' }));
    await folders.deliver(mail({ account: 'bob@example.org' }));
    await removed(folders, ann, [stored[1]!.uid]);
    const { uid, email, size } = (await folders.index(inbox))!;
    const rows = Array.from(uid, (one, i) => [one, emailId(email[i]!), size[i]]);
    const left = stored.filter((_, i) => i !== 1);
    assert.deepEqual(
      rows,
      left.map((message) => [message.uid, message.id, message.size]),
    );
    assert.equal(await folders.index(99_999), undefined);
  });

  it('an index of many messages is whole', async () => {
    await using test = await open();
    const { folders } = test.stores;
    const count = 10_001;
    const empty = mail({ content: text(''), prefix: '' });
    await Promise.all(Array.from({ length: count }, () => folders.deliver(empty)));
    const { uid, email } = (await folders.index((await folders.find(ann, 'INBOX'))!.id))!;
    assert.deepEqual([uid.length, uid[count - 1]], [count, count]);
    assert.equal(new Set(email).size, count);
  });

  it('reads several messages in the order asked for, and nobody else’s', async () => {
    await using test = await open();
    const { folders, spool } = test.stores;
    const writer = spool.create();
    await writer.write(Buffer.alloc(300_000, 'y'));
    const large = await writer.commit();
    const contents = [text('one'), text(''), large, text('fünf')];
    for (const content of contents) await folders.deliver(mail({ content, prefix: 'P: ü\r\n' }));
    await folders.deliver(mail({ account: 'bob@example.org' }));
    const inbox = (await folders.find(ann, 'INBOX'))!.id;
    const opened = await folders.open(inbox, [4, 99, 3, 2, 1, 1]);
    const read = await Promise.all(
      opened.map(async (content) =>
        content === undefined ? undefined : Buffer.concat(await collected(content.read())),
      ),
    );
    const whole = ['fünf', undefined, 'y'.repeat(300_000), '', 'one', 'one'].map((body) =>
      body === undefined ? undefined : `P: ü\r\n${body}`,
    );
    assert.deepEqual(
      read.map((bytes) => bytes?.toString()),
      whole,
    );
    assert.deepEqual(
      opened.map((content) => content?.size),
      read.map((bytes) => bytes?.length),
    );
    assert.equal(opened[2]?.bytes, undefined);
    assert.deepEqual(await folders.open(inbox, []), []);
    assert.deepEqual(await folders.open(99_999, [1]), [undefined]);
  });
}

function testRemoval(open: OpenTestStores): void {
  it('removes what is there, once, and keeps the counters right', async () => {
    await using test = await open();
    const { folders } = test.stores;
    for (let i = 0; i < 5; i += 1)
      await folders.deliver(mail(i === 0 ? { flags: ['\\Seen'] } : {}));
    const before = (await folders.find(ann, 'INBOX'))!;
    const results = await Promise.all([
      removed(folders, ann, [3, 1, 2, 99]),
      removed(folders, ann, [2, 3, 4]),
    ]);
    // Whichever comes first has what both ask for.
    assert.deepEqual(results.flat().toSorted(), [1, 2, 3, 4]);
    assert.ok(results[0]!.includes(1) && results[1]!.includes(4));
    const inbox = await folders.find(ann, 'INBOX');
    assert.deepEqual([inbox?.messages, inbox?.unseen, inbox?.uidNext], [1, 1, 6]);
    assert.ok(inbox!.modseq > before.modseq);
    assert.equal((await folders.usage(ann)).messages, 1);
    assert.deepEqual(
      (await listed(folders, ann)).map(({ uid }) => uid),
      [5],
    );
  });

  it('an account’s mail goes with the account', async () => {
    await using test = await open();
    const { accounts, folders } = test.stores;
    await accounts.add(ann, undefined, 1);
    await folders.deliver(mail({ account: 'bob@example.org' }));
    await folders.deliver(mail());
    assert.deepEqual(await folders.owners(), [ann, 'bob@example.org']);
    assert.equal(await accounts.remove(ann), true);
    assert.deepEqual(await folders.folders(ann), []);
    assert.deepEqual(await folders.usage(ann), { bytes: 0, messages: 0 });
    assert.equal((await folders.usage('bob@example.org')).messages, 1);
    assert.deepEqual(await folders.owners(), ['bob@example.org']);
  });
}
