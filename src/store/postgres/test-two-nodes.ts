// Two nodes on a database of their own, as tests of what they share want them.

import assert from 'node:assert/strict';
import { FakeClock } from '../../base/fake-clock.ts';
import type { Stores } from '../stores.ts';
import { ask, testCluster, waitMsMax } from './test-cluster.ts';
import { openNode } from './test-stores.ts';

export interface TwoNodesOptions {
  /** Default: of a database that is made for it. */
  readonly url?: string;
  readonly notify?: boolean;
}

export async function openTwo({ url: given, notify = true }: TwoNodesOptions = {}) {
  const url = given ?? (await (await testCluster()).database());
  const clock = new FakeClock();
  // A node whose clock stands still is frozen.
  const clockOfOne = new FakeClock();
  const one = await openNode(url, 'one', clockOfOne, { notify });
  const two = await openNode(url, 'two', clock, { notify });
  const opened: Stores[] = [one, two];
  return {
    ...{ url, clock, clockOfOne, one, two },
    /** Node one is silent for too long, and node two notices. */
    async bury() {
      await clock.advance(4000);
      await eventually(async () => {
        await clock.advance(100);
        // Each time: what it was still saying when its clock stopped may come late.
        await ask(url, `UPDATE node SET seen = seen - interval '1 hour' WHERE name = 'one'`);
        const { rows } = await ask(url, `SELECT session FROM node WHERE name = 'one'`);
        return rows[0].session === null;
      });
    },
    /** While time goes on at both. */
    eventually: (isTrue: () => Promise<boolean>) =>
      eventually(async () => {
        await clock.advance(20);
        await clockOfOne.advance(20);
        return isTrue();
      }),
    async open(name: string) {
      const stores = await openNode(url, name, clock);
      opened.push(stores);
      return stores;
    },
    async [Symbol.asyncDispose]() {
      for (const stores of opened) await stores[Symbol.asyncDispose]();
    },
  };
}

/** What is awaited happens in the background, after a timer. */
export async function eventually(isTrue: () => Promise<boolean> | boolean): Promise<void> {
  for (const end = performance.now() + waitMsMax; !(await isTrue()); ) {
    assert.ok(performance.now() < end, 'it happens');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
