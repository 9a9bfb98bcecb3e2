// What the embedded store adds to the suite of folders: crashes and full disks, other processes, what
// is forgotten of very many expunges, a reader that stops.

import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { describe, it } from 'node:test';
import { FakeClock } from '../../../base/fake-clock.ts';
import { silentLog } from '../../../base/log.ts';
import { StorageError } from '../../../smtp/smtp-error.ts';
import { text } from '../../conformance/harness.ts';
import type { FolderStore, MailboxEvent } from '../../folder-store.ts';
import type { Stores } from '../../stores.ts';
import type { SqliteStoresOptions } from '../stores.ts';
import { MemoryDisk, openSqliteStores } from '../stores.ts';
import { temporaryDirectory } from '../test-stores.ts';
import type { Fault } from '../transport.ts';
import { StoreCrashedError } from '../transport.ts';

const ann = 'ann@example.org';
const mail = (body = 'x') => ({ content: text(`\r\n${body}`), flags: [], received: 0 });

const open = (options: Partial<SqliteStoresOptions> = {}): Promise<Stores> =>
  openSqliteStores({ directory: ':memory:', clock: new FakeClock(), log: silentLog, ...options });

async function foldersOf(folders: FolderStore): Promise<{ inbox: number; sent: number }> {
  await folders.ensure(ann);
  const [inbox, sent] = await Promise.all(
    ['INBOX', 'Sent'].map(async (path) => (await folders.find(ann, path))!.id),
  );
  return { inbox: inbox!, sent: sent! };
}

const countIn = async (folders: FolderStore, folder: number) =>
  (await folders.snapshot(folder))!.messages.length;

describe('crash points', () => {
  /** A store that fails at the next such operation, with two messages in INBOX. */
  async function faulty(fault: Fault, operation: string) {
    const disk = new MemoryDisk();
    let armed = false;
    const stores = await open({
      disk,
      faults(operations) {
        if (!armed || !operations.includes(operation)) return undefined;
        armed = false;
        return fault;
      },
    });
    const ids = await foldersOf(stores.folders);
    await stores.folders.append(ids.inbox, [mail(), mail()]);
    armed = true;
    return { disk, stores, ...ids };
  }

  for (const [fault, added] of [
    ['crash-before', 0],
    ['crash-after', 3],
  ] as const) {
    it(`${fault} of an append: all of it or nothing`, async () => {
      const { disk, stores, inbox } = await faulty(fault, 'appendMails');
      const append = stores.folders.append(inbox, [mail(), mail(), mail()]);
      await assert.rejects(append, StoreCrashedError);
      await assert.rejects(stores.folders.snapshot(inbox), StoreCrashedError);
      await using next = await open({ disk });
      assert.equal(await countIn(next.folders, inbox), 2 + added);
      const { uids } = await next.folders.append(inbox, [mail()]);
      assert.deepEqual(uids, [3 + added]);
    });

    it(`${fault} of a move: each message is in one place`, async () => {
      const { disk, stores, inbox, sent } = await faulty(fault, 'moveMails');
      await assert.rejects(stores.folders.move(inbox, [1, 2], sent), StoreCrashedError);
      await using next = await open({ disk });
      const counts = [await countIn(next.folders, inbox), await countIn(next.folders, sent)];
      assert.deepEqual(counts, added === 0 ? [2, 0] : [0, 2]);
    });
  }

  it('a disk that is full once: nothing of it is there, and it can be told again', async () => {
    const { stores, inbox } = await faulty('full', 'appendMails');
    await using _ = stores;
    const events: MailboxEvent[] = [];
    stores.folders.watch((event) => events.push(event));
    await assert.rejects(stores.folders.append(inbox, [mail()]), StorageError);
    assert.equal(await countIn(stores.folders, inbox), 2);
    assert.deepEqual(events, []);
    assert.deepEqual((await stores.folders.append(inbox, [mail()])).uids, [3]);
  });

  it('one refusal in a batch does not take the others’ changes back', async () => {
    await using stores = await open();
    const { inbox } = await foldersOf(stores.folders);
    const results = await Promise.allSettled(
      Array.from({ length: 30 }, (_, i) =>
        i % 2 === 0
          ? stores.folders.append(inbox, [mail()])
          : stores.folders.append(99_999, [mail()]),
      ),
    );
    assert.equal(results.filter(({ status }) => status === 'fulfilled').length, 15);
    assert.equal(await countIn(stores.folders, inbox), 15);
  });
});

describe('other processes', () => {
  it('what they change is noticed within about a second, while somebody watches', async () => {
    const directory = await temporaryDirectory();
    try {
      const clock = new FakeClock();
      await using server = await open({ directory, clock });
      const { inbox } = await foldersOf(server.folders);
      await using command = await open({ directory, clock, exclusive: false });
      const events: MailboxEvent[] = [];
      const stop = server.folders.watch((event) => events.push(event));
      // The first look was asked of the store's thread, which answers in order: it is over, and the next one has its time.
      await server.records.get('nothing', 'of it');
      await command.folders.append(inbox, [mail()]);
      assert.equal(await countIn(server.folders, inbox), 1, 'readers see it at once');
      await clock.advance(1000);
      while (events.length === 0) await new Promise((resolve) => setImmediate(resolve));
      assert.deepEqual(events, [{ kind: 'unknown' }]);
      stop();
    } finally {
      await rm(directory, { recursive: true });
    }
  });
});

describe('closing', () => {
  it('a search that has much to read first keeps nobody waiting', async () => {
    const directory = await temporaryDirectory();
    try {
      const stores = await open({ directory });
      const { inbox } = await foldersOf(stores.folders);
      const many = Array.from({ length: 2000 }, () => mail('word '.repeat(400)));
      await stores.folders.append(inbox, many);
      const search = stores.folders.search(inbox, { kind: 'text', text: 'word' });
      assert.equal(await countIn(stores.folders, inbox), 2000, 'answered meanwhile');
      const rejected = assert.rejects(search, StorageError);
      await stores[Symbol.asyncDispose]();
      await rejected;
      await using next = await open({ directory });
      assert.equal((await next.folders.search(inbox, { kind: 'text', text: 'word' })).length, 2000);
    } finally {
      await rm(directory, { recursive: true });
    }
  });
});

describe('very many expunges', () => {
  it('RFC 7162 §3.2.5.2: the oldest are forgotten, and it says so', async () => {
    const disk = new MemoryDisk();
    await using stores = await open({ disk });
    const { folders } = stores;
    const { inbox } = await foldersOf(folders);
    await folders.append(inbox, [mail(), mail(), mail(), mail()]);
    const uids = [...(await folders.snapshot(inbox))!.messages.uid];
    await folders.store(inbox, uids, { kind: 'add', flags: ['\\Deleted'] });
    const start = (await folders.folder(inbox))!.modseq;
    const first = await folders.expunge(inbox, uids.slice(0, 2));
    assert.equal((await folders.changes(inbox, start))!.complete, true);
    // As many more as are remembered, a moment later.
    disk.database
      .prepare(
        `WITH RECURSIVE n (uid) AS (SELECT 1000 UNION ALL SELECT uid + 1 FROM n LIMIT 109998)
         INSERT INTO expunged (folder, modseq, uid) SELECT ?, ?, uid FROM n`,
      )
      .run(inbox, first.modseq + 1);
    disk.database.prepare('UPDATE folder SET expunges = 110000 WHERE id = ?').run(inbox);
    const second = await folders.expunge(inbox, uids.slice(2));
    const since = async (modseq: number) => {
      const { complete, vanished } = (await folders.changes(inbox, modseq))!;
      return [complete, vanished.length];
    };
    assert.deepEqual(await since(start), [false, 110_000]);
    assert.deepEqual(await since(first.modseq), [true, 110_000]);
    assert.deepEqual(await since(second.modseq), [true, 0]);
    disk.database.close();
  });
});
