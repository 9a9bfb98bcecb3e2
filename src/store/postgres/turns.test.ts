// What one node does at a time: never two at once, taken over from a dead one, and closed to one that wakes up.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { message } from '../conformance/harness.ts';
import { due } from '../conformance/queue-harness.ts';
import type { Turn } from '../nodes.ts';
import { TurnLostError } from '../nodes.ts';
import type { Stores } from '../stores.ts';
import { withoutPostgres } from './test-cluster.ts';
import { eventually, openTwo } from './test-two-nodes.ts';

/** A turn that lasts until it is let go. */
async function begin({ nodes }: Stores): Promise<{ turn: Turn; end: () => Promise<unknown> }> {
  const { promise: over, resolve } = Promise.withResolvers<void>();
  const begun = Promise.withResolvers<Turn>();
  const done = nodes.inTurn('reports', async (turn) => {
    begun.resolve(turn);
    await over;
  });
  const turn = await begun.promise;
  return {
    turn,
    end: () => {
      resolve();
      return done;
    },
  };
}

const isRefused = (work: Promise<unknown>) => assert.rejects(work, TurnLostError);
const nothing = async () => 'done';

describe('turns of nodes', { skip: withoutPostgres() }, () => {
  it('one node is at it at a time, and each duty is by itself', async () => {
    await using test = await openTwo();
    const { one, two } = test;
    const { turn, end } = await begin(one);
    assert.equal(await two.nodes.inTurn('reports', nothing), undefined);
    assert.equal(await one.nodes.inTurn('reports', nothing), undefined, 'nor twice at one node');
    assert.equal(await two.nodes.inTurn('certificates', nothing), 'done');
    await turn.confirm();
    await one.records.put([{ kind: 'a', key: 'x', value: '1' }], turn);
    assert.equal((await two.records.get('a', 'x'))?.value, '1');
    await end();
    assert.equal(await two.nodes.inTurn('reports', nothing), 'done');
    await isRefused(turn.confirm());
    await assert.rejects(
      two.nodes.inTurn('reports', () => Promise.reject(new Error('it fails'))),
      /it fails/,
    );
    assert.equal(await one.nodes.inTurn('reports', nothing), 'done', 'free whatever came of it');
  });

  it('however many want it at once, one gets it', async () => {
    await using test = await openTwo();
    const { one, two } = test;
    let under = 0;
    let most = 0;
    const work = async ({ confirm }: Turn) => {
      under += 1;
      most = Math.max(most, under);
      await confirm();
      under -= 1;
      return 1;
    };
    const results: (number | undefined)[] = [];
    for (let i = 0; i < 40; i += 1)
      results.push(
        ...(await Promise.all([one, two].map(({ nodes }) => nodes.inTurn('reports', work)))),
      );
    assert.equal(most, 1);
    assert.ok(results.filter((done) => done === 1).length >= 40);
  });

  it('that of a dead node is taken over; when it wakes up it changes nothing more', async () => {
    await using test = await openTwo({ notify: false });
    const { one, two } = test;
    const { turn, end } = await begin(one);
    await one.records.put([{ kind: 'a', key: 'x', value: '1' }]);
    await test.bury();
    const other = await begin(two);
    // It does not know yet.
    await isRefused(turn.confirm());
    await isRefused(one.records.put([{ kind: 'a', key: 'x', value: '2' }], turn));
    await isRefused(one.records.remove('a', ['x'], turn));
    await isRefused(one.queue.enqueue(message('m1'), { ...due, turn }));
    // Nor as the node that it is from then on.
    await test.clockOfOne.advance(4000);
    await eventually(async () => (await one.nodes.list())[0]?.state === 'active');
    await isRefused(one.records.put([{ kind: 'a', key: 'x', value: '2' }], turn));
    await end();
    assert.equal((await two.records.get('a', 'x'))?.value, '1');
    assert.equal((await two.queue.totals({})).messages, 0);
    await other.turn.confirm();
    await two.queue.enqueue(message('m1'), { ...due, turn: other.turn });
    assert.equal((await two.queue.totals({})).messages, 1);
    assert.equal(await one.nodes.inTurn('reports', nothing), undefined);
    await other.end();
    assert.equal(await one.nodes.inTurn('reports', nothing), 'done');
  });

  it('a node that others took for dead takes no turn before it is one again', async () => {
    await using test = await openTwo({ notify: false });
    await test.bury();
    assert.equal(await test.one.nodes.inTurn('reports', nothing), undefined);
  });
});

describe('what nodes keep in memory', { skip: withoutPostgres() }, () => {
  it('an account that is made, changed or removed at one node is so at the other', async () => {
    await using test = await openTwo();
    const { one, two, clock } = test;
    const ann = 'ann@example.org';
    await clock.advance(200);
    await one.accounts.add(ann, undefined, 0);
    assert.equal((await two.accounts.find(ann))?.address, ann, 'whoever is asked looks');
    await one.accounts.remove(ann);
    await test.eventually(async () => (await two.accounts.find(ann)) === undefined);
  });

  it('records of some kinds are told of, by whichever node they were changed', async () => {
    await using test = await openTwo();
    const { one, two } = test;
    const told: string[] = [];
    two.records.watch('account-rules', () => told.push('rules'));
    two.records.watch('acme-challenge', () => told.push('challenge'));
    // The first look tells nothing.
    await test.eventually(async () => {
      await one.records.put([{ kind: 'account-rules', key: 'x', value: '' }]);
      return told.length > 0;
    });
    assert.deepEqual(new Set(told), new Set(['rules']));
    await one.records.remove('acme-challenge', ['x']);
    await test.eventually(async () => told.includes('challenge'));
    await one.records.put([{ kind: 'greylist', key: 'x', value: '' }]);
  });
});
