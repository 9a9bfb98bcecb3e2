import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import type { IncomingHttpHeaders, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, beforeEach, describe, it } from 'node:test';
import { FakeClock } from '../../base/fake-clock.ts';
import type { Fields, Log } from '../../base/log.ts';
import { silentLog } from '../../base/log.ts';
import { Counter } from '../../base/metrics.ts';
import { systemRandom } from '../../base/random.ts';
import { FakeResolver } from '../../dns/fake-resolver.ts';
import type { AttemptResult, HistoryEvent } from '../../store/history.ts';
import type { NodeFacts } from '../../store/nodes.ts';
import { alone } from '../../store/nodes.ts';
import type { RecordStore } from '../../store/record-store.ts';
import { openInMemory } from '../../store/sqlite/test-stores.ts';
import { failuresUntilPause, requestsMax, retryMs, waitingMax } from './line.ts';
import { WebhookOutbox } from './outbox.ts';
import { retryAfter, retryAfterMsMax } from './post.ts';
import { webhookKey } from './signature.ts';
import type { WebhookTarget } from './webhook.ts';
import type { WebhooksParts } from './webhooks.ts';
import { Webhooks } from './webhooks.ts';

const secret = 'MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
interface Posted {
  readonly path: string | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

describe('webhooks', () => {
  let posted: Posted[] = [];
  let answer = (response: ServerResponse): unknown => response.end();
  const server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8');
    request.on('data', (piece) => {
      body += piece;
    });
    request.on('end', () => {
      posted.push({ path: request.url, headers: request.headers, body });
      answer(response);
    });
  });
  let url = '';
  before(async () => {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`;
  });
  after(() => {
    server.closeAllConnections();
    server.close();
  });
  beforeEach(() => {
    posted = [];
    answer = (response) => response.end();
  });

  function target(given: Partial<WebhookTarget> = {}): WebhookTarget {
    return {
      ...{ name: 'app', url, key: webhookKey(`whsec_${secret}`)!, allowPrivate: true },
      ...{ events: ['received', 'delivered', 'bounced'], filter: {} },
      ...given,
    };
  }

  /** Started, with what it counted and logged. */
  async function webhooks(
    records: RecordStore,
    clock: FakeClock,
    {
      targets = [target()],
      onMade = () => {},
      ...given
    }: Partial<Omit<WebhooksParts, 'targets'>> & {
      targets?: readonly WebhookTarget[];
      /** Before the start. */
      onMade?: (made: Webhooks) => void;
    } = {},
  ) {
    const logged: string[] = [];
    const note = (event: string) => logged.push(event);
    const log: Log = { debug: note, info: note, warn: note, error: note };
    const requests = { ok: new Counter(), failed: new Counter() };
    const made = new Webhooks({
      ...{ records, nodes: alone, clock, random: systemRandom, log, requests },
      resolver: new FakeResolver(),
      ...{ targets: () => targets, senderOf: async () => undefined },
      ...given,
    });
    onMade(made);
    await made.start();
    const attempts = () => requests.ok.value + requests.failed.value;
    const state = () => made.list()[0]!;
    return { made, requests, logged, attempts, state };
  }

  it('are signed as Standard Webhooks wants it, and told once', async () => {
    await using test = await openInMemory();
    const clock = new FakeClock();
    const { made, state } = await webhooks(test.stores.records, clock);
    made.note(received);
    made.note(attemptOf('delivered'));
    made.note(attemptOf('deferred'));
    await until(() => posted.length === 2 && state().waiting === 0);
    for (const { headers, body } of posted) {
      const [id, at] = [headers['webhook-id'], headers['webhook-timestamp']];
      const hmac = createHmac('sha256', Buffer.from(secret, 'base64'));
      const expected = hmac.update(`${id}.${at}.${body}`).digest('base64');
      assert.equal(headers['webhook-signature'], `v1,${expected}`);
      assert.equal(at, String(clock.now() / 1000));
    }
    const bodies = posted.map(({ body }) => JSON.parse(body));
    const delivered = bodies.find(({ type }) => type === 'message.delivered');
    assert.equal(delivered.data.recipient, 'bob@example.net');
    assert.equal(delivered.data.sender, 'ann@example.org');
    assert.equal(new Set(posted.map(({ headers }) => headers['webhook-id'])).size, 2);
    assert.equal(await test.stores.records.count('webhook'), 0);
    await made.stop();
  });

  it('wait as long as the receiver asks for, within bounds', async () => {
    await using test = await openInMemory();
    const clock = new FakeClock();
    const { records } = test.stores;
    answer = (response) => response.writeHead(429, { 'retry-after': '120' }).end();
    const { made, attempts, state } = await webhooks(records, clock);
    made.note(received);
    await until(() => attempts() === 1);
    answer = (response) => response.writeHead(204).end();
    // What comes meanwhile waits, too; by itself the first would be tried again after five seconds.
    made.note(attemptOf('delivered'));
    await clock.advance(119_000);
    assert.equal(attempts(), 1);
    await clock.advance(2000);
    await until(() => attempts() === 3 && state().waiting === 0);
    await made.stop();
  });

  it('read Retry-After as seconds or as a date', () => {
    const now = Date.parse('2026-11-29T12:00:00Z');
    assert.equal(retryAfter('120', now), 120_000);
    assert.equal(retryAfter('Sun, 29 Nov 2026 12:01:00 GMT', now), 60_000);
    assert.equal(retryAfter('Sun, 29 Nov 2026 11:00:00 GMT', now), 0);
    assert.equal(retryAfter('999999999', now), retryAfterMsMax);
    for (const nothing of [undefined, '', '-5', 'soon', '12345678901'] as const)
      assert.equal(retryAfter(nothing, now), undefined, String(nothing));
  });

  it('are told again after a failure, also after a restart, under the same id', async () => {
    await using test = await openInMemory();
    const clock = new FakeClock();
    const { records } = test.stores;
    answer = (response) => response.writeHead(500).end();
    const one = await webhooks(records, clock);
    one.made.note(received);
    await until(() => one.attempts() === 1);
    assert.equal(one.state().attempts[0]!.problem, 'it answered 500');
    await clock.advance(retryMs[0]! * 1.2);
    await until(() => one.attempts() === 2);
    await one.made.stop();
    assert.equal(await records.count('webhook'), 1);

    answer = (response) => response.writeHead(204).end();
    const two = await webhooks(records, clock);
    assert.equal(two.state().waiting, 1);
    await clock.advance(retryMs[1]! * 1.2);
    await until(() => two.attempts() === 1);
    await until(() => two.state().waiting === 0);
    assert.equal(two.state().attempts[0]!.attempt, 3);
    assert.equal(new Set(posted.map(({ headers }) => headers['webhook-id'])).size, 1);
    assert.equal(await records.count('webhook'), 0);
    await two.made.stop();
  });

  it('are told once, also what happened while the last run’s were still looked for', async () => {
    await using test = await openInMemory();
    const { promise: isFound, resolve: find } = Promise.withResolvers<void>();
    const records = recordsBut(test.stores.records, {
      list: async (...given) => {
        await isFound;
        return test.stores.records.list(...given);
      },
    });
    const held: ServerResponse[] = [];
    answer = (response) => held.push(response);
    const starting = webhooks(records, new FakeClock(), { onMade: (made) => made.note(received) });
    await turns(100);
    find();
    const { made, attempts, state } = await starting;
    await until(() => held.length > 0);
    answer = (response) => response.end();
    for (const response of held) response.end();
    await until(() => attempts() > 0 && state().waiting === 0);
    assert.equal(posted.length, 1);
    await made.stop();
  });

  it('are told when the store works again that failed meanwhile', async () => {
    await using test = await openInMemory();
    const clock = new FakeClock();
    let isAway = true;
    const records = recordsBut(test.stores.records, {
      get: async (kind, key) => {
        if (isAway) throw new Error('the database is away');
        return test.stores.records.get(kind, key);
      },
    });
    const { made, logged, state } = await webhooks(records, clock);
    made.note(received);
    await until(() => logged.includes('webhook events not kept'));
    isAway = false;
    assert.deepEqual([posted.length, state().waiting], [0, 1]);
    await clock.advance(60_000);
    await until(() => posted.length === 1 && state().waiting === 0);
    await made.stop();
  });

  it('are given up after three days, and nothing is kept of it', async () => {
    await using test = await openInMemory();
    const clock = new FakeClock();
    answer = (response) => response.writeHead(503).end();
    const one = await webhooks(test.stores.records, clock);
    one.made.note(received);
    for (let made = 1; one.state().givenUp === 0; made += 1) {
      await until(() => one.attempts() === made && one.state().nextAttempt !== clock.now());
      await until(() => one.state().givenUp === 1 || one.state().nextAttempt !== undefined);
      const next = one.state().nextAttempt;
      if (next !== undefined) await clock.advance(next - clock.now());
    }
    assert.equal(one.state().waiting, 0);
    assert.ok(one.attempts() > failuresUntilPause && one.attempts() <= retryMs.length + 1);
    assert.ok(one.logged.includes('webhook events given up'));
    await one.made.stop();
    assert.equal(await test.stores.records.count('webhook'), 0);
  });

  it('that are down are asked by one request now and then, until they answer', async () => {
    await using test = await openInMemory();
    const clock = new FakeClock();
    answer = (response) => response.writeHead(500).end();
    const one = await webhooks(test.stores.records, clock);
    for (let i = 0; i < 30; i += 1) one.made.note(received);
    await until(() => one.logged.includes('webhook does not answer'));
    const before = one.attempts();
    assert.ok(before < failuresUntilPause + requestsMax, `${before} attempts`);
    answer = (response) => response.end();
    await clock.advance(60_000);
    await until(() => one.logged.includes('webhook answers again'));
    await until(() => one.requests.ok.value > 20);
    await one.made.stop();
  });

  it('hold up nobody while they do not answer, and get few requests at a time', async () => {
    await using test = await openInMemory();
    answer = () => {};
    const one = await webhooks(test.stores.records, new FakeClock(), { timeoutMs: 100 });
    for (let i = 0; i < 50; i += 1) one.made.note(received);
    assert.equal(posted.length, 0);
    await until(() => posted.length >= requestsMax);
    await until(() => one.attempts() >= 1);
    assert.match(one.state().attempts[0]!.problem!, /no whole answer/);
    assert.equal(one.state().waiting, 50);
    await one.made.stop();
  });

  it('get so many requests at a time and no more', async () => {
    await using test = await openInMemory();
    const isTest = ({ body }: Posted) => body.includes('webhook.test');
    answer = (response) => (isTest(posted.at(-1)!) ? response.end() : undefined);
    const targets = [target({ url: `${url}/bounded` })];
    const one = await webhooks(test.stores.records, new FakeClock(), { targets });
    for (let i = 0; i < 50; i += 1) one.made.note(received);
    await until(() => one.state().waiting === 50);
    // Each of these is asked, beside the line, behind whatever the line has begun.
    for (let i = 0; i < 3; i += 1) assert.equal((await one.made.test('app'))!.status, 200);
    const told = posted.filter((each) => each.path === '/hook/bounded' && !isTest(each));
    assert.equal(told.length, requestsMax);
    await one.made.stop();
  });

  it('are not followed where they redirect', async () => {
    await using test = await openInMemory();
    answer = (response) => response.writeHead(302, { location: '/elsewhere' }).end();
    const one = await webhooks(test.stores.records, new FakeClock());
    const told = (await one.made.test('app'))!;
    const { problem, status } = told;
    assert.equal(status, 302);
    assert.match(problem!, /redirects are not followed/);
    assert.ok(!posted.some(({ path }) => path === '/elsewhere'));
    assert.equal(await one.made.test('other'), undefined);
    assert.deepEqual(one.state().attempts, [told]);
    await one.made.stop();
  });

  it('have taken what they answer with 2xx, and nothing else', async () => {
    await using test = await openInMemory();
    const one = await webhooks(test.stores.records, new FakeClock());
    for (const [status, problem] of [
      [200, undefined],
      [299, undefined],
      [300, /redirects/],
      [399, /redirects/],
      [400, /it answered 400/],
      [503, /it answered 503/],
    ] as const) {
      answer = (response) => response.writeHead(status).end();
      const told = (await one.made.test('app'))!;
      assert.equal(told.status, status);
      if (problem === undefined) assert.equal(told.problem, undefined);
      else assert.match(told.problem!, problem);
    }
    await one.made.stop();
  });

  it('are not called at private addresses, whoever names them', async () => {
    await using test = await openInMemory();
    const { port } = server.address() as AddressInfo;
    const resolver = new FakeResolver({ 'rebound.example': { A: ['127.0.0.1'] } });
    const problemOf = async (given: Partial<WebhookTarget>) => {
      const targets = [target(given)];
      const one = await webhooks(test.stores.records, new FakeClock(), {
        targets,
        resolver,
        timeoutMs: 50,
      });
      const { problem } = (await one.made.test('app'))!;
      await one.made.stop();
      return problem!;
    };
    const refused = /no address that may be called/;
    for (const host of ['127.0.0.1', '[::1]', '[::ffff:127.0.0.1]', '0x7f.1', 'rebound.example'])
      assert.match(
        await problemOf({ url: `https://${host}:${port}/`, allowPrivate: false }),
        refused,
      );
    assert.match(await problemOf({ url: 'http://192.88.98.1/', allowPrivate: true }), refused);
    assert.equal(posted.length, 0);
  });

  it('are told of what fits their filter', async () => {
    await using test = await openInMemory();
    const targets = [
      target({ name: 'news', filter: { sender: 'ann@*' } }),
      target({ name: 'net', filter: { recipient: '*@example.net', domain: 'example.org' } }),
      target({ name: 'none', filter: { domain: '*.example.com' } }),
    ];
    // The message came before the start: history knows its sender.
    const one = await webhooks(test.stores.records, new FakeClock(), {
      ...{ targets, senderOf: async () => 'ann@example.org' },
    });
    one.made.note(attemptOf('failed'));
    await until(() => one.attempts() === 2);
    await until(() => one.state().waiting === 0);
    const told = one.made
      .list()
      .map(({ name, waiting, attempts: { length } }) => [name, waiting, length]);
    assert.deepEqual(told, [
      ['news', 0, 1],
      ['net', 0, 1],
      ['none', 0, 0],
    ]);
    await one.made.stop();
  });

  it('are told of what they want to hear, and of nothing else', async () => {
    await using test = await openInMemory();
    const targets = [
      target({ name: 'good', events: ['delivered'] }),
      target({ name: 'bad', events: ['bounced'] }),
    ];
    const one = await webhooks(test.stores.records, new FakeClock(), { targets });
    one.made.note(attemptOf('failed'));
    one.made.note(attemptOf('delivered'));
    await until(() => one.attempts() === 2);
    assert.deepEqual(
      one.made
        .list()
        .map(({ name, waiting, attempts }) => [
          name,
          waiting,
          ...attempts.map(({ event }) => event),
        ]),
      [
        ['good', 0, 'message.delivered'],
        ['bad', 0, 'message.bounced'],
      ],
    );
    await one.made.stop();
  });

  it('need the sender of an older message looked for where their filter does, and once', async () => {
    await using test = await openInMemory();
    const asked: string[] = [];
    const senderOf = async (id: string) => {
      asked.push(id);
      return 'carl@example.org';
    };
    const told = async (filter: WebhookTarget['filter'], events: readonly HistoryEvent[]) => {
      posted = [];
      const targets = [target({ events: ['received', 'delivered', 'refused'], filter })];
      const one = await webhooks(test.stores.records, new FakeClock(), { targets, senderOf });
      for (const event of events) one.made.note(event);
      await until(() => one.attempts() === events.length);
      await one.made.stop();
      return posted.map(({ body }) => JSON.parse(body).data.sender);
    };
    const delivered = attemptOf('delivered');
    assert.deepEqual(await told({}, [delivered]), [undefined]);
    assert.deepEqual(
      await told({ sender: 'ann@*' }, [received, delivered]),
      Array(2).fill('ann@example.org'),
    );
    assert.deepEqual(await told({ sender: 'eve@*' }, [refusedTo('eve@example.com')]), [
      'eve@example.com',
    ]);
    assert.deepEqual(await told({ sender: '' }, [refusedTo(undefined)]), [undefined]);
    assert.deepEqual(asked, []);
    await told({ sender: 'carl@*' }, [delivered, delivered]);
    assert.deepEqual(asked, ['q1']);
  });

  it('that could not be put aside are told of as so many', async () => {
    await using test = await openInMemory();
    const said: unknown[] = [];
    const warn = (event: string, { count, reason }: Fields = {}) =>
      said.push([event, count, reason]);
    const targets = [target({ filter: { recipient: 'nobody@*' } })];
    const one = await webhooks(test.stores.records, new FakeClock(), {
      ...{ targets, log: { ...silentLog, warn } },
      onMade(made) {
        for (let i = 0; i < 10_003; i += 1) made.note(received);
      },
    });
    await until(() => said.length > 0);
    targets.push(target({ name: 'other' }));
    one.made.note(received);
    await until(() => one.attempts() === 1);
    assert.deepEqual(said, [['webhook events given up', 3, 'too many at once']]);
    await one.made.stop();
  });

  it('have a bounded line: what is beyond is counted', async () => {
    await using test = await openInMemory();
    const clock = new FakeClock();
    answer = (response) => response.writeHead(500).end();
    const one = await webhooks(test.stores.records, clock);
    for (let i = 0; i < waitingMax - 50; i += 1) one.made.note(received);
    await until(() => one.state().waiting === waitingMax - 50);
    for (let i = 0; i < 60; i += 1) one.made.note(received);
    await until(() => one.state().waiting === waitingMax);
    assert.equal(one.state().givenUp, 10);
    one.made.note(received);
    await until(() => one.state().givenUp === 11);
    assert.equal(one.state().waiting, waitingMax);
    await one.made.stop();
  });

  it('that are no longer configured are forgotten with what waits for them', async () => {
    await using test = await openInMemory();
    answer = (response) => response.writeHead(500).end();
    const targets = [target()];
    const one = await webhooks(test.stores.records, new FakeClock(), { targets });
    one.made.note(received);
    await until(() => one.attempts() === 1 && one.state().waiting === 1);
    targets.pop();
    one.made.changed();
    const count = () => test.stores.records.count('webhook');
    for (let i = 0; (await count()) > 0; i += 1) assert.ok(i < 1000);
    assert.deepEqual(one.made.list(), []);
    // Named again, it begins anew.
    targets.push(target());
    assert.deepEqual([one.state().waiting, one.state().attempts], [0, []]);
    one.made.note(received);
    await until(() => one.attempts() === 2);
    await one.made.stop();
  });

  it('that are no longer configured are forgotten with what they are being told', async () => {
    await using test = await openInMemory();
    const { promise, resolve } = Promise.withResolvers<ServerResponse>();
    answer = resolve;
    const targets = [target()];
    const one = await webhooks(test.stores.records, new FakeClock(), { targets });
    one.made.note(received);
    const response = await promise;
    targets.pop();
    one.made.changed();
    response.writeHead(500).end();
    const count = () => test.stores.records.count('webhook');
    for (let i = 0; (await count()) > 0; i += 1) {
      assert.ok(i < 10_000);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await one.made.stop();
  });

  it('are forgotten, also where one is just being kept for later', async () => {
    await using test = await openInMemory();
    answer = (response) => response.writeHead(500).end();
    const { promise: mayKeep, resolve: keep } = Promise.withResolvers<void>();
    let puts = 0;
    const records = recordsBut(test.stores.records, {
      put: async (...given) => {
        if (++puts === 2) await mayKeep;
        return test.stores.records.put(...given);
      },
    });
    const targets = [target()];
    const one = await webhooks(records, new FakeClock(), { targets });
    one.made.note(received);
    await until(() => puts === 2);
    targets.pop();
    one.made.changed();
    await turns(50);
    keep();
    await turns(50);
    await one.made.stop();
    assert.equal(await test.stores.records.count('webhook'), 0);
  });

  it('that were taken are forgotten before it is said that all has stopped', async () => {
    await using test = await openInMemory();
    const records = recordsBut(test.stores.records, {
      remove: async (...given) => {
        await turns(50);
        return test.stores.records.remove(...given);
      },
    });
    const clock = new FakeClock();
    const one = await webhooks(records, clock);
    assert.equal(clock.nextTimer(), undefined, 'it looks for no other nodes');
    one.made.note(received);
    await until(() => one.attempts() === 1);
    await one.made.stop();
    assert.equal(await test.stores.records.count('webhook'), 0);
  });

  const notice = (id: string, name: string) => ({
    ...{ id, name, event: 'message.received', since: Date.UTC(2026, 0, 1), body: '{}' },
    ...{ attempts: 0, due: 0 },
  });

  it('of one that was among several before are its own, once it is alone', async () => {
    await using test = await openInMemory();
    await new WebhookOutbox(test.stores.records, 1).put([notice('a', 'app'), notice('b', 'old')]);
    const one = await webhooks(test.stores.records, new FakeClock());
    await until(() => one.attempts() === 1 && one.state().waiting === 0);
    assert.equal(await test.stores.records.count('webhook'), 0);
    await one.made.stop();
  });

  it('of one that is gone are looked for when nodes have come or gone, and while it stays away', async () => {
    await using test = await openInMemory();
    const { records } = test.stores;
    const clock = new FakeClock();
    let there = [2, 3];
    let during: number[] | undefined;
    let granted = false;
    let looks = 0;
    let mayList = Promise.resolve();
    const nodes: WebhooksParts['nodes'] = {
      number: 2,
      async list() {
        await mayList;
        return [1, 2, 3].map((number): NodeFacts => {
          const state = there.includes(number) ? 'active' : 'gone';
          return { ...{ number, name: `n${number}`, state }, ...nodeFacts };
        });
      },
      async inTurn(name, work) {
        looks += 1;
        there = during ?? there;
        return granted ? alone.inTurn(name, work) : undefined;
      },
    };
    const [one, three] = [new WebhookOutbox(records, 1), new WebhookOutbox(records, 3)];
    await one.put([notice('a', 'app'), notice('b', 'other')]);
    await three.put([notice('c', 'app')]);
    const two = await webhooks(records, clock, { nodes });
    const lookAgain = async () => {
      await clock.advance(15_000);
      await turns(50);
    };
    await lookAgain();
    assert.deepEqual([looks, posted.length], [1, 0], 'it is the turn of another');
    granted = true;
    during = [1, 2, 3];
    await lookAgain();
    assert.deepEqual([looks, posted.length], [2, 0], 'it has come back');
    during = undefined;
    there = [2, 3];
    await lookAgain();
    await until(() => two.attempts() === 1 && two.state().waiting === 0);
    assert.equal(looks, 3, 'it is gone again');
    await lookAgain();
    assert.equal(looks, 3);
    there = [2];
    await lookAgain();
    await until(() => two.attempts() === 2 && two.state().waiting === 0);
    assert.equal(looks, 4);
    assert.deepEqual(
      (await records.list('webhook', { limit: 9 })).map(({ key }) => key),
      ['other/b'],
    );
    await lookAgain();
    assert.equal(looks, 4);
    const { promise, resolve } = Promise.withResolvers<void>();
    mayList = promise;
    await lookAgain();
    const stopped = two.made.stop();
    resolve();
    await stopped;
    await turns(50);
    assert.equal(clock.nextTimer(), undefined);
  });

  it('of several nodes are told by the one that noted it, and by one other when that is gone', async () => {
    await using test = await openInMemory();
    const { records } = test.stores;
    const clock = new FakeClock();
    const gone = new Set<number>();
    const nodesFor = (number: number) => ({
      ...{ ...alone, number },
      list: async () =>
        [1, 2, 3].map((one): NodeFacts => {
          const state = gone.has(one) ? 'gone' : 'active';
          return { ...nodeFacts, number: one, name: `n${one}`, state };
        }),
    });
    const open = (number: number) => webhooks(records, clock, { nodes: nodesFor(number) });
    const one = await open(1);
    answer = (response) => response.writeHead(500).end();
    one.made.note(received);
    await until(() => one.attempts() === 1 && one.state().waiting === 1);
    const [two, three] = [await open(2), await open(3)];
    assert.deepEqual([two.state().waiting, three.state().waiting], [0, 0]);
    // It stands still for so long that others take it for dead.
    gone.add(1);
    const others = () => two.state().waiting + three.state().waiting;
    for (let i = 0; others() === 0; i += 1) {
      assert.ok(i < 100);
      await clock.advance(15_000);
    }
    answer = (response) => response.end();
    await clock.advance(retryMs[1]! * 1.2);
    await until(() => two.requests.ok.value + three.requests.ok.value === 1);
    await until(() => others() === 0);
    gone.delete(1);
    const [before] = [posted.length];
    await clock.advance(retryMs[2]! * 1.2);
    await until(() => one.state().waiting === 0);
    assert.equal(posted.length, before, 'when it wakes up it tells nothing of that');
    assert.equal(one.state().givenUp, 0);
    assert.equal(new Set(posted.map(({ headers }) => headers['webhook-id'])).size, 1);
    for (const { made } of [one, two, three]) await made.stop();
    assert.equal(clock.nextTimer(), undefined, 'nobody looks for others any more');
  });
});

const nodeFacts = { version: '', started: 1, seen: 1, leased: 0 };

/** The store, but for some methods. */
const recordsBut = (records: RecordStore, others: Partial<RecordStore>): RecordStore =>
  new Proxy(records, {
    get(store, name) {
      const found: unknown = Reflect.get(others, name) ?? Reflect.get(store, name);
      return typeof found === 'function' ? found.bind(store) : found;
    },
  });

const turns = async (count: number): Promise<void> => {
  for (let i = 0; i < count; i += 1) await new Promise((resolve) => setImmediate(resolve));
};

const received: HistoryEvent = {
  ...{ id: 'q1', at: Date.UTC(2026, 0, 1), kind: 'received', sender: 'ann@example.org', size: 1 },
  ...{ recipients: ['bob@example.net'], recipientCount: 1 },
  origin: { session: '', service: 'smtp', protocol: 'ESMTP' },
};

const refusedTo = (from: string | undefined): HistoryEvent => ({
  ...{ id: 'S1', at: Date.UTC(2026, 0, 1), kind: 'refused', keys: [] },
  refusal: { client: '192.0.2.1', stage: 'rcpt', reason: 'x', from, to: 'bob@example.net' },
});

const attemptOf = (result: AttemptResult['result']): HistoryEvent => ({
  ...{ id: 'q1', at: Date.UTC(2026, 0, 1), kind: 'attempt', destination: 'mx:example.net' },
  ...{
    durationMs: 1,
    results: [{ address: 'bob@example.net', attempt: 1, result, reply: '250 OK' }],
  },
});

/** Turns of the event loop, until it holds. */
async function until(holds: () => boolean): Promise<void> {
  // Limit: what takes longer does not come, even on a machine that others keep busy.
  for (const end = performance.now() + 120_000; !holds(); ) {
    assert.ok(performance.now() < end, 'it does not come');
    await new Promise((resolve) => setImmediate(resolve));
  }
}
