import assert from 'node:assert/strict';
import { it } from 'node:test';
import { openMemoryDatabase } from '../database.ts';
import { QueueTotals } from './queue-totals.ts';

it('counts for as long as it may, and says when there may be more', () => {
  const database = openMemoryDatabase();
  const message = database.prepare(`INSERT INTO message
    (key, id, received, sender, params, origin, prefix, size) VALUES (?, 'x', 7, '', '', '', '', 1)`);
  const recipient = database.prepare(`INSERT INTO recipient
    (message, idx, address, params, delivery, destination, due, attempts)
    VALUES (?, ?, 'a@b', '', 'relay', 'mx:b', 1, 0)`);
  for (let key = 1; key <= 5000; key += 1) {
    message.run(key);
    for (let idx = 0; idx < 2; idx += 1) recipient.run(key, idx);
  }
  let now = 0;
  // Each look at the clock is 40 ms later.
  const totals = new QueueTotals(database, () => (now += 40));
  const whole = totals.of({ recipient: 'a@b' }, Number.POSITIVE_INFINITY);
  assert.deepEqual(
    [whole.messages, whole.states[0], whole.oldest, whole.complete],
    [5000, 10_000, 7, true],
  );
  const part = totals.of({ recipient: '@b' }, 60);
  assert.equal(part.complete, false);
  assert.ok(part.messages > 0 && part.messages < 5000);
  assert.equal(part.states[0], 2 * part.messages);
  assert.equal(totals.of({}, 0).messages, 5000);
  database.close();
});
