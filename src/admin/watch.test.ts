import assert from 'node:assert/strict';
import { it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { FakeClock } from '../base/fake-clock.ts';
import { EventHub } from '../watch/event-hub.ts';
import type { OperationParts } from './operation-parts.ts';
import { watchOperations } from './watch.ts';

function watched(hub: EventHub) {
  const clock = new FakeClock();
  const parts = { clock, server: { hub } } as unknown as OperationParts;
  const items = watchOperations.watch.run(parts, { topics: ['log'] })[Symbol.asyncIterator]();
  return { clock, items };
}

it('tells what happens, says so when nothing does, and ends with the server', async () => {
  const hub = new EventHub();
  const { clock, items } = watched(hub);
  const first = items.next();
  hub.tell('mail', { at: '', event: 'not asked for' });
  hub.tell('log', { at: '', event: 'received' });
  assert.equal((await first).value.event, 'received');
  const second = items.next();
  await turn();
  await clock.advance(20_000);
  assert.equal((await second).value.event, 'silence');
  const last = items.next();
  await turn();
  hub.close();
  assert.equal((await last).done, true);
  assert.equal(hub.listeners, 0);
});

it('who leaves makes room', async () => {
  const hub = new EventHub({ listeners: 1, waiting: 9 });
  const { items } = watched(hub);
  const first = items.next();
  await assert.rejects(watched(hub).items.next(), /too many listen/);
  hub.tell('log', { at: '', event: 'a' });
  await first;
  await items.return?.();
  assert.equal(hub.listeners, 0);
});
