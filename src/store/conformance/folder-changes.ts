// What every FolderStore must tell of what changed in a folder, and to whoever watches. A part of its conformance suite.

import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { MailboxEvent } from '../folder-store.ts';
import { ann, flagsOf, folderId, inboxOf, mail, uidsIn } from './folder-harness.ts';
import type { OpenTestStores } from './harness.ts';

export function testChanges(open: OpenTestStores): void {
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
    // RFC 7162 §3.2.6: 0 is no mod-sequence, but clients send it for all that there was.
    assert.deepEqual([...(await folders.changes(inbox, 0))!.vanished], [3]);
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

export function testWatching(open: OpenTestStores): void {
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

  it('RFC 7162 §3.1: changes of one message at the same moment have a modseq each, and what each leaves', async () => {
    await using test = await open();
    const { folders } = test.stores;
    const inbox = await inboxOf(test, 1);
    const flags = ['\\Seen', '\\Flagged', 'one', '\\Answered'];
    const stored = await Promise.all(
      flags.map((flag) => folders.store(inbox, [1], { kind: 'add', flags: [flag] })),
    );
    const modseqs = stored.map(({ messages }) => messages.modseq[0]!);
    assert.equal(new Set(modseqs).size, flags.length);
    const { folder, messages } = (await folders.snapshot(inbox))!;
    assert.equal(messages.modseq[0], Math.max(...modseqs));
    assert.equal(folder.modseq, Math.max(...modseqs));
  });

  it('meanwhile says of a folder what it is now, whoever asked while it changed', async () => {
    await using test = await open();
    const { folders } = test.stores;
    const inbox = await inboxOf(test, 3);
    const sent = await folderId(folders, 'Sent');
    const stop = folders.watch(() => {});
    const changes: readonly (() => Promise<unknown>)[] = [
      () => folders.append(inbox, [mail(), mail()]),
      () => folders.deliver({ ...mail(), account: ann, folder: 'INBOX', prefix: '' }),
      () => folders.store(inbox, [1], { kind: 'add', flags: ['\\Deleted'] }),
      () => folders.leaveRecent(inbox, 4),
      () => folders.copy(inbox, [2], sent),
      () => folders.move(inbox, [3], sent),
      () => folders.replace(sent, 1, inbox, mail()),
      () => folders.expunge(inbox),
      () => folders.removeMessages(inbox, [2]),
      () => folders.create(ann, 'Sent/old', undefined),
      () => folders.rename(ann, 'Sent', 'Given'),
      () => folders.rename(ann, 'INBOX', 'Before'),
      () => folders.remove(ann, 'Given/old'),
    ];
    for (const [i, change] of changes.entries()) {
      await Promise.all([folders.folder(inbox), folders.folder(sent)]);
      await Promise.all([change(), folders.folder(inbox), folders.folder(sent)]);
      const all = await folders.folders(ann);
      for (const id of [inbox, sent])
        assert.deepEqual(
          await folders.folder(id),
          all.find((each) => each.id === id),
          `change ${i}`,
        );
    }
    await folders.remove(ann, 'Given');
    assert.equal(await folders.folder(sent), undefined);
    stop();
  });
}
