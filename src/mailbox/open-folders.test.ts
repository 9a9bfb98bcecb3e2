import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FolderModel } from '../../test/simulation/folder-model.ts';
import { rowBytes } from './folder-rows.ts';
import { OpenFolders } from './open-folders.ts';

const account = 'ann@example.org';
const mail = {
  content: { kind: 'inline' as const, bytes: Buffer.from('Subject: x\r\n\r\n') },
  flags: [],
  received: 0,
};

async function start(warmBytesMax?: number) {
  const store = new FolderModel();
  const ids: number[] = [];
  for (const path of ['a', 'b', 'c']) {
    const { id } = await store.create(account, path, undefined);
    await store.append(id, [mail, mail]);
    ids.push(id);
  }
  const reads = { snapshots: 0, changes: 0 };
  const counted = new Proxy(store, {
    get(target, key: keyof FolderModel) {
      if (key === 'snapshot') reads.snapshots += 1;
      if (key === 'changes') reads.changes += 1;
      const found = target[key];
      return typeof found === 'function' ? found.bind(target) : found;
    },
  });
  const folders = new OpenFolders(counted, warmBytesMax);
  return { store, folders, reads, ids: ids as [number, number, number] };
}

describe('OpenFolders', () => {
  it('reads a folder once, however many open it', async () => {
    const { folders, reads, ids } = await start();
    const opened = await Promise.all([folders.open(ids[0]), folders.open(ids[0])]);
    assert.equal(opened[0], opened[1]);
    assert.equal(reads.snapshots, 1);
  });

  it('RFC 3501 §2.3.2: what sessions of another node were told of is not recent here', async () => {
    const { store, folders, ids } = await start();
    const folder = (await folders.open(ids[0]))!;
    await store.append(ids[0], [mail]);
    await store.leaveRecent(ids[0], 3);
    await folder.refresh();
    assert.equal(folder.takeRecent(), 3);
  });

  it('RFC 3501 §2.3.2: one session takes what is recent, whether or not the store has heard of it', async () => {
    const { store, folders, ids } = await start();
    const facts = (await store.folder(ids[0]))!;
    const heard: [number, number][] = [];
    store.leaveRecent = async (...mark) => {
      heard.push(mark);
      throw new Error('the disk is full');
    };
    const folder = (await folders.open(ids[0]))!;
    assert.equal(folders.recentFrom(facts), 1);
    assert.equal(folder.takeRecent(), 1);
    assert.equal(folder.takeRecent(), 3, 'the next one gets nothing');
    assert.equal(folders.recentFrom(facts), 3);
    await store.append(ids[0], [mail]);
    await folder.refresh();
    assert.equal(folder.takeRecent(), 3);
    assert.equal(folder.takeRecent(), 4);
    folders.close(folder);
    assert.equal((await folders.open(ids[0]))!.takeRecent(), 4, 'as long as it is warm');
    assert.deepEqual(heard, [
      [ids[0], 3],
      [ids[0], 4],
    ]);
  });

  it('reads what changed once for all who listen, and tells each', async () => {
    const { store, folders, reads, ids } = await start();
    const folder = (await folders.open(ids[0]))!;
    let told = 0;
    const stop = folder.listen(() => {
      told += 1;
    });
    folder.listen(() => {
      told += 1;
    });
    await store.append(ids[0], [mail]);
    await folder.refresh();
    await folder.current();
    assert.equal(folder.rows.length, 3);
    assert.equal(told, 2);
    assert.ok(reads.changes <= 2);
    stop();
    await store.append(ids[0], [mail]);
    await folder.refresh();
    assert.equal(told, 3);
  });

  it('keeps a closed folder warm, and up to date when it is opened again', async () => {
    const { store, folders, reads, ids } = await start();
    folders.close((await folders.open(ids[0]))!);
    await store.append(ids[0], [mail]);
    const again = (await folders.open(ids[0]))!;
    assert.equal(again.rows.length, 3);
    assert.equal(reads.snapshots, 1);
  });

  it('lets go of what was not used for longest, never of what is open', async () => {
    const { folders, ids } = await start(20 * rowBytes);
    const first = (await folders.open(ids[0]))!;
    for (const id of ids.slice(1)) folders.close((await folders.open(id))!);
    assert.equal(folders.size, 2);
    assert.equal(await folders.open(ids[0]), first);
  });

  it('finds everything changed when expunges are no longer remembered', async () => {
    const { store, folders, ids } = await start();
    const folder = (await folders.open(ids[0]))!;
    await store.store(ids[0], [1], { kind: 'add', flags: ['\\Deleted'] });
    await store.expunge(ids[0]);
    store.forgottenBefore = Number.POSITIVE_INFINITY;
    await folder.refresh();
    assert.deepEqual([...folder.rows.uids], [2]);
  });

  it('is told of a folder that is deleted', async () => {
    const { store, folders, ids } = await start();
    const folder = (await folders.open(ids[0]))!;
    await store.remove(account, 'a');
    await folder.refresh();
    assert.ok(folder.gone);
    assert.equal(folder.rows.length, 0);
    assert.equal(await folders.open(ids[0]), undefined);
  });

  it('has nothing of what there is not', async () => {
    const { folders } = await start();
    assert.equal(await folders.open(99), undefined);
    assert.equal(folders.size, 0);
  });
});
