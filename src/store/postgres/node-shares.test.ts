// What several nodes may do together is divided among those that are there.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Stores } from '../stores.ts';
import { withoutPostgres } from './test-cluster.ts';
import { eventually, openTwo } from './test-two-nodes.ts';

const partsOf = (nodes: readonly Stores[], key: string, limit: number) =>
  nodes.map(({ nodes: { shares } }) => shares.of(key, limit));

describe('limits of all nodes together', { skip: withoutPostgres() }, () => {
  it('are divided soon after a node has come, and are the other’s when it is gone', async () => {
    await using test = await openTwo({ notify: false });
    const { one, two } = test;
    await test.eventually(async () => partsOf([one, two], 'mx:a', 20).join() === '10,10');
    const single = partsOf([one, two], 'mx:a', 1);
    assert.equal(single[0]! + single[1]!, 1);
    const three = await test.open('three');
    await test.eventually(async () => {
      const parts = partsOf([one, two, three], 'mx:a', 21);
      assert.ok(parts.reduce((a, b) => a + b) <= 21, `${parts}`);
      return parts.join() === '7,7,7';
    });
    await three[Symbol.asyncDispose]();
    await test.eventually(async () => partsOf([one, two], 'mx:a', 20).join() === '10,10');
    assert.equal(three.nodes.shares.count, 3);
    await test.bury();
    await eventually(async () => {
      await test.clock.advance(100);
      return partsOf([two], 'mx:a', 20).join() === '20';
    });
  });

  it('what one has under way beyond its part, the other waits for', async () => {
    await using test = await openTwo();
    const { one, two } = test;
    let isOver = false;
    one.nodes.shares.measure((partOf) => (!isOver && partOf('mx:a', 20) < 15 ? ['mx:a'] : []));
    await test.eventually(async () => {
      assert.ok(partsOf([two], 'mx:a', 20)[0]! <= 10);
      return partsOf([two], 'mx:b', 20).join() === '10';
    });
    await test.eventually(async () => partsOf([two], 'mx:a', 20).join() === '0');
    isOver = true;
    await test.eventually(async () => partsOf([one, two], 'mx:a', 20).join() === '10,10');
  });
});
