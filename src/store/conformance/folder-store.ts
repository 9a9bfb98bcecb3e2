// What every FolderStore must do. The implementations' own tests call this and add nothing to it.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  FolderExistsError,
  MailboxLimitError,
  NoSuchFolderError,
  OverQuotaError,
} from '../folder-errors.ts';
import type { FolderStore, MailboxEvent, MailColumns, NewMail } from '../folder-store.ts';
import { testAccountChanges } from './account-changes.ts';
import { testFolderContents } from './folder-contents.ts';
import { testFolderDelivery } from './folder-delivery.ts';
import { testFolderLists } from './folder-lists.ts';
import type { OpenTestStores, TestStores } from './harness.ts';
import { collected, text } from './harness.ts';

const ann = 'ann@example.org';
const bob = 'bob@example.org';

const mail = (changes: Partial<NewMail> = {}): NewMail => ({
  content: text('From: Bob <bob@example.net>\r\nSubject: Hi\r\n\r\nHello\r\n'),
  flags: [],
  received: 5000,
  ...changes,
});

/** An account with its standard folders, and INBOX with `count` messages. */
async function inboxOf(test: TestStores, count = 0): Promise<number> {
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

async function folderId(folders: FolderStore, path: string, account = ann): Promise<number> {
  const found = await folders.find(account, path);
  assert.ok(found, `there is a folder ${path}`);
  return found.id;
}

const uidsIn = async (folders: FolderStore, folder: number): Promise<number[]> => [
  ...((await folders.snapshot(folder))?.messages.uid ?? []),
];

const paths = async (folders: FolderStore, account = ann): Promise<string[]> =>
  (await folders.folders(account)).map(({ path }) => path);

const flagsOf = (messages: MailColumns): [uid: number, bits: number, keywords: string][] =>
  Array.from(messages.uid, (uid, i) => [
    uid,
    messages.flags[i]!,
    messages.keywordSets[messages.keywords[i]!]!,
  ]);

/** What a folder says of itself is what is in it. */
async function assertCounters(folders: FolderStore, account = ann): Promise<void> {
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

export function testFolderStore(name: string, open: OpenTestStores): void {
  describe(`FolderStore: ${name}`, () => {
    describe('folders', () => testFolders(open));
    describe('renaming', () => testRenaming(open));
    describe('delivery, listings, POP3', () => testFolderDelivery(open));
    describe('append', () => testAppend(open));
    describe('flags', () => testFlags(open));
    describe('expunge', () => testExpunge(open));
    describe('copy and move', () => testCopies(open));
    describe('changes', () => testChanges(open));
    describe('an account’s changes', () => testAccountChanges(open));
    describe('watching', () => testWatching(open));
    describe('rights and annotations', () => testSharing(open));
    describe('what is derived', () => testFolderContents(open));
    describe('lists of many folders', () => testFolderLists(open));
  });
}

function testFolders(open: OpenTestStores): void {
  it('makes the standard folders, once, and not again where they were renamed', async () => {
    await using test = await open();
    const { folders } = test.stores;
    await Promise.all([folders.ensure(ann), folders.ensure(ann)]);
    const standard = ['Archive', 'Drafts', 'INBOX', 'Junk', 'Sent', 'Trash'];
    assert.deepEqual(await paths(folders), standard);
    await folders.rename(ann, 'Sent', 'Gesendet');
    await folders.ensure(ann);
    const renamed = await folders.find(ann, 'Gesendet');
    assert.equal(renamed?.specialUse, 'Sent');
    assert.equal((await folders.folders(ann)).length, standard.length);
    assert.deepEqual(await folders.folders(bob), []);
  });

  it('RFC 9051 §6.3.4: makes missing superiors too; a name is taken once', async () => {
    await using test = await open();
    const { folders } = test.stores;
    await inboxOf(test);
    const made = await folders.create(ann, 'a/b/c', undefined);
    assert.equal(made.path, 'a/b/c');
    assert.deepEqual([made.account, made.messages, made.uidNext], [ann, 0, 1]);
    assert.ok((await paths(folders)).includes('a/b'));
    await assert.rejects(folders.create(ann, 'a/b', undefined), FolderExistsError);
    await assert.rejects(folders.create(ann, 'inBOX', undefined), FolderExistsError);
    const sub = await folders.create(ann, 'inbox/x', 'Archive');
    assert.deepEqual([sub.path, sub.specialUse], ['INBOX/x', 'Archive']);
    const results = await Promise.allSettled([
      folders.create(ann, 'race', undefined),
      folders.create(ann, 'race', undefined),
    ]);
    assert.deepEqual(results.map(({ status }) => status).sort(), ['fulfilled', 'rejected']);
    await assert.rejects(folders.create(ann, 'x'.repeat(5000), undefined), MailboxLimitError);
  });

  it('finds by number and by name, and nobody else’s by name', async () => {
    await using test = await open();
    const { folders } = test.stores;
    const inbox = await inboxOf(test);
    assert.deepEqual(await folders.folder(inbox), await folders.find(ann, 'InBoX'));
    assert.equal(await folders.find(bob, 'INBOX'), undefined);
    assert.equal(await folders.folder(99_999), undefined);
    assert.equal(await folders.snapshot(99_999), undefined);
    assert.equal(await folders.changes(99_999, 0), undefined);
  });

  it('RFC 9051 §6.3.5: removes one with its messages; inferiors stay, INBOX too', async () => {
    await using test = await open();
    const { folders } = test.stores;
    await inboxOf(test, 1);
    const upper = await folders.create(ann, 'up', undefined);
    await folders.create(ann, 'up/low', undefined);
    await folders.append(upper.id, [mail()]);
    await folders.remove(ann, 'up');
    assert.equal(await folders.folder(upper.id), undefined);
    assert.ok((await paths(folders)).includes('up/low'));
    assert.equal((await folders.usage(ann)).messages, 1);
    await assert.rejects(folders.remove(ann, 'up'), NoSuchFolderError);
    await assert.rejects(folders.remove(ann, 'INBOX'), NoSuchFolderError);
    const again = await folders.create(ann, 'up', undefined);
    assert.ok(again.id !== upper.id && again.uidValidity > upper.uidValidity);
  });

  it('RFC 9051 §6.3.7: subscriptions are names, whether or not there is such a folder', async () => {
    await using test = await open();
    const { folders } = test.stores;
    await inboxOf(test);
    for (const path of ['Sent', 'never/was', 'inbox', 'Sent'])
      await folders.subscribe(ann, path, true);
    await folders.rename(ann, 'Sent', 'Gone');
    const others = ['Archive', 'Drafts', 'INBOX', 'Junk'];
    assert.deepEqual(await folders.subscriptions(ann), [...others, 'Sent', 'Trash', 'never/was']);
    await folders.subscribe(ann, 'Sent', false);
    await folders.subscribe(ann, 'Sent', false);
    await folders.ensure(ann);
    assert.deepEqual(await folders.subscriptions(ann), [...others, 'Trash', 'never/was']);
    assert.deepEqual(await folders.subscriptions(bob), []);
  });

  it('goes with its account, and leaves nothing to the next of that name', async () => {
    await using test = await open();
    const { folders } = test.stores;
    const inbox = await inboxOf(test, 2);
    await folders.subscribe(ann, 'x', true);
    await folders.annotate(ann, undefined, new Map([['/private/comment', Buffer.from('c')]]));
    await folders.ensure(bob);
    const shared = await folderId(folders, 'Sent', bob);
    await folders.setAcl(shared, ann, 'lr');
    await folders.removeAll(ann);
    assert.equal(await folders.folder(inbox), undefined);
    await folders.ensure(ann);
    assert.deepEqual(await folders.subscriptions(ann), await paths(folders));
    assert.equal((await folders.annotations(ann, undefined)).size, 0);
    assert.deepEqual(await folders.sharedWith([ann]), []);
    assert.equal((await folders.usage(ann)).messages, 0);
  });
}

function testRenaming(open: OpenTestStores): void {
  it('RFC 9051 §6.3.6: inferiors move along, with their numbers and messages', async () => {
    await using test = await open();
    const { folders } = test.stores;
    await inboxOf(test);
    const low = await folders.create(ann, 'a/b', undefined);
    await folders.create(ann, 'ab', undefined);
    await folders.append(low.id, [mail()]);
    await folders.rename(ann, 'a', 'x/y');
    const found = await folders.find(ann, 'x/y/b');
    assert.deepEqual(
      [found?.id, found?.uidValidity, found?.messages],
      [low.id, low.uidValidity, 1],
    );
    const after = await paths(folders);
    for (const path of ['x', 'x/y', 'x/y/b', 'ab']) assert.ok(after.includes(path), path);
    for (const path of ['a', 'a/b']) assert.ok(!after.includes(path), path);
  });

  it('takes no name that is taken, and only what is there', async () => {
    await using test = await open();
    const { folders } = test.stores;
    await inboxOf(test);
    await folders.create(ann, 'a/b', undefined);
    await folders.create(ann, 'c/b', undefined);
    const before = await paths(folders);
    await assert.rejects(folders.rename(ann, 'a', 'c'), FolderExistsError);
    await assert.rejects(folders.rename(ann, 'a', 'a'), FolderExistsError);
    await assert.rejects(folders.rename(ann, 'nothing', 'd'), NoSuchFolderError);
    await folders.remove(ann, 'c');
    await assert.rejects(folders.rename(ann, 'a', 'c'), FolderExistsError, 'c/b is taken');
    assert.deepEqual(
      await paths(folders),
      before.filter((path) => path !== 'c'),
    );
  });

  it('goes below itself and above itself', async () => {
    await using test = await open();
    const { folders } = test.stores;
    await folders.create(ann, 'a/a/a', undefined);
    const top = await folderId(folders, 'a');
    await folders.rename(ann, 'a', 'a/z');
    assert.equal(await folderId(folders, 'a/z'), top);
    assert.deepEqual(
      (await paths(folders)).filter((path) => path.startsWith('a')),
      ['a', 'a/z', 'a/z/a', 'a/z/a/a'],
    );
    await folders.remove(ann, 'a');
    await folders.rename(ann, 'a/z', 'a');
    assert.deepEqual(
      (await paths(folders)).filter((path) => path.startsWith('a')),
      ['a', 'a/a', 'a/a/a'],
    );
  });

  it('RFC 9051 §6.3.6: INBOX stays, empty; its messages move to a new folder', async () => {
    await using test = await open();
    const { folders } = test.stores;
    const inbox = await inboxOf(test, 3);
    const sub = await folders.create(ann, 'INBOX/sub', undefined);
    await folders.store(inbox, [2], { kind: 'add', flags: ['\\Seen', '\\Deleted'] });
    const before = (await folders.snapshot(inbox))!;
    await folders.rename(ann, 'inbox', 'old/mail');
    const emptied = (await folders.changes(inbox, before.folder.modseq))!;
    assert.deepEqual([...emptied.vanished], [1, 2, 3]);
    assert.equal(emptied.folder.uidNext, 4);
    const moved = (await folders.snapshot(await folderId(folders, 'old/mail')))!;
    assert.notEqual(moved.folder.id, inbox);
    assert.deepEqual([...moved.messages.email], [...before.messages.email]);
    assert.deepEqual(
      flagsOf(moved.messages).map(([, bits]) => bits),
      [0, 9, 0],
    );
    assert.ok(moved.messages.modseq.every((modseq) => modseq <= moved.folder.modseq));
    assert.equal((await folders.folder(sub.id))?.path, 'INBOX/sub');
    await assertCounters(folders);
    await folders.deliver({ ...mail(), account: ann, folder: 'INBOX', prefix: '' });
    assert.deepEqual(await uidsIn(folders, inbox), [4]);
  });
}

function testAppend(open: OpenTestStores): void {
  it('RFC 3502: all of them, in order, with their flags and dates', async () => {
    await using test = await open();
    const { folders } = test.stores;
    const inbox = await inboxOf(test);
    await test.clock.advance(1234);
    const appended = await folders.append(inbox, [
      mail({ flags: ['\\Seen', '$Forwarded'], received: 77 }),
      mail({ content: text(''), flags: ['\\Deleted', '\\Draft'] }),
    ]);
    assert.deepEqual(appended.uids, [1, 2]);
    const { folder, messages } = (await folders.snapshot(inbox))!;
    assert.equal(folder.uidValidity, appended.uidValidity);
    assert.deepEqual(flagsOf(messages), [
      [1, 1, '$Forwarded'],
      [2, 8 | 16, ''],
    ]);
    assert.deepEqual([...messages.received], [77, 5000]);
    assert.deepEqual([...messages.saved], [test.clock.now(), test.clock.now()]);
    assert.deepEqual([...messages.size], [51, 0]);
    assert.notEqual(messages.email[0], messages.email[1]);
    await assertCounters(folders);
  });

  it('RFC 3501 §2.3.2: from which message on nobody was told; the mark only goes up', async () => {
    await using test = await open();
    const { folders } = test.stores;
    const inbox = await inboxOf(test, 3);
    const recentFrom = async (id = inbox) => (await folders.folder(id))!.recentFrom;
    assert.equal(await recentFrom(), 1);
    const before = (await folders.folder(inbox))!.modseq;
    await folders.leaveRecent(inbox, 3);
    await folders.leaveRecent(inbox, 2);
    assert.equal(await recentFrom(), 3);
    assert.equal((await folders.folder(inbox))!.modseq, before, 'nothing changed for anybody');
    assert.deepEqual((await folders.snapshot(inbox))!.folder.recentFrom, 3);
    assert.deepEqual((await folders.changes(inbox, before))!.folder.recentFrom, 3);
    assert.equal(await folders.countFrom(inbox, 3), 1);
    assert.equal(await folders.countFrom(inbox, 1), 3);
    assert.equal(await folders.countFrom(inbox, 4), 0);
    const sent = await folderId(folders, 'Sent');
    await folders.leaveRecent(sent, 1);
    await folders.move(inbox, [1, 2], sent);
    assert.deepEqual([await recentFrom(sent), await folders.countFrom(sent, 1)], [1, 2]);
    await folders.rename(ann, 'INBOX', 'Old');
    assert.equal(await recentFrom(await folderId(folders, 'Old')), 3);
    await folders.leaveRecent(99_999, 5);
  });

  it('a folder that is gone takes nothing, and keeps nothing of it', async () => {
    await using test = await open();
    const { folders } = test.stores;
    await inboxOf(test);
    const { id } = await folders.create(ann, 'gone', undefined);
    await folders.append(id, [mail()]);
    await folders.remove(ann, 'gone');
    await assert.rejects(folders.append(id, [mail(), mail()]), NoSuchFolderError);
    assert.equal((await folders.usage(ann)).messages, 0);
  });

  it('over quota: none of them, however they race', async () => {
    await using test = await open();
    const { folders } = test.stores;
    const inbox = await inboxOf(test);
    const quota = { bytes: 150, messages: 10 };
    await assert.rejects(folders.append(inbox, [mail(), mail(), mail()], quota), OverQuotaError);
    const results = await Promise.allSettled(
      [1, 2, 3].map(() => folders.append(inbox, [mail()], quota)),
    );
    assert.equal(results.filter(({ status }) => status === 'fulfilled').length, 2);
    assert.equal((await folders.usage(ann)).messages, 2);
    const sent = await folderId(folders, 'Sent');
    await assert.rejects(folders.copy(inbox, [1], sent, { quota }), OverQuotaError);
    await folders.move(inbox, [1], sent, { quota });
    await folders.replace(inbox, 2, inbox, mail(), quota);
    await assert.rejects(
      folders.append(inbox, [mail()], { bytes: 1e9, messages: 2 }),
      OverQuotaError,
    );
    await assertCounters(folders);
  });

  it('is there after a restart, and no UID or email is given twice', async () => {
    await using test = await open();
    const inbox = await inboxOf(test, 2);
    const before = (await test.stores.folders.snapshot(inbox))!;
    await test.restart();
    const { folders } = test.stores;
    assert.deepEqual(await folders.snapshot(inbox), before);
    const { uids } = await folders.append(inbox, [mail()]);
    assert.deepEqual(uids, [3]);
    const { messages } = (await folders.snapshot(inbox))!;
    assert.equal(new Set(messages.email).size, 3);
  });

  it('many at once: each has its own UID, ascending in time', async () => {
    await using test = await open();
    const { folders } = test.stores;
    const inbox = await inboxOf(test);
    const all = await Promise.all(
      Array.from({ length: 60 }, (_, i) =>
        folders.append(
          inbox,
          Array.from({ length: 1 + (i % 3) }, () => mail()),
        ),
      ),
    );
    const uids = all.flatMap((one) => one.uids);
    assert.deepEqual(
      uids,
      uids.map((_, i) => i + 1),
    );
    assert.deepEqual(await uidsIn(folders, inbox), uids);
  });

  it('RFC 8508: a replacement comes and the old one goes, in one step', async () => {
    await using test = await open();
    const { folders } = test.stores;
    const inbox = await inboxOf(test, 2);
    const drafts = await folderId(folders, 'Drafts');
    const { uid } = await folders.replace(inbox, 1, drafts, mail({ flags: ['\\Draft'] }));
    assert.equal(uid, 1);
    assert.deepEqual(await uidsIn(folders, inbox), [2]);
    assert.deepEqual(await uidsIn(folders, drafts), [1]);
    const same = await folders.replace(drafts, 1, drafts, mail());
    assert.equal(same.uid, 2);
    assert.deepEqual(await uidsIn(folders, drafts), [2]);
    await assert.rejects(folders.replace(drafts, 2, 99_999, mail()), NoSuchFolderError);
    assert.deepEqual(await uidsIn(folders, drafts), [2]);
    assert.equal((await folders.replace(drafts, 77, drafts, mail())).uid, 3);
    await assertCounters(folders);
  });

  it('reads whole messages, in the order asked for, large ones from their files', async () => {
    await using test = await open();
    const { folders, spool } = test.stores;
    const inbox = await inboxOf(test);
    const writer = spool.create();
    await writer.write(Buffer.alloc(300_000, 'y'));
    const large = await writer.commit();
    await folders.append(inbox, [mail({ content: text('one') }), mail({ content: large })]);
    const opened = await folders.open(inbox, [2, 99, 1]);
    const read = await Promise.all(
      opened.map(async (content) =>
        content === undefined
          ? undefined
          : Buffer.concat(await collected(content.read())).toString(),
      ),
    );
    assert.deepEqual(read, ['y'.repeat(300_000), undefined, 'one']);
    assert.deepEqual(await folders.open(99_999, [1]), [undefined]);
  });
}

function testFlags(open: OpenTestStores): void {
  it('adds, removes and replaces; what did not change keeps its modseq', async () => {
    await using test = await open();
    const { folders } = test.stores;
    const inbox = await inboxOf(test, 4);
    const first = (await folders.folder(inbox))!.modseq;
    const added = await folders.store(inbox, [3, 1, 99, 1], {
      kind: 'add',
      flags: ['\\Seen', 'todo'],
    });
    assert.deepEqual(flagsOf(added.messages), [
      [1, 1, 'todo'],
      [3, 1, 'todo'],
    ]);
    assert.ok(added.modseq > first);
    const again = await folders.store(inbox, [1, 2], { kind: 'add', flags: ['\\seen', 'TODO'] });
    assert.equal(again.messages.modseq[0], added.modseq, '1 had them already');
    assert.equal(again.messages.modseq[1], again.modseq);
    const removed = await folders.store(inbox, [1], { kind: 'remove', flags: ['todo', '\\Draft'] });
    assert.deepEqual(flagsOf(removed.messages), [[1, 1, '']]);
    const replaced = await folders.store(inbox, [1], { kind: 'replace', flags: ['\\Deleted'] });
    assert.deepEqual(flagsOf(replaced.messages), [[1, 8, '']]);
    const none = await folders.store(inbox, [99], { kind: 'add', flags: ['\\Seen'] });
    assert.deepEqual([none.messages.length, none.modseq], [0, replaced.modseq]);
    await assertCounters(folders);
  });

  it('RFC 7162 §3.1.3: leaves alone what changed after UNCHANGEDSINCE', async () => {
    await using test = await open();
    const { folders } = test.stores;
    const inbox = await inboxOf(test, 3);
    const since = (await folders.folder(inbox))!.modseq;
    await folders.store(inbox, [2], { kind: 'add', flags: ['\\Flagged'] });
    const result = await folders.store(
      ...([inbox, [1, 2, 3, 99], { kind: 'add', flags: ['\\Seen'] }, since] as const),
    );
    assert.deepEqual(result.modified, [2]);
    assert.deepEqual(flagsOf(result.messages), [
      [1, 1, ''],
      [3, 1, ''],
    ]);
    const all = await folders.store(inbox, [1, 2], { kind: 'add', flags: ['\\Seen'] }, 0);
    assert.deepEqual([all.modified, all.messages.length], [[1, 2], 0]);
  });

  it('several changes are one: of all messages or of none, under one modseq', async () => {
    await using test = await open();
    const { folders } = test.stores;
    const inbox = await inboxOf(test, 2);
    await folders.store(inbox, [1], { kind: 'add', flags: ['\\Seen', 'old'] });
    const { modseq, messages } = await folders.store(
      inbox,
      [1, 2],
      [
        { kind: 'remove', flags: ['old', '\\Flagged'] },
        { kind: 'add', flags: ['new'] },
      ],
    );
    assert.deepEqual(flagsOf(messages), [
      [1, 1, 'new'],
      [2, 0, 'new'],
    ]);
    assert.deepEqual([...messages.modseq], [modseq, modseq]);
  });

  it('RFC 5530 LIMIT: more keywords than a message can have are refused, and nothing is half done', async () => {
    await using test = await open();
    const { folders } = test.stores;
    const inbox = await inboxOf(test, 3);
    const archive = await folderId(folders, 'Archive');
    const words = (count: number, name = 'k') => Array.from({ length: count }, (_, i) => name + i);
    await folders.store(inbox, [2], { kind: 'add', flags: words(64) });
    await folders.store(inbox, [3], { kind: 'add', flags: ['k'.repeat(255)] });
    const before = await folders.snapshot(inbox);
    const add = { kind: 'add', flags: ['\\Seen', 'one-more'] } as const;
    const refused = [
      () => folders.store(inbox, [1, 2, 3], add),
      () => folders.store(inbox, [1], { kind: 'replace', flags: words(65) }),
      () => folders.store(inbox, [3], { kind: 'replace', flags: words(65, 'a') }),
      () => folders.store(inbox, [1], { kind: 'add', flags: ['k'.repeat(256)] }),
      () =>
        folders.store(
          inbox,
          [2],
          [
            { kind: 'remove', flags: ['k1'] },
            { kind: 'add', flags: words(2, 'n') },
          ],
        ),
      () => folders.append(inbox, [mail(), mail({ flags: words(65) })]),
      () => folders.replace(inbox, 1, archive, mail({ flags: words(65) })),
    ];
    for (const each of refused) await assert.rejects(each, MailboxLimitError);
    assert.deepEqual(await folders.snapshot(inbox), before);
    assert.deepEqual(await uidsIn(folders, archive), []);
    // RFC 9051 §2.3.2: the same keyword in another case is no further one.
    await folders.store(inbox, [2], { kind: 'add', flags: ['K1', 'k63', '\\Seen'] });
    await folders.store(
      inbox,
      [2],
      [
        { kind: 'remove', flags: ['K1'] },
        { kind: 'add', flags: ['n'] },
      ],
    );
    const { target } = await folders.copy(inbox, [2], archive);
    const { messages } = (await folders.snapshot(archive))!;
    assert.equal(target.length, 1);
    assert.equal(flagsOf(messages)[0]?.[2].split(' ').length, 64);
    await assertCounters(folders);
  });

  it('two that race for the same UNCHANGEDSINCE: one of them wins', async () => {
    await using test = await open();
    const { folders } = test.stores;
    const inbox = await inboxOf(test, 1);
    const since = (await folders.folder(inbox))!.modseq;
    const results = await Promise.all(
      ['one', 'two'].map((word) =>
        folders.store(inbox, [1], { kind: 'add', flags: [word] }, since),
      ),
    );
    assert.deepEqual(results.map(({ modified }) => modified).sort(), [[], [1]]);
  });

  it('is the same for POP3 and delivery', async () => {
    await using test = await open();
    const { folders } = test.stores;
    const inbox = await inboxOf(test);
    await folders.deliver({
      ...{ account: ann, folder: 'INBOX', prefix: 'P: x\r\n' },
      ...mail({ flags: ['\\Deleted'] }),
    });
    await folders.deliver({ account: ann, folder: 'INBOX', prefix: '', ...mail() });
    await folders.store(inbox, [2], { kind: 'add', flags: ['\\Deleted', '\\Seen'] });
    await assertCounters(folders);
    assert.equal((await folders.folder(inbox))?.deleted, 2);
    await folders.removeMessages(inbox, [2]);
    await assertCounters(folders);
  });
}

function testExpunge(open: OpenTestStores): void {
  it('removes those with \\Deleted only, of all or of some', async () => {
    await using test = await open();
    const { folders } = test.stores;
    const inbox = await inboxOf(test, 5);
    const { modseq } = await folders.store(inbox, [1, 2, 4], { kind: 'add', flags: ['\\Deleted'] });
    const some = await folders.expunge(inbox, [4, 3, 2, 99]);
    assert.deepEqual(some.uids, [2, 4]);
    assert.ok(some.modseq > modseq);
    assert.deepEqual((await folders.expunge(inbox)).uids, [1]);
    const nothing = await folders.expunge(inbox);
    assert.deepEqual(nothing.uids, []);
    assert.equal(nothing.modseq, (await folders.folder(inbox))?.modseq);
    assert.deepEqual(await uidsIn(folders, inbox), [3, 5]);
    assert.deepEqual(await folders.expunge(99_999), { uids: [], modseq: 0 });
    await assertCounters(folders);
  });

  it('two that race remove each message once', async () => {
    await using test = await open();
    const { folders } = test.stores;
    const inbox = await inboxOf(test, 20);
    const all = await uidsIn(folders, inbox);
    await folders.store(inbox, all, { kind: 'add', flags: ['\\Deleted'] });
    const results = await Promise.all([
      folders.expunge(inbox, all.slice(0, 12)),
      folders.expunge(inbox, all.slice(6)),
      folders.expunge(inbox),
    ]);
    assert.deepEqual(
      results.flatMap(({ uids }) => uids),
      all,
    );
    await assertCounters(folders);
  });
}

function testCopies(open: OpenTestStores): void {
  it('RFC 4315 §3: copies with flags and dates, in UID order; what is gone is left out', async () => {
    await using test = await open();
    const { folders } = test.stores;
    const inbox = await inboxOf(test, 3);
    await folders.store(inbox, [3], { kind: 'add', flags: ['\\Seen', 'todo'] });
    const sent = await folderId(folders, 'Sent');
    await folders.append(sent, [mail()]);
    await test.clock.advance(99);
    const copied = await folders.copy(inbox, [3, 99, 1, 3], sent);
    assert.deepEqual(
      [copied.source, copied.target],
      [
        [1, 3],
        [2, 3],
      ],
    );
    const source = (await folders.snapshot(inbox))!.messages;
    const target = (await folders.snapshot(sent))!;
    assert.equal(copied.uidValidity, target.folder.uidValidity);
    assert.deepEqual(flagsOf(target.messages).slice(1), [
      [2, 0, ''],
      [3, 1, 'todo'],
    ]);
    // RFC 8474 §5.1: the same EMAILID.
    assert.deepEqual([...target.messages.email].slice(1), [source.email[0], source.email[2]]);
    assert.equal(target.messages.received[1], 5000);
    assert.equal(target.messages.saved[1], test.clock.now());
    assert.deepEqual(await folders.copy(inbox, [99], sent), {
      ...{ uidValidity: copied.uidValidity, source: [], target: [] },
    });
    await assert.rejects(folders.copy(inbox, [1], 99_999), NoSuchFolderError);
    await assertCounters(folders);
  });

  it('RFC 4314 §4: copies without flags that may not be set there', async () => {
    await using test = await open();
    const { folders } = test.stores;
    const inbox = await inboxOf(test, 2);
    const flags = ['\\Seen', '\\Deleted', 'todo'];
    await folders.store(inbox, [1, 2], { kind: 'add', flags });
    const sent = await folderId(folders, 'Sent');
    const options = { without: ['\\Deleted', 'todo', 'other'] };
    await folders.copy(inbox, [1], sent, options);
    await folders.move(inbox, [2], sent, options);
    const { messages } = (await folders.snapshot(sent))!;
    assert.deepEqual(flagsOf(messages), [
      [1, 1, ''],
      [2, 1, ''],
    ]);
    await assertCounters(folders);
  });

  it('copies within a folder', async () => {
    await using test = await open();
    const { folders } = test.stores;
    const inbox = await inboxOf(test, 2);
    const copied = await folders.copy(inbox, [1, 2], inbox);
    assert.deepEqual(copied.target, [3, 4]);
    const moved = await folders.move(inbox, [1, 3], inbox);
    assert.deepEqual(moved.target, [5, 6]);
    assert.deepEqual(await uidsIn(folders, inbox), [2, 4, 5, 6]);
    await assertCounters(folders);
  });

  it('RFC 6851: a move is both or neither; two that race move each message once', async () => {
    await using test = await open();
    const { folders } = test.stores;
    const inbox = await inboxOf(test, 10);
    const sent = await folderId(folders, 'Sent');
    const junk = await folderId(folders, 'Junk');
    await assert.rejects(folders.move(inbox, [1], 99_999), NoSuchFolderError);
    const all = await uidsIn(folders, inbox);
    const before = (await folders.folder(inbox))!.modseq;
    const results = await Promise.all([
      folders.move(inbox, all.slice(0, 7), sent),
      folders.move(inbox, all.slice(3), junk),
    ]);
    assert.deepEqual(
      results.map(({ source }) => source),
      [all.slice(0, 7), all.slice(7)],
    );
    assert.deepEqual(await uidsIn(folders, inbox), []);
    assert.deepEqual([...(await folders.changes(inbox, before))!.vanished], all);
    await assertCounters(folders);
  });

  it('content goes with the last message that shares it', async () => {
    await using test = await open();
    const { folders, spool } = test.stores;
    const inbox = await inboxOf(test);
    const sent = await folderId(folders, 'Sent');
    const writer = spool.create();
    await writer.write(Buffer.alloc(300_000, 'y'));
    const content = await writer.commit();
    await folders.append(inbox, [mail({ content })]);
    await folders.copy(inbox, [1], sent);
    await folders.store(inbox, [1], { kind: 'add', flags: ['\\Deleted'] });
    await folders.expunge(inbox);
    await folders.ensure(bob);
    const [left] = await folders.open(sent, [1]);
    assert.equal(Buffer.concat(await collected(left!.read())).length, 300_000);
    await folders.remove(ann, 'Sent');
    await folders.ensure('carol@example.org');
    await assert.rejects(collected(spool.open(content).read()));
  });
}

function testChanges(open: OpenTestStores): void {
  it('RFC 7162 §3.2.5: what is new, changed and gone since then, and no more', async () => {
    await using test = await open();
    const { folders } = test.stores;
    const inbox = await inboxOf(test, 5);
    const since = (await folders.folder(inbox))!.modseq;
    const none = (await folders.changes(inbox, since))!;
    assert.deepEqual([none.changed.length, none.vanished.length, none.complete], [0, 0, true]);
    await folders.append(inbox, [mail({ flags: ['fresh'] })]);
    await folders.store(inbox, [2, 3], { kind: 'add', flags: ['\\Deleted'] });
    await folders.expunge(inbox, [3]);
    const { folder, changed, vanished, complete } = (await folders.changes(inbox, since))!;
    assert.deepEqual(flagsOf(changed), [
      [2, 8, ''],
      [6, 0, 'fresh'],
    ]);
    assert.deepEqual([[...vanished], complete], [[3], true]);
    assert.deepEqual(folder, await folders.folder(inbox));
    const all = (await folders.changes(inbox, 0))!;
    assert.deepEqual([...all.changed.uid], await uidsIn(folders, inbox));
  });

  it('a read that follows an awaited write sees it', async () => {
    await using test = await open();
    const { folders } = test.stores;
    const inbox = await inboxOf(test);
    for (let i = 1; i <= 30; i += 1) {
      await folders.append(inbox, [mail()]);
      assert.equal((await folders.snapshot(inbox))!.messages.length, i);
    }
  });

  it('UIDs and modseqs only grow, whatever happens', async () => {
    await using test = await open();
    const { folders } = test.stores;
    const inbox = await inboxOf(test);
    const sent = await folderId(folders, 'Sent');
    let last = { uidNext: 0, modseq: 0 };
    const steps: (() => Promise<unknown>)[] = [
      () => folders.append(inbox, [mail(), mail()]),
      () => folders.store(inbox, [1], { kind: 'add', flags: ['\\Deleted'] }),
      () => folders.expunge(inbox),
      () => folders.append(inbox, [mail()]),
      () => folders.copy(inbox, [2, 3], inbox),
      () => folders.move(inbox, [2], sent),
      () => folders.move(sent, [1], inbox),
      () => folders.rename(ann, 'INBOX', 'old'),
      () => folders.append(inbox, [mail()]),
    ];
    for (const step of steps) {
      await step();
      const { uidNext, modseq } = (await folders.folder(inbox))!;
      assert.ok(uidNext >= last.uidNext && modseq > last.modseq);
      last = { uidNext, modseq };
    }
    const { messages, folder } = (await folders.snapshot(inbox))!;
    assert.ok(messages.modseq.every((modseq) => modseq <= folder.modseq));
  });
}

function testWatching(open: OpenTestStores): void {
  it('hears of each folder that changed, after readers can see it', async () => {
    await using test = await open();
    const { folders } = test.stores;
    const inbox = await inboxOf(test);
    const events: MailboxEvent[] = [];
    let heard = () => {};
    const stop = folders.watch((event) => {
      events.push(event);
      heard();
    });
    const next = async () => {
      while (events.length === 0)
        await new Promise<void>((resolve) => {
          heard = resolve;
        });
      return events.splice(0);
    };
    const messages: MailboxEvent = { kind: 'messages', folder: inbox, account: ann };
    await folders.append(inbox, [mail(), mail()]);
    assert.deepEqual(await next(), [messages]);
    await folders.deliver({ ...mail(), account: ann, folder: 'INBOX', prefix: '' });
    assert.deepEqual(await next(), [messages]);
    await folders.create(ann, 'new', undefined);
    assert.deepEqual(await next(), [{ kind: 'folders', account: ann }]);
    await folders.store(inbox, [1], { kind: 'add', flags: ['\\Seen'] });
    assert.deepEqual(await next(), [messages]);
    const sent = await folderId(folders, 'Sent');
    await folders.move(inbox, [1], sent);
    assert.equal((await next()).length, 2);
    await folders.store(inbox, [99], { kind: 'add', flags: ['\\Seen'] });
    stop();
    await folders.append(inbox, [mail()]);
    await folders.usage(ann);
    assert.deepEqual(events, [], 'nothing changed; nobody listens');
  });
}

function testSharing(open: OpenTestStores): void {
  it('RFC 4314: rights by identifier; what is shared with somebody is found', async () => {
    await using test = await open();
    const { folders } = test.stores;
    const inbox = await inboxOf(test);
    const sent = await folderId(folders, 'Sent');
    await folders.setAcl(inbox, bob, 'lrs');
    await folders.setAcl(inbox, `-${bob}`, 's');
    await folders.setAcl(sent, 'anyone', 'lr');
    await folders.setAcl(sent, bob, 'l');
    await folders.setAcl(sent, bob, '');
    assert.deepEqual(
      [...(await folders.acl(inbox))],
      [
        [`-${bob}`, 's'],
        [bob, 'lrs'],
      ],
    );
    const shared = async (...identifiers: string[]) =>
      (await folders.sharedWith(identifiers)).map(({ path }) => path);
    assert.deepEqual(await shared(bob, 'anyone'), ['INBOX', 'Sent']);
    assert.deepEqual(await shared(bob), ['INBOX']);
    assert.deepEqual(await shared(ann, 'anyone'), [], 'not one’s own');
    assert.deepEqual(await shared(), []);
    await assert.rejects(folders.setAcl(99_999, bob, 'l'), NoSuchFolderError);
    // RFC 4314 §4: a new folder has the list of the one above it, one made along with it too.
    const { id } = await folders.create(ann, 'INBOX/a/b', undefined);
    const between = await folders.find(ann, 'INBOX/a');
    for (const made of [id, between!.id])
      assert.deepEqual([...(await folders.acl(made))], [...(await folders.acl(inbox))]);
    await folders.remove(ann, 'Sent');
    assert.deepEqual(await shared('anyone'), []);
  });

  it('RFC 5464: annotations of folders and accounts, within limits', async () => {
    await using test = await open();
    const { folders } = test.stores;
    const inbox = await inboxOf(test);
    const comment = Uint8Array.of(0, 255, 10);
    await folders.annotate(ann, inbox, new Map([['/private/comment', comment]]));
    await folders.annotate(
      ...([
        ann,
        undefined,
        new Map([
          ['/shared/a', comment],
          ['/shared/b', comment],
        ]),
      ] as const),
    );
    await folders.annotate(ann, undefined, new Map([['/shared/a', undefined]]));
    assert.deepEqual([...(await folders.annotations(ann, inbox))], [['/private/comment', comment]]);
    assert.deepEqual([...(await folders.annotations(ann, undefined)).keys()], ['/shared/b']);
    const large = new Map([
      ['/private/x', Buffer.from('x')],
      ['/private/large', Buffer.alloc(2_000_000)],
    ]);
    await assert.rejects(folders.annotate(ann, inbox, large), MailboxLimitError);
    const many = new Map(
      Array.from({ length: 5000 }, (_, i) => [`/private/${i}`, Buffer.from('x')] as const),
    );
    await assert.rejects(folders.annotate(ann, inbox, many), MailboxLimitError);
    assert.equal((await folders.annotations(ann, inbox)).size, 1, 'all of it or nothing');
  });
}
