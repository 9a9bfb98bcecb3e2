// What every FolderStore must do with folders: make, find, rename and remove them. A part of its conformance suite.

import assert from 'node:assert/strict';
import { it } from 'node:test';
import { FolderExistsError, MailboxLimitError, NoSuchFolderError } from '../folder-errors.ts';
import {
  ann,
  assertCounters,
  bob,
  flagsOf,
  folderId,
  inboxOf,
  mail,
  paths,
  uidsIn,
} from './folder-harness.ts';
import type { OpenTestStores } from './harness.ts';

export function testFolders(open: OpenTestStores): void {
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
    await folders.setAcl(shared, `-${ann}`, 's');
    await folders.setAcl(shared, `${ann}.au`, 'l');
    await folders.removeAll(ann);
    assert.deepEqual([...(await folders.acl(shared))], [[`${ann}.au`, 'l']]);
    assert.equal(await folders.folder(inbox), undefined);
    await folders.ensure(ann);
    assert.deepEqual(await folders.subscriptions(ann), await paths(folders));
    assert.equal((await folders.annotations(ann, undefined)).size, 0);
    assert.deepEqual(await folders.sharedWith([ann]), []);
    assert.equal((await folders.usage(ann)).messages, 0);
  });
}

export function testRenaming(open: OpenTestStores): void {
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
