import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { silentLog } from '../base/log.ts';
import { Counter } from '../base/metrics.ts';
import { consolePaths } from './console.ts';
import { samePageByTls } from './encrypted-only.ts';
import { createWebApp } from './web-app.ts';

const directory = mkdtempSync(join(tmpdir(), 'postrider-console-'));
after(() => rmSync(directory, { recursive: true, force: true }));

const near = { address: '127.0.0.1', secure: false };

function ask(path: string, { built = directory, headers = {}, client = near, tlsPort = 443 } = {}) {
  const answers = {
    ...{ '2xx': new Counter(), '3xx': new Counter() },
    ...{ '4xx': new Counter(), '5xx': new Counter() },
  };
  const app = createWebApp({
    paths: [
      consolePaths({
        directory: built,
        elsewhere: samePageByTls({
          isNear: (address) => address === near.address,
          port: () => (tlsPort === 0 ? undefined : tlsPort),
        }),
      }),
    ],
    ...{ answers, log: silentLog },
  });
  return app.request(`http://mx.example.org${path}`, { headers }, client);
}

describe('the console', () => {
  writeFileSync(join(directory, 'index.html'), '<title>Console</title>');
  writeFileSync(join(directory, 'index-Ab1_.js'), 'start()');
  writeFileSync(join(directory, 'sources.sha256'), 'abc');

  it('is one page for every path that its router knows, which runs nothing but its own files', async () => {
    for (const path of ['/', '/queue', '/messages/0scm75xs1rb', '/messages/%3Ca@b%3E', '/login']) {
      const page = await ask(path);
      assert.equal(page.status, 200, path);
      assert.equal(await page.text(), '<title>Console</title>');
      assert.equal(page.headers.get('cache-control'), 'no-cache');
      const policy = page.headers.get('content-security-policy') ?? '';
      assert.match(policy, /default-src 'none'; script-src 'self'; style-src 'self';/);
      assert.match(policy, /frame-ancestors 'none'/);
      assert.doesNotMatch(policy, /unsafe/);
    }
    assert.equal((await ask('/queued')).status, 404);
  });

  it('leads whoever asks for a page in the clear to where it is by TLS', async () => {
    const far = { address: '192.0.2.1', secure: false };
    const led = await ask('/queue?state=held', { client: far });
    assert.deepEqual(
      [led.status, led.headers.get('location')],
      [307, 'https://mx.example.org/queue?state=held'],
    );
    const other = await ask('/', { client: far, tlsPort: 8443 });
    assert.equal(other.headers.get('location'), 'https://mx.example.org:8443/');
    for (const stays of [
      { client: { ...far, secure: true } },
      { client: near },
      { client: far, tlsPort: 0 },
    ])
      assert.equal((await ask('/queue', stays)).status, 200);
  });

  it('tells whoever follows a wrong path in a browser, with a way back, and programs in one line', async () => {
    const headers = { accept: 'text/html,application/xhtml+xml;q=0.9,*/*;q=0.8' };
    for (const path of ['/queued', '/postrider/nowhere', '/console/index-gone.js']) {
      const page = await ask(path, { headers });
      assert.equal(page.status, 404);
      assert.equal(await page.text(), '<title>Console</title>');
      assert.match(page.headers.get('content-security-policy') ?? '', /script-src 'self'/);
      const program = await ask(path, { headers: { accept: '*/*' } });
      assert.deepEqual([program.status, await program.text()], [404, 'there is nothing here\n']);
    }
  });

  it('has files that are kept for ever, of the kinds that were built, from its folder alone', async () => {
    const script = await ask('/console/index-Ab1_.js');
    assert.equal(await script.text(), 'start()');
    assert.match(script.headers.get('content-type') ?? '', /^text\/javascript/);
    assert.match(script.headers.get('cache-control') ?? '', /immutable/);
    for (const path of [
      ...['/console/', '/console/index-gone.js', '/console/index.html', '/console/sources.sha256'],
      ...['/console/..%2fpackage.json', '/console/%2e%2e/x.js', '/console/a%00.js', '/console/.js'],
    ])
      assert.equal((await ask(path)).status, 404, path);
  });

  it('says how it is built where it is not', async () => {
    const page = await ask('/queue', { built: join(directory, 'nowhere') });
    assert.equal(page.status, 200);
    assert.match(await page.text(), /node scripts\/build-console\.ts/);
  });
});
