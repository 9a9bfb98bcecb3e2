// What every QueueStore must do. The implementations' own tests call this and add nothing to it.

import { describe } from 'node:test';
import type { OpenTestStores } from './harness.ts';
import { testClaim } from './queue-claim.ts';
import { testEffects } from './queue-effects.ts';
import { testEnqueue } from './queue-enqueue.ts';
import { testOperations } from './queue-operations.ts';
import { testRequests } from './queue-requests.ts';
import { testRestart } from './queue-restart.ts';
import { testRoom } from './queue-room.ts';
import { testCounts, testSearch } from './queue-search.ts';
import { testSettle } from './queue-settle.ts';

export function testQueueStore(name: string, open: OpenTestStores): void {
  describe(`QueueStore: ${name}`, () => {
    describe('enqueue', () => testEnqueue(open));
    describe('room in mailboxes', () => testRoom(open));
    describe('effects of a settlement', () => testEffects(open));
    describe('claim', () => testClaim(open));
    describe('what senders ask for', () => testRequests(open));
    describe('settle', () => testSettle(open));
    describe('operations', () => testOperations(open));
    describe('searches', () => testSearch(open));
    describe('counts', () => testCounts(open));
    describe('restart', () => testRestart(open));
  });
}
