import assert from 'node:assert/strict';
import { it } from 'node:test';
import { SharedRoom } from './shared-room.ts';

it('who finds too little room waits, and nobody passes who came later', async () => {
  const room = new SharedRoom(10);
  const begun: string[] = [];
  const take = (name: string, octets: number) =>
    room.take(octets).then((giveBack) => {
      begun.push(name);
      return giveBack;
    });
  const first = await take('first', 8);
  const large = take('large', 100);
  const small = take('small', 1);
  await Promise.resolve();
  assert.deepEqual(begun, ['first']);
  first();
  first();
  const giveBack = await large;
  assert.deepEqual(begun, ['first', 'large'], 'it has all there is, and given back twice is once');
  giveBack();
  await small;
  await take('last', 9);
  assert.deepEqual(begun, ['first', 'large', 'small', 'last']);
});
