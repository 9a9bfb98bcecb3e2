import assert from 'node:assert/strict';
import { it } from 'node:test';
import { silentLog } from '../../base/log.ts';
import { Counter } from '../../base/metrics.ts';
import type { Wish } from '../asking.ts';
import { refusal } from '../asking.ts';
import { createWebApp } from '../web-app.ts';
import type { CatcherParts } from './asked.ts';
import { checkPaths } from './checks.ts';
import { messagePaths } from './message.ts';
import { releasePaths } from './release.ts';

it('what reaches beyond the catcher takes the right that its operation takes', async () => {
  const asked: string[] = [];
  const parts = {
    asking: {
      async allowed(_: unknown, { name, changes }: Wish) {
        asked.push(`${name} ${changes}`);
        throw refusal(403, 'no');
      },
    },
  } as unknown as CatcherParts;
  const counter = new Counter();
  const app = createWebApp({
    paths: [releasePaths, checkPaths, messagePaths].map((paths) => paths(parts)),
    answers: { '2xx': counter, '3xx': counter, '4xx': counter, '5xx': counter },
    log: silentLog,
  });
  const client = { address: '192.0.2.1', secure: true };
  for (const [method, path] of [
    ['POST', 'release'],
    ['GET', 'link-check'],
    ['POST', 'link-check'],
    ['GET', 'html-check'],
    ['GET', 'raw'],
  ] as const)
    assert.equal((await app.request(`/api/v1/message/m1/${path}`, { method }, client)).status, 403);
  assert.deepEqual(asked, [
    ...['mailRelease true', 'mailCheckLinks true', 'mailCheckLinks true'],
    ...['mailRead false', 'mailRead false'],
  ]);
});
