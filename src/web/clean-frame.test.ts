import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { silentLog } from '../base/log.ts';
import { Counter } from '../base/metrics.ts';
import { cleanFramePath } from './clean-frame.ts';
import { createWebApp } from './web-app.ts';

const counter = () => new Counter();
const app = createWebApp({
  paths: [cleanFramePath],
  answers: { '2xx': counter(), '3xx': counter(), '4xx': counter(), '5xx': counter() },
  log: silentLog,
});
const post = (html: string, headers: Record<string, string>, remote = '') =>
  app.request(
    'http://mx.example:8025/postrider/frame',
    {
      method: 'POST',
      headers: { host: 'mx.example:8025', ...headers },
      body: new URLSearchParams({ html, remote }),
    },
    { address: '127.0.0.1', secure: false },
  );

describe('HTML that the console has cleaned', () => {
  const own = { origin: 'http://mx.example:8025' };

  it('comes back under the policy of mail', async () => {
    const answer = await post('<p style="color:red">é</p>', own);
    assert.equal(await answer.text(), '<p style="color:red">é</p>');
    const policy = answer.headers.get('content-security-policy') ?? '';
    assert.match(policy, /^sandbox /);
    assert.doesNotMatch(policy, /script|same-origin|https?:/);
    const remote = await post('', own, '1');
    assert.match(remote.headers.get('content-security-policy') ?? '', /img-src data: https:/);
  });

  it('but not for pages of others, and not without an end', async () => {
    for (const headers of [
      ...[
        { origin: 'null' },
        { origin: 'http://evil.example' },
        { 'sec-fetch-site': 'cross-site' },
      ],
      ...[{ origin: 'http://mx.example' }, { origin: 'http://mx.example:8025.evil.example' }],
    ] as Record<string, string>[])
      assert.equal((await post('<p>Your bank</p>', headers)).status, 403);
    assert.equal((await post('x'.repeat(2 ** 20 + 1), own)).status, 413);
  });
});
