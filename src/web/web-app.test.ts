import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Log } from '../base/log.ts';
import { silentLog } from '../base/log.ts';
import { Counter, Metrics } from '../base/metrics.ts';
import { encryptedOnly } from './encrypted-only.ts';
import { healthPaths } from './health.ts';
import { metricsText } from './metrics-text.ts';
import { readBody } from './request-body.ts';
import type { WebApp } from './web-app.ts';
import { createWebApp, hostOf } from './web-app.ts';
import { wellKnownPaths } from './well-known.ts';

function appOf(...paths: readonly ((app: WebApp) => void)[]) {
  const errors: unknown[] = [];
  const log: Log = {
    ...{ debug() {}, info() {}, warn() {} },
    error: (event, fields) => errors.push([event, fields?.error]),
  };
  const answers = {
    ...{ '2xx': new Counter(), '3xx': new Counter() },
    ...{ '4xx': new Counter(), '5xx': new Counter() },
  };
  const app = createWebApp({ paths, answers, log });
  const ask = async (url: string, init: RequestInit = {}, address = '192.0.2.1') => {
    const response = await app.request(url, init, { address, secure: true });
    return { status: response.status, headers: response.headers, text: await response.text() };
  };
  return { ask, answers, errors };
}

describe('web app', () => {
  it('guards every answer, also those of nothing and of failures, and counts them', async () => {
    const { ask, answers, errors } = appOf((app) => {
      app.get('/broken', () => {
        throw new Error('secret');
      });
      app.get('/own', (c) => c.text('', 200, { 'content-security-policy': 'mine' }));
      app.post('/post', async (c) => c.text(String(await readBody(c.req.raw, 1000))));
    });
    for (const [path, status] of [
      ['/none', 404],
      ['/broken', 500],
      ['/own', 200],
    ] as const) {
      const answer = await ask(`https://mx.example${path}`);
      assert.equal(answer.status, status);
      assert.equal(answer.headers.get('x-content-type-options'), 'nosniff');
      assert.equal(answer.headers.get('access-control-allow-origin'), null);
      assert.doesNotMatch(answer.text, /secret/);
      const policy = answer.headers.get('content-security-policy');
      assert.match(policy ?? '', path === '/own' ? /^mine$/ : /default-src 'none'/);
    }
    assert.match(String(errors), /request failed,Error: secret/);
    const post = (body: string) => ask('https://mx.example/post', { method: 'POST', body });
    assert.equal((await post('x'.repeat(1001))).status, 413);
    assert.equal((await post('x'.repeat(1000))).text.length, 1000);
    assert.deepEqual([answers['2xx'].value, answers['4xx'].value, answers['5xx'].value], [2, 2, 1]);
  });

  it('tells over TLS, or to who is near, what is not for the clear', async () => {
    const app = createWebApp({
      paths: [
        encryptedOnly('/own/*', (address) => address === '127.0.0.1'),
        (of) => of.get('/own/thing', (c) => c.text('told')).get('/open', (c) => c.text('told')),
      ],
      answers: {
        '2xx': new Counter(),
        '3xx': new Counter(),
        '4xx': new Counter(),
        '5xx': new Counter(),
      },
      log: silentLog,
    });
    const at = async (path: string, address: string, secure: boolean) =>
      (await app.request(path, {}, { address, secure })).status;
    assert.equal(await at('/own/thing', '192.0.2.1', false), 403);
    assert.equal(await at('/own/none', '192.0.2.1', false), 403);
    assert.equal(await at('/own/thing', '192.0.2.1', true), 200);
    assert.equal(await at('/own/thing', '127.0.0.1', false), 200);
    assert.equal(await at('/open', '192.0.2.1', false), 200);
  });

  it('names the host that is asked for in one way', () => {
    assert.equal(hostOf('https://MTA-STS.Example.:8443/x'), 'mta-sts.example');
  });
});

describe('/healthz, /readyz, /metrics', () => {
  const metrics = new Metrics();
  metrics.counters(['logins_total', 'Logins\nof \\all.'], 'result', ['ok', 'fa"il']).ok.add(2);
  metrics.read('queue_active', 'Now.', () => Number.NaN);
  metrics.histogram('seconds', 'Time.', [0.5, 1]).observe(0.7);
  let problem: string | undefined;
  const { ask } = appOf(
    healthPaths({
      unready: async () => problem,
      metrics: () => metrics.snapshot(),
      maySeeMetrics: (address) => address === '127.0.0.1',
    }),
  );

  it('alive, and ready or not', async () => {
    assert.equal((await ask('http://a/healthz')).status, 200);
    assert.equal((await ask('http://a/readyz')).status, 200);
    problem = 'the store does not answer';
    const { status, text } = await ask('http://a/readyz');
    assert.deepEqual([status, text], [503, 'not ready: the store does not answer\n']);
  });

  it('numbers in Prometheus’ format', () => {
    assert.equal(
      metricsText(metrics.snapshot()),
      `# HELP postrider_logins_total Logins\\nof \\\\all.
# TYPE postrider_logins_total counter
postrider_logins_total{result="ok"} 2
postrider_logins_total{result="fa\\"il"} 0
# HELP postrider_queue_active Now.
# TYPE postrider_queue_active gauge
postrider_queue_active NaN
# HELP postrider_seconds Time.
# TYPE postrider_seconds histogram
postrider_seconds_bucket{le="0.5"} 0
postrider_seconds_bucket{le="1"} 1
postrider_seconds_bucket{le="+Inf"} 1
postrider_seconds_sum 0.7
postrider_seconds_count 1
`,
    );
  });

  it('numbers only for those who may see them, not for whom a proxy hands on', async () => {
    const at = (address: string, headers = {}) => ask('http://a/metrics', { headers }, address);
    const { status, headers } = await at('127.0.0.1');
    assert.deepEqual(
      [status, headers.get('content-type')],
      [200, 'text/plain; version=0.0.4; charset=utf-8'],
    );
    assert.equal((await at('192.0.2.1')).status, 403);
    assert.equal((await at('127.0.0.1', { 'x-forwarded-for': '192.0.2.1' })).status, 403);
    assert.equal((await at('127.0.0.1', { forwarded: 'for=192.0.2.1' })).status, 403);
  });
});

describe('/.well-known', () => {
  const { ask } = appOf(
    wellKnownPaths({
      mtaStsPolicy: (domain) => (domain === 'example.org' ? 'version: STSv1\r\n' : undefined),
      acmeChallenges: async (token) => (token === 'abc' ? 'abc.print' : undefined),
    }),
  );

  it('RFC 8461 §3.2: the policy of the domain whose mta-sts name is asked for, as text/plain', async () => {
    const path = '/.well-known/mta-sts.txt';
    const { status, headers, text } = await ask(`https://mta-sts.example.org${path}`);
    assert.deepEqual([status, text], [200, 'version: STSv1\r\n']);
    assert.match(headers.get('content-type') ?? '', /^text\/plain(;|$)/);
    for (const host of ['example.org', 'mta-sts.example.net', 'mta-sts.', 'x.mta-sts.example.org'])
      assert.equal((await ask(`https://${host}${path}`)).status, 404, host);
  });

  it('the proof for a token, and nothing for others', async () => {
    const at = (token: string) => ask(`http://mx.example/.well-known/acme-challenge/${token}`);
    assert.equal((await at('abc')).text, 'abc.print');
    assert.equal((await at('abd')).status, 404);
    assert.equal((await at('..%2fabc')).status, 404);
  });
});
