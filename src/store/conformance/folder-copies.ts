// What every FolderStore must do with messages that are copied and moved. A part of its conformance suite.

import assert from 'node:assert/strict';
import { it } from 'node:test';
import { StorageError } from '../../smtp/smtp-error.ts';
import { NoSuchFolderError } from '../folder-errors.ts';
import {
  ann,
  assertCounters,
  bob,
  flagsOf,
  folderId,
  inboxOf,
  mail,
  uidsIn,
} from './folder-harness.ts';
import type { OpenTestStores } from './harness.ts';
import { collected, readUntilGone } from './harness.ts';

export function testCopies(open: OpenTestStores): void {
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
    await assert.rejects(readUntilGone(spool, content), StorageError);
  });
}
