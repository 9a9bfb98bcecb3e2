import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { silentLog } from '../base/log.ts';
import { Counter } from '../base/metrics.ts';
import { Asking } from './asking.ts';
import { downloadHeaders } from './download.ts';
import { LargeRequests } from './large-requests.ts';
import { mailFramePaths } from './mail-frame.ts';
import { createWebApp } from './web-app.ts';

const letter = (html: string) =>
  Buffer.from(`Content-Type: multipart/related; boundary=r\r
\r
--r\r
Content-Type: text/html; charset=utf-8\r
\r
${html}\r
--r\r
Content-Type: image/png\r
Content-ID: <Logo@x>\r
\r
PNG\r
--r\r
Content-Type: text/html; name="../évil\\".html"\r
Content-Disposition: attachment\r
\r
<script>alert(1)</script>\r
--r--\r
`);

function frames(html = '<p>Hello</p>', octets = letter(html)) {
  const counter = () => new Counter();
  const answers = { '2xx': counter(), '3xx': counter(), '4xx': counter(), '5xx': counter() };
  class Refusal extends Error {}
  const app = createWebApp({
    paths: [
      mailFramePaths({
        isRefusal: (error) => error instanceof Refusal,
        large: new LargeRequests(),
        asking: new Asking({
          bearer: async (name) =>
            name === 'reader' ? { kind: 'token', name, allows: ['read'] } : undefined,
          session: async () => undefined,
          ...{ needsNoToken: () => false, isLoopback: () => true },
        }),
        message: async (account, id) => {
          if (id !== 'm1') throw new Refusal(`${account} has no message ${id}`);
          return { account, id, octets, folder: 1, uid: 1, path: 'INBOX', flags: [], received: 0 };
        },
      }),
    ],
    answers,
    log: silentLog,
  });
  return (path: string, token = 'reader') =>
    app.fetch(
      new Request(`http://localhost/postrider/mail/ann@example.org/${path}`, {
        headers: { authorization: `Bearer ${token}` },
      }),
      { address: '127.0.0.1', secure: false },
    );
}

describe('a message for a page that shows it', () => {
  it('is for those who may read mail', async () => {
    assert.equal((await frames()('m1/html', 'nobody')).status, 401);
    for (const path of ['m2/html', 'm2/part/3', 'm2/source']) {
      assert.equal((await frames()(path, 'nobody')).status, 401);
      const missing = await frames()(path);
      assert.equal(missing.status, 404);
      assert.match(await missing.text(), /ann@example.org has no message m2/);
    }
  });

  it('may have no HTML', async () => {
    const answer = await frames(undefined, Buffer.from('Subject: x\r\n\r\nHello\r\n'))('m1/html');
    assert.deepEqual([answer.status, await answer.text()], [404, 'this message has no HTML\n']);
  });

  it('has no scripts, no origin and nothing of others in its frame', async () => {
    const answer = await frames()('m1/html');
    const policy = answer.headers.get('content-security-policy') ?? '';
    assert.match(
      policy,
      /^sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'/,
    );
    assert.match(policy, /img-src data:;/);
    assert.doesNotMatch(policy, /script|same-origin|https?:/);
    assert.equal(answer.headers.get('x-content-type-options'), 'nosniff');
    assert.equal(answer.headers.get('referrer-policy'), 'no-referrer');
    const remote = await frames()('m1/html?remote=1');
    assert.match(
      remote.headers.get('content-security-policy') ?? '',
      /img-src data: https: http:;/,
    );
  });

  // RFC 2392
  it('brings its own pictures along, and leads nobody elsewhere by itself', async () => {
    const html =
      '<!DOCTYPE html><META HTTP-EQUIV = "refresh" content="0;url=http://evil.example/">' +
      '<img src="cid:logo%40x"><img src=\'cid:other\'><a href="http://example.net/">x</a>';
    assert.equal(
      await (await frames(html)('m1/html')).text(),
      '<!DOCTYPE html><meta charset="utf-8"><base target="_blank">' +
        '<no-META HTTP-EQUIV = "refresh" content="0;url=http://evil.example/">' +
        '<img src="data:image/png;base64,UE5H"><img src=\'cid:other\'><a href="http://example.net/">x</a>',
    );
  });

  it('opens no connection and leads nobody elsewhere, whatever it is written like', async () => {
    for (const html of [
      '<link rel=preconnect href="https://tracker.example">',
      '<LINK/rel=dns-prefetch href="//tracker.example">',
      '<svg><link\nrel="preconnect" href="https://tracker.example"></svg>',
      '<meta content="0;url=//evil.example/<" http-equiv=refresh>',
      '<meta http-equiv="&#114;efresh" content="0;url=//evil.example/">',
      '<me<meta http-equiv=refresh content=1>ta http-equiv=refresh content="0;url=//evil.example/">',
      '<meta name=referrer content=unsafe-url>',
      '<meta name=viewport http-equiv=refresh content="0;url=//evil.example/">',
      '<meta name="viewport" content="0" http-equiv="refresh">',
    ]) {
      const shown = await (await frames(html)('m1/html')).text();
      const rest = shown.slice(shown.indexOf('<base target="_blank">'));
      assert.doesNotMatch(rest, /<(?:link|meta)[\s/>]/i, html);
    }
    const kept = '<meta name="viewport" content="width=device-width"><p>&lt;link</p>';
    assert.ok((await (await frames(kept)('m1/html')).text()).endsWith(kept));
  });

  // RFC 6266, RFC 8187
  it('gives parts and source as downloads, whatever they are', async () => {
    const part = await frames()('m1/part/3');
    assert.equal(part.headers.get('content-type'), 'application/octet-stream');
    assert.equal(
      part.headers.get('content-disposition'),
      `attachment; filename="..__vil_.html"; filename*=UTF-8''.._%C3%A9vil%22.html`,
    );
    assert.match(part.headers.get('content-security-policy') ?? '', /^sandbox/);
    assert.equal(await part.text(), '<script>alert(1)</script>');
    assert.equal((await frames()('m1/part/9')).status, 404);
    const source = await frames()('m1/source');
    assert.equal(source.headers.get('content-type'), 'text/plain; charset=utf-8');
    assert.match(
      (await frames()('m1/source?download=1')).headers.get('content-disposition') ?? '',
      /^attachment; filename="m1.eml"/,
    );
    const long = downloadHeaders('text/plain', `${'x'.repeat(199)}\u{1f600}`)[
      'content-disposition'
    ];
    assert.match(long!, /x_"; filename\*=UTF-8''x+%EF%BF%BD$/, 'half a character is one');
  });
});
