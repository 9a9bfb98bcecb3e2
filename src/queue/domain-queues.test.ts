import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FakeClock } from '../base/fake-clock.ts';
import { silentLog } from '../base/log.ts';
import type { QueueEntry } from '../store/queue-store.ts';
import { DomainQueues } from './domain-queues.ts';

const entry = (id: string, address: string, state: 'queued' | 'held' = 'queued'): QueueEntry => ({
  ...{ id, sender: '', received: 0, size: 1, params: [] },
  origin: { session: '', service: 'smtp', protocol: 'ESMTP' },
  recipients: [
    {
      ...{ index: 0, address, params: [], delivery: 'relay', destination: 'x', state },
      ...{ attempts: 1, nextAttempt: 1, lastReply: undefined },
    },
  ],
});

function open(entries: readonly QueueEntry[]) {
  const clock = new FakeClock();
  const retried: string[] = [];
  const counts = { lists: 0, wakes: 0 };
  const queues = new DomainQueues({
    store: {
      async search() {
        counts.lists += 1;
        return { entries, next: null };
      },
      async retry(ids) {
        retried.push(...(ids ?? []));
        return ids?.length ?? 0;
      },
    },
    mayStart: (domain) => domain.endsWith('example.net'),
    wake: () => {
      counts.wakes += 1;
    },
    clock,
    log: silentLog,
  });
  const start = (node: string) => `${queues.start(node).code}`;
  return { clock, retried, counts, start };
}

describe('DomainQueues', () => {
  const entries = [
    entry('1', 'bob@example.net'),
    entry('2', 'bob@EXAMPLE.net'),
    entry('3', 'bob@sub.example.net'),
    entry('4', 'bob@elsewhere.test'),
    entry('5', 'bob@example.net', 'held'),
  ];

  for (const [node, expected] of [
    ['example.net', ['1', '2']],
    ['Example.NET', ['1', '2']],
    ['sub.example.net', ['3']],
    ['@example.net', ['1', '2', '3']],
  ] as const)
    it(`RFC 1985 §5.3: ${node} makes due what waits for it`, async () => {
      const { clock, retried, start } = open(entries);
      assert.equal(start(node), '250');
      await clock.advance(0);
      assert.deepEqual(retried, expected);
    });

  it('RFC 1985 §5.3: 459 for a node that no mail is kept for', async () => {
    const { clock, counts, start } = open(entries);
    assert.equal(start('elsewhere.test'), '459');
    await clock.advance(0);
    assert.equal(counts.lists, 0);
  });

  it('asking often costs one pass a minute', async () => {
    const { clock, counts, start } = open(entries);
    for (let i = 0; i < 100; i += 1) assert.equal(start('example.net'), '250');
    await clock.advance(0);
    assert.deepEqual([counts.lists, counts.wakes], [1, 1]);
    await clock.advance(60_000);
    start('example.net');
    await clock.advance(0);
    assert.equal(counts.lists, 2);
  });

  it('many domains share a pass, and not without limit', async () => {
    const { clock, counts, start } = open(entries);
    const codes = Array.from({ length: 150 }, (_, i) => start(`${i}.example.net`));
    assert.equal(codes.filter((code) => code === '458').length, 49);
    await clock.advance(0);
    assert.equal(counts.lists, 2, 'the first one alone, then all that came meanwhile');
  });
});
