// What files add to the suite of conformance/spool.ts: failing disks, order of syncs, bounded memory,
// and what is left after a crash.

import assert from 'node:assert/strict';
import {
  mkdtemp,
  open,
  readdir,
  readFile,
  rename,
  rm,
  truncate,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { StorageError } from '../../smtp/smtp-error.ts';
import { collected } from '../conformance/harness.ts';
import { testSpool } from '../conformance/spool.ts';
import { ContentError, inlineBytesMax } from '../content.ts';
import { makeDirectory } from './directory.ts';
import { MemorySpool } from './memory-spool.ts';
import type { FileSpoolOptions } from './spool.ts';
import { FileSpool } from './spool.ts';
import type { SpoolFile } from './spool-memory.ts';
import { recordSyncs } from './test-syncs.ts';

async function openSpool(options: Partial<FileSpoolOptions> = {}) {
  const directory = await mkdtemp(join(tmpdir(), 'postrider-spool-'));
  const spool = new FileSpool({ directory, ...options });
  return {
    directory,
    spool,
    files: async () => (await readdir(directory)).length,
    async [Symbol.asyncDispose]() {
      await spool[Symbol.asyncDispose]();
      await rm(directory, { recursive: true });
    },
  };
}

testSpool('files', openSpool);
testSpool('files, read back from the disk', () => openSpool({ recentBytesMax: 0 }));
testSpool('files, when memory is short', async () =>
  Object.assign(await openSpool({ memoryBytesMax: 0 }), { memoryIsShort: true }),
);
testSpool('memory', async () => {
  const spool = new MemorySpool();
  return { spool, files: async () => spool.files, [Symbol.asyncDispose]: async () => {} };
});

/** A disk that fails: each step may throw, and all of them are written down. */
function faultyFiles(fail: (step: string, count: number) => Error | undefined) {
  const steps: string[] = [];
  const step = (name: string) => {
    steps.push(name);
    const error = fail(name, steps.filter((other) => other === name).length);
    if (error !== undefined) throw error;
  };
  const openFile = async (path: string): Promise<SpoolFile> => {
    step('open');
    const file = await open(path, 'wx');
    return {
      async write(bytes, offset, length, position) {
        step('write');
        // A disk may take less than it is given.
        return file.write(bytes, offset, Math.ceil(length / 3), position);
      },
      async datasync() {
        step('datasync');
        await file.datasync();
      },
      async close() {
        step('close');
        await file.close();
      },
    };
  };
  return { steps, openFile };
}

const noSpace = Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' });
const large = Buffer.alloc(400_000, 'x');

describe('FileSpool', () => {
  it('syncs and closes the file before commit resolves', async () => {
    const { steps, openFile } = faultyFiles(() => undefined);
    await using test = await openSpool({ openFile });
    const writer = test.spool.create();
    await writer.write(large);
    const stored = await writer.commit();
    assert.deepEqual([steps[0], ...steps.slice(-2)], ['open', 'datasync', 'close']);
    const read: Uint8Array[] = [];
    for await (const piece of test.spool.open(stored).read()) read.push(piece);
    assert.equal(Buffer.compare(Buffer.concat(read), large), 0);
  });

  const onLinux = {
    skip: process.platform !== 'linux' && 'the kernel does not say what was flushed',
  };
  it('a file and its name are on the disk before commit resolves', onLinux, async (t) => {
    await using test = await openSpool();
    const writer = test.spool.create();
    await writer.write(large);
    const synced = await recordSyncs(t);
    const stored = await writer.commit();
    assert.ok(stored.kind === 'file');
    assert.deepEqual(synced, [join(test.directory, stored.key), test.directory]);
  });

  it(
    'goes on when its directory was removed, and syncs the one that bears the name',
    onLinux,
    async (t) => {
      await using test = await openSpool();
      const store = () => test.spool.store(large);
      await store();
      await rename(test.directory, `${test.directory}.old`);
      const [first, second] = await Promise.all([store(), store()]);
      assert.deepEqual([first.kind, second.kind, await test.files()], ['file', 'file', 2]);
      const synced = await recordSyncs(t);
      await store();
      assert.equal(synced.at(-1), test.directory);
      await rm(`${test.directory}.old`, { recursive: true });
    },
  );

  it(
    'a directory is there after a power failure when makeDirectory resolves',
    onLinux,
    async (t) => {
      await using test = await openSpool();
      const synced = await recordSyncs(t);
      await makeDirectory(join(test.directory, 'a/b'));
      assert.deepEqual(synced, [join(test.directory, 'a'), test.directory]);
    },
  );

  for (const [failing, at] of [
    ['open', 1],
    ['write', 1],
    ['write', 7],
    ['datasync', 1],
  ] as const)
    it(`disk full at ${failing} ${at}: StorageError, and nothing is left`, async () => {
      const { openFile } = faultyFiles((step, count) =>
        step === failing && count === at ? noSpace : undefined,
      );
      await using test = await openSpool({ openFile });
      const writer = test.spool.create();
      await assert.rejects(async () => {
        for (let i = 0; i < 5; i += 1) await writer.write(large);
        await writer.commit();
      }, StorageError);
      await writer.abort();
      assert.equal(await test.files(), 0);
      const next = test.spool.create();
      await next.write(large);
      assert.equal((await next.commit()).kind, 'file', 'there is room again');
    });

  it('a write that failed unseen fails the commit, and leaves nothing', async () => {
    const { openFile } = faultyFiles((step) => (step === 'write' ? noSpace : undefined));
    await using test = await openSpool({ openFile });
    const writer = test.spool.create();
    assert.equal(writer.write(Buffer.alloc(150_000)), undefined);
    await assert.rejects(writer.commit(), StorageError);
    assert.equal(await test.files(), 0);
  });

  it('disk full: told to the write that waits, and at once to those that follow', async () => {
    const { openFile } = faultyFiles((step) => (step === 'write' ? noSpace : undefined));
    await using test = await openSpool({ openFile });
    const writer = test.spool.create();
    await assert.rejects(async () => writer.write(large), StorageError);
    assert.throws(() => void writer.write(Buffer.alloc(1)), StorageError);
    await writer.abort();
  });

  it('disk full: what was in memory already fails for nobody but who writes', async (t) => {
    const unhandled = t.mock.fn();
    process.on('unhandledRejection', unhandled);
    t.after(() => process.off('unhandledRejection', unhandled));
    for (const failing of ['open', 'write']) {
      const { openFile } = faultyFiles((step) => (step === failing ? noSpace : undefined));
      await using test = await openSpool({ openFile, relayedBytesMax: 1_000_000 });
      const writer = test.spool.create({ relayed: true });
      for (let i = 0; i < 15; i += 1) await writer.write(Buffer.alloc(64_000));
      await assert.rejects(async () => writer.write(Buffer.alloc(64_000)), StorageError);
      await writer.abort();
      await setImmediate();
    }
    assert.equal(unhandled.mock.callCount(), 0);
  });

  it('a key leads nowhere but into its folder', async () => {
    await using test = await openSpool();
    for (const key of ['../x', '', 'x'.repeat(65)])
      assert.throws(() => test.spool.open({ kind: 'file', key, size: 1 }), /plain file name/);
  });

  it('makes the writer wait each time the disk is slow', async () => {
    const writes: (() => void)[] = [];
    await using test = await openSpool({
      openFile: async () => ({
        async write(_bytes, _offset, length) {
          await new Promise<void>((resolve) => writes.push(resolve));
          return { bytesWritten: length };
        },
        datasync: async () => {},
        close: async () => {},
      }),
    });
    const writer = test.spool.create();
    for (let times = 0; times < 3; times += 1) {
      let kept = 0;
      let wait: Promise<void> | undefined;
      for (; wait === undefined && kept < 100; kept += 1)
        wait = writer.write(Buffer.alloc(100_000));
      assert.ok(kept <= 5, `${kept} of 100 KB`);
      while (writes.length === 0) await setImmediate();
      const first = await Promise.race([wait!.then(() => 'went on'), setImmediate('waits')]);
      assert.equal(first, 'waits');
      writes.shift()!();
      await wait;
    }
    const aborted = writer.abort();
    while ((await Promise.race([aborted, setImmediate('waits')])) === 'waits') writes.shift()?.();
  });

  it('makes the writer wait when the disk is slow', async () => {
    const gate = Promise.withResolvers<void>();
    await using test = await openSpool({
      async openFile(path) {
        await gate.promise;
        return open(path, 'wx');
      },
    });
    const writer = test.spool.create();
    const block = Buffer.alloc(100_000);
    let kept = 0;
    let wait: Promise<void> | undefined;
    for (; wait === undefined && kept < 100; kept += 1) wait = writer.write(block);
    assert.ok(kept <= 5, 'half a MiB is all that one writer may have in memory');
    gate.resolve();
    await wait;
    assert.equal((await writer.commit()).kind, 'file');
  });

  it('all writers together keep a bounded amount in memory', async () => {
    await using test = await openSpool({ memoryBytesMax: 200_000 });
    const writers = Array.from({ length: 5 }, () => test.spool.create());
    for (const writer of writers) await writer.write(Buffer.alloc(100_000));
    const stored = await Promise.all(writers.map((writer) => writer.commit()));
    assert.deepEqual(
      stored.map(({ kind }) => kind),
      ['inline', 'inline', 'file', 'file', 'file'],
    );
    const next = test.spool.create();
    await next.write(Buffer.alloc(100_000));
    assert.equal((await next.commit()).kind, 'inline', 'what ended is not counted');
  });

  it('content in one piece takes exactly its size of the memory of all, until it has ended', async () => {
    await using test = await openSpool({ memoryBytesMax: inlineBytesMax });
    const whole = Buffer.alloc(inlineBytesMax, 'x');
    const kindOf = async (bytes: Uint8Array) => {
      const writer = test.spool.create();
      await writer.write(bytes);
      return (await writer.commit()).kind;
    };
    assert.equal(await kindOf(whole), 'inline');
    const refused = test.spool.create();
    await refused.write(whole);
    assert.equal(await kindOf(Buffer.alloc(1)), 'file', 'there is no room');
    await refused.abort();
    await refused.abort();
    const most = test.spool.create();
    await most.write(whole.subarray(10));
    assert.equal(await kindOf(whole.subarray(0, 10)), 'inline', 'there is just enough room');
    await most.abort();
    assert.equal(await kindOf(whole), 'inline', 'there is room again');

    const spilled = test.spool.create();
    await spilled.write(whole);
    await spilled.write(whole);
    const another = test.spool.create();
    await another.write(whole);
    assert.equal((await another.commit()).kind, 'inline', 'what is in a file is not counted');
    await spilled.abort();
    const kept = test.spool.create();
    await kept.write(whole);
    assert.equal(await kindOf(Buffer.alloc(1)), 'file', 'nothing was given back twice');
    await kept.abort();
  });

  it('larger content that is relayed comes back in memory, up to a quarter of it', async () => {
    const size = 2 * inlineBytesMax;
    const options = { memoryBytesMax: 4 * size, relayedBytesMax: size };
    await using test = await openSpool(options);
    const write = async (octets: number, relayed = true) => {
      const writer = test.spool.create(relayed ? { relayed } : undefined);
      await writer.write(Buffer.alloc(octets - 1, 'x'));
      await writer.write(Buffer.alloc(1, 'y'));
      return { writer, stored: await writer.commit() };
    };
    assert.equal((await write(size - 4_096, false)).stored.kind, 'file');
    assert.equal((await write(size + 1)).stored.kind, 'file');
    const { writer, stored } = await write(size - 4_096);
    assert.ok(stored.kind === 'inline');
    assert.equal(stored.bytes.length, size - 4_096);
    assert.equal(Buffer.from(stored.bytes).indexOf('y'), size - 4_097);
    assert.equal((await write(size - 4_096)).stored.kind, 'file', 'it counts until it is released');
    writer.release();
    assert.equal((await write(size - 4_096)).stored.kind, 'inline');

    await using plain = await openSpool();
    const small = plain.spool.create({ relayed: true });
    await small.write(Buffer.alloc(inlineBytesMax));
    assert.equal((await small.commit()).kind, 'inline', 'without a bound of its own');
  });

  it('shows the first octets, from memory and when they are in the file', async () => {
    await using test = await openSpool();
    const writer = test.spool.create();
    const text = Buffer.from(Array.from({ length: 10_000 }, (_, n) => `${n} `).join(''));
    assert.equal(writer.head?.().length, 0);
    for (let at = 0; at < text.length; at += 5_000) {
      await writer.write(text.subarray(at, at + 5_000));
      const expected = text.subarray(0, Math.min(at + 5_000, 16_384));
      assert.deepEqual(Buffer.from(writer.head?.() ?? []), expected);
    }
    await writer.write(large);
    assert.deepEqual(Buffer.from(writer.head?.() ?? []), text.subarray(0, 16_384));
    await writer.abort();
  });

  it('a writer that has ended takes nothing more', async () => {
    await using test = await openSpool();
    const [committed, aborted] = [test.spool.create(), test.spool.create()];
    await committed.commit();
    await aborted.abort();
    for (const writer of [committed, aborted]) {
      await assert.rejects(async () => writer.write(large), { name: 'AssertionError' });
      await assert.rejects(writer.commit(), { name: 'AssertionError' });
    }
  });

  it(
    'every commit waits for a flush of the directory that began after its file',
    onLinux,
    async (t) => {
      await using test = await openSpool({
        openFile: async () => ({
          write: async (_bytes, _offset, length) => ({ bytesWritten: length }),
          datasync: async () => {},
          close: async () => {},
        }),
      });
      const commits = async (count: number) => {
        const writers = Array.from({ length: count }, () => test.spool.create());
        for (const writer of writers) await writer.write(large);
        await Promise.all(writers.map((writer) => writer.commit()));
      };
      await commits(5);
      const synced = await recordSyncs(t);
      for (let times = 1; times < 4; times += 1) {
        await commits(1);
        assert.deepEqual(synced, Array(times).fill(test.directory));
      }
    },
  );

  it('disk full while content from memory is stored: nothing is left', async () => {
    const { openFile } = faultyFiles((step) => (step === 'write' ? noSpace : undefined));
    await using test = await openSpool({ openFile });
    await assert.rejects(test.spool.store(Buffer.alloc(3_000_000)), StorageError);
    assert.equal(await test.files(), 0);
  });

  it('keeps every file while somebody holds them', async () => {
    await using test = await openSpool();
    const stored = await test.spool.store(large);
    assert.ok(stored.kind === 'file');
    const [one, other] = [test.spool.hold(), test.spool.hold()];
    await test.spool.remove(stored.key);
    one();
    one();
    assert.equal(await test.files(), 1, 'the other one still holds');
    other();
    while ((await test.files()) > 0) await setImmediate();
    const next = await test.spool.store(large);
    assert.ok(next.kind === 'file');
    await test.spool.remove(next.key);
    assert.equal(await test.files(), 0, 'nobody holds them any more');
  });

  it('puts what is damaged aside, where no recovery removes it', async () => {
    const parent = await mkdtemp(join(tmpdir(), 'postrider-spool-'));
    await using spool = new FileSpool({ directory: join(parent, 'spool') });
    assert.deepEqual(await spool.recover([]), { removed: 0, faults: [] });
    const stored = await spool.store(large);
    assert.ok(stored.kind === 'file');
    const aside = await spool.setAside(stored.key);
    assert.equal(aside, join(parent, 'lost', stored.key));
    assert.deepEqual(await readFile(aside), large);
    await assert.rejects(collected(spool.open(stored).read()), ContentError);
    assert.equal(await spool.setAside(stored.key), undefined);
    await rm(parent, { recursive: true });
  });

  it('a megabyte octet by octet takes no more room than the octets', async () => {
    await using test = await openSpool();
    const writer = test.spool.create();
    const octet = Buffer.from('x');
    for (let i = 0; i < 1_000_000; i += 1) {
      const wait = writer.write(octet);
      if (wait !== undefined) await wait;
    }
    assert.equal((await writer.commit()).kind, 'file');
  });

  it('what was written last is read from memory, what is older or large from its file', async () => {
    await using world = await openSpool({ recentBytesMax: 2 ** 20 });
    const { spool, directory } = world;
    const store = async (size: number, octet: number) => {
      const writer = spool.create();
      await writer.write(Buffer.alloc(size, octet));
      return writer.commit();
    };
    const oldest = await store(600_000, 1);
    const latest = await store(600_000, 2);
    const large = await store(2 * 2 ** 20, 3);
    for (const stored of [oldest, latest, large]) {
      assert.equal(stored.kind, 'file');
      if (stored.kind === 'file') await truncate(join(directory, stored.key), 0);
    }
    const read = async (stored: typeof oldest) => {
      let octets = 0;
      for await (const piece of spool.open(stored).read()) octets += piece.length;
      return octets;
    };
    assert.equal(await read(latest), 600_000);
    await assert.rejects(read(oldest), StorageError);
    await assert.rejects(read(large), StorageError);
    await assert.rejects(spool.open(oldest).check!(), ContentError);
    if (latest.kind === 'file') await spool.remove(latest.key);
    await assert.rejects(read(latest), StorageError, 'removed is gone from memory, too');
  });

  it('recovery removes what no row knows and misses what a row needs', async () => {
    await using test = await openSpool();
    const writer = test.spool.create();
    await writer.write(large);
    const stored = await writer.commit();
    assert.ok(stored.kind === 'file');
    await writeFile(join(test.directory, 'leftover'), 'x');
    assert.deepEqual(await test.spool.recover([stored]), { removed: 1, faults: [] });
    assert.equal(await test.files(), 1);
    const problems = async () => {
      const { faults } = await test.spool.recover([stored]);
      return faults.map(({ problem, message }) => [problem, message.includes(stored.key)]);
    };
    await truncate(join(test.directory, stored.key), 5);
    assert.deepEqual(await problems(), [['damaged', true]]);
    await test.spool.remove(stored.key);
    assert.deepEqual(await problems(), [['missing', true]]);
  });
});
