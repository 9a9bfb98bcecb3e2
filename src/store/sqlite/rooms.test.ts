import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { noRoomTaken, Rooms } from './rooms.ts';
import type { Work } from './work.ts';

describe('Rooms', () => {
  it('a transaction that does not commit leaves everything as it was', () => {
    const undos: (() => void)[] = [];
    const work = { undo: (action: () => void) => undos.push(action) } as unknown as Work;
    const rollback = () => {
      for (const undo of undos.splice(0).reverse()) undo();
    };
    const rooms = new Rooms(work);
    rooms.take(1, 0, { account: 'ann', bytes: 100 });
    undos.length = 0; // committed
    rooms.take(1, 1, { account: 'ann', bytes: 50 });
    rooms.give(1, 0);
    assert.deepEqual(rooms.takenBy('ann'), { bytes: 50, messages: 1 });
    rollback();
    assert.deepEqual(rooms.takenBy('ann'), { bytes: 100, messages: 1 });
    assert.deepEqual([rooms.of(1, 0), rooms.of(1, 1)], ['ann', undefined]);
    rooms.give(1, 0);
    rooms.give(1, 0);
    assert.deepEqual([rooms.takenBy('ann'), rooms.of(1, 0)], [noRoomTaken, undefined]);
  });
});
