// What `postrider dev` does beyond catching: inboxes with logins of their own, tags, faults, release, import.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Catcher } from './catcher.ts';
import { startCatcher } from './catcher.ts';

const letter = (subject: string, more = '') =>
  `From: app@example.com\nTo: ann+order@example.org\nSubject: ${subject}\n${more}\nHello\n`;

interface Listed {
  readonly messages_count: number;
  readonly messages: readonly { readonly Subject: string; readonly Tags: readonly string[] }[];
}

describe('postrider dev', () => {
  let outside: Catcher;
  let catcher: Catcher;
  before(async () => {
    outside = await startCatcher();
    const relay = { host: '127.0.0.1', port: outside.port('smtp'), tls: 'none' } as const;
    const inboxes = new Map([['Shop', 'secret']]);
    catcher = await startCatcher({ catcher: { inboxes, relay } });
  });
  after(async () => {
    await catcher[Symbol.asyncDispose]();
    await outside[Symbol.asyncDispose]();
  });
  const get = (path: string, init?: RequestInit) => fetch(`${catcher.url}${path}`, init);
  const list = async (query: string, login?: string): Promise<Listed> => {
    const headers = login && { authorization: `Basic ${Buffer.from(login).toString('base64')}` };
    const answer = await get(`/api/v1/search?query=${query}`, { headers: { ...headers } });
    assert.equal(answer.status, 200, await answer.clone().text());
    return answer.json() as Promise<Listed>;
  };
  const arrives = (query: string) => get(`/api/v1/wait?query=${query}&timeout=20s`);

  it('puts mail of an inbox’s login there, once, and shows it to nobody else’s', async () => {
    const auth = { user: 'shop', password: 'secret' };
    await catcher.send(letter('mine'), ['ann@example.org', 'bob@example.org'], { auth });
    await catcher.send(letter('theirs'), ['ann@example.org']);
    await arrives('subject:mine');
    await arrives('subject:theirs');
    const own = await list('hello', 'shop:secret');
    assert.deepEqual(
      [own.messages_count, own.messages.map(({ Subject }) => Subject)],
      [1, ['mine']],
    );
    assert.equal((await list('hello')).messages_count, 2);
    const wrong = { authorization: `Basic ${Buffer.from('shop:wrong').toString('base64')}` };
    assert.equal((await get('/api/v1/messages', { headers: wrong })).status, 401);
    const right = { authorization: `Basic ${Buffer.from('shop:secret').toString('base64')}` };
    const elsewhere = { ...right, origin: 'https://evil.test', 'content-type': 'text/plain' };
    const asked = { method: 'POST', headers: elsewhere, body: JSON.stringify({ From: {} }) };
    assert.equal((await get('/api/v1/send', asked)).status, 403);
    const atHost = Buffer.from('SHOP@localhost:secret').toString('base64');
    assert.equal(
      (await get('/api/v1/messages', { headers: { authorization: `Basic ${atHost}` } })).status,
      200,
    );
    const login = { user: 'shop', password: 'wrong' };
    await assert.rejects(catcher.send(letter('no'), ['ann@example.org'], { auth: login }), /535/);
    await catcher.send(letter('any'), ['eve@example.org'], {
      auth: { user: 'eve', password: 'x' },
    });
  });

  it('tags mail by its addresses and its X-Tags', async () => {
    await catcher.send(letter('tagged', 'X-Tags: Two words, odd!\n'), ['joe+shop@example.org']);
    await arrives('subject:tagged');
    const { messages } = await list('subject:tagged');
    assert.deepEqual(messages[0]?.Tags, ['Two words', 'odd', 'order', 'shop']);
  });

  it('refuses on purpose by address, and by chance when it is told to', async () => {
    await assert.rejects(catcher.send(letter('x'), ['fail-450@example.org']), /450 4\.0\.0/);
    const body = JSON.stringify({ Sender: { ErrorCode: 452, Probability: 100 } });
    const set = await get('/api/v1/chaos', { method: 'PUT', body });
    assert.deepEqual(await set.json(), {
      Sender: { ErrorCode: 452, Probability: 100 },
      Recipient: { ErrorCode: 451, Probability: 0 },
      Authentication: { ErrorCode: 535, Probability: 0 },
    });
    await assert.rejects(catcher.send(letter('x'), ['ann@example.org']), /452 4\.0\.0/);
    const wrong = JSON.stringify({ Sender: { ErrorCode: 200 } });
    assert.equal((await get('/api/v1/chaos', { method: 'PUT', body: wrong })).status, 400);
    await get('/api/v1/chaos', { method: 'PUT', body: '{}' });
  });

  it('releases a message where whoever started it said, and else nowhere', async () => {
    await catcher.send(letter('released', 'Bcc: hidden@example.org\n'), ['ann@example.org']);
    const { ID } = (await (await arrives('subject:released')).json()) as { readonly ID: string };
    const body = JSON.stringify({ To: ['real@example.net'] });
    const release = (url: string, id: string) =>
      fetch(`${url}/api/v1/message/${id}/release`, { method: 'POST', body });
    assert.equal((await release(catcher.url, ID)).status, 200);
    const there = await fetch(`${outside.url}/api/v1/wait?query=subject:released&timeout=20s`);
    const got = (await there.json()) as {
      readonly ID: string;
      readonly Bcc: readonly { Address: string }[];
    };
    assert.deepEqual(
      got.Bcc.map(({ Address }) => Address),
      ['real@example.net'],
    );
    const refused = await release(outside.url, got.ID);
    assert.equal(refused.status, 400);
    assert.match(await refused.text(), /nothing leaves this catcher: `postrider dev --relay/);
  });

  it('imports mail for everybody it names', async () => {
    const { mailImport } = catcher.server.operations;
    const message = Buffer.from(
      'To: one@example.org, two@example.org\nSubject: imported\n\nx',
    ).toString('base64');
    const { id } = await mailImport({ message });
    assert.match(id, /^m/);
    assert.equal((await list('subject:imported')).messages_count, 1);
    await assert.rejects(mailImport({ message: '' }), /there is no message/);
  });

  it('knows an inbox by its address, however that is quoted', async () => {
    const { mailImport } = catcher.server.operations;
    const message = Buffer.from(
      'To: "Two Words"@example.org, A <"one"@example.org>\nSubject: quoted\n\nx',
    ).toString('base64');
    const { id } = await mailImport({ message });
    const got = (await (await get(`/api/v1/message/${id}`)).json()) as {
      readonly [name in 'To' | 'Bcc']: readonly { Address: string }[];
    };
    assert.deepEqual(
      [got.To.map(({ Address }) => Address), got.Bcc],
      [['"Two Words"@example.org', 'one@example.org'], []],
    );
  });

  it('tells how programs read an inbox, and lets a message go by the operation of pages', async () => {
    const { mailAccess, mailRelease, mailSearch } = catcher.server.operations;
    const own = await mailAccess({ address: 'shop@localhost' });
    assert.deepEqual([own.password, own.user], ['secret', 'shop@localhost']);
    assert.deepEqual([...new Set(own.servers.map(({ service }) => service))].sort(), [
      'imap',
      'pop3',
    ]);
    assert.equal((await mailAccess({ address: 'ann@example.org' })).password, null);
    await catcher.send('From: app@example.com\nSubject: page\n\nx\n', ['ann@example.org']);
    await get('/api/v1/wait?query=subject:page');
    const [found] = (await mailSearch({ address: 'ann@example.org', query: 'subject:page' }))
      .messages;
    const { id } = found!;
    await mailRelease({ address: 'ann@example.org', id, to: ['page@example.net'] });
    const there = await fetch(`${outside.url}/api/v1/wait?query=subject:page`);
    assert.equal(there.status, 200);
    await assert.rejects(
      mailRelease({ address: 'ann@example.org', id, to: ['x'] }),
      /no mail address/,
    );
    const shut = outside.server.operations.mailRelease({
      address: 'page@example.net',
      id: 'm1',
      to: ['a@b.example'],
    });
    await assert.rejects(shut, /nothing leaves this catcher/);
  });

  it('imports a whole mbox by HTTP, larger than other requests may be', async () => {
    const one = (n: number) =>
      `From x\nTo: mbox@example.org\nSubject: box ${n}\n\n>From ${'y'.repeat(400_000)}\n\n`;
    const body = [1, 2, 3, 4, 5, 6].map(one).join('');
    const answer = await get('/postrider/v1/mailImport?address=mbox%40example.org', {
      ...{ method: 'POST', body, headers: { 'content-type': 'message/rfc822' } },
    });
    const { imported } = (await answer.json()) as { readonly imported: number };
    assert.deepEqual([answer.status, imported], [200, 6]);
    assert.equal((await list('subject:box')).messages_count, 6);
  });

  it('answers as MailHog does', async () => {
    const answer = await get('/api/v2/search?kind=containing&query=imported&limit=1');
    const { total, items } = (await answer.json()) as {
      readonly total: number;
      readonly items: readonly {
        readonly ID: string;
        readonly To: readonly unknown[];
        readonly Content: { readonly Body: string };
      }[];
    };
    assert.deepEqual([total, items[0]?.To.length, items[0]?.Content.Body], [1, 2, 'x\r\n']);
    assert.equal((await get('/api/v2/search?kind=other&query=x')).status, 400);
    await get(`/api/v1/messages/${items[0]?.ID}`, { method: 'DELETE' });
    assert.equal((await list('subject:imported')).messages_count, 0);
  });

  it('a browser that may be asked by anybody’s page follows no links, asks no rspamd and marks nothing as read', async () => {
    await catcher.send(letter('unseen', '\nhttp://127.0.0.1:9/x\n'), ['ann@example.org']);
    const { ID } = (await (await arrives('subject:unseen')).json()) as { readonly ID: string };
    // Over plain HTTP on a network a picture in a page of others sends no more than this.
    const headers = {
      'user-agent': 'Mozilla/5.0 (X11; Linux x86_64) Chrome/140.0',
      'accept-language': 'de,en;q=0.5',
    };
    const statusOf = async (path: string, init: RequestInit = {}) => {
      const answer = await get(path, { ...init, headers: { ...headers, ...init.headers } });
      await answer.body?.cancel();
      return answer.status;
    };
    const [message, post] = [`/api/v1/message/${ID}`, { method: 'POST' }];
    assert.equal(await statusOf(`${message}/link-check`), 403);
    assert.equal(await statusOf(`${message}/sa-check`), 403);
    assert.equal(
      await statusOf(`/postrider/v1/mailCheckSpam?address=ann@example.org&id=${ID}`),
      403,
    );
    assert.equal(await statusOf(message), 200);
    assert.equal((await list('subject:unseen is:unread')).messages_count, 1);
    const own = { headers: { origin: catcher.url } };
    assert.equal(await statusOf(`${message}/link-check`, { ...post, ...own }), 200);
    assert.equal(
      await statusOf(`${message}/link-check`, { headers: { 'sec-fetch-site': 'none' } }),
      200,
    );
    assert.equal((await get(`${message}/link-check`)).status, 200, 'a program');
    const evil = { headers: { origin: 'http://evil.example' } };
    assert.equal(await statusOf(`${message}/link-check`, { ...post, ...evil }), 401);
    assert.equal((await get(message)).status, 200);
    assert.equal((await list('subject:unseen is:unread')).messages_count, 0);
  });
});

it('guesses at the password of an inbox are cut off as guesses anywhere', async () => {
  const login = {
    ...{ failuresPerNetwork: 2, window: 60_000, blockFor: 60_000 },
    ...{ delay: 0, delayMax: 0, channelBinding: true },
  };
  await using catcher = await startCatcher({
    ...{ login, catcher: { inboxes: new Map([['shop', 'secret']]) } },
  });
  const status = async (password: string) => {
    const authorization = `Basic ${Buffer.from(`shop:${password}`).toString('base64')}`;
    return (await fetch(`${catcher.url}/api/v1/messages`, { headers: { authorization } })).status;
  };
  assert.deepEqual(
    [await status('secret'), await status('a'), await status('b'), await status('secret')],
    [200, 401, 401, 429],
  );
  const auth = { user: 'shop', password: 'secret' };
  await assert.rejects(catcher.send(letter('x'), ['ann@example.org'], { auth }), /421|454|535/);
});
