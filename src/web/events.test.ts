import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FakeClock } from '../base/fake-clock.ts';
import { silentLog } from '../base/log.ts';
import { Counter } from '../base/metrics.ts';
import { EventHub } from '../watch/event-hub.ts';
import { Asking } from './asking.ts';
import { eventPaths } from './events.ts';
import { createWebApp } from './web-app.ts';

const client = { address: '192.0.2.1', secure: true };
const headers = { authorization: 'Bearer right' };

function open(limits?: { readonly listeners: number; readonly waiting: number }) {
  const hub = new EventHub(limits);
  const clock = new FakeClock();
  let allows: readonly string[] = ['read'];
  const asked = { times: 0 };
  const answers = () => new Counter();
  const app = createWebApp({
    paths: [
      eventPaths({
        ...{ hub, clock },
        asking: new Asking({
          async bearer(token) {
            asked.times += 1;
            return token === 'right' ? { kind: 'token', name: 'page', allows } : undefined;
          },
          session: async () => undefined,
          ...{ needsNoToken: () => false, isLoopback: () => false },
        }),
      }),
    ],
    answers: { '2xx': answers(), '3xx': answers(), '4xx': answers(), '5xx': answers() },
    log: silentLog,
  });
  const ask = async (topics: string, given: Record<string, string> = headers, method = 'GET') =>
    app.fetch(
      new Request(`http://x/postrider/events?topics=${topics}`, { method, headers: given }),
      client,
    );
  return { hub, clock, ask, asked, forbid: () => (allows = []) };
}

async function reading(response: Response) {
  const reader = response.body!.getReader();
  const next = async () => {
    const { value } = await reader.read();
    return value === undefined ? undefined : Buffer.from(value).toString();
  };
  assert.equal(await next(), ': listening\n\n');
  return { next, cancel: () => reader.cancel() };
}

describe('GET /postrider/events', () => {
  it('is for those who may read, and say what they want to hear', async () => {
    const { ask } = open();
    assert.equal((await ask('log', {})).status, 401);
    assert.equal((await ask('log', { authorization: 'Bearer wrong' })).status, 401);
    assert.equal((await ask('nothing')).status, 400);
  });

  it('tells what happens, and a heartbeat meanwhile', async () => {
    const { ask, hub, clock } = open();
    const response = await ask('mail,log');
    assert.equal(response.headers.get('content-type'), 'text/event-stream');
    const stream = await reading(response);
    const news = { at: '2026-05-01T00:00:00.000Z', event: 'mail.delivered' };
    hub.tell('mail', news);
    hub.tell('queue', news);
    assert.equal(await stream.next(), `data: ${JSON.stringify(news)}\n\n`);
    await new Promise(setImmediate);
    clock.advance(15_000);
    assert.equal(await stream.next(), ': still here\n\n');
    await stream.cancel();
    assert.equal(hub.listeners, 0);
  });

  it('asks anew whether somebody may listen, also where there is no silence', async () => {
    const { ask, hub, clock, forbid } = open();
    const stream = await reading(await ask('log'));
    forbid();
    const heard: (string | undefined)[] = [];
    for (let i = 0; i < 4; i += 1) {
      await clock.advance(5_000);
      hub.tell('log', { at: '', event: `${i}` });
      heard.push(await stream.next());
      await new Promise(setImmediate);
    }
    assert.deepEqual(
      heard.map((text) => text !== undefined),
      [true, true, false, false],
    );
    assert.equal(hub.listeners, 0);
  });

  it('asks that four times a minute, however much happens', async () => {
    const { ask, hub, clock, asked } = open();
    const stream = await reading(await ask('log'));
    for (let i = 0; i < 60; i += 1) {
      await clock.advance(1_000);
      hub.tell('log', { at: '', event: `${i}` });
      await stream.next();
      await new Promise(setImmediate);
    }
    assert.equal(asked.times, 1 + 4);
    await stream.cancel();
  });

  it('loses nothing that comes while nobody reads a heartbeat', async () => {
    const { ask, hub, clock } = open();
    const stream = await reading(await ask('log'));
    await new Promise(setImmediate);
    await clock.advance(15_000);
    await new Promise(setImmediate);
    hub.tell('log', { at: '', event: 'a' });
    hub.tell('log', { at: '', event: 'b' });
    assert.equal(await stream.next(), ': still here\n\n');
    assert.match(String(await stream.next()), /"a".*\n\n.*"b"/s);
  });

  it('tells the first thing at once, and gathers what follows at its heels', async () => {
    const { ask, hub, clock } = open();
    const stream = await reading(await ask('log'));
    const tell = async (event: string) => {
      hub.tell('log', { at: '', event });
      await new Promise(setImmediate);
    };
    await tell('a');
    assert.match(String(await stream.next()), /"a"/);
    for (const event of ['b', 'c', 'd']) await tell(event);
    await clock.advance(200);
    assert.match(String(await stream.next()), /"b".*\n\n.*"c".*\n\n.*"d"/s);
    await clock.advance(200);
    await tell('e');
    assert.match(String(await stream.next()), /"e"/);
    await stream.cancel();
  });

  it('its end is not gathered', async () => {
    const { ask, hub } = open();
    const stream = await reading(await ask('log'));
    hub.tell('log', { at: '', event: 'last' });
    assert.match(String(await stream.next()), /"last"/);
    hub.close();
    assert.equal(await stream.next(), undefined);
  });

  it('leaves no listener behind where nobody reads: HEAD', async () => {
    const { ask, hub } = open();
    const answer = await ask('log', headers, 'HEAD');
    assert.deepEqual([answer.status, answer.body, hub.listeners], [200, null, 0]);
  });

  it('refuses those it has no room for, with 503', async () => {
    const { ask } = open({ listeners: 1, waiting: 1 });
    assert.equal((await ask('log')).status, 200);
    const second = await ask('log');
    assert.deepEqual([second.status, second.headers.get('retry-after')], [503, '30']);
  });

  it('of thousands that come at once has room for 200, and for others when those have gone', async () => {
    const { ask, hub } = open();
    const answers = await Promise.all(Array.from({ length: 2000 }, () => ask('log')));
    const taken = answers.filter(({ status }) => status === 200);
    assert.deepEqual([taken.length, hub.listeners], [200, 200]);
    assert.ok(answers.every(({ status }) => status === 200 || status === 503));
    for (const { body } of taken) await body!.cancel();
    assert.equal(hub.listeners, 0);
    assert.equal((await ask('log')).status, 200);
  });

  it('ends when whoever listens may no longer read, and when the server stops', async () => {
    for (const end of ['forbidden', 'stop']) {
      const { ask, hub, clock, forbid } = open();
      const stream = await reading(await ask('log'));
      await new Promise(setImmediate);
      if (end === 'stop') hub.close();
      else {
        forbid();
        clock.advance(15_000);
      }
      assert.equal(await stream.next(), undefined, end);
      assert.equal(hub.listeners, 0, end);
    }
  });
});
