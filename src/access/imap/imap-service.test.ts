import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { connect } from 'node:net';
import { describe, it } from 'node:test';
import { connect as connectTls } from 'node:tls';
import { constants, createDeflateRaw, createInflateRaw } from 'node:zlib';
import type { Clock } from '../../base/clock.ts';
import { systemClock } from '../../base/clock.ts';
import { FakeClock } from '../../base/fake-clock.ts';
import type { Log } from '../../base/log.ts';
import { silentLog } from '../../base/log.ts';
import { systemRandom } from '../../base/random.ts';
import type { ImapLimits } from '../../imap/limits.ts';
import { defaultImapLimits } from '../../imap/limits.ts';
import { createImapSession } from '../../imap/session/session.ts';
import { OpenFolders } from '../../mailbox/open-folders.ts';
import { listen, startServerTls } from '../../net/listener.ts';
import { MemoryPeer } from '../../net/memory-peer.ts';
import type { SocketPeer } from '../../net/socket-peer.ts';
import { testServerTls } from '../../net/test-certificate.ts';
import { createLoginThrottle } from '../../policy/accounts/login-throttle.ts';
import { createConnectionLimits } from '../../policy/connection-limits.ts';
import { chooseSaslClient } from '../../sasl/client.ts';
import { localError, StorageError } from '../../smtp/smtp-error.ts';
import type { CopyResult, FolderStore } from '../../store/folder-store.ts';
import type { Spool } from '../../store/spool.ts';
import { openSqliteStores } from '../../store/sqlite/stores.ts';
import { authenticator } from '../test-authenticator.ts';
import { DigestTexts } from './fetch/digest-texts.ts';
import type { ImapServiceSettings } from './imap-service.ts';
import { createImapService } from './imap-service.ts';
import { noUrls } from './test-conversation.ts';

const ann = 'ann@example.org';
const tls = await testServerTls('imap.example.org');

interface TestOptions {
  readonly settings?: Partial<ImapServiceSettings>;
  readonly limits?: Partial<ImapLimits>;
  readonly connections?: number;
  readonly failuresPerNetwork?: number;
  readonly clock?: Clock;
  /** What the store does differently. */
  readonly wrap?: Partial<FolderStore>;
  readonly spool?: (spool: Spool) => Spool;
}

/** A service over the real store, in memory; connections are made of memory or of sockets. */
async function start(options: TestOptions = {}) {
  const clock = options.clock ?? systemClock();
  const stores = await openSqliteStores({ directory: ':memory:', clock, log: silentLog });
  const lines: { readonly event: string; readonly fields: Record<string, unknown> }[] = [];
  const note = (event: string, fields = {}) => void lines.push({ event, fields });
  const log: Log = { debug: note, info: note, warn: note, error: note };
  const store = new Proxy(stores.folders, {
    get(target, key) {
      const found: unknown = Reflect.get(options.wrap ?? {}, key) ?? Reflect.get(target, key);
      return typeof found === 'function' ? found.bind(target) : found;
    },
  });
  const service = createImapService({
    settings: () => ({
      ...{ hostname: 'imap.example.org', startTls: true, insecureAuth: true },
      ...{ quota: { bytes: undefined, messages: undefined }, admin: 'mailto:admin@example.org' },
      limits: { ...defaultImapLimits, ...options.limits },
      ...options.settings,
    }),
    createSession: createImapSession,
    ...{
      store,
      openFolders: new OpenFolders(store),
      texts: new DigestTexts(),
      spool: options.spool?.(stores.spool) ?? stores.spool,
      urls: noUrls,
    },
    accountOf: async (address) => address,
    createdOf: async () => undefined,
    authenticator,
    throttle: createLoginThrottle({
      ...{ clock, delay: 0, delayMax: 0 },
      failuresPerNetwork: options.failuresPerNetwork ?? 20,
    }),
    connections: createConnectionLimits({
      connections: options.connections ?? 100,
      connectionsPerClient: 100,
    }),
    startTls: (peer) => startServerTls(peer as SocketPeer, tls),
    ...{ clock, random: systemRandom, log },
  });
  const listener = await listen({
    ...{ host: '127.0.0.1', port: 0, tls, implicitTls: false },
    onConnection: (peer) => service.accept(peer),
  });
  const clients: Client[] = [];
  const open = async () => {
    const client = new Client(connect(listener.port, '127.0.0.1'));
    clients.push(client);
    assert.match(await client.line(), /^\* OK \[CAPABILITY IMAP4rev.*\] imap\.example\.org /);
    return client;
  };
  return {
    ...{ stores, service, lines, open },
    async login(): Promise<Client> {
      const client = await open();
      assert.match((await client.ask(`LOGIN ${ann} secret`)).at(-1)!, /^a1 OK /);
      return client;
    },
    /** Without a network: what happens when can be told. */
    async memory(): Promise<MemoryPeer> {
      const peer = new MemoryPeer();
      service.accept(peer);
      await peer.hear();
      return peer;
    },
    deliver: (body: string) =>
      stores.folders.deliver({
        ...{ account: ann, folder: 'INBOX', prefix: '', flags: [], received: 1 },
        content: { kind: 'inline', bytes: Buffer.from(body) },
      }),
    async [Symbol.asyncDispose]() {
      for (const client of clients) client.end();
      service.destroy();
      await service.shutdown();
      await listener.close();
      await stores[Symbol.asyncDispose]();
    },
  };
}

class Client {
  #socket: Socket;
  #text = '';
  #ended = false;
  #tags = 0;
  #wake: (() => void) | undefined;
  #deflate: ReturnType<typeof createDeflateRaw> | undefined;

  constructor(socket: Socket) {
    this.#socket = socket;
    this.#listen(socket);
  }

  #listen(stream: NodeJS.ReadableStream): void {
    stream.on('data', (octets: Buffer) => {
      this.#text += octets.toString('latin1');
      this.#wake?.();
    });
    this.#socket.on('close', () => {
      this.#ended = true;
      this.#wake?.();
    });
    this.#socket.on('error', () => {});
  }

  async line(): Promise<string> {
    for (;;) {
      const end = this.#text.indexOf('\r\n');
      if (end !== -1) {
        const found = this.#text.slice(0, end);
        this.#text = this.#text.slice(end + 2);
        return found;
      }
      assert.ok(!this.#ended, `the connection ended after: ${this.#text}`);
      await this.#more();
    }
  }

  #more(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  write(octets: string | Uint8Array): void {
    if (this.#deflate === undefined) this.#socket.write(octets);
    else this.#deflate.write(octets);
  }

  /** What comes up to the completion, which is the last. */
  async ask(command: string): Promise<string[]> {
    const tag = `a${++this.#tags}`;
    this.write(`${tag} ${command}\r\n`);
    return this.upTo(tag);
  }

  async upTo(start: string): Promise<string[]> {
    const lines: string[] = [];
    do lines.push(await this.line());
    while (!lines.at(-1)!.startsWith(start));
    return lines;
  }

  async startTls(): Promise<void> {
    assert.match((await this.ask('STARTTLS')).at(-1)!, / OK /);
    const plain = this.#socket;
    plain.removeAllListeners('data');
    plain.removeAllListeners('close');
    const secured = connectTls({ socket: plain, rejectUnauthorized: false });
    await new Promise((resolve) => secured.once('secureConnect', resolve));
    this.#socket = secured;
    this.#listen(secured);
  }

  async compress(): Promise<void> {
    assert.match((await this.ask('COMPRESS DEFLATE')).at(-1)!, / OK /);
    const inflate = createInflateRaw({ finishFlush: constants.Z_SYNC_FLUSH });
    this.#socket.removeAllListeners('data');
    this.#socket.removeAllListeners('close');
    // What has arrived is still to be inflated when the socket is gone.
    this.#socket.on('close', () => inflate.end());
    inflate.on('end', () => {
      this.#ended = true;
      this.#wake?.();
    });
    this.#socket.on('data', (octets) => inflate.write(octets));
    inflate.on('data', (octets: Buffer) => {
      this.#text += octets.toString('latin1');
      this.#wake?.();
    });
    this.#deflate = createDeflateRaw({ flush: constants.Z_SYNC_FLUSH });
    this.#deflate.on('data', (octets) => this.#socket.write(octets));
  }

  async closed(): Promise<string> {
    while (!this.#ended) await this.#more();
    return this.#text;
  }

  end(): void {
    this.#socket.destroy();
  }
}

/** With other ones where there are. */
const methodsOf = <T extends object>(of: T, other: (name: PropertyKey) => unknown): T =>
  new Proxy(of, {
    get(target, key) {
      const found: unknown = other(key) ?? Reflect.get(target, key, target);
      return typeof found === 'function' ? found.bind(target) : found;
    },
  });

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}

const base64 = (octets: string | Uint8Array) => Buffer.from(octets).toString('base64');

describe('ImapService', () => {
  it('RFC 9051: log in, look around, log out', async () => {
    await using test = await start();
    await test.deliver('Subject: one\r\n\r\n');
    const client = await test.login();
    const names = await client.ask('LIST "" %');
    assert.deepEqual(names.slice(0, 2), [
      '* LIST (\\HasNoChildren) "/" "INBOX"',
      '* LIST (\\HasNoChildren \\Archive) "/" "Archive"',
    ]);
    assert.equal(names.at(-1), 'a2 OK LIST completed');
    assert.deepEqual(await client.ask('STATUS INBOX (MESSAGES UNSEEN)'), [
      '* STATUS "INBOX" (MESSAGES 1 UNSEEN 1)',
      'a3 OK STATUS completed',
    ]);
    const [bye, done] = await client.ask('LOGOUT');
    assert.match(bye!, /^\* BYE /);
    assert.match(done!, /^a4 OK /);
    await client.closed();
    await until(() => test.service.conversations === 0);
    const closed = test.lines.find(({ event }) => event === 'mailbox closed');
    const { account, commands, bytesIn, bytesOut } = closed!.fields;
    assert.deepEqual([account, commands], [ann, 2]);
    assert.ok(Number(bytesIn) > 50 && Number(bytesOut) > 200);
  });

  it('RFC 9051 §6.2.1: STARTTLS, then SCRAM bound to the channel; nothing of before counts', async () => {
    await using test = await start({ settings: { insecureAuth: false } });
    const client = await test.open();
    const [capability] = await client.ask('CAPABILITY');
    assert.match(capability!, / STARTTLS\b.* LOGINDISABLED/);
    assert.match((await client.ask(`LOGIN ${ann} secret`)).at(-1)!, / (?:NO|BAD) /);
    await client.startTls();
    assert.match((await client.ask('CAPABILITY'))[0]!, / AUTH=SCRAM-SHA-256 /);
    const sasl = chooseSaslClient(['SCRAM-SHA-256'], { user: ann, password: 'secret' }, undefined)!;
    client.write(`s AUTHENTICATE SCRAM-SHA-256 ${base64(sasl.initial()!)}\r\n`);
    for (;;) {
      const line = await client.line();
      if (line.startsWith('s ')) {
        assert.match(line, /^s OK \[CAPABILITY /);
        break;
      }
      client.write(`${base64(sasl.respond(Buffer.from(line.slice(2), 'base64')))}\r\n`);
    }
    assert.match((await client.ask('NOOP')).at(-1)!, / OK /);
  });

  it('RFC 5530 §3: wrong passwords, and the end of guessing', async () => {
    await using test = await start({ failuresPerNetwork: 2 });
    const client = await test.open();
    const guess = async () => (await client.ask(`LOGIN ${ann} wrong`)).at(-1)!;
    assert.match(await guess(), /^a1 NO \[AUTHENTICATIONFAILED\] /);
    assert.match(await guess(), /^a2 NO \[AUTHENTICATIONFAILED\] /);
    client.write('x LOGIN a b\r\n');
    assert.match(await client.line(), /^\* BYE /);
    await client.closed();
  });

  it('RFC 4978: COMPRESS=DEFLATE both ways, over TLS as well', async () => {
    await using test = await start();
    for (const secure of [false, true]) {
      const client = await test.open();
      if (secure) await client.startTls();
      await client.ask(`LOGIN ${ann} secret`);
      await client.compress();
      assert.equal((await client.ask('LIST "" *')).length, 7);
      assert.match((await client.ask('COMPRESS DEFLATE')).at(-1)!, / NO \[COMPRESSIONACTIVE\]/);
      assert.match((await client.ask('LOGOUT'))[0]!, /BYE/);
    }
  });

  it('RFC 9051 §6.2.2: an exchange that is cancelled leaves nothing behind', async () => {
    await using test = await start();
    const client = await test.open();
    client.write('x AUTHENTICATE SCRAM-SHA-256\r\n');
    assert.equal(await client.line(), '+ ');
    client.write('*\r\n');
    assert.match(await client.line(), /^x BAD /);
    const plain = base64(`\0${ann}\0secret`);
    client.write(`y AUTHENTICATE PLAIN\r\n${plain}\r\n`);
    assert.equal(await client.line(), '+ ');
    assert.match(await client.line(), /^y OK /);
  });

  it('who is connected, and may be cut off', async () => {
    await using test = await start();
    const client = await test.open();
    const facts = () => {
      const [{ account, phase, secure } = {}] = test.service.sessions();
      return { account, phase, secure };
    };
    assert.deepEqual(facts(), { account: undefined, phase: 'not-authenticated', secure: false });
    await client.startTls();
    await client.ask(`LOGIN ${ann} secret`);
    assert.deepEqual(facts(), { account: ann, phase: 'authenticated', secure: true });
    assert.ok(test.service.endSession(test.service.sessions()[0]!.id));
    await client.closed();
    await until(() => test.service.conversations === 0);
  });

  it('RFC 8437: UNAUTHENTICATE, and somebody else logs in', async () => {
    await using test = await start();
    const client = await test.login();
    assert.match((await client.ask('UNAUTHENTICATE')).at(-1)!, / OK /);
    assert.match((await client.ask('LIST "" *')).at(-1)!, / (?:BAD|NO) /);
    assert.equal(test.service.sessions()[0]?.account, undefined);
    assert.ok(test.lines.some(({ event }) => event === 'mailbox closed'));
    assert.match((await client.ask('LOGIN bob@example.org secret')).at(-1)!, / OK /);
    assert.match((await client.ask('GETACL INBOX'))[0]!, / bob@example\.org /);
  });

  it('RFC 2177: IDLE is told of new mail at once, and of what came before it', async () => {
    await using test = await start();
    const client = await test.login();
    await client.ask('SELECT INBOX');
    client.write('i IDLE\r\n');
    assert.equal(await client.line(), '+ idling');
    await test.deliver('Subject: new\r\n\r\n');
    assert.equal(await client.line(), '* 1 EXISTS');
    client.write('DONE\r\n');
    await client.upTo('i OK');
    await test.deliver('Subject: between\r\n\r\n');
    client.write('j IDLE\r\n');
    assert.ok((await client.upTo('* 2 EXISTS')).length <= 2);
  });

  it('errors: each has its code; what nobody foresaw is logged, and "later" is all that is said', async () => {
    let why = new StorageError('disk full');
    const failing: Partial<FolderStore> = {
      rename: () => Promise.reject(new StorageError('disk full')),
      create: () => Promise.reject(new TypeError('a bug')),
      append: () => Promise.reject(why),
    };
    await using test = await start({ wrap: failing });
    const client = await test.login();
    const last = async (command: string) => (await client.ask(command)).at(-1)!;
    assert.match(await last('RENAME Sent x'), / NO \[UNAVAILABLE\] /);
    assert.match(await last('CREATE x'), / NO \[SERVERBUG\] [^/]*try again later$/);
    assert.match(await last('APPEND Sent {3+}\r\nabc'), / NO \[LIMIT\] [^/]*try again later$/);
    assert.match(await last('NOOP'), / OK /);
    why = new StorageError('away', { reply: localError });
    assert.match(
      await last('APPEND Sent {3+}\r\nabc'),
      / NO \[UNAVAILABLE\] [^/]*try again later$/,
    );
    const of = (wanted: string) => test.lines.filter(({ event }) => event === wanted);
    assert.deepEqual(
      of('refused for now').map(({ fields }) => [fields.during, fields.error]),
      [
        ['RENAME', 'disk full'],
        ['APPEND', 'disk full'],
        ['APPEND', 'away'],
      ],
    );
    const stacks = of('command failed');
    assert.equal(stacks.length, 1);
    assert.match(String(stacks[0]!.fields.error), /TypeError: a bug\n +at /);
  });

  it('RFC 9051 §7.1.5: BYE instead of the greeting, when there are too many', async () => {
    await using test = await start({ connections: 1 });
    await test.open();
    const second = new MemoryPeer();
    test.service.accept(second);
    assert.match(await second.hear(), /^\* BYE /);
    assert.ok(second.ended);
  });

  it('RFC 9051 §5.4: silence ends it with BYE; half an hour once logged in', async () => {
    await using test = await start();
    const peer = await test.memory();
    assert.equal(peer.timeoutMs, 3 * 60_000);
    await peer.say(`a LOGIN ${ann} secret\r\n`);
    assert.equal(peer.timeoutMs, 30 * 60_000);
    assert.match(await peer.timeOut(), /^\* BYE /);
    assert.ok(peer.ended);
    await until(() => test.service.conversations === 0);
  });

  it('RFC 9051 §5.4: a message that goes on coming is no silence, however slowly', async () => {
    const clock = new FakeClock();
    await using test = await start({ clock });
    const peer = await test.memory();
    await peer.say(`a LOGIN ${ann} secret\r\n`);
    await peer.say('b APPEND INBOX {9+}\r\n');
    for (let i = 0; i < 9; i += 1) {
      await clock.advance(20 * 60_000);
      await peer.say('x');
    }
    assert.match(await peer.say('\r\n'), /b OK /);
    await peer.say('c NO');
    await clock.advance(31 * 60_000);
    assert.match(await peer.say('OP'), /^\* BYE /, 'a command takes no longer than that');
  });

  it('a stop says BYE between commands and in IDLE', async () => {
    await using test = await start();
    const idling = await test.memory();
    await idling.say(`a LOGIN ${ann} secret\r\n`);
    await idling.say('b IDLE\r\n');
    const fresh = await test.memory();
    const half = await test.memory();
    await half.say('a LOG');
    const stopped = test.service.shutdown();
    for (const peer of [idling, fresh]) {
      await until(() => peer.destroyed);
      assert.match(await peer.hear(), /^\* BYE /);
    }
    assert.ok(!half.ended, 'a command is on its way');
    assert.match(await half.say('IN x y\r\n'), /a NO .*\r\n\* BYE /);
    await stopped;
  });

  it('RFC 9585: a command that takes long says every ten seconds that it goes on', async () => {
    const clock = new FakeClock();
    const { promise: asked, resolve: ask } = Promise.withResolvers<void>();
    const { promise: done, resolve: finish } = Promise.withResolvers<CopyResult>();
    const copy = () => {
      ask();
      return done;
    };
    await using test = await start({ clock, wrap: { copy } });
    const client = await test.login();
    await test.deliver('Subject: one\r\n\r\n');
    await client.ask('SELECT INBOX');
    client.write('x COPY 1 Archive\r\n');
    await asked;
    await clock.advance(9_999);
    await clock.advance(10_001);
    const progress = '* OK [INPROGRESS ("x" NIL NIL)] Still at it';
    assert.deepEqual([await client.line(), await client.line()], [progress, progress]);
    finish({ uidValidity: 7, source: [1], target: [9] });
    assert.match(await client.line(), /^x OK \[COPYUID 7 1 9\] /);
    await clock.advance(60_000);
    assert.deepEqual(await client.ask('NOOP'), ['a3 OK NOOP completed']);
  });

  it('sends no faster than the client reads', async () => {
    await using test = await start();
    const client = await test.login();
    for (let i = 0; i < 200; i += 1) client.write(`c${i} CREATE ${'x'.repeat(200)}${i}\r\n`);
    await client.upTo('c199 OK');
    const peer = await test.memory();
    await peer.say(`a LOGIN ${ann} secret\r\n`);
    peer.stick();
    const many = 'b LIST "" *\r\n'.repeat(200);
    const heard = await peer.say(many);
    assert.ok(heard.length < 512 * 1024, `${heard.length} octets for nobody`);
    await peer.fail();
    await until(() => test.service.conversations === 1);
  });
});

describe('hostile clients', () => {
  it('RFC 9051 §6.3.12: who vanishes in the middle of APPEND leaves nothing', async () => {
    await using test = await start();
    const client = await test.login();
    client.write('x APPEND INBOX {100000}\r\n');
    assert.match(await client.line(), /^\+ /);
    client.write('Subject: half\r\n\r\n'.repeat(1000));
    client.end();
    await until(() => test.service.conversations === 0);
    assert.equal((await test.stores.folders.find(ann, 'INBOX'))?.messages, 0);
  });

  it('a message that comes to nothing leaves nothing in the spool, and the next is taken', async () => {
    const open = new Set<object>();
    let isFull = false;
    const watched = (spool: Spool): Spool => {
      const create = () => {
        const writer = spool.create();
        open.add(writer);
        return methodsOf(writer, (name) => {
          if (name === 'abort' || name === 'release') open.delete(writer);
          return name === 'write' && isFull
            ? () => Promise.reject(new StorageError('disk full'))
            : undefined;
        });
      };
      return methodsOf(spool, (name) => (name === 'create' ? create : undefined));
    };
    await using test = await start({ spool: watched });
    const client = await test.login();
    const last = async (command: string) => (await client.ask(command)).at(-1)!;
    isFull = true;
    assert.match(await last('APPEND INBOX {3+}\r\nabc'), / NO \[LIMIT\] /);
    assert.equal(open.size, 0);
    isFull = false;
    assert.match(await last('APPEND INBOX {3+}\r\nabc'), / OK /);
    assert.match(await last('APPEND INBOX {3+}\r\nabc (\\Seen'), / BAD /);
    assert.match(await last('APPEND INBOX {3+}\r\nabc {0}'), / NO /);
    assert.equal(open.size, 0);
    client.write('x APPEND INBOX {3+}\r\nabc {100000+}\r\nabc');
    await until(() => open.size === 2);
    client.end();
    await until(() => test.service.conversations === 0);
    assert.equal(open.size, 0);
    assert.equal((await test.stores.folders.find(ann, 'INBOX'))?.messages, 1);
  });

  it('RFC 7889 §4: a literal over the limit is refused before it comes', async () => {
    await using test = await start();
    const client = await test.login();
    const [said] = await client.ask('APPEND INBOX {2147483648}');
    assert.match(said!, /^a2 NO \[TOOBIG\] |^a2 BAD /);
    assert.match((await client.ask('NOOP')).at(-1)!, / OK /);
  });

  it('a bomb in DEFLATE is one command over the limit', async () => {
    await using test = await start();
    const client = await test.login();
    await client.compress();
    client.write(Buffer.alloc(64 * 2 ** 20, 'x'));
    client.write('\r\nz NOOP\r\n');
    const said = await client.upTo('z OK');
    assert.match(said[0]!, /^\S+ BAD /);
  });

  it('octets of any kind never bring it down', async () => {
    await using test = await start();
    for (const octets of ['\0'.repeat(5000), '\xff\xfe\r\n', '{5}\r\n', 'a {99999999999999}\r\n']) {
      const peer = await test.memory();
      await peer.say(Buffer.from(octets, 'latin1'));
      await peer.say('\r\n');
      peer.destroy();
    }
    await until(() => test.service.conversations === 0);
    assert.ok(!test.lines.some(({ event }) => event === 'command failed'));
  });
});
