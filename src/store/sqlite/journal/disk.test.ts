// The journal's files on a real disk: what is flushed when, what a disk that takes less than it was given leads to, and
// what is left behind of what failed.

import assert from 'node:assert/strict';
import fs, { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import promises, { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { recordSyncs } from '../../files/test-syncs.ts';
import { journalDirectory } from './disk.ts';
import type { JournalFile } from './file.ts';

const onLinux = { skip: process.platform !== 'linux' };
const head = Buffer.alloc(4096, 'head');

async function setUp(t: TestContext) {
  const above = await mkdtemp(join(tmpdir(), 'postrider-journal-'));
  t.after(() => rm(above, { recursive: true }));
  const path = join(above, 'journal');
  return { above, path, directory: journalDirectory(path) };
}

/** Until the test ends `name` of node:fs is `other`. */
function instead(t: TestContext, name: 'writev', other: unknown): void {
  const { mock } = t.mock.method(fs, name, other as typeof fs.writev);
  syncBuiltinESMExports();
  t.after(() => {
    mock.restore();
    syncBuiltinESMExports();
  });
}

const written = (file: JournalFile, ...pieces: Buffer[]) =>
  new Promise<Error | undefined>((resolve) => file.write(pieces, 4096, resolve));

/** The descriptors that this process has of a file. */
const descriptorsOf = (path: string): readonly string[] =>
  readdirSync('/proc/self/fd').filter((descriptor) => {
    try {
      return readlinkSync(`/proc/self/fd/${descriptor}`) === path;
    } catch {
      return false; // that of the listing itself
    }
  });

describe('files of the journal', () => {
  it(
    'a new one and its name are on the disk before it is used; so is what is written',
    onLinux,
    async (t) => {
      const { above, path, directory } = await setUp(t);
      const synced = await recordSyncs(t);
      const file = await directory.create('a', head, 65_536);
      assert.deepEqual(synced, [above, join(path, 'a.new'), path]);
      const [descriptor] = descriptorsOf(join(path, file.name));
      const [, flags = ''] = /^flags:\t(\d+)$/m.exec(
        readFileSync(`/proc/self/fdinfo/${descriptor}`, 'latin1'),
      )!;
      assert.equal(Number.parseInt(flags, 8) & fs.constants.O_DSYNC, fs.constants.O_DSYNC);
      await file.close();
    },
  );

  it('is as long as was asked, with its head, and zeros behind it', async (t) => {
    const { directory } = await setUp(t);
    for (const size of [65_536, 3 * 2 ** 20 + 4096]) {
      const file = await directory.create(`of-${size}`, head, size);
      assert.equal(file.size, size);
      assert.deepEqual(await file.read(0, 4096), head);
      const rest = await file.read(4096, size);
      assert.equal(rest.length, size - 4096);
      assert.ok(rest.every((octet) => octet === 0));
      await file.close();
    }
  });

  it('is begun where the file system does not say how much room it has', async (t) => {
    const { directory } = await setUp(t);
    const { mock } = t.mock.method(promises, 'statfs', async () => ({
      bsize: 0,
      blocks: 0,
      bavail: 0,
    }));
    syncBuiltinESMExports();
    const made = directory.create('a', head, 65_536);
    const file = await made.finally(() => {
      mock.restore();
      syncBuiltinESMExports();
    });
    await file.close();
  });

  it('a disk that takes little at a time gets all of it; one that takes nothing is a failure', async (t) => {
    const { directory } = await setUp(t);
    const file = await directory.create('a', head, 65_536);
    const pieces = [Buffer.alloc(7, 'a'), Buffer.alloc(3, 'b'), Buffer.alloc(100, 'c')];
    const { writev } = fs;
    let taking = 5;
    type Writing = Parameters<typeof writev>;
    instead(t, 'writev', (...[descriptor, given, position, callback]: Writing) => {
      if (taking === 0) return process.nextTick(callback, null, 0, given);
      const some = Buffer.concat(given as readonly Buffer[]).subarray(0, taking);
      return writev(descriptor, [some], position, callback);
    });
    assert.equal(await written(file, ...pieces), undefined);
    const expected = Buffer.concat([...pieces, Buffer.alloc(1)]);
    assert.deepEqual(await file.read(4096, expected.length), expected);
    taking = 0;
    assert.match(String(await written(file, ...pieces)), /a\.journal: nothing could be written/);
    await file.close();
  });

  it('what the disk says is what the writer is told', async (t) => {
    const { directory } = await setUp(t);
    const file = await directory.create('a', head, 65_536);
    const broken = Object.assign(new Error('EIO'), { errno: -constants.errno.EIO });
    instead(t, 'writev', (...[, pieces, , callback]: Parameters<typeof fs.writev>) =>
      process.nextTick(callback, broken, 0, pieces),
    );
    assert.equal(await written(file, Buffer.alloc(1)), broken);
    await file.close();
  });

  it(
    'one that was removed is gone, and so are what could not be finished and what a crash left of that',
    onLinux,
    async (t) => {
      const { path, directory } = await setUp(t);
      const file = await directory.create('a', head, 65_536);
      await directory.remove(file);
      assert.equal(existsSync(join(path, 'a.journal')), false);
      assert.deepEqual(descriptorsOf(`${join(path, 'a.journal')} (deleted)`), []);
      const { mock } = t.mock.method(promises, 'rename', async () => {
        throw new Error('EIO');
      });
      syncBuiltinESMExports();
      await assert.rejects(directory.create('b', head, 65_536), /EIO/);
      mock.restore();
      syncBuiltinESMExports();
      assert.deepEqual(readdirSync(path), []);
      await writeFile(join(path, 'c.new'), 'half of it');
      assert.deepEqual(await directory.open(), []);
      assert.deepEqual(readdirSync(path), []);
    },
  );

  it('a directory that is not there has none; one that cannot be read is no such', async (t) => {
    const { path, directory } = await setUp(t);
    assert.deepEqual(await directory.open(), []);
    await writeFile(path, 'a file in its place');
    await assert.rejects(directory.open(), { code: 'ENOTDIR' });
  });
});
