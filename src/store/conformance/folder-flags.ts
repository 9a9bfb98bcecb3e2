// What every FolderStore must do with flags, and with messages that are marked as deleted. A part of its conformance suite.

import assert from 'node:assert/strict';
import { it } from 'node:test';
import { MailboxLimitError } from '../folder-errors.ts';
import { ann, assertCounters, flagsOf, folderId, inboxOf, mail, uidsIn } from './folder-harness.ts';
import type { OpenTestStores } from './harness.ts';

export function testFlags(open: OpenTestStores): void {
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

export function testExpunge(open: OpenTestStores): void {
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
