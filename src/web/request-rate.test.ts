import assert from 'node:assert/strict';
import { it } from 'node:test';
import { FakeClock } from '../base/fake-clock.ts';
import { silentLog } from '../base/log.ts';
import { Counter } from '../base/metrics.ts';
import { requestRate } from './request-rate.ts';
import { createWebApp } from './web-app.ts';

it('a network may ask so often, and others are not its affair; whoever is near asks as they like', async () => {
  const clock = new FakeClock();
  const counter = () => new Counter();
  let asked = 0;
  const app = createWebApp({
    paths: [
      requestRate({
        clock,
        rate: () => ({ count: 2, perMs: 60_000 }),
        isExempt: (address) => address === '::1',
        networkOf: (address) => address.slice(0, address.lastIndexOf('.')),
      }),
      (app) =>
        app.get('/', (c) => {
          asked += 1;
          return c.text('');
        }),
    ],
    answers: { '2xx': counter(), '3xx': counter(), '4xx': counter(), '5xx': counter() },
    log: silentLog,
  });
  const ask = (address: string) => app.request('/', {}, { address, secure: true });
  const status = async (address: string) => (await ask(address)).status;
  assert.deepEqual([await status('192.0.2.1'), await status('192.0.2.2')], [200, 200]);
  const refused = await ask('192.0.2.3');
  assert.deepEqual([refused.status, refused.headers.get('retry-after'), asked], [429, '30', 2]);
  assert.equal(await status('198.51.100.1'), 200);
  for (let i = 0; i < 5; i += 1) assert.equal(await status('::1'), 200);
  await clock.advance(30_000);
  assert.deepEqual([await status('192.0.2.3'), await status('192.0.2.3')], [200, 429]);
});
