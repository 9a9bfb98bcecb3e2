import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Topic } from './event-hub.ts';
import { EventHub } from './event-hub.ts';

const news = (event: string) => ({ at: '2026-05-01T00:00:00.000Z', event });
const to = (...topics: readonly Topic[]) => new Set(topics);
const eventsOf = (taken: readonly { readonly event: string }[]) => taken.map(({ event }) => event);

describe('the hub of events', () => {
  it('tells each listener what it wants to hear, once', () => {
    const hub = new EventHub();
    assert.equal(hub.isHeard('mail'), false);
    const mail = hub.listen(to('mail'))!;
    const both = hub.listen(to('mail', 'log'))!;
    hub.tell('mail', news('a'));
    hub.tell('log', news('b'));
    hub.tell('queue', news('c'));
    assert.deepEqual(eventsOf(mail.take()), ['a']);
    assert.deepEqual(eventsOf(both.take()), ['a', 'b']);
    assert.deepEqual(both.take(), []);
  });

  it('says how much a slow listener missed, and keeps no more for it than the limit', () => {
    const hub = new EventHub({ listeners: 1, waiting: 2 });
    const slow = hub.listen(to('log'))!;
    for (const event of ['a', 'b', 'c', 'd']) hub.tell('log', news(event));
    assert.deepEqual(slow.take(), [
      ...[news('a'), news('b')],
      { ...news('events.lost'), count: 2 },
    ]);
    hub.tell('log', news('e'));
    assert.deepEqual(eventsOf(slow.take()), ['e']);
  });

  it('has room for so many listeners, and again when one leaves', () => {
    const hub = new EventHub({ listeners: 2, waiting: 9 });
    const [first] = [hub.listen(to('log'))!, hub.listen(to('log'))];
    assert.equal(hub.listen(to('log')), undefined);
    first.close();
    first.close();
    assert.notEqual(hub.listen(to('mail')), undefined);
    assert.equal(hub.isHeard('log'), true);
  });

  it('wakes who waits: at news, and at the end', () => {
    const hub = new EventHub();
    const listener = hub.listen(to('log'))!;
    let woken = 0;
    const wait = () => listener.onNews(() => (woken += 1));
    wait();
    hub.tell('log', news('a'));
    hub.tell('log', news('b'));
    assert.equal(woken, 1);
    wait(); // there is something already
    assert.equal(woken, 2);
    listener.take();
    wait();
    hub.close();
    assert.deepEqual([woken, listener.isOver, hub.listen(to('log'))], [3, true, undefined]);
  });
});
