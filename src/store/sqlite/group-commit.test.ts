// What shares a transaction, what it waits for, and what is said when the engine does not do it: over
// an engine that is made up, so that each batch ends when the test says so.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { FakeClock } from '../../base/fake-clock.ts';
import { silentLog } from '../../base/log.ts';
import { StorageError } from '../../smtp/smtp-error.ts';
import { NoSuchFolderError } from '../folder-errors.ts';
import { DamagedStoreError, GroupCommit } from './group-commit.ts';
import type { Answer, BatchResult, ContentRow, Request } from './requests.ts';

interface Batch {
  readonly operations: readonly string[];
  end(result?: Partial<BatchResult>): Promise<void>;
  fail(error: Error): Promise<void>;
}

function open({ patient = false } = {}) {
  const batches: Batch[] = [];
  const said: string[] = [];
  const removed: string[] = [];
  const touched: (readonly unknown[])[] = [];
  const clock = new FakeClock();
  let closed = 0;
  const run = (requests: readonly Request[]) =>
    new Promise<BatchResult>((resolve, reject) => {
      const answers = requests.map((): Answer => ({ ok: true, value: undefined }));
      const nothing = { freedFiles: [], touched: [], transfer: [], unflushed: false };
      batches.push({
        operations: requests.map(({ name }) => name),
        end: (result) => {
          resolve({ answers, ...nothing, ...result });
          return setImmediate();
        },
        fail: (error) => {
          reject(error);
          return setImmediate();
        },
      });
    });
  const say = (event: string) => said.push(event);
  const commit = new GroupCommit({
    transport: {
      ...{ recovered: 0, patient, run },
      gather: (callback) => void Promise.resolve().then(callback),
      close: async () => {
        closed += 1;
      },
    },
    clock,
    log: { ...silentLog, info: say, error: say },
    removeFile: (key) => removed.push(key),
    touched: (events) => touched.push(events),
  });
  return { commit, batches, said, removed, touched, clock, closed: () => closed };
}

const contentOf = (size: number) => ({ bytes: Buffer.alloc(size) }) as unknown as ContentRow;
const hold = (commit: GroupCommit, content: readonly ContentRow[] = []) =>
  commit.call('hold', [1] as never, content);
const settle = (commit: GroupCommit) => commit.call('settle', [{}] as never);

describe('batches', () => {
  it('free as many files as they free', async () => {
    const { commit, batches, removed } = open();
    const removing = commit.call('removeMailbox', ['a@example.org']);
    await setImmediate();
    await batches[0]!.end({ freedFiles: new Array(200_000).fill('key') });
    await removing;
    assert.equal(removed.length, 200_000);
  });

  it('take all that came while the last one was under way, in its order', async () => {
    const { commit, batches } = open();
    const first = [hold(commit), commit.call('nextDue', [new Set()])];
    await setImmediate();
    const second = [commit.call('newest', []), hold(commit), settle(commit)];
    await setImmediate();
    assert.deepEqual(
      batches.map(({ operations }) => operations),
      [['hold', 'nextDue']],
    );
    const answers: Answer[] = [1, 2].map((value) => ({ ok: true, value }));
    await batches[0]!.end({ answers });
    assert.deepEqual(await Promise.all(first), [1, 2]);
    assert.deepEqual(batches[1]!.operations, ['newest', 'hold', 'settle']);
    await batches[1]!.end();
    await Promise.all(second);
    assert.equal(batches.length, 2);
  });

  it('are run one after the other, whenever somebody comes', async () => {
    const { commit, batches } = open();
    void hold(commit);
    // Between what calls back for the first and what would for the second.
    void Promise.resolve().then(() => hold(commit));
    void hold(commit);
    await setImmediate();
    assert.equal(batches.length, 1);
    await batches[0]!.end();
    assert.deepEqual(
      batches.map(({ operations }) => operations.length),
      [2, 1],
    );
  });

  it('carry 1000 requests, and no more when they have 8 MiB', async () => {
    const { commit, batches } = open();
    for (let i = 0; i < 1500; i += 1) void hold(commit);
    for (let i = 0; i < 3; i += 1) void hold(commit, [contentOf(2 ** 21), contentOf(2 ** 21)]);
    for (let i = 0; i < 4; i += 1) {
      await setImmediate();
      await batches.at(-1)!.end();
    }
    assert.deepEqual(
      batches.map(({ operations }) => operations.length),
      [1000, 502, 1],
    );
  });

  it('that fail are told to those in them; the next one is run', async () => {
    const { commit, batches } = open();
    const first = assert.rejects(hold(commit), /gone/);
    await setImmediate();
    const second = hold(commit);
    await batches[0]!.fail(new StorageError('gone'));
    await first;
    await batches[1]!.end();
    await second;
    const third = hold(commit);
    await setImmediate();
    await batches[2]!.end();
    await third;
  });

  it('tell what they changed in mailboxes, when there is anything', async () => {
    const { commit, batches, touched } = open();
    void hold(commit);
    await setImmediate();
    await batches[0]!.end({ touched: [{ account: 'ann' } as never] });
    void hold(commit);
    await setImmediate();
    await batches[1]!.end();
    assert.deepEqual(touched, [[{ account: 'ann' }]]);
  });
});

describe('what nobody waits for', () => {
  it('goes with what somebody does', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const { commit, batches } = open({ patient: true });
    void settle(commit);
    await setImmediate();
    assert.equal(batches.length, 0);
    void hold(commit);
    await setImmediate();
    assert.deepEqual(batches[0]?.operations, ['settle', 'hold']);
    await batches[0]!.end();
    void settle(commit);
    await setImmediate();
    assert.equal(batches.length, 1, 'and waits again');
  });

  it('waits its own time, however long the last of its kind has waited', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const { commit, batches } = open({ patient: true });
    void settle(commit);
    void hold(commit);
    await setImmediate();
    await batches[0]!.end();
    t.mock.timers.tick(4);
    void settle(commit);
    t.mock.timers.tick(4);
    await setImmediate();
    assert.equal(batches.length, 1);
    t.mock.timers.tick(1);
    await setImmediate();
    assert.deepEqual(batches[1]?.operations, ['settle']);
  });

  it('goes when there is much of it, or after a moment', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const { commit, batches } = open({ patient: true });
    for (let i = 0; i < 99; i += 1) void settle(commit);
    await setImmediate();
    assert.equal(batches.length, 0);
    void settle(commit);
    await setImmediate();
    assert.equal(batches[0]?.operations.length, 100);
    await batches[0]!.end();
    void settle(commit);
    t.mock.timers.tick(4);
    await setImmediate();
    assert.equal(batches.length, 1);
    t.mock.timers.tick(1);
    await setImmediate();
    assert.deepEqual(batches[1]?.operations, ['settle']);
    await batches[1]!.end();
    void settle(commit);
    t.mock.timers.tick(4);
    await setImmediate();
    assert.equal(batches.length, 2, 'it waits anew');
  });

  it('goes at once when it carries something new, or where waiting is of no use', async () => {
    const { commit, batches } = open({ patient: true });
    void commit.call('settle', [{}] as never, [], 'durable');
    await setImmediate();
    assert.equal(batches.length, 1);
    const other = open();
    void settle(other.commit);
    await setImmediate();
    assert.equal(other.batches.length, 1);
  });
});

describe('what is not flushed yet', () => {
  it('is flushed after a second, again when that failed and when something came since', async () => {
    const { commit, batches, clock } = open();
    const settled = async (result: Partial<BatchResult>) => {
      void settle(commit);
      await setImmediate();
      await batches.at(-1)!.end(result);
    };
    await settled({ unflushed: true });
    await clock.advance(1000);
    await batches[1]!.fail(new StorageError('no room'));
    await settled({ unflushed: true });
    await clock.advance(1000);
    assert.deepEqual(batches[3]?.operations, ['flush']);
    await batches[3]!.end();
    await settled({ unflushed: true });
    await settled({ unflushed: false });
    await settled({ unflushed: true });
    await clock.advance(999);
    assert.equal(batches.length, 7);
    await clock.advance(1);
    assert.deepEqual(batches[7]?.operations, ['flush']);
  });

  it('is flushed after a second, once', async () => {
    const { commit, batches, clock } = open();
    void settle(commit);
    await setImmediate();
    await batches[0]!.end({ unflushed: true });
    await clock.advance(999);
    assert.equal(batches.length, 1);
    await clock.advance(1);
    assert.deepEqual(batches[1]?.operations, ['flush']);
    await batches[1]!.fail(new StorageError('no room'));
    void settle(commit);
    await setImmediate();
    await batches[2]!.end({ unflushed: true });
    void hold(commit);
    await setImmediate();
    await batches[3]!.end();
    await clock.advance(5000);
    assert.equal(batches.length, 4, 'another one has flushed it');
  });

  it('keeps files until then that nobody needs any more', async () => {
    const { commit, batches, removed } = open();
    void settle(commit);
    await setImmediate();
    await batches[0]!.end({ unflushed: true, freedFiles: ['a'] });
    assert.deepEqual(removed, []);
    void hold(commit);
    await setImmediate();
    await batches[1]!.end({ freedFiles: ['b'] });
    assert.deepEqual(removed, ['a', 'b']);
    void hold(commit);
    await setImmediate();
    await batches[2]!.end();
    assert.deepEqual(removed, ['a', 'b']);
  });
});

describe('what is said', () => {
  it('of a full disk once, and when there is room again', async () => {
    const { commit, batches, said } = open();
    const full: Answer = { ok: false, kind: 'storage', message: 'full' };
    const done: Answer = { ok: true, value: 0 };
    for (const [answers, heard] of [
      [[full, full, full], ['store-refuses']],
      [[full, done, full], ['store-refuses']],
      [
        [done, done, done],
        ['store-refuses', 'store-accepts-again'],
      ],
      [
        [done, done, done],
        ['store-refuses', 'store-accepts-again'],
      ],
    ] as const) {
      const calls = Promise.allSettled([
        hold(commit),
        commit.call('nextDue', [new Set()]),
        hold(commit),
      ]);
      await setImmediate();
      await batches.at(-1)!.end({ answers });
      const kinds = (await calls).map(({ status }) => status === 'fulfilled');
      assert.deepEqual(
        kinds,
        answers.map(({ ok }) => ok),
      );
      assert.deepEqual(said, heard);
    }
  });

  it('of everything else as what it is', async () => {
    const { commit, batches } = open();
    for (const [kind, expected] of [
      ['storage', StorageError],
      ['damaged', DamagedStoreError],
      ['refused', NoSuchFolderError],
      ['bug', Error],
    ] as const) {
      const call = assert.rejects(hold(commit), expected);
      await setImmediate();
      await batches.at(-1)!.end({ answers: [{ ok: false, kind, message: kind }] });
      await call;
    }
  });

  it('where nothing lasts any more: only reads are taken', async () => {
    const { commit, batches } = open();
    commit.refuse('the database was removed');
    await assert.rejects(hold(commit), /was removed/);
    await assert.rejects(settle(commit), /was removed/);
    const read = commit.call('nextDue', [new Set()]);
    await setImmediate();
    await batches[0]!.end();
    await read;
  });
});

describe('close', () => {
  it('answers and flushes what was asked, takes nothing more, and closes the engine once', async () => {
    const { commit, batches, clock, closed } = open();
    void settle(commit);
    await setImmediate();
    await batches[0]!.end({ unflushed: true });
    const asked = hold(commit);
    await setImmediate();
    const closing = commit.close();
    await batches[1]!.end({ unflushed: true });
    await asked;
    assert.deepEqual(batches[2]?.operations, ['flush']);
    await setImmediate();
    assert.equal(closed(), 0);
    await batches[2]!.end();
    await closing;
    assert.equal(closed(), 1);
    await assert.rejects(hold(commit), /closed/);
    await commit.close();
    assert.deepEqual([closed(), batches.length, clock.nextTimer()], [1, 3, undefined]);
  });

  it('waits for what is under way; what cannot be flushed is no reason to stay', async () => {
    const { commit, batches, clock, closed } = open();
    const asked = hold(commit);
    await setImmediate();
    const closing = commit.close();
    await setImmediate();
    assert.deepEqual([closed(), batches.length], [0, 1]);
    await batches[0]!.end({ unflushed: true });
    await Promise.all([asked, closing]);
    assert.deepEqual([closed(), batches.length], [1, 1], 'the engine flushes when it is closed');
    assert.equal(clock.nextTimer(), undefined);

    const other = open();
    void settle(other.commit);
    const ending = other.commit.close();
    await setImmediate();
    assert.deepEqual(other.batches[0]?.operations, ['settle', 'flush']);
    const full: Answer = { ok: false, kind: 'storage', message: 'full' };
    await other.batches[0]!.end({ answers: [{ ok: true, value: 0 }, full], unflushed: true });
    await ending;
    assert.deepEqual([other.closed(), other.clock.nextTimer()], [1, undefined]);
  });
});
