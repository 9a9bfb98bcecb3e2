import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { FakeClock } from '../base/fake-clock.ts';
import { silentLog } from '../base/log.ts';
import { connectControl } from './control-client.ts';
import { startControlServer } from './control-server.ts';
import { checkedInput } from './operation.ts';
import type { Operations } from './operations.ts';
import { eachOperation, OperationError } from './operations.ts';

const directory = mkdtempSync(join(tmpdir(), 'postrider-control-'));
after(() => rmSync(directory, { recursive: true }));
let made = 0;
function dataDirectory(name = `d${made++}`): string {
  mkdirSync(join(directory, name), { recursive: true });
  return join(directory, name);
}

const raw = Buffer.from(Array.from({ length: 200_000 }, (_, i) => i % 256));

/** A server whose answers show that they went there and came back. What is not asked for here is not there. */
function operations(seen: unknown[] = [], produced = { count: 0, ended: () => {} }): Operations {
  const some: Partial<Operations> = {
    accountAdd: async (request) => {
      seen.push(request);
      if (request.address === 'taken@x') throw new OperationError('taken@x is taken');
      if (request.address === 'bug@x') throw new TypeError('oops\nat somewhere');
      return { address: request.address, advice: null };
    },
    async *accountList() {},
    accountPassword: async (request) => {
      seen.push(request);
      return { address: request.address, advice: 'longer' };
    },
    accountRemove: async (request) => {
      seen.push(request);
      return null;
    },
    addressAdd: async (request) => {
      seen.push(request);
      return { address: request.address, advice: null };
    },
    addressRemove: async (request) => {
      seen.push(request);
      return null;
    },
    appPasswordAdd: async ({ name }) => `secret of ${name}`,
    appPasswordRemove: async (request) => {
      seen.push(request);
      return null;
    },
    async *mailList(request) {
      seen.push(request);
      yield {
        id: '1',
        mailbox: 'ann@example.org',
        folder: 'INBOX',
        uid: 1,
        from: 'ä\r\n',
        subject: '',
        size: 1,
        received: '',
        flags: [],
      };
      throw new OperationError('no more');
    },
    async *mailShow() {
      for (let i = 0; i < raw.length; i += 65_536) yield raw.subarray(i, i + 65_536);
    },
    mailDelete: async ({ address = 'all', ids }) => {
      seen.push({ address, ids });
      return ids?.length ?? -1;
    },
    async *queueList() {
      try {
        for (let i = 0; i < 100_000; i += 1) {
          produced.count += 1;
          const own = { asked: [], recipients: [], messageId: null };
          yield { id: `m${i}`, sender: '', size: i, received: '', ...own };
        }
      } finally {
        produced.ended();
      }
    },
    queueShow: async ({ id }) => ({
      id,
      sender: '',
      asked: [],
      recipients: [],
      size: 0,
      received: '',
      messageId: null,
      origin: { session: 's', service: 'smtp', protocol: 'ESMTP' },
      params: [],
      header: '',
    }),
    queueRetry: async ({ ids }) => ids?.length ?? -1,
    queueHold: async ({ ids = [] }) => ids.length,
    queueRelease: async ({ ids = [] }) => ids.length,
    queueCancel: async ({ ids = [], silent }) => ids.length + (silent ? 100 : 0),
    async *backupHold() {
      yield { held: true as const };
    },
    mendContent: async ({ content }) => ({ messages: content, aside: null }),
    async *reportList() {},
    reportAbuse: async () => ({ to: '', domain: null, messageId: '' }),
    why: async ({ id }) => ({ stories: [], text: `of ${id}` }),
    reload: async () => reloaded,
    async *metrics() {},
  };
  const asked = some as Readonly<Record<string, (input: unknown) => unknown>>;
  return eachOperation(
    (name, { input }) =>
      (given) =>
        asked[name]?.(checkedInput(input, given)),
  );
}

const reloaded = { problems: ['hostname: must be a domain name'], later: ['user'] };
const log = silentLog;

const serve = (dataDirectory: string) =>
  startControlServer({ dataDirectory, operations: operations(), log });

describe('control socket', () => {
  it('carries every operation there and back', async () => {
    const data = dataDirectory();
    const seen: unknown[] = [];
    await using _server = await startControlServer({
      dataDirectory: data,
      operations: operations(seen),
      log,
    });
    await using client = await connectControl(data);
    assert.ok(client);
    const ann = { address: 'ann@example.org', password: 'pä"ss\n' };
    assert.deepEqual(await client.accountAdd(ann), { address: 'ann@example.org', advice: null });
    assert.equal((await client.accountPassword(ann)).advice, 'longer');
    await client.accountRemove({ address: 'ann@example.org' });
    await client.addressAdd({ account: 'a@x', address: 'b@x' });
    await client.addressRemove({ account: 'a@x', address: 'b@x' });
    await client.appPasswordRemove({ account: 'a@x', name: 'phone' });
    assert.equal(await client.mailDelete({ address: 'a@x', ids: ['1', '2'] }), 2);
    assert.equal(await client.mailDelete({ ids: [] }), 0, 'none of them is not all of them');
    assert.equal(await client.mailDelete({}), -1);
    assert.deepEqual(seen, [
      ann,
      ann,
      { address: 'ann@example.org' },
      { account: 'a@x', address: 'b@x' },
      { account: 'a@x', address: 'b@x' },
      { account: 'a@x', name: 'phone' },
      { address: 'a@x', ids: ['1', '2'] },
      { address: 'all', ids: [] },
      { address: 'all', ids: undefined },
    ]);
    assert.deepEqual(await Array.fromAsync(client.accountList()), []);
    assert.equal(await client.appPasswordAdd({ account: 'a@x', name: 'phone' }), 'secret of phone');
    assert.ok(
      Buffer.concat(await Array.fromAsync(client.mailShow({ address: 'a@x', id: '1' }))).equals(
        raw,
      ),
    );
    assert.equal((await client.queueShow({ id: 'q' })).id, 'q');
    assert.equal(await client.queueRetry({ ids: undefined }), -1);
    assert.equal(await client.queueRetry({ ids: ['a', 'b'] }), 2);
    assert.equal(await client.queueHold({ ids: ['a'] }), 1);
    assert.equal(await client.queueRelease({ ids: [] }), 0);
    assert.equal(await client.queueCancel({ ids: ['a'], silent: true }), 101);
    assert.deepEqual(await client.why({ id: '<x@y>' }), {
      stories: [],
      text: 'of <x@y>',
    });
    assert.deepEqual(await client.reload(), reloaded);
  });

  it('passes refusals on in their words, also in the middle of a list', async () => {
    const data = dataDirectory();
    await using _server = await serve(data);
    await using client = await connectControl(data);
    await assert.rejects(client!.accountAdd({ address: 'taken@x', password: '' }), {
      name: 'OperationError',
      message: 'taken@x is taken',
    });
    await assert.rejects(client!.accountAdd({ address: 'bug@x', password: '' }), {
      message: 'oops',
    });
    const found: unknown[] = [];
    await assert.rejects(
      async () => {
        for await (const line of client!.mailList({ address: 'a@x', folder: 'INBOX' }))
          found.push(line);
      },
      { message: 'no more' },
    );
    assert.equal(found.length, 1);
  });

  it('streams a long list no faster than it is read; who has read enough is no fault', async () => {
    const data = dataDirectory();
    const ended = Promise.withResolvers<void>();
    const produced = { count: 0, ended: () => ended.resolve() };
    const said: string[] = [];
    await using _server = await startControlServer({
      dataDirectory: data,
      operations: operations([], produced),
      log: { ...log, warn: (event) => void said.push(event) },
    });
    await using client = await connectControl(data);
    let read = 0;
    for await (const line of client!.queueList()) {
      assert.equal(line.id, `m${read}`);
      read += 1;
      if (read === 10) {
        for (let i = 0; i < 20; i += 1) await new Promise((resolve) => setImmediate(resolve));
        assert.ok(produced.count < 50_000, `produced ${produced.count} while 10 were read`);
        break;
      }
    }
    await ended.promise;
    await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual(said, []);
  });

  it('is for our own user alone, and goes away with the server', async () => {
    const data = dataDirectory();
    const server = await serve(data);
    assert.equal(statSync(join(data, 'control.sock')).mode & 0o777, 0o600);
    await server[Symbol.asyncDispose]();
    assert.equal(existsSync(join(data, 'control.sock')), false);
    assert.equal(await connectControl(data), undefined);
  });

  it('a socket file that a killed server left behind is no server, and is replaced', async () => {
    const data = dataDirectory();
    const path = join(data, 'control.sock');
    writeFileSync(path, ''); // refuses connections as a dead socket does
    assert.equal(await connectControl(data), undefined);
    await using _server = await serve(data);
    await using client = await connectControl(data);
    assert.ok(client);
  });

  it('refuses to push a server aside that is alive', async () => {
    const data = dataDirectory();
    await using _server = await serve(data);
    await assert.rejects(
      startControlServer({ dataDirectory: data, operations: operations(), log }),
      /another server answers/,
    );
  });

  it('works in a directory whose name is too long for a socket', {
    skip: process.platform !== 'linux',
  }, async () => {
    const data = dataDirectory('x'.repeat(200));
    await using _server = await serve(data);
    await using client = await connectControl(data);
    assert.equal(await client!.queueHold({ ids: ['a'] }), 1);
  });

  it('says so when the server stops in the middle', async () => {
    const data = dataDirectory();
    const server = createServer((socket) => {
      socket.on('error', () => {});
      socket.once('data', () => socket.end('{"item":{}}\n'));
    });
    await new Promise<void>((resolve) => server.listen(join(data, 'control.sock'), resolve));
    const client = await connectControl(data);
    await assert.rejects(client!.queueHold({ ids: [] }), /stopped before it had answered/);
    server.close();
  });

  it('a server that answers otherwise than this version does is said to be another', async () => {
    const data = dataDirectory();
    const server = createServer((socket) => {
      socket.on('error', () => {});
      socket.once('data', () => socket.end('{"item":{"id":7}}\n{"result":"many"}\n'));
    });
    await new Promise<void>((resolve) => server.listen(join(data, 'control.sock'), resolve));
    const client = await connectControl(data);
    await assert.rejects(Array.fromAsync(client!.queueList()), /another version/);
    await assert.rejects(client!.queueHold({ ids: [] }), /another version/);
    server.close();
  });

  const nonsense: [request: string, answer: RegExp][] = [
    ['{"call":"constructor"}\n', /unknown request: constructor/],
    ['{"call":"accountAdd"}\n', /the request lacks address/],
    ['{"call":"queueHold","arguments":{"ids":[1]}}\n', /ids.0 is not right/],
    ['{"call":"accountAdd","arguments":7}\n', /the request lacks address/],
  ];
  for (const [request, answer] of nonsense)
    it(`answers ${request.trim()} with ${answer.source}`, async () => {
      const data = dataDirectory();
      await using _server = await serve(data);
      const socket = connect(join(data, 'control.sock'));
      socket.end(request);
      assert.match(String(Buffer.concat(await Array.fromAsync(socket))), answer);
    });

  it('those who only look whether it is there take nobody else’s place', async () => {
    const data = dataDirectory();
    await using _server = await serve(data);
    for (let i = 0; i < 100; i += 1) assert.ok(await connectControl(data));
    await using client = await connectControl(data);
    assert.equal(await client!.queueRetry({ ids: ['a'] }), 1);
  });

  it('refuses more than fifty requests at once in words', async () => {
    const data = dataDirectory();
    await using _server = await serve(data);
    const waiting = Array.from({ length: 50 }, () => connect(join(data, 'control.sock')));
    await using client = await connectControl(data);
    await assert.rejects(client!.queueRetry({ ids: [] }), /too many requests at once/);
    for (const socket of waiting) socket.destroy();
  });

  it('makes its socket anew when somebody removed it', async () => {
    const data = dataDirectory();
    const clock = new FakeClock();
    const parts = { dataDirectory: data, operations: operations(), log, clock };
    await using _server = await startControlServer(parts);
    rmSync(join(data, 'control.sock'));
    assert.equal(await connectControl(data), undefined);
    await clock.advance(10_000);
    while (!existsSync(join(data, 'control.sock')))
      await new Promise((resolve) => setImmediate(resolve));
    await using client = await connectControl(data);
    assert.equal(await client!.queueRetry({ ids: ['a'] }), 1);
    assert.equal(statSync(join(data, 'control.sock')).mode & 0o777, 0o600);
  });

  it('survives what is not JSON', async () => {
    const data = dataDirectory();
    await using _server = await serve(data);
    const socket = connect(join(data, 'control.sock'));
    socket.on('error', () => {});
    socket.end('GET / HTTP/1.1\r\n\r\n');
    await Array.fromAsync(socket).catch(() => {});
    assert.ok(await connectControl(data));
  });
});
