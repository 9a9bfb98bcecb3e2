import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { RequestListener } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { FakeClock } from '../../../base/fake-clock.ts';
import type { Fields } from '../../../base/log.ts';
import { Counter } from '../../../base/metrics.ts';
import { FakeResolver } from '../../../dns/fake-resolver.ts';
import { issueCertificate } from '../../../net/certificate.ts';
import { alone } from '../../../store/nodes.ts';
import type { RecordPage, StoredRecord } from '../../../store/record-store.ts';
import { fetchStsPolicy } from './fetch-sts-policy.ts';
import type { StsFound } from './sts.ts';
import { StsPolicies } from './sts-policies.ts';

const dayMs = 24 * 3_600_000;
const lifetime = {
  notBefore: new Date(Date.now() - dayMs),
  notAfter: new Date(Date.now() + dayMs),
};
const root = issueCertificate({ commonName: 'Root', names: [], authority: true, ...lifetime });
const issue = (name: string) =>
  issueCertificate({ commonName: name, names: [name], issuer: root, ...lifetime });

const policyText = (mode = 'enforce', maxAge = 604_800, mx = 'mx.example.net') =>
  `version: STSv1\r\nmode: ${mode}\r\nmx: ${mx}\r\nmax_age: ${maxAge}\r\n`;
const answerWith =
  (text: string, type = 'text/plain'): RequestListener =>
  (_, response) => {
    response.writeHead(200, { 'content-type': type }).end(text);
  };

let listener: RequestListener = answerWith(policyText());
const asked: string[] = [];
const servers = [issue('mta-sts.example.net'), issue('www.example.net')].map(
  ({ certificate: cert, privateKeyPem: key }) =>
    createServer({ cert, key }, (request, response) => {
      asked.push(`${request.headers.host}${request.url}`);
      listener(request, response);
    }),
);
const portOf = (at: number) => (servers[at]!.address() as AddressInfo).port;

before(async () => {
  for (const server of servers) {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
  }
});
after(() => {
  for (const server of servers) {
    server.closeAllConnections();
    server.close();
  }
});

/** A store of records in memory, by the clock of the test. */
function memoryRecords(clock: FakeClock) {
  const kept = new Map<string, StoredRecord>();
  const lives = ({ expires = Number.POSITIVE_INFINITY }: StoredRecord) => expires > clock.now();
  return {
    kept,
    fails: { get: false, put: false },
    async get(_: string, key: string) {
      if (this.fails.get) throw new Error('the disk is gone');
      const record = kept.get(key);
      return record !== undefined && lives(record) ? record : undefined;
    },
    async put(records: readonly StoredRecord[]) {
      if (this.fails.put) throw new Error('the disk is full');
      for (const record of records) kept.set(record.key, record);
    },
    async list(_ = '', { after = '', limit = 1_000 }: Partial<RecordPage> = {}) {
      return [...kept.values()].filter((one) => lives(one) && one.key > after).slice(0, limit);
    },
  };
}

function world({ id = '1', server = 0, timeoutMs = 10_000 } = {}) {
  const clock = new FakeClock(Date.now());
  const resolver = new FakeResolver();
  const records = memoryRecords(clock);
  const lines: string[] = [];
  const noted = (event: string, { domain, reason, error }: Fields = {}) =>
    lines.push([event, domain, reason ?? error].join(': '));
  const verify = { now: true };
  const fetches = { ok: new Counter(), failed: new Counter() };
  const policies = new StsPolicies({
    ...{ clock, resolver, records, verify: () => verify.now, fetches },
    inTurn: alone.inTurn,
    log: { debug() {}, info() {}, warn: noted, error: noted },
    request: {
      connectTo: { host: '127.0.0.1', port: portOf(server) },
      tls: { ca: root.certificate },
      timeoutMs,
    },
  });
  const announce = (next: string) =>
    resolver.set('_mta-sts.example.net', next === '' ? {} : { TXT: [`v=STSv1; id=${next};`] });
  announce(id);
  asked.length = 0;
  listener = answerWith(policyText());
  const find = async () => say(await policies.policyFor('example.net'));
  /** Hour by hour, each with its round at an end. */
  const hours = async (count: number) => {
    for (let hour = 0; hour < count; hour += 1) {
      await clock.advance(3_600_000);
      while (clock.nextTimer() === undefined) await new Promise(setImmediate);
    }
  };
  return { clock, resolver, records, policies, lines, announce, find, verify, fetches, hours };
}

function say({ policy, problem }: StsFound): string {
  const has = policy === undefined ? 'none' : `${policy.mode} ${policy.mx}`;
  return problem === undefined ? has : `${has}; ${problem.result}: ${problem.reason}`;
}

describe('MTA-STS policies of others', () => {
  it('RFC 8461 §3: no record, no policy, and nobody is asked for one', async () => {
    const { find } = world({ id: '' });
    assert.equal(await find(), 'none');
    assert.deepEqual(asked, []);
  });

  it('is fetched once for all who wait, kept, and fetched anew for another id', async () => {
    const { find, announce, records } = world();
    assert.deepEqual(await Promise.all([find(), find()]), Array(2).fill('enforce mx.example.net'));
    assert.equal(await find(), 'enforce mx.example.net');
    assert.deepEqual(asked, ['mta-sts.example.net/.well-known/mta-sts.txt']);
    assert.equal(records.kept.size, 1);
    listener = answerWith(policyText('testing'));
    announce('2');
    assert.equal(await find(), 'testing mx.example.net');
    assert.equal(asked.length, 2);
  });

  it('the lines of the policy come along for reports', async () => {
    const { policies } = world();
    const { policy } = await policies.policyFor('example.net');
    assert.deepEqual(policy?.lines, [
      ...['version: STSv1', 'mode: enforce', 'mx: mx.example.net', 'max_age: 604800'],
    ]);
  });

  it('mode none is no policy, and takes one back', async () => {
    const { find, announce } = world();
    await find();
    listener = answerWith(policyText('none'));
    announce('2');
    assert.equal(await find(), 'none');
  });

  const failures: readonly (readonly [
    what: string,
    RequestListener,
    said: RegExp,
    options?: object,
  ])[] = [
    [
      'a redirect',
      (_, r) =>
        r.writeHead(301, { location: 'https://mta-sts.example.net/other' }).end(policyText()),
      /^none; sts-policy-fetch-error: the answer is 301/,
    ],
    ['no such file', (_, r) => r.writeHead(404).end(), /^none; sts-policy-fetch-error: .*404/],
    [
      'a policy of 100 MiB',
      (_, r) => {
        r.writeHead(200, { 'content-type': 'text/plain', 'content-length': 100 * 2 ** 20 });
        r.write(policyText());
      },
      /^none; sts-policy-fetch-error: .*larger than 65536/,
    ],
    ['silence', () => {}, /^none; sts-policy-fetch-error: no whole answer/, { timeoutMs: 50 }],
    [
      'the certificate of somebody else',
      answerWith(policyText()),
      /^none; sts-webpki-invalid: .*mta-sts\.example\.net/,
      { server: 1 },
    ],
    [
      'HTML',
      answerWith(policyText(), 'text/html'),
      /^none; sts-policy-invalid: it is not text\/plain/,
    ],
    ['nonsense', answerWith('no policy'), /^none; sts-policy-invalid: line 1/],
  ];
  for (const [what, answer, said, options] of failures)
    it(`RFC 8461 §3.3: ${what} is as if there were none, told, and not asked for again in five minutes`, async () => {
      const { find, clock, announce, lines } = world(options);
      listener = answer;
      assert.match(await find(), said);
      const before = asked.length;
      assert.match(await find(), said);
      assert.equal(asked.length, before);
      assert.match(lines.join(), /^no MTA-STS policy: example\.net: /);
      listener = answerWith(policyText());
      if (what === 'the certificate of somebody else') return;
      if (what === 'HTML') announce('2');
      else await clock.advance(5 * 60_000);
      assert.match(await find(), what === 'silence' ? /enforce|fetch-error/ : /^enforce mx/);
    });

  it('RFC 8461 §3.3: who has one applies it while it lives, whatever keeps a newer one away', async () => {
    const { find, announce, resolver, clock, records } = world();
    await find();
    announce('');
    assert.equal(await find(), 'enforce mx.example.net');
    resolver.set('_mta-sts.example.net', { fails: 'servfail' });
    assert.match(await find(), /^enforce mx.example.net; sts-policy-fetch-error: the DNS/);
    listener = (_, response) => response.writeHead(500).end();
    announce('2');
    assert.match(await find(), /^enforce mx.example.net; sts-policy-fetch-error: .*500/);
    await clock.advance(604_799_000);
    assert.match(await find(), /^enforce/);
    await clock.advance(1_000);
    assert.match(await find(), /^none; sts-policy-fetch-error/);
    assert.equal((await records.list()).length, 0);
  });

  it('who has none goes without one while the DNS does not answer', async () => {
    const { find, resolver } = world();
    resolver.set('_mta-sts.example.net', { fails: 'timeout' });
    assert.equal(await find(), 'none');
  });

  it('a policy that is a day old is fetched anew beside the mail that asks for it', async () => {
    const { find, clock } = world();
    await find();
    await clock.advance(dayMs);
    listener = answerWith(policyText('testing'));
    assert.equal(await find(), 'enforce mx.example.net');
    while ((await find()) !== 'testing mx.example.net') await new Promise(setImmediate);
    assert.equal(asked.length, 2);
  });

  it('RFC 8461 §10.2: and in rounds, so that it does not end while nobody asks; for a month', async () => {
    const { find, policies, records, lines, resolver, announce, hours } = world();
    await find();
    policies.start();
    await hours(23);
    assert.equal(asked.length, 1);
    await hours(26);
    assert.equal(asked.length, 3);
    resolver.set('_mta-sts.example.net', { fails: 'servfail' });
    await hours(24);
    assert.match(lines.join(), /MTA-STS policy not fetched anew: example\.net: the DNS/);
    announce('1');
    await hours(30 * 24);
    const before = asked.length;
    await hours(48);
    assert.equal(asked.length, before);
    assert.equal((await records.list()).length, 1);
    policies.close();
  });

  it('RFC 8461 §10.2: one that lasts a day or a few hours is fetched anew when half of that is over', async () => {
    for (const maxAge of [86_400, 4 * 3_600]) {
      const { find, policies, clock, hours } = world();
      listener = answerWith(policyText('enforce', maxAge));
      assert.equal(await find(), 'enforce mx.example.net');
      policies.start();
      await hours(maxAge / 3_600 + 1);
      policies.close();
      assert.equal(clock.nextTimer(), undefined);
      listener = (_, response) => response.writeHead(503).end();
      assert.equal(await find(), 'enforce mx.example.net', 'nobody is in the way at its end');
    }
    const { find, clock } = world();
    listener = answerWith(policyText('enforce', 600));
    await find();
    await clock.advance(301_000);
    assert.equal(await find(), 'enforce mx.example.net');
    while (asked.length < 2) await new Promise(setImmediate);
  });

  it('a store that cannot tell holds up the mail; one that cannot keep does not', async () => {
    const { find, records, lines } = world();
    records.fails.get = true;
    await assert.rejects(find(), /the disk is gone/);
    records.fails.get = false;
    records.fails.put = true;
    assert.equal(await find(), 'enforce mx.example.net');
    assert.match(lines.join(), /not kept: example\.net: .*the disk is full/);
  });

  it('nobody is asked for any where the operator wants none', async () => {
    const { find, verify, policies, hours, resolver, records } = world();
    await find();
    verify.now = false;
    const before = [resolver.queries.length, asked.length];
    assert.equal(await find(), 'none');
    policies.start();
    await hours(25);
    assert.deepEqual([resolver.queries.length, asked.length], before);
    assert.equal(records.kept.size, 1);
    policies.close();
  });

  it('fetches are counted, by whether there was a policy', async () => {
    const { find, fetches, announce } = world();
    await find();
    listener = answerWith('no policy');
    announce('2');
    await find();
    assert.deepEqual([fetches.ok.value, fetches.failed.value], [1, 1]);
  });

  it('that mail asked for it is noted once a day, without another fetch', async () => {
    const { find, clock, records, policies, hours } = world();
    const used = () => JSON.parse(records.kept.get('example.net')!.value).used - first;
    await find();
    const first = clock.now();
    policies.start();
    await hours(24);
    assert.deepEqual([asked.length, used()], [2, 0], 'a round is no mail');
    await find();
    await new Promise(setImmediate);
    assert.deepEqual([asked.length, used()], [2, dayMs]);
    await clock.advance(1000);
    await find();
    await new Promise(setImmediate);
    assert.deepEqual([asked.length, used()], [2, dayMs], 'not for every message');
    policies.close();
  });

  it('what is no answer of the DNS, but a bug, holds up the mail', async () => {
    const { policies, resolver } = world();
    resolver.resolve = () => Promise.reject(new TypeError('a bug'));
    await assert.rejects(policies.policyFor('example.net'), TypeError);
  });

  it('what was recorded and cannot be read is as if there were none', async () => {
    const { find, records, announce } = world({ id: '' });
    records.kept.set('example.net', { kind: 'mta-sts', key: 'example.net', value: '{' });
    assert.equal(await find(), 'none');
    announce('1');
    assert.equal(await find(), 'enforce mx.example.net');
  });

  describe('rounds', () => {
    /** Domains of which the DNS says nothing: each that is due is named in the log. */
    function many(count: number, more: (n: number) => object = () => ({})) {
      const made = world();
      const { clock, records, lines } = made;
      const old = { fetched: clock.now() - 2 * dayMs, used: clock.now() };
      for (let n = 100; n < 100 + count; n += 1) {
        const kept = { id: '1', policy: policyText('enforce', 10 * 86_400), ...old, ...more(n) };
        const record = { kind: 'mta-sts', key: `d${n}.example`, value: JSON.stringify(kept) };
        records.kept.set(record.key, record);
      }
      made.policies.start();
      const due = async () => {
        lines.length = 0;
        await made.hours(1);
        return lines.map((line) => /d(\d+)\.example/.exec(line)?.[1]);
      };
      return { ...made, due };
    }
    const numbers = (from: number, to: number) =>
      Array.from({ length: to - from }, (_, i) => String(from + i));

    it('fetch fifty at the most, go on where the last one ended, and begin anew', async () => {
      const { due, policies } = many(60);
      assert.deepEqual(await due(), numbers(100, 150));
      assert.deepEqual(await due(), numbers(150, 160));
      assert.deepEqual(await due(), numbers(100, 150));
      policies.close();
    });

    it('look at all that there are, however many are not due', async () => {
      const { due, policies } = many(400, (n) => (n === 450 ? {} : { fetched: Date.now() }));
      assert.deepEqual(await due(), ['450']);
      policies.close();
    });

    it('leave out what nobody used for a month, and what asks for nothing', async () => {
      const unused = Date.now() - 31 * dayMs;
      const { due, policies } = many(3, (n) => {
        if (n === 100) return { used: unused };
        return n === 101 ? { policy: policyText('none') } : {};
      });
      assert.deepEqual(await due(), ['102']);
      policies.close();
    });

    it('are over when it is closed, also the one that is under way', async () => {
      const { policies, clock, resolver } = many(1);
      const asked = Promise.withResolvers<void>();
      const answer = Promise.withResolvers<never>();
      resolver.resolve = () => {
        asked.resolve();
        return answer.promise;
      };
      await clock.advance(3_600_000);
      await asked.promise;
      policies.close();
      answer.reject(new Error('over'));
      for (let turn = 0; turn < 5; turn += 1) await new Promise(setImmediate);
      assert.equal(clock.nextTimer(), undefined);
      const idle = world();
      idle.policies.start();
      idle.policies.close();
      assert.equal(idle.clock.nextTimer(), undefined);
      idle.policies.start();
      assert.equal(idle.clock.nextTimer(), undefined);
    });
  });
});

it('what is at a private address, where the domain’s DNS leads, is told by no report', async () => {
  const resolver = new FakeResolver();
  // Nobody listens there, or does: neither is the domain’s business.
  resolver.set('mta-sts.example.net', { A: ['127.111.111.111'] });
  const request = { timeoutMs: 2_000 };
  const problem = await fetchStsPolicy('example.net', { resolver, request });
  assert.ok(typeof problem === 'object');
  assert.match(problem.reason, /refused/, 'the operator here is told');
  assert.deepEqual(problem.reported, {
    result: 'sts-policy-fetch-error',
    reason: 'it is at a private address',
  });
});
