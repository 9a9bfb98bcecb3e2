import assert from 'node:assert/strict';
import { it } from 'node:test';
import { FakeClock } from '../../../base/fake-clock.ts';
import type { Database } from '../database.ts';
import type { Signals } from '../signals.ts';
import { MailboxEvents } from './mailbox-events.ts';

it('whoever watches again while a look is under way begins one line of looks, which ends with him', async () => {
  const clock = new FakeClock();
  let looks = 0;
  const events = new MailboxEvents({
    database: {
      async rows() {
        looks += 1;
        return [{ seen: '7', address: null }];
      },
    } as unknown as Database,
    signals: { listen: () => () => {} } as unknown as Signals,
    ...{ clock, session: 1 },
  });
  events.watch(() => {})();
  const stop = events.watch(() => {});
  await clock.advance(0);
  assert.equal(looks, 2);
  await clock.advance(3000);
  assert.equal(looks, 5);
  stop();
  await clock.advance(3000);
  assert.equal(looks, 5);
});
