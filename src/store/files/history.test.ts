import assert from 'node:assert/strict';
import {
  appendFileSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import { type FileHandle, open as openFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { FakeClock } from '../../base/fake-clock.ts';
import { silentLog } from '../../base/log.ts';
import type { HistoryEvent } from '../history.ts';
import { memoryHistory } from '../test-history.ts';
import { FileHistory } from './history.ts';

const root = mkdtempSync(join(tmpdir(), 'postrider-history-'));
after(() => rmSync(root, { recursive: true }));

let count = 0;
function open(options: { bytesMax?: number; directory?: string } = {}) {
  count += 1;
  const directory = join(root, String(count));
  return new FileHistory({ directory, clock: new FakeClock(), log: silentLog, ...options });
}

const origin = { session: 's', service: 'smtp', protocol: 'ESMTP' };
const received = (id: string, at: number, messageId?: string): HistoryEvent => ({
  id,
  at,
  kind: 'received',
  sender: 'ann@example.org',
  recipients: ['bob@example.net'],
  recipientCount: 1,
  size: 10,
  messageId,
  origin,
});
const attempt = (id: string, at: number, reply = '250 OK'): HistoryEvent => ({
  id,
  at,
  kind: 'attempt',
  destination: 'mx:example.net',
  durationMs: 3,
  results: [{ address: 'bob@example.net', attempt: 1, result: 'relayed', reply }],
});

describe('history', () => {
  it('what comes after its end is not kept, and opens no file', async () => {
    const directory = join(root, 'ended');
    const clock = new FakeClock();
    const history = new FileHistory({ directory, clock, log: silentLog });
    history.record(received('before', 1));
    await history[Symbol.asyncDispose]();
    const refusal = { client: '192.0.2.1', stage: 'tls', reason: 'x' };
    history.record(received('after', 2));
    history.record({ id: '', at: 3, kind: 'refused', refusal, keys: [] });
    await clock.advance(60_000);
    await history.flush();
    assert.deepEqual(readdirSync(directory), ['000001.jsonl']);
    assert.deepEqual(
      (await history.find('before')).map(({ id }) => id),
      ['before'],
    );
    assert.deepEqual(await history.find('after'), []);
  });

  it('leaves no file open when the disk is full, however often it tries', async (t) => {
    const clock = new FakeClock();
    const warned: string[] = [];
    const log = { ...silentLog, warn: (event: string) => warned.push(event) };
    const directory = join(root, 'full');
    await using history = new FileHistory({ directory, clock, log });
    history.record(received('first', 1));
    await history.flush();
    const handle = await openFile(join(directory, '000001.jsonl'));
    await handle.close();
    const fails: FileHandle[] = [];
    const fail = async function (this: FileHandle): Promise<never> {
      fails.push(this);
      throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
    };
    const kind = Object.getPrototypeOf(handle) as FileHandle;
    const mocks = [t.mock.method(kind, 'writeFile', fail), t.mock.method(kind, 'write', fail)];
    for (let i = 0; i < 5; i += 1) {
      history.record(received(`more-${i}`, 2 + i));
      await history.flush();
    }
    assert.deepEqual(warned, ['history not written']);
    assert.ok(fails.length >= 5);
    assert.deepEqual(new Set(fails.map(({ fd }) => fd)), new Set([-1]), 'all of them are closed');
    for (const { mock } of mocks) mock.restore();
    await history.flush();
    assert.equal((await history.find('more-4')).length, 1);
  });

  for (const [what, spoil] of [
    ['its directory is removed', (directory: string) => rmSync(directory, { recursive: true })],
    ['its file is removed', (directory: string) => rmSync(join(directory, '000001.jsonl'))],
    [
      'its file is moved away',
      (directory: string) =>
        renameSync(join(directory, '000001.jsonl'), join(directory, '000001.jsonl.1')),
    ],
  ] as const)
    it(`goes on when ${what}, and says so`, async () => {
      const said: string[] = [];
      const log = { ...silentLog, warn: (event: string) => said.push(event) };
      const directory = join(root, 'moved', what);
      await using history = new FileHistory({ directory, clock: new FakeClock(), log });
      history.record(received('a1', 1));
      await history.flush();
      spoil(directory);
      history.record(received('b2', 2));
      history.record(attempt('b2', 3));
      await history.flush();
      assert.deepEqual(
        (await history.find('b2')).map(({ at }) => at),
        [2, 3],
      );
      assert.deepEqual(said, ['history begun anew']);
      assert.equal(statSync(directory).mode & 0o777, 0o700);
    });

  for (const [name, make] of [
    ['in files', open],
    ['in memory', memoryHistory],
  ] as const)
    it(`${name}: finds by id, and by Message-ID with and without brackets`, async () => {
      await using history = make();
      history.record(received('a1', 1, '<"x@y>'));
      history.record(received('b2', 2, '<"x@y>'));
      history.record(received('c3', 3, '<other@y>'));
      history.record(attempt('a1', 4, 'says "c3"'));
      const ids = async (key: string) =>
        (await history.find(key)).map(({ id, at }) => `${id} ${at}`);
      assert.deepEqual(await ids('a1'), ['a1 1', 'a1 4']);
      assert.deepEqual(await ids('<"x@y>'), ['a1 1', 'b2 2', 'a1 4']);
      assert.deepEqual(await ids('"x@y'), ['a1 1', 'b2 2', 'a1 4']);
      assert.deepEqual(await ids('c3'), ['c3 3']);
      for (const unknown of ['zz', '', '<>', '"']) assert.deepEqual(await ids(unknown), []);
    });

  it('of very many messages with one Message-ID the newest are found, whichever file they are in', async () => {
    await using history = open({ bytesMax: 40_000 });
    for (let i = 0; i < 60; i += 1) history.record(received(`m${i}`, i, '<same@example.org>'));
    await history.flush();
    for (let i = 60; i < 70; i += 1) history.record(received(`m${i}`, i, '<same@example.org>'));
    const found = await history.find('same@example.org');
    assert.deepEqual(
      found.map(({ id }) => id),
      Array.from({ length: 20 }, (_, i) => `m${50 + i}`),
    );
  });

  it('rotates by size, keeps a bounded number of files, and finds across them', async () => {
    const directory = join(root, 'rotated');
    await using history = open({ directory, bytesMax: 8_000 });
    for (let i = 0; i < 100; i += 1) {
      history.record(received(`id${i}`, i));
      if (i > 0) history.record(attempt(`id${i - 1}`, i));
      await history.flush();
    }
    assert.equal(readdirSync(directory).length, 4);
    assert.ok(readdirSync(directory).every((name) => statSync(join(directory, name)).size < 3_000));
    assert.equal((await history.find('id98')).length, 2);
    assert.deepEqual(await history.find('id0'), []);
  });

  it('keeps less of the past from the next file on once it is told to', async () => {
    const directory = join(root, 'resized');
    await using history = open({ directory, bytesMax: 40_000 });
    const record = async (count: number) => {
      for (let i = 0; i < count; i += 1) {
        history.record(received(`id${i}`, i));
        await history.flush();
      }
    };
    const bytes = () =>
      readdirSync(directory).reduce((sum, name) => sum + statSync(join(directory, name)).size, 0);
    await record(250);
    assert.ok(bytes() > 30_000);
    history.resize(15_000);
    await record(30);
    assert.ok(bytes() < 20_000);
  });

  it('goes on in the same file after a restart, also after a torn line', async () => {
    const directory = join(root, 'torn');
    {
      await using history = open({ directory });
      history.record(received('a', 1));
    }
    appendFileSync(join(directory, '000001.jsonl'), '{"id":"a","at":2,"ki');
    await using history = open({ directory });
    history.record(attempt('a', 3));
    assert.deepEqual(
      (await history.find('a')).map(({ at }) => at),
      [1, 3],
    );
    assert.deepEqual(readdirSync(directory), ['000001.jsonl']);
  });

  it('writes what gathered in one go, behind the caller', async () => {
    const clock = new FakeClock();
    const directory = join(root, 'gathered');
    await using history = new FileHistory({ directory, clock, log: silentLog });
    for (let i = 0; i < 1_000; i += 1) history.record(attempt('a', i));
    assert.ok(clock.nextTimer() !== undefined);
    await history.flush();
    assert.equal((await history.find('a')).length, 1_000);
  });

  it('what comes while it writes is written by itself, in order', async () => {
    const clock = new FakeClock();
    const directory = join(root, 'meanwhile');
    const path = join(directory, '000001.jsonl');
    const onWritten = () => {
      if (times().length === 1) for (let at = 1; at < 11; at += 1) history.record(attempt('a', at));
    };
    await using history = new FileHistory({ directory, clock, log: silentLog, onWritten });
    const times = () => readFileSync(path, 'utf8').match(/"at"/g) ?? [];
    history.record(attempt('a', 0));
    await clock.advance(50);
    while (clock.nextTimer() === undefined) await new Promise(setImmediate);
    await clock.advance(50);
    while (times().length < 11) await new Promise(setImmediate);
    const written = readFileSync(path, 'utf8').trimEnd().split('\n');
    assert.deepEqual(
      written.map((line) => JSON.parse(line).at),
      Array.from({ length: 11 }, (_, at) => at),
    );
  });

  it('costs events and nothing else when the disk does not take them', async () => {
    const file = join(root, 'not-a-directory');
    appendFileSync(file, '');
    const warnings: string[] = [];
    const log = { ...silentLog, warn: (event: string) => void warnings.push(event) };
    await using history = new FileHistory({
      directory: join(file, 'x'),
      clock: new FakeClock(),
      log,
    });
    history.record(received('a', 1));
    await history.flush();
    await history.flush();
    assert.deepEqual(warnings, ['history not written']);
  });
});
