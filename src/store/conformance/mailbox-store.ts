// What every MailboxStore must do. The implementations' own tests call this and add nothing to it.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { StorageError } from '../../smtp/smtp-error.ts';
import type { NewMailboxMessage } from '../mailbox-store.ts';
import { NoSuchFolderError } from '../mailbox-store.ts';
import type { OpenTestStores } from './harness.ts';
import { collected, text } from './harness.ts';

const ann = 'ann@example.org';
const everything = { after: 0, limit: 1000 };

const mail = (changes: Partial<NewMailboxMessage> = {}): NewMailboxMessage => ({
  account: ann,
  folder: 'INBOX',
  content: text('From: Bob <bob@example.net>\r\nSubject: Hi\r\n\r\nHello\r\n'),
  prefix: 'Return-Path: <bob@example.net>\r\n',
  flags: [],
  received: 5000,
  ...changes,
});

export function testMailboxStore(name: string, open: OpenTestStores): void {
  describe(`MailboxStore: ${name}`, () => {
    describe('folders', () => testFolders(open));
    describe('messages', () => testMessages(open));
    describe('flags', () => testFlags(open));
    describe('expunge', () => testExpunge(open));
    describe('many at once', () => testMany(open));
  });
}

function testFolders(open: OpenTestStores): void {
  it('RFC 6154 §2: makes the standard folders, once', async () => {
    await using test = await open();
    const { mailboxes } = test.stores;
    assert.deepEqual(await mailboxes.folders(ann), []);
    await Promise.all([mailboxes.ensure(ann), mailboxes.ensure(ann)]);
    const folders = await mailboxes.folders(ann);
    assert.deepEqual(
      folders.map(({ path, specialUse }) => [path, specialUse]),
      [
        ['INBOX', undefined],
        ['Sent', 'Sent'],
        ['Drafts', 'Drafts'],
        ['Junk', 'Junk'],
        ['Trash', 'Trash'],
        ['Archive', 'Archive'],
      ],
    );
    for (const folder of folders) {
      assert.equal(folder.uidNext, 1);
      assert.equal(folder.messages, 0);
    }
  });

  it('RFC 9051 §2.3.1.1: a folder made anew has another UIDVALIDITY', async () => {
    await using test = await open();
    const { mailboxes } = test.stores;
    const seen = new Set<number>();
    for (let i = 0; i < 3; i += 1) {
      await mailboxes.append(mail());
      const [inbox] = await mailboxes.folders(ann);
      seen.add(inbox!.uidValidity);
      await mailboxes.removeAll(ann);
      assert.deepEqual(await mailboxes.folders(ann), []);
    }
    assert.equal(seen.size, 3);
  });

  it('counts messages, the unseen among them, and octets', async () => {
    await using test = await open();
    const { mailboxes } = test.stores;
    const { size } = await mailboxes.append(mail());
    await mailboxes.append(mail({ flags: ['\\Seen'] }));
    await mailboxes.append(mail({ folder: 'Junk' }));
    const [inbox] = await mailboxes.folders(ann);
    assert.deepEqual([inbox?.messages, inbox?.unseen, inbox?.uidNext], [2, 1, 3]);
    assert.deepEqual(await mailboxes.usage(ann), { bytes: 3 * size, messages: 3 });
    assert.deepEqual(await mailboxes.usage('bob@example.org'), { bytes: 0, messages: 0 });
  });
}

function testMessages(open: OpenTestStores): void {
  it('gives UIDs in order, and the message back with its prefix', async () => {
    await using test = await open();
    const { mailboxes } = test.stores;
    const given = Array.from({ length: 20 }, (_, i) => mail({ received: i }));
    const stored = await Promise.all(given.map((message) => mailboxes.append(message)));
    assert.deepEqual(
      stored.map(({ uid, received }) => [uid, received]),
      given.map((_, i) => [i + 1, i]),
    );
    assert.equal(new Set(stored.map(({ id }) => id)).size, 20);
    assert.deepEqual(await mailboxes.list(ann, 'INBOX', everything), stored);
    assert.deepEqual(
      (await mailboxes.list(ann, 'inbox', { after: 5, limit: 3 })).map(({ uid }) => uid),
      [6, 7, 8],
    );
    const opened = await mailboxes.open(ann, stored[4]!.id);
    assert.deepEqual(opened?.message, stored[4]);
    const whole =
      'Return-Path: <bob@example.net>\r\nFrom: Bob <bob@example.net>\r\nSubject: Hi\r\n\r\nHello\r\n';
    const pieces = await collected(opened!.content.read());
    assert.equal(Buffer.concat(pieces).toString(), whole);
    assert.deepEqual([opened?.content.size, stored[4]?.size], [whole.length, whole.length]);
  });

  it('reads From and Subject for listings, decoded', async () => {
    await using test = await open();
    const { mailboxes } = test.stores;
    const encoded =
      'From: =?utf-8?q?J=C3=B6rg?= <j@example.net>\r\nsubject: =?utf-8?b?w5xiZXI=?=\r\n folded\r\n\r\n';
    const { from, subject } = await mailboxes.append(mail({ content: text(encoded) }));
    assert.deepEqual([from, subject], ['Jörg <j@example.net>', 'Über folded']);
    for (const odd of ['', '\r\n', 'no header', 'Subject', ': x\r\n', '\xff\xfe\x00'])
      assert.equal((await mailboxes.append(mail({ content: text(odd) }))).subject, '');
  });

  it('shows nobody another account’s mail', async () => {
    await using test = await open();
    const { mailboxes } = test.stores;
    const { id } = await mailboxes.append(mail());
    await mailboxes.append(mail({ account: 'bob@example.org' }));
    assert.equal(await mailboxes.open('bob@example.org', id), undefined);
    for (const odd of ['', 'm', 'x1', `${id}x`, "m1' OR 1", '__proto__', 'm'.repeat(99)])
      assert.equal(await mailboxes.open(ann, odd), undefined);
  });

  it('refuses a folder that does not exist', async () => {
    await using test = await open();
    const { mailboxes } = test.stores;
    await assert.rejects(mailboxes.append(mail({ folder: 'Nowhere' })), NoSuchFolderError);
    assert.deepEqual(await mailboxes.list(ann, 'Nowhere', everything), []);
  });

  it('is there after a restart, and gives no UID or id twice', async () => {
    await using test = await open();
    const first = await test.stores.mailboxes.append(mail());
    await test.stores.mailboxes.expunge(ann, 'INBOX', [first.uid]);
    const second = await test.stores.mailboxes.append(mail());
    await test.restart();
    const third = await test.stores.mailboxes.append(mail());
    assert.deepEqual([first.uid, second.uid, third.uid], [1, 2, 3]);
    assert.equal(new Set([first.id, second.id, third.id]).size, 3);
    assert.deepEqual(await test.stores.mailboxes.list(ann, 'INBOX', everything), [second, third]);
  });

  it('large content lies in the spool and goes with its message', async () => {
    await using test = await open();
    const { mailboxes, spool } = test.stores;
    const writer = spool.create();
    const body = `Subject: large\r\n\r\n${'x'.repeat(500_000)}`;
    await writer.write(Buffer.from(body));
    const content = await writer.commit();
    const { uid, id, subject, size } = await mailboxes.append(mail({ content, prefix: '' }));
    assert.deepEqual([subject, size], ['large', body.length]);
    const opened = await mailboxes.open(ann, id);
    const pieces = await collected(opened!.content.read());
    assert.equal(Buffer.concat(pieces).toString(), body);
    await mailboxes.expunge(ann, 'INBOX', [uid]);
    await mailboxes.usage(ann);
    await assert.rejects(collected(spool.open(content).read()), StorageError);
  });
}

function testFlags(open: OpenTestStores): void {
  it('RFC 9051 §2.3.2: adds, removes and replaces flags and keywords', async () => {
    await using test = await open();
    const { mailboxes } = test.stores;
    const { uid } = await mailboxes.append(mail({ flags: ['\\flagged', '$Forwarded'] }));
    const steps = [
      ['add', ['\\Seen', '$forwarded', 'todo'], ['\\Seen', '\\Flagged', '$Forwarded', 'todo']],
      ['remove', ['\\FLAGGED', '$FORWARDED', 'never'], ['\\Seen', 'todo']],
      ['replace', ['\\Draft', 'a b', '\\Unknown', ''], ['\\Draft']],
      ['add', ['__proto__'], ['\\Draft', '__proto__']],
    ] as const;
    for (const [kind, flags, expected] of steps) {
      const [changed] = await mailboxes.store(ann, 'INBOX', [uid], { kind, flags });
      assert.deepEqual(changed?.flags, expected);
    }
    const [listed] = await mailboxes.list(ann, 'INBOX', everything);
    assert.deepEqual(listed?.flags, ['\\Draft', '__proto__']);
  });

  it('RFC 7162 §3.1.2: modseq grows with each change, and only with a change', async () => {
    await using test = await open();
    const { mailboxes } = test.stores;
    const first = await mailboxes.append(mail());
    const second = await mailboxes.append(mail());
    assert.ok(second.modseq > first.modseq);
    const seen = { kind: 'add', flags: ['\\Seen'] } as const;
    const both = await mailboxes.store(ann, 'INBOX', [first.uid, second.uid, 99], seen);
    assert.equal(both.length, 2);
    assert.ok(both.every(({ modseq }) => modseq > second.modseq));
    const again = await mailboxes.store(ann, 'INBOX', [first.uid], seen);
    assert.equal(again[0]?.modseq, both[0]?.modseq);
    const [inbox] = await mailboxes.folders(ann);
    assert.deepEqual([inbox?.modseq, inbox?.unseen], [both[0]?.modseq, 0]);
  });
}

function testMany(open: OpenTestStores): void {
  it('an index has UID, id and size of each message, in order, and no more than these', async () => {
    await using test = await open();
    const { mailboxes } = test.stores;
    assert.equal((await mailboxes.index(ann, 'INBOX')).length, 0);
    const stored = [];
    for (let i = 0; i < 5; i += 1)
      stored.push(await mailboxes.append(mail({ content: text('x'.repeat(i)) })));
    await mailboxes.append(mail({ folder: 'Junk' }));
    await mailboxes.append(mail({ account: 'bob@example.org' }));
    await mailboxes.expunge(ann, 'INBOX', [stored[1]!.uid]);
    const index = await mailboxes.index(ann, 'inbox');
    const rows = Array.from({ length: index.length }, (_, i) => [
      ...[index.uidAt(i), index.idAt(i), index.sizeAt(i)],
    ]);
    const left = stored.filter((_, i) => i !== 1);
    assert.deepEqual(
      rows,
      left.map(({ uid, id, size }) => [uid, id, size]),
    );
    assert.equal((await mailboxes.index(ann, 'Nowhere')).length, 0);
  });

  it('an index of more messages than one request reads is whole', async () => {
    await using test = await open();
    const { mailboxes } = test.stores;
    const count = 10_001;
    const empty = mail({ content: text(''), prefix: '' });
    await Promise.all(Array.from({ length: count }, () => mailboxes.append(empty)));
    const index = await mailboxes.index(ann, 'INBOX');
    assert.deepEqual([index.length, index.uidAt(count - 1)], [count, count]);
    assert.equal(new Set(Array.from({ length: count }, (_, i) => index.idAt(i))).size, count);
  });

  it('reads several messages in the order asked for, and nobody else’s', async () => {
    await using test = await open();
    const { mailboxes, spool } = test.stores;
    const writer = spool.create();
    await writer.write(Buffer.alloc(300_000, 'y'));
    const large = await writer.commit();
    const contents = [text('one'), text(''), large, text('fünf')];
    for (const content of contents) await mailboxes.append(mail({ content, prefix: 'P: ü\r\n' }));
    await mailboxes.append(mail({ account: 'bob@example.org' }));
    const opened = await mailboxes.openMany(ann, 'INBOX', [4, 99, 3, 2, 1, 1]);
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
    assert.deepEqual(await mailboxes.openMany(ann, 'INBOX', []), []);
    assert.deepEqual(await mailboxes.openMany(ann, 'Nowhere', [1]), [undefined]);
    assert.deepEqual(await mailboxes.openMany('eve@example.org', 'INBOX', [1]), [undefined]);
  });
}

function testExpunge(open: OpenTestStores): void {
  it('removes what is there, once, and keeps the counters right', async () => {
    await using test = await open();
    const { mailboxes } = test.stores;
    for (let i = 0; i < 5; i += 1)
      await mailboxes.append(mail(i === 0 ? { flags: ['\\Seen'] } : {}));
    const before = (await mailboxes.folders(ann))[0]!;
    const results = await Promise.all([
      mailboxes.expunge(ann, 'INBOX', [3, 1, 2, 99]),
      mailboxes.expunge(ann, 'INBOX', [2, 3, 4]),
    ]);
    assert.deepEqual(results, [[1, 2, 3], [4]]);
    const [inbox] = await mailboxes.folders(ann);
    assert.deepEqual([inbox?.messages, inbox?.unseen, inbox?.uidNext], [1, 1, 6]);
    assert.ok(inbox!.modseq > before.modseq);
    assert.equal((await mailboxes.usage(ann)).messages, 1);
    assert.deepEqual(
      (await mailboxes.list(ann, 'INBOX', everything)).map(({ uid }) => uid),
      [5],
    );
  });

  it('an account’s mail goes with the account', async () => {
    await using test = await open();
    const { accounts, mailboxes } = test.stores;
    await accounts.add(ann, undefined, 1);
    await mailboxes.append(mail({ account: 'bob@example.org' }));
    await mailboxes.append(mail());
    assert.deepEqual(await mailboxes.owners(), [ann, 'bob@example.org']);
    assert.equal(await accounts.remove(ann), true);
    assert.deepEqual(await mailboxes.folders(ann), []);
    assert.deepEqual(await mailboxes.usage(ann), { bytes: 0, messages: 0 });
    assert.equal((await mailboxes.usage('bob@example.org')).messages, 1);
    assert.deepEqual(await mailboxes.owners(), ['bob@example.org']);
  });
}
