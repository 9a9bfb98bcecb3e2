import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FakeClock } from '../../base/fake-clock.ts';
import type { Log } from '../../base/log.ts';
import type { RecordStore, StoredRecord } from '../../store/record-store.ts';
import { failuresUntilPause, requestsMax, retryMs, WebhookLine, waitingMax } from './line.ts';
import type { Waiting } from './outbox.ts';
import { WebhookOutbox } from './outbox.ts';
import type { Notice, WebhookAttempt } from './webhook.ts';

interface Request {
  readonly notice: Notice & { readonly attempt: number };
  readonly answer: (given?: Pick<WebhookAttempt, 'problem' | 'retryAt'>) => Promise<void>;
}

/** A line whose requests wait for their answers. */
function opened() {
  const clock = new FakeClock();
  const kept = new Map<string, string>();
  const records = {
    get: async (_: string, key: string) => {
      const value = kept.get(key);
      return value === undefined ? undefined : { value };
    },
    put: async (all: readonly StoredRecord[]) => {
      for (const { key, value } of all) kept.set(key, value);
    },
    remove: async (_: string, keys: readonly string[]) => {
      for (const key of keys) kept.delete(key);
    },
  } as unknown as RecordStore;
  const outbox = new WebhookOutbox(records, 0);
  const requests: Request[] = [];
  const logged: string[] = [];
  const note = (event: string) => logged.push(event);
  const log: Log = { debug: note, info: note, warn: note, error: note };
  const line = new WebhookLine({
    ...{ name: 'app', outbox, clock, log },
    random: { fraction: () => 0.5 },
    post(notice) {
      const { promise, resolve } = Promise.withResolvers<WebhookAttempt>();
      requests.push({
        notice,
        answer(given = {}) {
          const { id, event, attempt } = notice;
          resolve({ ...{ at: clock.now(), event, id, attempt, ms: 0 }, ...given });
          return clock.advance(0);
        },
      });
      return promise;
    },
    onAttempt: () => {},
  });
  let count = 0;
  const keep = async (ms = 0): Promise<Waiting> => {
    const now = clock.now();
    const waiting = { id: `${count++}`, event: 'e', since: now, attempts: 0, due: now + ms };
    await outbox.put([{ ...waiting, body: '{}', name: 'app' }]);
    return waiting;
  };
  const add = async (ms = 0) => {
    line.add(await keep(ms));
    await clock.advance(0);
  };
  const next = () => (line.state.nextAttempt ?? Number.NaN) - clock.now();
  return { clock, kept, line, requests, logged, keep, add, next };
}

const failure = { problem: 'it answered 500' };

describe('the line of a webhook', () => {
  it('begins what there is room for, and waits for nothing but its requests', async () => {
    const { clock, line, requests, add, next } = opened();
    await add(1000);
    assert.deepEqual([requests.length, next(), clock.nextTimer()], [0, 1000, clock.now() + 1000]);
    for (let i = 0; i < requestsMax; i += 1) await add();
    assert.deepEqual([requests.length, next()], [requestsMax, 1000]);
    await add();
    assert.deepEqual([requests.length, next(), line.waiting], [requestsMax, 0, requestsMax + 2]);
    assert.equal(clock.nextTimer(), undefined, 'who has ended goes on');
    await requests[0]!.answer();
    assert.deepEqual([requests.length, next()], [requestsMax + 1, 1000]);
    await clock.advance(1000);
    for (const { answer } of requests) await answer();
    for (const { answer } of requests) await answer();
    assert.deepEqual([requests.length, line.waiting, next()], [requestsMax + 2, 0, Number.NaN]);
    assert.equal(clock.nextTimer(), undefined);
  });

  it('waits longer after each failure, and once it is told so', async () => {
    const { clock, requests, add, next, kept } = opened();
    await add();
    await requests[0]!.answer(failure);
    assert.equal(next(), retryMs[0]! * 1.1);
    await clock.advance(next());
    assert.equal(requests[1]!.notice.attempt, 2);
    await requests[1]!.answer({ ...failure, retryAt: clock.now() + 7_200_000 });
    assert.equal(next(), 7_200_000);
    await clock.advance(next());
    await requests[2]!.answer();
    assert.equal(kept.size, 0);
  });

  it('has patience for all that waits where one is asked for it, until another one is taken', async () => {
    const { clock, requests, add, next, line } = opened();
    await add();
    await add();
    await requests[0]!.answer({ ...failure, retryAt: clock.now() + 3_600_000 });
    await add();
    assert.deepEqual([requests.length, next()], [2, 15 * 60_000], 'no longer than who is down');
    await requests[1]!.answer();
    assert.equal(requests.length, 3);
    await requests[2]!.answer();
    await clock.advance(3_600_000);
    await requests[3]!.answer();
    assert.deepEqual([line.waiting, clock.nextTimer()], [0, undefined]);
  });

  it('asks one that is down by one request at a time, in ever longer pauses', async () => {
    const { clock, requests, logged, add, next, line } = opened();
    for (let i = 1; i <= failuresUntilPause; i += 1) {
      assert.deepEqual(logged, []);
      await add();
      await requests.at(-1)!.answer(failure);
    }
    assert.deepEqual(logged, ['webhook does not answer']);
    for (let i = 0; i < 9; i += 1) await add();
    for (const pause of [5, 10, 20, 40, 80, 160, 320, 640, 900, 900]) {
      const before = requests.length;
      assert.equal(next(), pause * 1000);
      await clock.advance(pause * 1000 - 1);
      assert.equal(requests.length, before);
      await clock.advance(1);
      assert.equal(requests.length, before + 1);
      assert.equal(clock.nextTimer(), undefined);
      await requests.at(-1)!.answer(failure);
    }
    await clock.advance(next());
    assert.deepEqual(logged, ['webhook does not answer']);
    await requests.at(-1)!.answer();
    assert.deepEqual(logged, ['webhook does not answer', 'webhook answers again']);
    assert.deepEqual(
      [line.state.attempts.length, line.state.attempts[0]!.problem],
      [16, undefined],
    );
  });

  it('takes one for down after as many failures in a row, each time anew', async () => {
    const { clock, requests, logged, add } = opened();
    for (let round = 0; round < 2; round += 1) {
      for (let i = 0; i < failuresUntilPause; i += 1) {
        assert.deepEqual(logged, []);
        await add();
        await requests.at(-1)!.answer(failure);
      }
      assert.deepEqual(logged.splice(0), ['webhook does not answer']);
      await clock.advance(retryMs[0]! * 1.1);
      for (const { answer } of requests) await answer();
      assert.deepEqual(logged.splice(0), ['webhook answers again']);
    }
  });

  it('gives up what has become too old, or was tried as often as there are times for it', async () => {
    const { clock, kept, line, requests, logged, add, next } = opened();
    await add(1000);
    kept.clear();
    await clock.advance(1000);
    assert.deepEqual([requests.length, line.waiting, line.state.givenUp], [0, 0, 1]);
    assert.deepEqual(logged, ['webhook events given up']);
    await add();
    for (const ms of retryMs) {
      await requests.at(-1)!.answer(failure);
      if (line.waiting === 0) break;
      assert.ok(next() >= ms, `${next()} ${ms}`);
      await clock.advance(next());
    }
    assert.deepEqual([line.waiting, line.state.givenUp, kept.size], [0, 2, 0]);
    assert.ok(requests.length > failuresUntilPause);
  });

  it('says once that it is full, until there was room', async () => {
    const { line, logged } = opened();
    for (const [also, expected] of [
      [waitingMax, ['webhook events given up']],
      [waitingMax, []],
      [waitingMax - 1, []],
      [waitingMax, ['webhook events given up']],
      [waitingMax + 1, []],
      [0, []],
      [waitingMax, ['webhook events given up']],
    ] as const) {
      assert.equal(line.hasRoom(also), also < waitingMax);
      assert.deepEqual(logged.splice(0), expected, `${also}`);
    }
    assert.equal(line.state.givenUp, 5);
  });

  it('stopped, begins nothing, ends with what is under way, and keeps what was not taken', async () => {
    const { clock, kept, line, requests, keep, add } = opened();
    for (let i = 0; i < 3; i += 1) await add();
    await add(1000);
    line.add(await keep()); // read from the outbox, and not yet posted
    let isOver = false;
    const stopped = line.stop().then(() => {
      isOver = true;
    });
    assert.equal(clock.nextTimer(), undefined);
    await clock.advance(2000);
    line.add(await keep());
    line.add(await keep(1000));
    assert.deepEqual([requests.length, isOver, clock.nextTimer()], [3, false, undefined]);
    await requests[0]!.answer();
    await requests[1]!.answer(failure);
    assert.equal(isOver, false);
    await requests[2]!.answer();
    await stopped;
    assert.deepEqual([...kept.keys()], ['app/1', 'app/3', 'app/4', 'app/5', 'app/6']);
    assert.equal(JSON.parse(kept.get('app/1')!).attempts, 0, 'it was given up by us');
    assert.deepEqual([requests.length, clock.nextTimer()], [3, undefined]);
  });
});
