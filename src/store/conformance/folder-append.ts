// What every FolderStore must do with messages that are put into a folder. A part of its conformance suite.

import assert from 'node:assert/strict';
import { it } from 'node:test';
import { NoSuchFolderError, OverQuotaError } from '../folder-errors.ts';
import { ann, assertCounters, flagsOf, folderId, inboxOf, mail, uidsIn } from './folder-harness.ts';
import type { OpenTestStores } from './harness.ts';
import { collected, text } from './harness.ts';

export function testAppend(open: OpenTestStores): void {
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
