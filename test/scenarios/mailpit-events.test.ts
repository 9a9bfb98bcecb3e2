// RFC 6455: what happens to caught mail, told as it happens: over Mailpit's WebSocket, and over our own stream of events. Nobody else's
// page may listen.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { MailpitClient } from 'mailpit-api';
import { WebSocket } from 'ws';
import { type Catcher, startCatcher } from './catcher.ts';

interface Told {
  readonly Type: string;
  readonly Data: {
    readonly ID?: string;
    readonly Subject?: string;
    readonly Total?: number;
  } & Record<string, unknown>;
}

describe('events of the catcher', () => {
  let catcher: Catcher;
  let mailpit: MailpitClient;
  before(async () => {
    catcher = await startCatcher({ catcher: { inboxes: new Map([['shop', 'secret']]) } });
    mailpit = new MailpitClient(catcher.url);
  });
  after(() => catcher[Symbol.asyncDispose]());

  /** Status of the answer, 101 where it is a WebSocket now. */
  async function open(headers: Record<string, string> = {}, path = '/api/events') {
    const socket = new WebSocket(catcher.url.replace('http', 'ws') + path, { headers });
    const told: Told[] = [];
    let woken = Promise.withResolvers<void>();
    socket.on('message', (data) => {
      told.push(JSON.parse(String(data)) as Told);
      woken.resolve();
    });
    socket.on('error', () => {});
    const status = await new Promise<number>((resolve) => {
      socket.once('open', () => resolve(101));
      socket.once('unexpected-response', (request, { statusCode = 0 }) => {
        request.destroy();
        resolve(statusCode);
      });
    });
    const next = async (type: string): Promise<Told> => {
      for (;;) {
        const at = told.findIndex(({ Type }) => Type === type);
        if (at >= 0) return told.splice(at, 1)[0]!;
        woken = Promise.withResolvers();
        await woken.promise;
      }
    };
    return { status, socket, told, next };
  }

  const send = (subject: string, more: object = {}) =>
    catcher.send(`Subject: ${subject}\n\nx\n`, ['ann@example.org', 'bob@example.org'], more);

  it('a message that comes, is read, is tagged and goes', async () => {
    const { status, socket, next } = await open();
    assert.equal(status, 101);
    await send('live');
    const { Data } = await next('new');
    assert.equal(Data.Subject, 'live');
    assert.equal((await next('stats')).Data.Total, 1);
    const ID = Data.ID!;
    await mailpit.setReadStatus({ IDs: [ID], Read: true });
    assert.deepEqual((await next('update')).Data, { ID, Read: true, Tags: [] });
    await mailpit.setTags({ IDs: [ID], Tags: ['two words'] });
    assert.deepEqual((await next('update')).Data, { ID, Read: true, Tags: ['two words'] });
    await mailpit.deleteMessages({ IDs: [ID] });
    assert.equal((await next('delete')).Data.ID, ID);
    socket.close();
  });

  it('an inbox’s own login hears of that inbox alone', async () => {
    const basic = (login: string) => ({
      authorization: `Basic ${Buffer.from(login).toString('base64')}`,
    });
    assert.equal((await open(basic('shop:wrong'))).status, 401);
    const { status, socket, next, told } = await open(basic('shop:secret'));
    assert.equal(status, 101);
    await send('for everybody');
    await send('of the shop', { auth: { user: 'shop', password: 'secret' } });
    assert.equal((await next('new')).Data.Subject, 'of the shop');
    assert.deepEqual(
      told.filter(({ Type }) => Type === 'new'),
      [],
    );
    socket.close();
  });

  it('is for no page of others, and for nobody else by a name that leads here', async () => {
    for (const headers of [
      { origin: 'http://evil.example' },
      { origin: catcher.url, 'sec-fetch-site': 'cross-site' },
      { host: 'rebound.example', origin: 'http://rebound.example' },
      { origin: 'null' },
    ])
      assert.equal((await open(headers)).status, 401, JSON.stringify(headers));
    const { status, socket } = await open({ origin: catcher.url });
    assert.equal(status, 101);
    socket.close();
  });

  it('other paths are no WebSockets, and without one it says what to ask for', async () => {
    assert.equal((await open({}, '/api/v1/info')).status, 426);
    assert.equal((await open({}, '/nothing')).status, 404);
    const plain = await fetch(`${catcher.url}/api/events`);
    assert.equal(plain.status, 426);
  });

  it('what a client sends is bounded', async () => {
    const { socket } = await open();
    const closed = new Promise((resolve) => socket.once('close', resolve));
    socket.send('x'.repeat(5000));
    assert.equal(await closed, 1009);
  });

  it('our own stream tells the same', async () => {
    const gone = new AbortController();
    const response = await fetch(`${catcher.url}/postrider/events?topics=mail`, {
      signal: gone.signal,
    });
    const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
    let text = '';
    const until = async (pattern: RegExp) => {
      while (!pattern.test(text)) text += (await reader.read()).value ?? '';
    };
    await until(/listening/);
    await send('streamed');
    await until(/mail\.received/);
    await mailpit.deleteMessages();
    await until(/mail\.deleted/);
    gone.abort();
  });
});
