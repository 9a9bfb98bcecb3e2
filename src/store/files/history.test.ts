import assert from 'node:assert/strict';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
} from 'node:fs';
import { type FileHandle, open as openFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it, type TestContext } from 'node:test';
import { FakeClock } from '../../base/fake-clock.ts';
import { silentLog } from '../../base/log.ts';
import type { HistoryEvent, RefusedEvent } from '../history.ts';
import { refusalsMax } from '../history.ts';
import { memoryHistory } from '../test-history.ts';
import { FileHistory, type FileHistoryOptions } from './history.ts';

const root = mkdtempSync(join(tmpdir(), 'postrider-history-'));
after(() => rmSync(root, { recursive: true }));

let count = 0;
function open(
  options: Partial<Pick<FileHistoryOptions, 'bytesMax' | 'directory' | 'onRecorded'>> = {},
) {
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

const refused = (at: number, key: string): RefusedEvent => ({
  ...{ id: '', at, kind: 'refused', keys: [key] },
  refusal: { client: '192.0.2.1', stage: 'rcpt', reason: 'x' },
});

/** Until it is restored, no file takes what is written to it. */
async function fillDisk(t: TestContext, calls: readonly ('writeFile' | 'write' | 'stat')[]) {
  const handle = await openFile(root);
  await handle.close();
  const failed = new Set<FileHandle>();
  const fail = async function (this: FileHandle): Promise<never> {
    failed.add(this);
    throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
  };
  const kind = Object.getPrototypeOf(handle) as FileHandle;
  const mocks = calls.map((call) => t.mock.method(kind, call, fail));
  return { failed, restore: () => mocks.forEach(({ mock }) => void mock.restore()) };
}

/** What this process has open in a directory. */
const openFilesIn = (directory: string): readonly string[] =>
  readdirSync('/proc/self/fd').flatMap((descriptor) => {
    try {
      const path = readlinkSync(`/proc/self/fd/${descriptor}`);
      return path.startsWith(`${directory}/`) ? [path.slice(directory.length + 1)] : [];
    } catch {
      return []; // that of the listing itself
    }
  });
const onLinux = { skip: !existsSync('/proc/self/fd') };

/** A history with a log that is listened to. */
function openHeard(directory: string, clock = new FakeClock()) {
  const said: (string | number)[] = [];
  const log = {
    ...silentLog,
    warn: (event: string, fields?: { readonly events?: number | undefined }) =>
      said.push(fields?.events === undefined ? event : `${event}: ${fields.events}`),
  };
  return { said, clock, history: new FileHistory({ directory, clock, log }) };
}

const momentsOf = async (history: FileHistory, id: string) =>
  (await history.find(id)).map(({ at }) => at);

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

  it('leaves no file open when the disk is full, and has everything once when it is not any more', async (t) => {
    const directory = join(root, 'full');
    const { history, said } = openHeard(directory);
    await using _ = history;
    history.record(attempt('a', 1));
    await history.flush();
    for (const turn of [0, 10]) {
      const disk = await fillDisk(t, ['writeFile', 'write']);
      for (let i = 0; i < 5; i += 1) {
        history.record(attempt('a', turn + 2 + i));
        await history.flush();
      }
      assert.ok(disk.failed.size >= 5);
      assert.deepEqual(new Set([...disk.failed].map(({ fd }) => fd)), new Set([-1]));
      disk.restore();
      await history.flush();
    }
    assert.deepEqual(await momentsOf(history, 'a'), [1, 2, 3, 4, 5, 6, 12, 13, 14, 15, 16]);
    assert.deepEqual(said, ['history not written', 'history not written'], 'each time once');
  });

  it(
    'leaves no file open that it cannot look at, nor one that was full when it began',
    onLinux,
    async (t) => {
      const directory = join(root, 'closed');
      const recordIn = async (bytesMax: number, at: number) => {
        const history = open({ directory, bytesMax });
        history.record(attempt('a', at));
        await history.flush();
        return history;
      };
      const disk = await fillDisk(t, ['stat']);
      await using unlucky = await recordIn(4_000, 1);
      assert.deepEqual(openFilesIn(directory), []);
      disk.restore();
      await unlucky.flush();
      assert.deepEqual(openFilesIn(directory), ['000001.jsonl']);
      await unlucky[Symbol.asyncDispose]();
      await using other = await recordIn(400, 2);
      assert.deepEqual(openFilesIn(directory), ['000003.jsonl']);
      await other[Symbol.asyncDispose]();
      assert.deepEqual(openFilesIn(directory), []);
    },
  );

  it('of what a full disk does not take it keeps a bounded part, and says how much it lost', async (t) => {
    const { history, said, clock } = openHeard(join(root, 'bounded'));
    await using _ = history;
    const reply = 'x'.repeat(2 ** 16);
    const record = (mebibytes: number) => {
      for (let i = 0; i < 16 * mebibytes; i += 1) history.record(attempt('a', 1, reply));
    };
    for (let i = 0; i < 3; i += 1) {
      record(4);
      await history.flush();
    }
    const disk = await fillDisk(t, ['writeFile', 'write']);
    record(4);
    const failing = clock.advance(50);
    record(4); // while the file is looked for
    await failing;
    record(4);
    await history.flush();
    assert.deepEqual(said, ['history not written']);
    disk.restore();
    await history.flush();
    assert.deepEqual(said.slice(1), ['history lost: 64']);
    assert.equal((await history.find('a')).length, 16 * 20);
    record(4);
    await history.flush();
    assert.equal(said.length, 2, 'told of once');
  });

  it('waits for nothing when there is nothing to write, nor behind its end', async (t) => {
    const directory = join(root, 'idle');
    const { history, said, clock } = openHeard(directory);
    history.record(attempt('a', 1));
    await history.flush();
    await clock.advance(50);
    assert.equal(clock.nextTimer(), undefined);
    const disk = await fillDisk(t, ['writeFile', 'write']);
    history.record(attempt('a', 2));
    history.record(attempt('a', 3));
    await history[Symbol.asyncDispose]();
    disk.restore();
    assert.equal(clock.nextTimer(), undefined);
    assert.deepEqual(said, ['history not written', 'history lost: 2']);
    assert.deepEqual(await momentsOf(history, 'a'), [1]);
    assert.equal(clock.nextTimer(), undefined);
  });

  it('what was written is not written again when an old file cannot be removed', async () => {
    const directory = join(root, 'stubborn');
    await using history = open({ directory, bytesMax: 4_000 });
    for (let at = 0; at < 40; at += 1) {
      history.record(attempt('a', at));
      await history.flush();
      if (at === 0) mkdirSync(join(directory, '000000.jsonl'));
    }
    rmdirSync(join(directory, '000000.jsonl'));
    const moments = await momentsOf(history, 'a');
    assert.ok(moments.length > 10 && moments.length < 40);
    assert.deepEqual(
      moments,
      Array.from(moments, (_, i) => 40 - moments.length + i),
    );
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
      history.record(received('d4', 5, '<{>'));
      const ids = async (key: string) =>
        (await history.find(key)).map(({ id, at }) => `${id} ${at}`);
      assert.deepEqual(await ids('a1'), ['a1 1', 'a1 4']);
      assert.deepEqual(await ids('<"x@y>'), ['a1 1', 'b2 2', 'a1 4']);
      assert.deepEqual(await ids('"x@y'), ['a1 1', 'b2 2', 'a1 4']);
      assert.deepEqual(await ids('c3'), ['c3 3']);
      assert.deepEqual(await ids('{'), ['d4 5']);
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
    await using ofRefusals = open({ directory: `${directory}-refusals`, bytesMax: 320_000 });
    const bytes = (folder: string) =>
      readdirSync(folder).reduce((sum, name) => sum + statSync(join(folder, name)).size, 0);
    for (const [one, folder, make] of [
      [history, directory, received],
      [ofRefusals, join(`${directory}-refusals`, 'refused'), (id: string) => refused(1, id)],
    ] as const) {
      const record = async (count: number) => {
        for (let i = 0; i < count; i += 1) {
          one.record(make(`id${i}`, i));
          await one.flush();
        }
      };
      await record(400);
      assert.ok(bytes(folder) > 30_000);
      one.resize(one === history ? 15_000 : 120_000);
      await record(50);
      assert.ok(bytes(folder) < 20_000);
    }
  });

  it('finds an attempt of long after its message was received, and lines longer than one reading', async () => {
    const directory = join(root, 'long');
    await using history = open({ directory, bytesMax: 8_000_000 });
    history.record(received('a', 1));
    for (let at = 2; at < 8; at += 1) {
      history.record(attempt('a', at, 'x'.repeat(700_000)));
      history.record(received(`other-${at}`, at));
      await history.flush();
    }
    history.record(attempt('a', 8));
    history.record({ ...attempt('a', 9), kind: 'report', report: 'r', action: 'failed' });
    assert.ok(readdirSync(directory).length > 2);
    assert.deepEqual(await momentsOf(history, 'a'), [1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });

  it('gives no number of a file twice, even where one event is more than may be kept', async () => {
    const directory = join(root, 'numbers');
    await using history = open({ directory, bytesMax: 400 });
    for (const name of ['000002.jsonl', '000003.jsonl']) {
      history.record(attempt('a', 1, 'x'.repeat(1_000)));
      await history.flush();
      assert.deepEqual(readdirSync(directory), [name]);
    }
  });

  it('has refusals in files of their own, found as soon as they are recorded, the latest of very many', async () => {
    const directory = join(root, 'refusals');
    const heard: HistoryEvent[] = [];
    const onRecorded = (event: HistoryEvent) => heard.push(event);
    await using history = open({ directory, bytesMax: 8 * 40_000, onRecorded });
    const momentsOfRefusals = async (text: string) =>
      (await history.findRefused(text)).map(({ at }) => at);
    history.record(refused(1, 'ann@example.org'));
    assert.deepEqual(await momentsOfRefusals('<Ann@example.org>'), [1]);
    history.record(refused(2, 'bob@example.org'));
    await history.flush();
    const first = readFileSync(join(directory, 'refused', '000001.jsonl'), 'utf8');
    assert.equal(first.match(/"at"/g)?.length, 2);
    assert.deepEqual(readdirSync(directory), ['refused']);
    for (let at = 3; at < 203; at += 1) {
      history.record(refused(at, 'ann@example.org'));
      if (at % 10 === 0) await history.flush();
    }
    assert.deepEqual(
      await momentsOfRefusals('ann@example.org'),
      Array.from({ length: refusalsMax }, (_, i) => 103 + i),
    );
    assert.ok(readdirSync(join(directory, 'refused')).length > 2);
    assert.deepEqual(
      heard.map(({ at }) => at),
      Array.from({ length: 202 }, (_, i) => 1 + i),
    );
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
