import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FakeClock } from '../base/fake-clock.ts';
import { silentLog } from '../base/log.ts';
import { createMessageIds } from '../queue/message-id.ts';
import type { AttemptResult, HistoryEvent } from '../store/history.ts';
import type { RecordStore } from '../store/record-store.ts';
import { openInMemory } from '../store/sqlite/test-stores.ts';
import { likeness } from './leaders.ts';
import { StatisticsKeeper } from './statistics.ts';

const start = Date.UTC(2026, 4, 1, 12);
const minuteMs = 60_000;

function keeper(records: RecordStore, clock: FakeClock, node = 0) {
  let refusals = 0;
  const made = new StatisticsKeeper({
    ...{ records, clock, log: silentLog, node },
    queued: async () => 7,
    refused: () => refusals,
  });
  return Object.assign(made, { refuse: (count: number) => (refusals += count) });
}

const recordsOf = (records: RecordStore): RecordStore => ({
  get: (...asked) => records.get(...asked),
  put: (...asked) => records.put(...asked),
  remove: (...asked) => records.remove(...asked),
  list: (...asked) => records.list(...asked),
  count: (kind) => records.count(kind),
  replace: (...asked) => records.replace(...asked),
  watch: (...asked) => records.watch(...asked),
});

function events(clock: FakeClock) {
  const newId = createMessageIds({ clock, random: { fraction: () => 0 } });
  const received = (sender = 'ann@example.org') => {
    const origin = { session: '', service: 'smtp', protocol: 'ESMTP' };
    const event: HistoryEvent = {
      ...{ id: newId(), at: clock.now(), kind: 'received', sender, size: 1, origin },
      ...{ recipients: ['bob@example.net'], recipientCount: 1 },
    };
    return event;
  };
  const attempt = (
    id: string,
    result: AttemptResult['result'],
    reply = '250 OK',
  ): HistoryEvent => ({
    ...{ id, at: clock.now(), kind: 'attempt', destination: 'mx:example.net', durationMs: 1 },
    results: [{ address: 'bob@example.net', attempt: 1, result, reply }],
  });
  return { received, attempt };
}

/** Timers that are due run, and what they begin ends. */
async function minutes(clock: FakeClock, count: number): Promise<void> {
  for (let i = 0; i < count; i += 1) {
    clock.advance(minuteMs);
    for (let turn = 0; turn < 20; turn += 1) await new Promise(setImmediate);
  }
}

describe('statistics', () => {
  it('write down the minute that is ending before they stop, and count no other', async () => {
    await using test = await openInMemory();
    const clock = new FakeClock(start);
    const { promise: isWritten, resolve: write } = Promise.withResolvers<void>();
    let puts = 0;
    const put = async () => {
      puts += 1;
      if (puts === 1) await isWritten;
    };
    const one = keeper({ ...recordsOf(test.stores.records), put }, clock);
    await one.start();
    await clock.advance(minuteMs);
    let isStopped = false;
    const stopped = one.stop().then(() => {
      isStopped = true;
    });
    await minutes(clock, 1);
    assert.equal(isStopped, false);
    write();
    await stopped;
    assert.equal(clock.nextTimer(), undefined);
  });

  it('count by the minute, five minutes and hour, and outlive a restart', async () => {
    await using test = await openInMemory();
    const clock = new FakeClock(start);
    const one = keeper(test.stores.records, clock);
    const { received, attempt } = events(clock);
    await one.start();
    const first = received();
    one.note(first);
    one.refuse(3);
    assert.equal((await one.get('hour')).refused.at(-1), 3);
    clock.advance(2000);
    one.note(attempt(first.id, 'relayed'));
    await minutes(clock, 1);
    one.note(received());
    await minutes(clock, 1);
    one.refuse(2);
    const shown = await one.get('hour');
    assert.equal(shown.from, new Date(start + 2 * minuteMs - 59 * minuteMs).toISOString());
    assert.deepEqual(shown.received.slice(-3), [1, 1, 0]);
    assert.deepEqual(shown.refused.slice(-3), [3, 0, 2]);
    assert.deepEqual(shown.delivered.slice(-3), [1, 0, 0]);
    assert.deepEqual(shown.queued.slice(-3), [7, 7, 7]);
    const [took, ...others] = shown.latency.p50.slice(-3);
    assert.ok(took! >= 1.5 && took! <= 2.7, `${took}`);
    assert.deepEqual(others, [null, null]);
    await one.stop();
    const again = keeper(test.stores.records, clock);
    await again.start();
    assert.deepEqual((await again.get('hour')).received.slice(-3), [1, 1, 0]);
    assert.equal((await again.get('day')).received.at(-1), 2);
    assert.equal((await again.get('quarter')).received.length, 90 * 24);
    assert.deepEqual((await again.get('day')).top.senders, [{ name: 'ann@example.org', count: 2 }]);
    await again.stop();
  });

  it('of several nodes are added up, whichever is asked, also of the minute that it is', async () => {
    await using test = await openInMemory();
    const { records } = test.stores;
    const clock = new FakeClock(start);
    const { received, attempt } = events(clock);
    const [one, two] = [keeper(records, clock, 1), keeper(records, clock, 2)];
    for (const each of [one, two]) await each.start();
    const first = received();
    one.note(first);
    one.refuse(3);
    clock.advance(2000);
    two.note(attempt(first.id, 'relayed'));
    two.note(received('bob@example.org'));
    await minutes(clock, 1);
    two.note(received());
    one.note(received());
    clock.advance(6000);
    for (let turn = 0; turn < 20; turn += 1) await new Promise(setImmediate);
    for (const each of [one, two])
      for (const period of ['hour', 'day'] as const) {
        const { received: came, delivered, refused, queued, latency } = await each.get(period);
        const last = period === 'hour' ? [2, 2] : [0, 4];
        assert.deepEqual(came.slice(-2), last, period);
        assert.deepEqual(delivered.slice(-2), period === 'hour' ? [1, 0] : [0, 1]);
        assert.equal(refused.slice(-2)[period === 'hour' ? 0 : 1], 3);
        assert.equal(queued.at(-1), 7);
        assert.notEqual(latency.p50[period === 'hour' ? came.length - 2 : came.length - 1], null);
      }
    await minutes(clock, 1);
    for (const each of [one, two]) {
      const { received: came, ofNodes } = await each.get('hour');
      assert.deepEqual(came.slice(-3), [2, 2, 0]);
      const none = { deferred: 0, bounced: 0 };
      assert.deepEqual(ofNodes, [
        { number: 1, received: 2, refused: 3, delivered: 0, ...none },
        { number: 2, received: 2, refused: 0, delivered: 1, ...none },
      ]);
      assert.deepEqual((await each.get('hour')).top.senders, [
        { name: 'ann@example.org', count: 3 },
        { name: 'bob@example.org', count: 1 },
      ]);
      await each.stop();
    }
    const again = keeper(records, clock, 1);
    await again.start();
    assert.deepEqual((await again.get('day')).received.slice(-1), [4]);
    await again.stop();
  });

  it('name what defers most, whatever ids the replies hold', async () => {
    await using test = await openInMemory();
    const clock = new FakeClock(start);
    const one = keeper(test.stores.records, clock);
    const { attempt } = events(clock);
    for (const id of ['4BcX9', '77aQz']) {
      one.note(attempt('x', 'deferred', `451 4.3.0 <bob@example.net>: queue file ${id} is busy`));
      one.note(attempt('x', 'deferred', '450 4.2.0 Greylisted'));
      one.note(attempt('x', 'deferred', '450 4.2.0 Greylisted'));
    }
    assert.deepEqual((await one.get('hour')).top.deferrals, [
      { name: '450 4.2.0 Greylisted', count: 4 },
      { name: '451 4.3.0 …: queue file … is busy', count: 2 },
    ]);
    assert.equal(likeness('550 5.1.1 x'), '550 5.1.1 x');
  });

  it('a store that fails costs numbers and nothing else', async () => {
    const clock = new FakeClock(start);
    const failing = async (): Promise<never> => {
      throw new Error('no disk');
    };
    const records = { list: failing, put: failing } as unknown as RecordStore;
    const one = keeper(records, clock);
    await one.start();
    one.note(events(clock).received());
    await minutes(clock, 1);
    assert.deepEqual((await one.get('hour')).received.slice(-2), [1, 0]);
    await one.stop();
  });
});
