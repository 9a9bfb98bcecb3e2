// How a message will fare: html-check, link-check and sa-check as Mailpit's clients ask for them, and the operations of
// the same, which pages ask.

import assert from 'node:assert/strict';
import type { RequestListener } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, it } from 'node:test';
import { MailpitClient } from 'mailpit-api';
import type { DevOptions } from '../../src/config/dev.ts';
import { startCatcher } from './catcher.ts';

/** What an operation answers, as far as it is looked at. */
interface Json {
  readonly error: string;
  readonly action: string;
  readonly whole: boolean;
  readonly warnings: readonly unknown[];
  readonly families: readonly {
    readonly family: string;
    readonly unsupported: readonly string[];
  }[];
  readonly links: readonly { readonly status: number }[];
}

async function startWeb(listener: RequestListener) {
  const server = createServer(listener).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function catching(message: string, catcherOptions: DevOptions['catcher'] = {}) {
  const catcher = await startCatcher({ catcher: catcherOptions });
  const mailpit = new MailpitClient(catcher.url);
  await catcher.send(message, ['ann@example.org']);
  const { ID } = await mailpit.waitForMessage({ query: 'subject:x' });
  const operation = async (name: string, given: object = {}) => {
    const response = await fetch(`${catcher.url}/postrider/v1/${name}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ address: 'ann@example.org', id: ID, ...given }),
    });
    return { status: response.status, json: (await response.json()) as Json };
  };
  const dispose = () => catcher[Symbol.asyncDispose]();
  return { catcher, mailpit, ID, operation, [Symbol.asyncDispose]: dispose };
}

const html = (body: string) =>
  `Subject: x\nMIME-Version: 1.0\nContent-Type: text/html; charset=utf-8\n\n${body}\n`;

describe('html-check', () => {
  it('says which clients do not show what is in a message, as Mailpit does', async () => {
    await using test = await catching(html('<p style="display:grid">x</p><video src=x></video>'));
    const { Warnings, Platforms, Total } = await test.mailpit.htmlCheck(test.ID);
    assert.deepEqual(
      Warnings.map(({ Slug }) => Slug).sort(),
      [...['css-display', 'css-display-grid', 'html-p', 'html-video']].filter((slug) =>
        Warnings.some(({ Slug }) => Slug === slug),
      ),
    );
    const grid = Warnings.find(({ Slug }) => Slug === 'css-display-grid')!;
    assert.deepEqual([grid.Category, grid.Title, grid.Score.Found], ['css', 'display:grid', 1]);
    assert.match(grid.URL, /^https:\/\/www\.caniemail\.com\/features\//);
    const outlook = grid.Results.find(
      (one) => one.Family === 'outlook' && one.Platform === 'windows',
    );
    assert.deepEqual(
      [outlook?.Support, outlook?.Name.startsWith('Outlook Windows (')],
      ['no', true],
    );
    assert.ok(Platforms.ios?.includes('Gmail' as never));
    assert.deepEqual([Total.Nodes, Total.Tests > 300], [2, true]);
    assert.ok(Math.abs(Total.Supported + Total.Partial + Total.Unsupported - 100) < 0.01);
    const { json } = await test.operation('mailCheckHtml');
    assert.equal(json.warnings.length, Warnings.length);
    assert.equal(json.whole, true);
    assert.ok(
      json.families.some(
        ({ family, unsupported }) => family === 'outlook' && unsupported.length > 0,
      ),
    );
  });

  it('a message without HTML has nothing to be checked', async () => {
    await using test = await catching('Subject: x\n\nplain\n');
    await assert.rejects(test.mailpit.htmlCheck(test.ID), /404/);
    assert.match((await test.operation('mailCheckHtml')).json.error, /has no HTML/);
  });
});

describe('link-check', () => {
  it('asks nothing of a private network, and everything where that is allowed', async () => {
    const asked: string[] = [];
    await using web = await startWeb((request, response) => {
      asked.push(`${request.method} ${request.url}`);
      if (request.url === '/moved') response.writeHead(301, { location: '/fine' }).end();
      else if (request.url === '/large')
        response.writeHead(200, { 'content-length': '1000000000' }).flushHeaders();
      else response.writeHead(request.url === '/fine' ? 200 : 404).end();
    });
    const links = ['fine', 'gone', 'moved', 'large'].map((path) => `<a href="${web.url}/${path}">`);
    const message = html(links.join(''));
    {
      await using test = await catching(message);
      const { Errors, Links } = await test.mailpit.linkCheck(test.ID);
      assert.deepEqual(
        [Errors, Links.map(({ StatusCode }) => StatusCode)],
        [4, [451, 451, 451, 451]],
      );
      assert.deepEqual(asked, [], 'nothing was asked');
    }
    await using test = await catching(message, { privateLinks: true });
    assert.deepEqual(asked, [], 'nothing is asked until somebody wants it');
    const { Errors, Links } = await test.mailpit.linkCheck(test.ID);
    assert.deepEqual(
      Links.map(({ StatusCode, Status }) => `${StatusCode} ${Status}`),
      ['200 OK', '404 Not Found', '301 Moved Permanently', '200 OK'],
    );
    assert.equal(Errors, 1);
    const followed = await test.operation('mailCheckLinks');
    assert.deepEqual(
      followed.json.links.map(({ status }) => status),
      [200, 404, 200, 200],
    );
  });

  it('is not for whoever may only look: a link may do something when it is followed', async () => {
    await using test = await catching(html('x'));
    const { server, url } = test.catcher;
    const { token } = await server.operations.tokenCreate({ name: 'look', allows: ['read'] });
    const status = async (check: string) => {
      const headers = { authorization: `Bearer ${token}` };
      return (await fetch(`${url}/api/v1/message/${test.ID}/${check}`, { headers })).status;
    };
    assert.deepEqual([await status('html-check'), await status('link-check')], [200, 403]);
  });
});

describe('sa-check', () => {
  it('without rspamd it says what to do', async () => {
    await using test = await catching('Subject: x\n\nplain\n');
    await assert.rejects(test.mailpit.spamAssassinCheck(test.ID), /400.*--rspamd/);
    assert.match((await test.operation('mailCheckSpam')).json.error, /--rspamd/);
  });

  it('tells what rspamd says, and shows it the whole message', async () => {
    let shown = '';
    await using web = await startWeb(async (request, response) => {
      for await (const piece of request) shown += piece;
      const symbols = {
        A: { score: 7.256, description: 'bad words' },
        B: { score: -1 },
        C: { score: 'x' },
      };
      response.end(
        JSON.stringify({ action: 'add header', score: 6.256, required_score: 15, symbols }),
      );
    });
    await using test = await catching('Subject: x\n\nplain\n', { rspamd: web.url });
    assert.deepEqual(await test.mailpit.spamAssassinCheck(test.ID), {
      ...{ IsSpam: true, Error: '', Score: 6.26 },
      Rules: [
        { Score: 7.26, Name: 'A', Description: 'bad words' },
        { Score: -1, Name: 'B', Description: '' },
      ],
    });
    assert.match(shown, /^[\s\S]*Subject: x\r\n\r\nplain\r\n$/);
    assert.equal((await test.operation('mailCheckSpam')).json.action, 'add header');
  });

  it('of an rspamd that is not there it says so', async () => {
    await using test = await catching('Subject: x\n\nplain\n', { rspamd: 'http://127.0.0.1:9' });
    const { Error: error, Rules } = await test.mailpit.spamAssassinCheck(test.ID);
    assert.deepEqual([/ECONNREFUSED|refused/.test(error), Rules], [true, null]);
    assert.match((await test.operation('mailCheckSpam')).json.error, /127\.0\.0\.1:9/);
  });
});
