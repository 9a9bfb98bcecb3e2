import assert from 'node:assert/strict';
import { rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { it } from 'node:test';
import { FakeClock } from '../../base/fake-clock.ts';
import { silentLog } from '../../base/log.ts';
import { FileWatch, watchMs } from '../files/watch.ts';
import { DirectoryLock } from './directory-lock.ts';
import { temporaryDirectory } from './test-stores.ts';

/** Without the second that a server waits for it. */
function canTake(path: string): boolean {
  using other = new DatabaseSync(path, { timeout: 0 });
  try {
    other.exec('BEGIN EXCLUSIVE');
    return true;
  } catch {
    return false;
  }
}

async function open() {
  const directory = await temporaryDirectory();
  const path = join(directory, 'lock.db');
  const clock = new FakeClock();
  const said: string[] = [];
  const say = (event: string) => void said.push(event);
  const watch = new FileWatch(clock);
  const failures: Error[] = [];
  const options = {
    ...{ directory, log: { ...silentLog, warn: say, error: say } },
    onFailure: (error: Error) => void failures.push(error),
  };
  const lock = new DirectoryLock(options, watch);
  return {
    ...{ path, clock, said, failures },
    isTaken: () => !canTake(path),
    mode: async () => (await stat(path)).mode & 0o777,
    async [Symbol.asyncDispose]() {
      watch.close();
      lock.close();
      await rm(directory, { recursive: true });
    },
  };
}

it('the lock is for its owner alone to open, and for one at a time', async () => {
  await using one = await open();
  assert.equal(await one.mode(), 0o600);
  assert.ok(one.isTaken());
});

it('is taken anew as often as somebody removes it', async () => {
  await using one = await open();
  for (const times of [1, 2]) {
    await rm(one.path);
    await one.clock.advance(watchMs);
    assert.deepEqual(one.said, Array(times).fill('lock-renewed'));
    assert.equal(await one.mode(), 0o600);
    assert.ok(one.isTaken());
  }
});

it('is lost to whoever took it first; that one keeps it', async () => {
  await using one = await open();
  await rm(one.path);
  const other = new DatabaseSync(one.path);
  other.exec('BEGIN EXCLUSIVE');
  await one.clock.advance(watchMs);
  assert.deepEqual([one.said, one.failures.length], [['lock-lost'], 1]);
  assert.ok(one.isTaken());
  other.close();
});
