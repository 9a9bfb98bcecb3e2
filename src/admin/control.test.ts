import assert from 'node:assert/strict';
import { once } from 'node:events';
import {
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { connect, createServer, Server, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it, type TestContext } from 'node:test';
import { FakeClock } from '../base/fake-clock.ts';
import { silentLog } from '../base/log.ts';
import { connectControl } from './control-client.ts';
import { startControlServer } from './control-server.ts';
import { checkedInput } from './operation.ts';
import type { Operations } from './operations.ts';
import { eachOperation, OperationError } from './operations.ts';

const directory = mkdtempSync(join(tmpdir(), 'postrider-control-'));
after(() => rmSync(directory, { recursive: true }));
const umask = process.umask();
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

  it('refuses to push a server aside that is alive', async (t) => {
    const data = dataDirectory();
    await using _server = await serve(data);
    const dialled = t.mock.method(Socket.prototype, 'connect');
    await assert.rejects(
      startControlServer({ dataDirectory: data, operations: operations(), log }),
      /another server answers/,
    );
    assert.equal((dialled.mock.calls[0]!.this as Socket).destroyed, true, 'it holds on to nothing');
  });

  it('works in a directory whose name is too long for a socket', {
    skip: process.platform !== 'linux',
  }, async () => {
    const data = dataDirectory('x'.repeat(200));
    const server = await serve(data);
    await using client = await connectControl(data);
    assert.equal(await client!.queueHold({ ids: ['a'] }), 1);
    await server[Symbol.asyncDispose]();
    assert.equal(existsSync(join(data, 'control.sock')), false);
  });

  it('tells who asks, once for each question, that no answer has come for ten seconds', async (t) => {
    const place = dataDirectory();
    const answer = Promise.withResolvers<void>();
    const asked = Promise.withResolvers<void>();
    const slow = {
      ...operations(),
      async accountRemove() {
        asked.resolve();
        await answer.promise;
        return null;
      },
    };
    await using _server = await startControlServer({
      ...{ dataDirectory: place, operations: slow, log: silentLog },
    });
    let silences = 0;
    const client = await connectControl(place, () => {
      silences += 1;
    });
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const removed = client!.accountRemove({ address: 'ann@example.org' });
    await asked.promise;
    t.mock.timers.tick(9_999);
    assert.equal(silences, 0);
    t.mock.timers.tick(1);
    assert.equal(silences, 1);
    answer.resolve();
    await removed;
    t.mock.timers.tick(60_000);
    assert.equal(silences, 1);
  });

  it('what is followed may be silent for longer, whenever it is', async (t) => {
    const place = dataDirectory();
    const more = Promise.withResolvers<void>();
    const followed = {
      ...operations(),
      async *watch() {
        yield { at: '2026-01-01T00:00:00Z', event: 'silence' };
        await more.promise;
        yield { at: '2026-01-01T00:00:00Z', event: 'silence' };
      },
    };
    await using _server = await startControlServer({
      ...{ dataDirectory: place, operations: followed, log: silentLog },
    });
    t.mock.timers.enable({ apis: ['setTimeout'] });
    let silences = 0;
    const client = await connectControl(place, () => {
      silences += 1;
    });
    const lines = client!.watch({ topics: ['log'] })[Symbol.asyncIterator]();
    await lines.next();
    const next = lines.next();
    t.mock.timers.tick(29_999);
    assert.equal(silences, 0);
    t.mock.timers.tick(1);
    assert.equal(silences, 1);
    more.resolve();
    await next;
    await lines.return?.();
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

// What a server does with its sockets cannot be seen from outside of it: they are caught when they are given their time limit.
describe('control socket: what clients can cost', () => {
  function caughtSockets(t: TestContext) {
    const caught: { readonly socket: Socket; readonly ms: number; readonly late: () => void }[] =
      [];
    t.mock.method(
      Socket.prototype,
      'setTimeout',
      function caughtTimeout(this: Socket, ms: number, late: () => void = () => {}) {
        caught.push({ socket: this, ms, late });
        return this;
      },
    );
    return caught;
  }
  const turn = () => new Promise((resolve) => setImmediate(resolve));
  const until = async (isTrue: () => boolean) => {
    while (!isTrue()) await turn();
  };
  /** One that stays until it is told to go, and keeps no process. */
  const clientOf = (data: string): Socket => {
    const socket = connect({ path: join(data, 'control.sock'), allowHalfOpen: true });
    socket.on('error', () => {});
    return socket.unref();
  };
  const keepingUs = () =>
    process.getActiveResourcesInfo().filter((name) => name.startsWith('Pipe')).length;

  it('fifty requests are taken, and no more; whoever is refused is waited for no longer than others', async (t) => {
    const data = dataDirectory();
    await using _server = await serve(data);
    const caught = caughtSockets(t);
    const clients = Array.from({ length: 50 }, () => clientOf(data).resume());
    await until(() => caught.length === 50);
    const kept = keepingUs();
    const refused = clientOf(data);
    let said = '';
    refused.on('data', (bytes) => {
      said += bytes;
    });
    await until(() => caught.length === 51);
    await until(() => said !== '');
    assert.match(said, /too many requests at once/);
    assert.equal(keepingUs(), kept, 'a stop does not wait for it');
    assert.deepEqual(new Set(caught.map(({ ms }) => ms)), new Set([60_000]));
    // It may say all that it wanted to.
    refused.end(Buffer.alloc(2 ** 20));
    await once(refused, 'close');
    for (const { late } of caught) late();
    await Promise.all(clients.map((one) => once(one, 'end')));
    for (const one of clients) one.destroy();
  });

  it('when its time is up while the answer is found out, no more of that is looked for', async (t) => {
    const data = dataDirectory();
    const over = Promise.withResolvers<void>();
    const ended = Promise.withResolvers<void>();
    const own = { sender: '', size: 1, received: '', asked: [], recipients: [], messageId: null };
    let wentOn = false;
    const slow: Partial<Operations> = {
      async *queueList() {
        try {
          yield { id: 'a', ...own };
          await over.promise;
          yield { id: 'b', ...own };
          wentOn = true;
        } finally {
          ended.resolve();
        }
      },
    };
    await using _server = await startControlServer({
      ...{ dataDirectory: data, log },
      operations: { ...operations(), ...slow },
    });
    const caught = caughtSockets(t);
    const client = clientOf(data);
    client.write('{"call":"queueList"}\n');
    await once(client, 'data');
    const [{ socket, late } = assert.fail()] = caught;
    late();
    await once(socket, 'close');
    over.resolve();
    await ended.promise;
    assert.equal(wentOn, false);
    client.destroy();
  });

  it('one that says more than it is asked for gets its answer; what fails later is its own affair', async (t) => {
    const data = dataDirectory();
    await using _server = await serve(data);
    const caught = caughtSockets(t);
    const client = clientOf(data);
    client.end(`{"call":"queueHold","arguments":{"ids":[]}}\n${'x'.repeat(400_000)}`);
    assert.equal(String(Buffer.concat(await Array.fromAsync(client))), '{"result":0}\n');
    caught[0]!.socket.emit('error', new Error('EPIPE'));
    client.destroy();
  });

  it('a list that is read slowly leaves nothing behind for each of its lines', async (t) => {
    const data = dataDirectory();
    await using _server = await serve(data);
    const caught = caughtSockets(t);
    await using client = await connectControl(data);
    let read = 0;
    let most = 0;
    for await (const _line of client!.queueList()) {
      read += 1;
      if (read % 100 === 0) await turn();
      most = Math.max(most, caught.at(-1)!.socket.listenerCount('close'));
      if (read === 10_000) break;
    }
    assert.ok(most < 10, `${most} listeners`);
  });
});

describe('control socket: where it comes from and where it goes', () => {
  it('keeps no process, and changes nothing about how files are made', async (t) => {
    const unref = t.mock.method(Server.prototype, 'unref');
    await using _server = await serve(dataDirectory());
    assert.equal(process.umask(), umask);
    assert.equal(unref.mock.callCount(), 1);
  });

  it('nobody gets through to what was made anew, or has stopped, by any name', async () => {
    const data = dataDirectory();
    const path = join(data, 'control.sock');
    const clock = new FakeClock();
    const answers = async (name: string) => {
      const socket = connect(join(data, name));
      const answered = await Promise.race([
        once(socket, 'connect').then(() => true),
        once(socket, 'close').then(() => false),
      ]).catch(() => false);
      socket.destroy();
      return answered;
    };
    const server = await startControlServer({
      ...{ dataDirectory: data, operations: operations(), log, clock },
    });
    linkSync(path, join(data, 'first'));
    assert.equal(await answers('first'), true);
    rmSync(path);
    await clock.advance(10_000);
    while (!existsSync(path)) await new Promise((resolve) => setImmediate(resolve));
    assert.equal(await answers('first'), false);
    linkSync(path, join(data, 'second'));
    assert.equal(await answers('second'), true);
    await server[Symbol.asyncDispose]();
    assert.equal(await answers('second'), false);
    await clock.advance(60_000);
    for (let i = 0; i < 20; i += 1) await new Promise((resolve) => setImmediate(resolve));
    assert.equal(existsSync(path), false, 'it is not made anew any more');
  });

  it('says why it cannot be made, and is not undone by what fails later', async (t) => {
    const listen = t.mock.method(Server.prototype, 'listen');
    await assert.rejects(serve(join(directory, 'nowhere')), { code: 'EACCES' });
    await using _server = await serve(dataDirectory());
    const made = listen.mock.calls.at(-1)!.this as Server;
    made.emit('error', new Error('EMFILE'));
  });
});
