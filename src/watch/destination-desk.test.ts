import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { FakeClock } from '../base/fake-clock.ts';
import type { QueueRunner } from '../queue/runner.ts';
import type { AttemptResult, HistoryEvent } from '../store/history.ts';
import type { RecordStore } from '../store/record-store.ts';
import { openInMemory } from '../store/sqlite/test-stores.ts';
import { Destinations } from './destination-desk.ts';

function runnerOf() {
  const done: string[] = [];
  const destinations: ReturnType<QueueRunner['destinations']>[number][] = [];
  return {
    ...{ done, live: destinations, destinations: () => destinations },
    waiting: () => undefined,
    hold: (name: string) => void done.push(`hold ${name}`),
    release: (name: string) => void done.push(`release ${name}`),
    forgive: (name: string) => void done.push(`forgive ${name}`),
    facts: { active: 0, waiting: 0, unrecorded: 0, memoryBytes: 0, storeFailing: false },
  };
}

/** As records of several nodes are: whoever watches is told. */
function announcing(records: RecordStore): RecordStore {
  const listeners = new Set<() => void>();
  const tell = () => {
    for (const listener of listeners) listener();
  };
  return {
    get: (kind, key) => records.get(kind, key),
    list: (kind, page) => records.list(kind, page),
    count: (kind) => records.count(kind),
    put: (all) => records.put(all).then(tell),
    remove: (kind, keys) => records.remove(kind, keys).then(tell),
    replace: () => assert.fail('nobody asks'),
    watch(_, listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

/** What begins now has ended. */
async function settled(clock: FakeClock, ms: number): Promise<void> {
  await clock.advance(ms);
  for (let turn = 0; turn < 20; turn += 1) await new Promise(setImmediate);
}

it('of several nodes each shows what all know, and does what is done at any', async () => {
  await using test = await openInMemory();
  const { clock, stores } = test;
  const records = announcing(stores.records);
  const [one, two] = [1, 2].map((node) => {
    const runner = runnerOf();
    const parts = { store: stores.queue, runner, records, clock, node };
    return { runner, desk: new Destinations(parts) };
  }) as [Opened, Opened];
  for (const { desk } of [one, two]) await desk.start();
  const name = 'mx:example.net';
  await one.desk.hold(name);
  await settled(clock, 1000);
  const facts = async ({ desk }: Opened) => (await desk.list({ limit: 9 })).items[0];
  for (const each of [one, two]) {
    assert.equal((await facts(each))?.onHold, true);
    assert.deepEqual(each.runner.done, [`hold ${name}`]);
  }
  one.runner.live.push({
    ...{ name, active: 2, waiting: 1, window: 5, deadUntil: clock.now() + 60_000 },
  });
  two.runner.live.push({ name, active: 1, waiting: 0, window: 3, deadUntil: 0 });
  const attempt = (result: AttemptResult['result'], reply: string): HistoryEvent => ({
    ...{ id: 'x', at: clock.now(), kind: 'attempt', destination: name, durationMs: 1 },
    results: [{ address: 'bob@example.net', attempt: 1, result, reply }],
  });
  one.desk.note(attempt('relayed', '250 OK'));
  await clock.advance(1);
  two.desk.note(attempt('deferred', '451 busy'));
  one.desk.noteTls(name, [
    { domain: 'example.net', mxHost: 'mx.example.net', policy: { type: 'sts' }, result: 'success' },
  ]);
  await settled(clock, 5000);
  const [first, second] = [await facts(one), await facts(two)];
  assert.deepEqual(JSON.parse(JSON.stringify(first)), JSON.parse(JSON.stringify(second)));
  assert.deepEqual(
    [first?.active, first?.window, first?.last?.reply, first?.security?.policy],
    [3, 8, '451 busy', 'mta-sts'],
  );
  assert.ok(first?.deadUntil);
  const of = (number: number, active: number, window: number, deadUntil?: number) => ({
    ...{ number, active, window, deadUntil },
  });
  assert.deepEqual(first.ofNodes, [of(1, 2, 5, first.deadUntil), of(2, 1, 3)]);
  two.runner.live.pop();
  await settled(clock, 5000);
  assert.equal((await facts(one))?.active, 2);
  await two.desk.release(name);
  await one.desk.forget(name);
  await settled(clock, 1000);
  for (const { runner, desk } of [one, two]) {
    assert.deepEqual(runner.done.sort(), [`forgive ${name}`, `hold ${name}`, `release ${name}`]);
    desk.stop();
  }
});

it('what is held at another node is so here, though reading it was slow, or failed', async () => {
  await using test = await openInMemory();
  const { clock, stores } = test;
  const records = announcing(stores.records);
  const answers: (() => void)[] = [];
  let isAway = false;
  let isSlow = false;
  const list: RecordStore['list'] = async (kind, page) => {
    if (isAway) throw new Error('away');
    const found = await records.list(kind, page);
    if (isSlow && kind === 'destination-hold')
      await new Promise<void>((resolve) => answers.push(resolve));
    return found;
  };
  const [one, two] = [records, { ...records, list }].map((seen, i) => {
    const runner = runnerOf();
    const parts = { store: stores.queue, runner, records: seen, clock, node: i + 1 };
    return { runner, desk: new Destinations(parts) };
  }) as [Opened, Opened];
  for (const { desk } of [one, two]) await desk.start();
  isSlow = true;
  for (const name of ['mx:a.example', 'mx:b.example']) {
    await one.desk.hold(name);
    await settled(clock, 0);
  }
  // The later answer comes first.
  for (let turn = 0; turn < 9; turn += 1) {
    answers.pop()?.();
    await settled(clock, 0);
  }
  assert.deepEqual(two.runner.done, ['hold mx:a.example', 'hold mx:b.example']);
  isSlow = false;
  isAway = true;
  await one.desk.release('mx:a.example');
  await settled(clock, 0);
  isAway = false;
  await settled(clock, 1000);
  assert.deepEqual(two.runner.done.slice(2), ['release mx:a.example']);
  for (const { desk } of [one, two]) desk.stop();
});

interface Opened {
  readonly runner: ReturnType<typeof runnerOf>;
  readonly desk: Destinations;
}

it('a destination tells which policy its last TLS was under, and what kept mail away', async () => {
  await using test = await openInMemory();
  const { clock, stores } = test;
  const runner = runnerOf();
  const destinations = new Destinations({
    ...{ store: stores.queue, runner, records: stores.records, clock },
  });
  const security = async () => {
    await destinations.hold('mx:example.net'); // so that it is listed
    const { items } = await destinations.list({ limit: 9 });
    return items[0]?.security;
  };
  assert.equal(await security(), undefined);
  const session = { domain: 'example.net', mxHost: 'mx.example.net' } as const;
  const tlsa = { ...session, policy: { type: 'tlsa' } } as const;
  destinations.noteTls('mx:example.net', [
    { ...tlsa, result: 'certificate-not-trusted', reason: 'TLSA_MISMATCH' },
    { ...tlsa, mxHost: 'mx2.example.net', result: 'success' },
  ]);
  assert.deepEqual(await security(), {
    ...{ at: clock.now(), policy: 'dane', result: 'certificate-not-trusted' },
    ...{ host: 'mx.example.net', reason: 'TLSA_MISMATCH' },
  });
  destinations.noteTls('mx:example.net', [
    { ...session, policy: { type: 'sts' }, result: 'success' },
  ]);
  const now = await security();
  assert.deepEqual([now?.policy, now?.result], ['mta-sts', 'success']);
});

it('more than a page of destinations can be held, and stay so', async () => {
  await using test = await openInMemory();
  const { clock, stores } = test;
  const held = Array.from({ length: 1_200 }, (_, i) => `mx:a${i}.example`);
  await stores.records.put(
    held.map((key) => ({ kind: 'destination-hold', key, value: '{"since":1}' })),
  );
  const runner = runnerOf();
  const desk = new Destinations({ store: stores.queue, runner, records: stores.records, clock });
  await desk.start();
  assert.deepEqual(runner.done.sort(), held.map((name) => `hold ${name}`).sort());
  desk.stop();
});
