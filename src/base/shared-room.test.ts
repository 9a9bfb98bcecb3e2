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

it('who leaves while it waits is out of line', async () => {
  const room = new SharedRoom(10);
  const giveBack = await room.take(8);
  const left = new AbortController();
  const large = room.take(10, left.signal);
  const small = room.take(2);
  left.abort(new Error('left'));
  await assert.rejects(large, /^Error: left$/);
  (await small)();
  await assert.rejects(room.take(1, left.signal), /^Error: left$/);
  giveBack();
  (await room.take(10))();
});
