// Two nodes: what one is told to hold or to cancel may wait in the memory of the other.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { FakeClock } from '../base/fake-clock.ts';
import { silentLog } from '../base/log.ts';
import { seededRandom } from '../base/random.ts';
import { cancelMessage } from '../queue/cancellation.ts';
import type { DeliveryResult } from '../queue/delivery.ts';
import { createMessageIds } from '../queue/message-id.ts';
import { QueueRunner } from '../queue/runner.ts';
import { defaults, to } from '../queue/test-world.ts';
import { withoutPostgres } from '../store/postgres/test-cluster.ts';
import { eventually, openTwo } from '../store/postgres/test-two-nodes.ts';
import type { Stores } from '../store/stores.ts';
import { memoryHistory } from '../store/test-history.ts';
import { NodeQuestions } from '../watch/nodes/node-questions.ts';
import type { OperationParts } from './operation-parts.ts';
import { queueOperations } from './queue.ts';
import { changeAsked } from './queue-changes.ts';

/** A node that never comes to the end of an attempt, and makes one at a time. */
function running(stores: Stores, clock: FakeClock, seed: number) {
  const { records, nodes } = stores;
  const random = seededRandom(seed);
  const ids = createMessageIds({ clock, random, node: nodes.number });
  const shared = {
    ...{ store: stores.queue, clock, random, ids, log: silentLog, history: memoryHistory() },
    ...{ hostname: 'mx.example.org', resolve: (address: string) => [to(address)] },
  };
  const tried: string[] = [];
  const runner = new QueueRunner({
    ...shared,
    settings: { ...defaults, connectionsPerDestination: 1 },
    deliver: ({ recipients }) => {
      tried.push(...recipients.map(({ address }) => address));
      return new Promise<DeliveryResult>(() => {});
    },
  });
  runner.start();
  const questions = new NodeQuestions({ records, nodes, clock, random });
  const { line } = runner;
  const parts = {
    ...stores,
    ...{ clock, line, wake: () => runner.wake(), server: { others: questions } },
    cancel: (id: string, options: { readonly silent: boolean }) =>
      cancelMessage({ ...shared, line }, id, options),
  } as unknown as OperationParts;
  questions.answer('queue', (asked) => changeAsked(parts, asked));
  questions.start();
  return {
    ...{ parts, tried },
    async submit(address: string) {
      const id = ids();
      await runner.submit({
        ...{ id, received: clock.now(), sender: 'ann@example.org', params: [], prefix: '' },
        recipients: [to(address, { destination: 'lmtp:near' })],
        content: { kind: 'inline', bytes: Buffer.from('Subject: x\r\n\r\nx\r\n') },
        origin: { session: 's', service: 'smtp', protocol: 'ESMTP' },
      });
      return id;
    },
    async stop() {
      await questions.stop();
      const stopped = runner.stop({ graceMs: 0 });
      await clock.advance(5000);
      await stopped;
    },
  };
}

describe('what waits in the memory of another node', { skip: withoutPostgres() }, () => {
  it('is cancelled and held at once; what is under way there is left alone', async () => {
    await using test = await openTwo();
    const one = running(test.one, test.clockOfOne, 1);
    const two = running(test.two, test.clock, 2);
    const ids: string[] = [];
    for (const address of ['a@near', 'b@near', 'c@near', 'd@near'])
      ids.push(await two.submit(address));
    const [underWay, cancelled, held, left] = ids as [string, string, string, string];
    const states = async () => {
      const entries = await Promise.all(ids.map((id) => test.one.queue.get(id)));
      return entries.map((entry) => entry?.recipients[0]?.state);
    };
    const done = async (asked: Promise<number>) => {
      let count: number | undefined;
      void asked.then((value) => {
        count = value;
      });
      // Slowly: a busy machine takes its own time, and who asks has little patience.
      await eventually(async () => {
        for (const clock of [test.clock, test.clockOfOne]) await clock.advance(1);
        return count !== undefined;
      });
      return count;
    };
    const { queueCancel, queueHold } = queueOperations;
    const silent = true;
    assert.equal(await done(queueCancel.run(one.parts, { ids: [underWay, cancelled], silent })), 1);
    assert.equal(await done(queueHold.run(one.parts, { ids: [held] })), 1);
    assert.deepEqual(await states(), ['active', undefined, 'held', 'active']);
    assert.deepEqual([one.tried, two.tried], [[], ['a@near']]);
    assert.equal(await done(queueCancel.run(one.parts, { ids: [left], silent })), 1);
    assert.equal(await changeAsked(two.parts, { ids: [left], change: { kind: 'new' } }), null);
    await one.stop();
    await two.stop();
  });
});
