// What an embedded store adds to the suites: disks that fill up, processes that are killed, damaged
// and foreign files, two owners, and when exactly the disk is flushed.

import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  cp,
  mkdir,
  open as openFile,
  readdir,
  readlink,
  rename,
  rm,
  stat,
  symlink,
  truncate,
  writeFile,
} from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { DatabaseSync } from 'node:sqlite';
import { describe, it } from 'node:test';
import { FakeClock } from '../../base/fake-clock.ts';
import { silentLog } from '../../base/log.ts';
import { StorageError } from '../../smtp/smtp-error.ts';
import {
  collected,
  countOf,
  deferred,
  delivered,
  message,
  settlement,
} from '../conformance/harness.ts';
import { ContentError } from '../content.ts';
import { StoreOpenError } from '../open-error.ts';
import { queueEntries } from '../queue-entries.ts';
import type { Stores } from '../stores.ts';
import type { SqliteStoresOptions } from './stores.ts';
import { MemoryDisk, openSqliteStores } from './stores.ts';
import { temporaryDirectory } from './test-stores.ts';
import { startSharedThread } from './test-threads.ts';
import type { Fault } from './transport.ts';
import { StoreCrashedError } from './transport.ts';

const due = { leaseUntil: undefined };
const body = (size: number) => ({ kind: 'inline', bytes: Buffer.alloc(size, 'x') }) as const;
const claim = { limit: 100, perDestination: 100, skip: new Set<string>(), leaseMs: 60_000 };

/** With a thread of its own where a transport is named. */
const open = (options: Partial<SqliteStoresOptions> = {}): Promise<Stores> =>
  openSqliteStores({
    ...{ directory: ':memory:', clock: new FakeClock(), log: silentLog },
    startThread: options.transport === undefined ? startSharedThread : undefined,
    ...options,
  });

const problem = (expected: string, words: RegExp) => (error: unknown) => {
  assert.ok(error instanceof StoreOpenError, String(error));
  assert.equal(error.problem, expected);
  assert.match(error.message, words);
  assert.doesNotMatch(error.message, /\n/);
  return true;
};

/** A message in ann's INBOX, in a file of its own. */
async function inMailbox(directory: string, octets: Buffer) {
  await using stores = await open({ directory });
  await stores.folders.ensure('ann@example.org');
  const { id } = (await stores.folders.find('ann@example.org', 'INBOX'))!;
  const content = await stores.spool.store(octets);
  assert.ok(content.kind === 'file');
  await stores.folders.append(id, [{ content, flags: [], received: 0 }]);
  return content;
}

async function inDirectory(use: (directory: string) => Promise<void>): Promise<void> {
  const directory = await temporaryDirectory();
  try {
    await use(directory);
  } finally {
    await rm(directory, { recursive: true });
  }
}

describe('disk full', () => {
  for (const transport of ['worker', 'in-process'] as const)
    it(`refuses what does not fit, takes it when there is room again (${transport})`, () =>
      inDirectory(async (directory) => {
        const said: string[] = [];
        const log = { ...silentLog, error: (event: string) => said.push(event) };
        await using stores = await open({ directory, transport, pagesMax: 120, log });
        const { queue } = stores;
        const results = await Promise.allSettled(
          Array.from({ length: 20 }, (_, i) =>
            queue.enqueue(message(`m${i + 10}`, { content: body(50_000) }), due),
          ),
        );
        const taken = results.filter(({ status }) => status === 'fulfilled').length;
        assert.ok(taken > 0 && taken < 20, `${taken} of 20 fit`);
        for (const result of results)
          if (result.status === 'rejected') assert.ok(result.reason instanceof StorageError);
        assert.deepEqual(said, ['store-refuses'], 'said once');
        assert.equal((await countOf(queue)).messages, taken);
        const leases = await queue.claim({ now: 5000, ...claim });
        for (const lease of leases)
          assert.equal(await queue.settle(settlement(lease, delivered)), true);
        await queue.enqueue(message('m99', { content: body(50_000) }), due);
        assert.equal((await countOf(queue)).messages, 1);
      }));

  it('a small message that fits is not refused for the large one beside it', async () => {
    await using stores = await open({ pagesMax: 80 });
    const results = await Promise.allSettled([
      stores.queue.enqueue(message('m1'), due),
      stores.queue.enqueue(message('m2', { content: body(2_000_000) }), due),
      stores.queue.enqueue(message('m3'), due),
    ]);
    assert.deepEqual(
      results.map(({ status }) => status),
      ['fulfilled', 'rejected', 'fulfilled'],
    );
  });
});

describe('crash points', () => {
  const faulty = async (disk: MemoryDisk, fault: Fault, operation: string) => {
    let armed = true;
    return open({
      disk,
      faults(operations) {
        if (!armed || !operations.includes(operation)) return undefined;
        armed = fault !== 'full';
        return fault;
      },
    });
  };

  it('before the commit of enqueue: nothing was promised, nothing is there', async () => {
    const disk = new MemoryDisk();
    const stores = await faulty(disk, 'crash-before', 'enqueue');
    await assert.rejects(stores.queue.enqueue(message('m1'), due), StoreCrashedError);
    await assert.rejects(countOf(stores.queue), StoreCrashedError);
    await using next = await open({ disk });
    assert.equal((await countOf(next.queue)).messages, 0);
  });

  it('after the commit of enqueue: it is there, although nobody heard of it', async () => {
    const disk = new MemoryDisk();
    const stores = await faulty(disk, 'crash-after', 'enqueue');
    await assert.rejects(stores.queue.enqueue(message('m1'), { leaseUntil: 1e15 }));
    await using next = await open({ disk });
    assert.equal((await next.queue.claim({ now: 1e14, ...claim })).length, 1);
  });

  it('before the commit of settle: delivered twice; after it: once', async () => {
    for (const [fault, left] of [
      ['crash-before', 1],
      ['crash-after', 0],
    ] as const) {
      const disk = new MemoryDisk();
      const stores = await faulty(disk, fault, 'settle');
      const [lease] = await stores.queue.enqueue(message('m1'), { leaseUntil: 1e15 });
      await assert.rejects(stores.queue.settle(settlement(lease!, delivered)));
      await using next = await open({ disk });
      assert.equal((await countOf(next.queue)).messages, left);
    }
  });

  it('a disk that is full once: the settlement can be told again', async () => {
    await using stores = await faulty(new MemoryDisk(), 'full', 'settle');
    const [lease] = await stores.queue.enqueue(message('m1'), { leaseUntil: 1e15 });
    await assert.rejects(stores.queue.settle(settlement(lease!, delivered)), StorageError);
    assert.equal(await stores.queue.settle(settlement(lease!, delivered)), true);
  });

  it(
    'kill -9: every message that was promised is there, with its content',
    { timeout: 60_000 },
    () =>
      inDirectory(async (directory) => {
        const promised = await linesUntilKilled(directory, 150);
        await using stores = await open({ directory });
        const entries = await collected(queueEntries(stores.queue));
        const there = new Map(entries.map((entry) => [entry.id, entry.size]));
        for (const id of promised) {
          assert.ok(there.has(id), `${id} was promised`);
          const content = (await stores.queue.open(id))!.content;
          const read = Buffer.concat(await collected(content.read()));
          assert.equal(read.length, there.get(id));
          if (content.bytes === undefined) assert.equal(read.toString('latin1', 0, id.length), id);
        }
        const files = await readdir(join(directory, 'spool'));
        assert.equal(files.length, entries.filter(({ size }) => size === 200_000).length);
      }),
  );
});

const program = join(import.meta.dirname, 'test-process.ts');

/** Runs the process until it has promised `count` messages, then kills it. */
async function linesUntilKilled(directory: string, count: number): Promise<readonly string[]> {
  const child = spawn(process.execPath, [program, directory, 'enqueue', '100000'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const lines: string[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    lines.push(line);
    if (lines.length === count) child.kill('SIGKILL');
  }
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  return lines;
}

describe('flushes', () => {
  const strace = spawnSync('strace', ['-V']).status === 0;
  const skip = strace ? false : 'strace is not installed: install it to prove the flushes';

  it('enqueue resolves after a flush; a plain settle needs none of its own', { skip }, () =>
    inDirectory(async (directory) => {
      const calls = await traced(directory, 'settle', /f(data)?sync\(\d+<[^>]*-wal>/);
      const enqueued = calls.findIndex((line) => line.includes('"enqueued'));
      const settled = calls.findIndex((line) => line.includes('"settled'));
      assert.ok(enqueued > 0 && settled > enqueued, calls.join('\n'));
      // The last write to the log before the promise is followed by a flush of the log.
      const before = calls.slice(0, enqueued);
      const written = before.findLastIndex((line) => /pwrite64\(\d+<[^>]*-wal>/.test(line));
      const flushed = before.findLastIndex((line) => /f(data)?sync\(\d+<[^>]*-wal>/.test(line));
      assert.ok(written >= 0 && flushed > written, before.join('\n'));
      const between = calls.slice(enqueued, settled);
      assert.ok(between.some((line) => /pwrite64\(\d+<[^>]*-wal>/.test(line)));
      assert.ok(!between.some((line) => /f(data)?sync\(/.test(line)), between.join('\n'));
      // Within about a second it is flushed although nothing follows.
      const after = calls.slice(settled);
      assert.ok(after.some((line) => /f(data)?sync\(\d+<[^>]*-wal>/.test(line)));
    }),
  );

  it('with the journal a write that is a flush (O_DSYNC) precedes it, and no other', { skip }, () =>
    inDirectory(async (directory) => {
      const write = /pwrite(64|v2?)\(\d+<[^>]*\.journal>/;
      const calls = await traced(directory, 'journal', write);
      const opened = calls.filter((line) => /openat\(.*\.journal"/.test(line));
      assert.ok(opened.length > 0 && opened.every((line) => /O_RDWR\|O_DSYNC/.test(line)));
      const enqueued = calls.findIndex((line) => line.includes('"enqueued'));
      const settled = calls.findIndex((line) => line.includes('"settled'));
      assert.ok(enqueued > 0 && settled > enqueued, calls.join('\n'));
      // It has returned: an unfinished call would be the last of its thread.
      const before = calls.slice(0, enqueued);
      const written = before.findLastIndex((line) => write.test(line));
      const [thread] = /^\[pid +\d+\]/.exec(before[written] ?? '') ?? [''];
      const whole = / = \d+$/.test(before[written] ?? '');
      const resumed = before
        .slice(written + 1)
        .some((line) => line.startsWith(thread) && /<\.\.\. pwrite.*resumed.* = \d+$/.test(line));
      assert.ok(whole || resumed, before.join('\n'));
      const between = calls.slice(enqueued, settled);
      assert.ok(!between.some((line) => write.test(line) || /sync\(/.test(line)));
      // What was settled is written down a moment later.
      assert.ok(calls.slice(settled).some((line) => write.test(line)));
    }),
  );
});

/**
 * The writes and flushes of a process that enqueues and settles one message, in order, until after
 * that there is one like `last`.
 */
async function traced(directory: string, what: string, last: RegExp): Promise<readonly string[]> {
  const names = 'openat,pwrite64,pwritev,pwritev2,write,fdatasync,fsync';
  const traces = ['-fyqq', '-s', '20', '-e', `trace=${names}`, '-e', 'signal=none'];
  // Whoever is traced must not have strace's own output: it makes it one that does not wait, and lines are lost.
  const apart = ['sh', '-c', 'exec "$@" 2>/dev/null', 'sh'];
  const child = spawn('strace', [...traces, ...apart, process.execPath, program, directory, what], {
    stdio: ['ignore', 'ignore', 'pipe'],
    detached: true,
  });
  const calls: string[] = [];
  let settled = false;
  for await (const line of createInterface({ input: child.stderr })) {
    calls.push(line);
    settled ||= line.includes('"settled');
    // Not for long: the flush that follows on its own ends it.
    if (settled && last.test(line)) process.kill(-child.pid!, 'SIGKILL');
  }
  return calls;
}

describe('opening', () => {
  it('a second owner is told that the directory is in use', () =>
    inDirectory(async (directory) => {
      await using first = await open({ directory });
      await assert.rejects(open({ directory }), problem('in-use', /another Postrider runs on it/));
      await first.queue.enqueue(message('m1'), due);
      await first[Symbol.asyncDispose]();
      await using second = await open({ directory });
      assert.equal((await countOf(second.queue)).messages, 1);
    }));

  it('a command beside the server reads, changes accounts, and holds mail back', () =>
    inDirectory(async (directory) => {
      const clock = new FakeClock();
      await using server = await open({ directory, clock });
      await server.queue.enqueue(message('m1'), due);
      const [busy] = await server.queue.enqueue(message('m2'), { leaseUntil: 1e15 });
      await using command = await open({ directory, clock, exclusive: false });
      assert.equal((await countOf(command.queue)).messages, 2);
      assert.equal((await command.queue.get('m2'))?.recipients[0]?.state, 'active');
      await assert.rejects(command.queue.claim({ now: 5000, ...claim }));
      await assert.rejects(command.queue.enqueue(message('m3'), { leaseUntil: 1e15 }));
      assert.equal(await command.queue.hold(['m1']), 1);
      assert.equal(await server.queue.nextDue(new Set()), 1e15, 'only the lease is left');
      assert.equal(await command.queue.unhold(['m1'], 7000), 1);
      assert.equal(await server.queue.nextDue(new Set()), 7000);
      assert.equal(await server.queue.settle(settlement(busy!, delivered)), true);
      await command.accounts.add('ann@example.org', undefined, 1);
      assert.equal(await server.accounts.find('ann@example.org'), undefined);
      await clock.advance(1500);
      await server.accounts.find('ann@example.org');
      // The question in the background is answered before one that is asked later.
      await server.queue.newest();
      await server.queue.newest();
      assert.notEqual(await server.accounts.find('ann@example.org'), undefined);
    }));

  it('a command that finds no room shows what is there, the journal’s mail too, and writes nothing', () =>
    inDirectory(async (directory) => {
      const left = join(directory, 'left');
      await using server = await open({
        directory: join(directory, 'data'),
        journal: { prepare: true },
      });
      await server.queue.enqueue(message('m1'), due);
      const large = message('m2', { content: body(120_000) });
      await server.queue.enqueue(large, { leaseUntil: 1e15 });
      await cp(join(directory, 'data'), left, { recursive: true });
      const full = { directory: left, brief: true, pagesMax: 1 };
      await using command = await open(full);
      const found = await collected(queueEntries(command.queue));
      assert.deepEqual(
        found.map(({ id, recipients }) => [id, recipients[0]?.state]),
        [
          ['m1', 'queued'],
          ['m2', 'queued'],
        ],
      );
      assert.equal((await command.queue.open('m2'))?.content.size, 120_000);
      for (const id of ['m1', 'm2'])
        await assert.rejects(command.queue.hold([id]), /the disk is full: make room on it/);
      await assert.rejects(open({ ...full, brief: false }), problem('in-use', /another Postrider/));
      await command[Symbol.asyncDispose]();
      await using next = await open({ directory: left });
      assert.equal((await countOf(next.queue)).messages, 2, 'it is the next process’s to save');
    }));

  it('whoever waited for the lock until everything had been moved away', () =>
    inDirectory(async (directory) => {
      await (await open({ directory }))[Symbol.asyncDispose]();
      class MovingClock extends FakeClock {
        // First asked between the look at the database and the lock.
        override after(ms: number, action: () => void): () => void {
          using database = new DatabaseSync(join(directory, 'postrider.db'));
          database.exec(
            `CREATE TABLE IF NOT EXISTS moved AS SELECT 'm1' AS id, 'db' AS place, 1 AS at`,
          );
          return super.after(ms, action);
        }
      }
      const late = open({ directory, clock: new MovingClock() });
      await assert.rejects(late, problem('moved', /everything in .* was moved to db/));
    }));

  for (const transport of ['worker', 'in-process'] as const) {
    it(`a file that is no database (${transport})`, () =>
      inDirectory(async (directory) => {
        await writeFile(join(directory, 'postrider.db'), 'x'.repeat(8192));
        const words = /postrider\.db is damaged: restore it/;
        await assert.rejects(open({ directory, transport }), problem('damaged', words));
      }));

    it(`a database that was cut short (${transport})`, () =>
      inDirectory(async (directory) => {
        const before = await open({ directory, transport });
        for (let i = 0; i < 20; i += 1)
          await before.queue.enqueue(message(`m${i}`, { content: body(20_000) }), due);
        await before[Symbol.asyncDispose]();
        const file = join(directory, 'postrider.db');
        await truncate(file, 65_536);
        await assert.rejects(open({ directory, transport }), problem('damaged', /is damaged/));
      }));

    it(`a store from a newer version is left alone (${transport})`, () =>
      inDirectory(async (directory) => {
        await (await open({ directory, transport }))[Symbol.asyncDispose]();
        const database = new DatabaseSync(join(directory, 'postrider.db'));
        database.exec('PRAGMA user_version = 999');
        database.close();
        await assert.rejects(
          open({ directory, transport }),
          problem('newer', /newer Postrider \(schema 999/),
        );
      }));
  }

  it('a page overwritten in the middle', () =>
    inDirectory(async (directory) => {
      const before = await open({ directory });
      for (let i = 0; i < 200; i += 1) await before.queue.enqueue(message(`m${i + 100}`), due);
      await before[Symbol.asyncDispose]();
      const file = join(directory, 'postrider.db');
      const { size } = await stat(file);
      const handle = await openFile(file, 'r+');
      // All but the first page, which holds the schema.
      await handle.write(Buffer.alloc(size - 4096, 0xff), 0, size - 4096, 4096);
      await handle.close();
      await assert.rejects(open({ directory }), problem('damaged', /is damaged/));
    }));

  it('a directory that cannot be written to', () =>
    inDirectory(async (directory) => {
      await writeFile(join(directory, 'file'), '');
      const nested = join(directory, 'file', 'data');
      await assert.rejects(open({ directory: nested }), problem('no-access', /cannot be made/));
    }));

  it('a content file that is missing', () =>
    inDirectory(async (directory) => {
      const before = await open({ directory });
      const writer = before.spool.create();
      await writer.write(Buffer.alloc(200_000));
      const content = await writer.commit();
      await before.queue.enqueue(message('m1', { content }), due);
      await before[Symbol.asyncDispose]();
      assert.ok(content.kind === 'file');
      await rm(join(directory, 'spool', content.key));
      const said: unknown[] = [];
      const log = { ...silentLog, error: (...event: unknown[]) => said.push(event) };
      await using stores = await open({ directory, log });
      assert.match(JSON.stringify(said), new RegExp(`content-damaged.*${content.key} is missing`));
      const [entry] = await collected(queueEntries(stores.queue));
      assert.equal(entry?.id, 'm1', 'everything but the content is there');
      const opened = await stores.queue.open('m1');
      await assert.rejects(collected(opened!.content.read()), ContentError);
    }));

  const spoiled: Readonly<Record<string, (path: string) => Promise<unknown>>> = {
    missing: (path) => rm(path),
    truncated: (path) => truncate(path, 100_000),
    'longer than it was': (path) => truncate(path, 300_000),
    'a directory': async (path) => rm(path).then(() => mkdir(path)),
    'a link elsewhere': async (path) =>
      rename(path, `${path}.x`).then(() => symlink(`${path}.x`, path)),
    'a pipe': async (path) => rm(path).then(() => spawnSync('mkfifo', [path])),
  };
  for (const [kind, spoil] of Object.entries(spoiled))
    it(`a mailbox message whose file is ${kind}: the others are read, and it is, too, once it is back`, () =>
      inDirectory(async (directory) => {
        const octets = Buffer.from(
          `Subject: ${'Ü'}\r\nDate: Thu, 1 Jan 2026 00:00:00 +0000\r\n\r\n${'x'.repeat(200_000)}`,
        );
        const content = await inMailbox(directory, octets);
        const path = join(directory, 'spool', content.key);
        await spoil(path);
        await using stores = await open({ directory });
        const { id } = (await stores.folders.find('ann@example.org', 'INBOX'))!;
        const [digest] = await stores.folders.digests(id, [1]);
        assert.match(digest!.preview, /no longer/);
        assert.match(digest!.envelope.subject!, /=\?utf-8\?/i);
        assert.equal((await stores.folders.sortFacts(id)).length, 1);
        assert.deepEqual([...(await stores.folders.search(id, { kind: 'text', text: 'xx' }))], []);
        const [header] = await stores.folders.headers(id, [1]);
        assert.match(Buffer.from(header!).toString(), /^Subject: =/);
        const [mail] = await stores.folders.open(id, [1]);
        await assert.rejects(collected(mail!.read()), ContentError);
        await assert.rejects(mail!.check!(), ContentError);
        await rm(path, { recursive: true, force: true });
        await writeFile(path, octets);
        await mail!.check!();
        const [mended] = await stores.folders.digests(id, [1]);
        assert.match(mended!.envelope.date!, /1 Jan 2026/);
        assert.equal((await stores.folders.sortFacts(id))[0]?.sent, Date.UTC(2026, 0, 1));
      }));

  it('a file in the place of the spool', () =>
    inDirectory(async (directory) => {
      await writeFile(join(directory, 'spool'), '');
      await assert.rejects(open({ directory }), problem('damaged', /spool is not a folder/));
    }));

  for (const [what, spoil] of [
    ['a directory', (path: string) => mkdir(path)],
    ['garbage', (path: string) => writeFile(path, Buffer.alloc(20_000, 'x'))],
  ] as const)
    it(`${what} in the place of what is derived: it is derived anew`, () =>
      inDirectory(async (directory) => {
        await inMailbox(directory, Buffer.from('Subject: Found\r\n\r\n'));
        await rm(join(directory, 'search.db'), { force: true });
        await spoil(join(directory, 'search.db'));
        await using stores = await open({ directory });
        const { id } = (await stores.folders.find('ann@example.org', 'INBOX'))!;
        const found = await stores.folders.search(id, { kind: 'text', text: 'found' });
        assert.deepEqual([...found], [1]);
      }));

  it('the database is for its owner alone', () =>
    inDirectory(async (directory) => {
      await using stores = await open({ directory });
      await stores.queue.enqueue(message('m1'), due);
      for (const name of ['postrider.db', 'postrider.db-wal'])
        assert.equal((await stat(join(directory, name))).mode & 0o077, 0);
    }));
});

/** How many files of it this process has open. */
async function openedIn(folder: string): Promise<number> {
  const links = (await readdir('/proc/self/fd')).map((fd) => readlink(`/proc/self/fd/${fd}`));
  const paths = await Promise.all(links.map((link) => link.catch(() => '')));
  return paths.filter((path) => path.startsWith(`${folder}/`) && path.endsWith('.journal')).length;
}

describe('what is removed while it is open', () => {
  const watched = async (directory: string) => {
    const clock = new FakeClock();
    const said: string[] = [];
    const failures: Error[] = [];
    const say = (event: string) => said.push(event);
    const stores = await open({
      ...{ directory, clock, log: { ...silentLog, warn: say, error: say } },
      onFailure: (error) => failures.push(error),
      journal: { prepare: true },
    });
    return { clock, said, failures, stores };
  };

  /** The clock is ours, the disk that is looked at is not. */
  const spoken = async (said: readonly string[]) => {
    while (said.length === 0) await new Promise((resolve) => setImmediate(resolve));
  };

  it('the lock: it is taken again, and nobody else comes in', () =>
    inDirectory(async (directory) => {
      const { clock, said, stores } = await watched(directory);
      await using _stores = stores;
      await rm(join(directory, 'lock.db'));
      await clock.advance(10_000);
      await spoken(said);
      assert.deepEqual(said, ['lock-renewed']);
      await assert.rejects(open({ directory }), problem('in-use', /is in use/));
    }));

  it('the lock, and another process was faster: the server ends', () =>
    inDirectory(async (directory) => {
      const { clock, said, failures, stores } = await watched(directory);
      await using _stores = stores;
      await rm(join(directory, 'lock.db'));
      const other = new DatabaseSync(join(directory, 'lock.db'));
      other.exec('BEGIN EXCLUSIVE');
      await clock.advance(10_000);
      assert.deepEqual([said, failures.length], [['lock-lost'], 1]);
      other.close();
    }));

  it('the database: nothing is taken that would be lost', () =>
    inDirectory(async (directory) => {
      const { clock, said, stores } = await watched(directory);
      await using _stores = stores;
      await stores.queue.enqueue(message('m1'), due);
      await rename(join(directory, 'postrider.db'), join(directory, 'moved.db'));
      await clock.advance(10_000);
      await spoken(said);
      assert.deepEqual(said, ['store-removed']);
      await assert.rejects(stores.queue.enqueue(message('m2'), due), StorageError);
      assert.equal(
        (await collected(queueEntries(stores.queue))).length,
        1,
        'what is there can be read',
      );
    }));

  it('the journal: what is in it is saved, and mail goes on', () =>
    inDirectory(async (directory) => {
      const { clock, said, stores } = await watched(directory);
      await using _stores = stores;
      await clock.advance(10_000);
      await stores.queue.enqueue(message('m1'), { leaseUntil: 10 ** 12 });
      // Its next file is in the making, which says something of its own when its folder goes.
      while ((await openedIn(join(directory, 'journal'))) < 2)
        await new Promise((resolve) => setImmediate(resolve));
      await rm(join(directory, 'journal'), { recursive: true });
      await clock.advance(10_000);
      await spoken(said);
      assert.deepEqual(said, ['journal-failed']);
      await stores.queue.enqueue(message('m2'), { leaseUntil: 10 ** 12 });
      assert.equal((await countOf(stores.queue)).messages, 2);
    }));
});

describe('closing', () => {
  it('answers what was asked, refuses what comes later', () =>
    inDirectory(async (directory) => {
      const stores = await open({ directory });
      const asked = stores.queue.enqueue(message('m1'), due);
      await stores[Symbol.asyncDispose]();
      await asked;
      await assert.rejects(countOf(stores.queue), StorageError);
      await stores[Symbol.asyncDispose]();
    }));

  it('files go only when their rows are gone for good', () =>
    inDirectory(async (directory) => {
      const clock = new FakeClock();
      await using stores = await open({ directory, clock, transport: 'in-process' });
      const writer = stores.spool.create();
      await writer.write(Buffer.alloc(200_000));
      const content = await writer.commit();
      const [lease] = await stores.queue.enqueue(message('m1', { content }), { leaseUntil: 1e15 });
      await stores.queue.settle(settlement(lease!, delivered));
      const files = async () => (await readdir(join(directory, 'spool'))).length;
      assert.equal(await files(), 1, 'not flushed yet');
      await clock.advance(1000);
      while ((await files()) > 0) await new Promise((resolve) => setImmediate(resolve));
    }));

  it('a deferral that nothing follows is flushed by itself', async () => {
    const operations: string[] = [];
    const clock = new FakeClock();
    await using stores = await open({
      clock,
      faults(batch) {
        operations.push(...batch);
        return undefined;
      },
    });
    const [lease] = await stores.queue.enqueue(message('m1'), { leaseUntil: 1e15 });
    await stores.queue.settle(settlement(lease!, deferred(5000)));
    await clock.advance(999);
    assert.equal(operations.at(-1), 'settle');
    await clock.advance(1);
    assert.equal(operations.at(-1), 'flush');
    await clock.advance(10_000);
    assert.equal(operations.filter((operation) => operation === 'flush').length, 1);
  });
});
