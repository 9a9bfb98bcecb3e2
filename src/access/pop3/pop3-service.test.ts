import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { connect } from 'node:net';
import { describe, it } from 'node:test';
import { connect as connectTls } from 'node:tls';
import { systemClock } from '../../base/clock.ts';
import { FakeClock } from '../../base/fake-clock.ts';
import type { Log } from '../../base/log.ts';
import { silentLog } from '../../base/log.ts';
import { systemRandom } from '../../base/random.ts';
import { listen, startServerTls } from '../../net/listener.ts';
import type { Peer } from '../../net/peer.ts';
import type { SocketPeer } from '../../net/socket-peer.ts';
import { testServerTls } from '../../net/test-certificate.ts';
import { tlsFacts } from '../../net/tls.ts';
import { Login } from '../../policy/accounts/login.ts';
import { createLoginThrottle } from '../../policy/accounts/login-throttle.ts';
import { createConnectionLimits } from '../../policy/connection-limits.ts';
import { defaultPop3Limits } from '../../pop3/limits.ts';
import { Pop3Session } from '../../pop3/session.ts';
import { chooseSaslClient } from '../../sasl/client.ts';
import { listed, removed } from '../../store/conformance/harness.ts';
import { type Content, ContentError } from '../../store/content.ts';
import type { FolderFacts, FolderStore } from '../../store/folder-store.ts';
import { emailId } from '../../store/object-id.ts';
import { openSqliteStores } from '../../store/sqlite/stores.ts';
import { authenticator } from '../test-authenticator.ts';
import type { MaildropsParts } from './maildrops.ts';
import { Maildrops } from './maildrops.ts';
import { Pop3Access } from './pop3-access.ts';
import { Pop3Conversation } from './pop3-conversation.ts';
import type { Pop3ServiceSettings } from './pop3-service.ts';
import { createPop3Service } from './pop3-service.ts';

const ann = 'ann@example.org';
const tls = await testServerTls('pop.example.org');

interface TestOptions {
  readonly settings?: Partial<Pop3ServiceSettings>;
  readonly connections?: number;
  /** What the store does differently. */
  readonly wrap?: (folders: FolderStore) => Partial<FolderStore>;
  readonly failuresPerNetwork?: number;
}

/** A listener on loopback over the real store, in memory. */
async function start(options: TestOptions = {}) {
  const clock = systemClock();
  const notOpened: unknown[] = [];
  const log: Log = {
    ...silentLog,
    info: (event, fields) =>
      void (event === 'mailbox not opened' && notOpened.push(fields?.reason)),
  };
  const stores = await openSqliteStores({ directory: ':memory:', clock, log: silentLog });
  const { folders } = stores;
  const bound: Pick<FolderStore, 'find' | 'index' | 'open' | 'removeMessages'> = {
    find: (...args) => folders.find(...args),
    index: (...args) => folders.index(...args),
    open: (...args) => folders.open(...args),
    removeMessages: (...args) => folders.removeMessages(...args),
    ...options.wrap?.(folders),
  };
  const service = createPop3Service({
    settings: () => ({
      hostname: 'pop.example.org',
      startTls: true,
      insecureAuth: true,
      loginDelay: 0,
      limits: defaultPop3Limits,
      ...options.settings,
    }),
    maildrops: new Maildrops({ folders: bound, clock }),
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
    clock,
    random: systemRandom,
    log,
  });
  const listener = await listen({
    host: '127.0.0.1',
    port: 0,
    tls,
    implicitTls: false,
    onConnection: (peer) => service.accept(peer),
  });
  const clients: Client[] = [];
  return {
    stores,
    service,
    notOpened,
    /** A client that has read the greeting. */
    async open(): Promise<Client> {
      const client = new Client(connect(listener.port, '127.0.0.1'));
      clients.push(client);
      assert.equal(await client.line(), '+OK pop.example.org POP3 server ready');
      return client;
    },
    connect: () => connect(listener.port, '127.0.0.1'),
    async login(account = ann): Promise<Client> {
      const client = await this.open();
      await client.expect(`USER ${account}`, '+OK send PASS');
      assert.match(await client.ask('PASS secret'), /^\+OK maildrop has/);
      return client;
    },
    deliver: (body: string, account = ann) =>
      folders.deliver({
        ...{ account, folder: 'INBOX', prefix: 'Return-Path: <bob@example.net>\r\n', flags: [] },
        content: { kind: 'inline', bytes: Buffer.from(body) },
        received: 1,
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
  socket: Socket;
  #text = '';
  #ended = false;
  #wake: (() => void) | undefined;

  constructor(socket: Socket) {
    this.socket = socket;
    this.#listen();
  }

  #listen(): void {
    this.socket.setEncoding('latin1');
    this.socket.on('data', (text: string) => {
      this.#text += text;
      this.#wake?.();
    });
    this.socket.on('close', () => {
      this.#ended = true;
      this.#wake?.();
    });
    this.socket.on('error', () => {});
  }

  /** Everything up to and with `end`. */
  async until(end: string): Promise<string> {
    for (let from = 0; ; ) {
      const at = this.#text.indexOf(end, from);
      if (at !== -1) {
        const found = this.#text.slice(0, at + end.length);
        this.#text = this.#text.slice(at + end.length);
        return found;
      }
      assert.ok(!this.#ended, `the connection ended after: ${this.#text.slice(-200)}`);
      from = Math.max(0, this.#text.length - end.length);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  async line(): Promise<string> {
    return (await this.until('\r\n')).slice(0, -2);
  }

  send(text: string): void {
    this.socket.write(`${text}\r\n`);
  }

  ask(command: string): Promise<string> {
    this.send(command);
    return this.line();
  }

  async expect(command: string, response: string): Promise<void> {
    assert.equal(await this.ask(command), response);
  }

  /** The lines of a multi-line response, after its first. */
  async listing(command: string): Promise<string> {
    assert.match(await this.ask(command), /^\+OK /);
    return (await this.until('.\r\n')).slice(0, -3);
  }

  async startTls(): Promise<void> {
    await this.expect('STLS', '+OK begin TLS negotiation now');
    const plain = this.socket;
    plain.removeAllListeners('data');
    plain.removeAllListeners('close');
    const secured = connectTls({ socket: plain, rejectUnauthorized: false });
    await new Promise((resolve) => secured.once('secureConnect', resolve));
    this.socket = secured;
    this.#listen();
  }

  async closed(): Promise<string> {
    while (!this.#ended)
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    return this.#text;
  }

  end(): void {
    this.socket.destroy();
  }
}

describe('Pop3Service', () => {
  it('RFC 1939: a session over the store, trace first, removed at QUIT', async () => {
    await using test = await start();
    const first = await test.deliver('Subject: one\r\n\r\n.dot\r\n');
    const second = await test.deliver('Subject: two\r\n\r\n');
    const client = await test.login();
    await client.expect('STAT', `+OK 2 ${first.size + second.size}`);
    assert.equal(await client.listing('UIDL'), `1 ${first.id}\r\n2 ${second.id}\r\n`);
    const raw = 'Return-Path: <bob@example.net>\r\nSubject: one\r\n\r\n..dot\r\n';
    await client.expect('RETR 1', `+OK ${first.size} octets`);
    assert.equal(await client.until('\r\n.\r\n'), `${raw}.\r\n`);
    await client.expect('DELE 1', '+OK message 1 deleted');
    await client.expect('QUIT', '+OK pop.example.org POP3 server signing off (1 message left)');
    await client.closed();
    const left = await listed(test.stores.folders, ann);
    assert.deepEqual(
      left.map(({ id }) => id),
      [second.id],
    );
    // RFC 1939 §7: a unique-id is the same in every session.
    const again = await test.login();
    await again.expect('UIDL 1', `+OK 1 ${second.id}`);
  });

  it('RFC 1939 §6: a lost connection removes nothing', async () => {
    await using test = await start();
    await test.deliver('x');
    const client = await test.login();
    await client.expect('DELE 1', '+OK message 1 deleted');
    client.end();
    await client.closed();
    await until(() => test.service.conversations === 0);
    const again = await test.login();
    assert.match(await again.ask('STAT'), /^\+OK 1 /);
  });

  it('RFC 2449 §8.1.2: one session for a mailbox; it is free again before the goodbye', async () => {
    await using test = await start();
    const one = await test.login();
    const two = await test.open();
    await two.expect(`USER ${ann}`, '+OK send PASS');
    await two.expect('PASS secret', '-ERR [IN-USE] another session has this mailbox open');
    assert.deepEqual(test.notOpened, ['in-use']);
    await test.login('bob@example.org');
    assert.match(await one.ask('QUIT'), /^\+OK/);
    await two.expect(`USER ${ann}`, '+OK send PASS');
    await two.expect('PASS secret', '+OK maildrop has 0 messages (0 octets)');
  });

  it('RFC 3206 §5: AUTH for wrong credentials, and in the end no more guesses', async () => {
    await using test = await start({ failuresPerNetwork: 3 });
    const client = await test.open();
    for (let i = 0; i < 3; i += 1) {
      await client.expect(`USER ${ann}`, '+OK send PASS');
      await client.expect('PASS guess', '-ERR [AUTH] user name or password is wrong');
    }
    await client.expect(`USER ${ann}`, '+OK send PASS');
    assert.match(await client.ask('PASS secret'), /^-ERR \[SYS\/TEMP\] too many failed logins/);
    await client.closed();
  });

  it('RFC 3206 §4: SYS/PERM for a message whose content is gone; the others are read', async () => {
    const gone = new ContentError('missing', '/var/spool/x is missing');
    const lost: Content = {
      size: 200_000,
      bytes: undefined,
      async *read() {
        yield Buffer.from('Return-Path: <>\r\n');
        throw gone;
      },
      check: () => Promise.reject(gone),
    };
    await using test = await start({
      wrap: (folders) => ({
        open: async (folder, uids) =>
          (await folders.open(folder, uids)).map((content, i) => (uids[i] === 1 ? lost : content)),
      }),
    });
    await test.deliver('x');
    await test.deliver('y');
    const client = await test.login();
    assert.match(
      await client.ask('RETR 1'),
      /^-ERR \[SYS\/PERM\] the server cannot read the content/,
    );
    assert.match(await client.ask('TOP 1 0'), /^-ERR \[SYS\/PERM\]/);
    assert.match(await client.ask('RETR 2'), /^\+OK/);
  });

  it('RFC 3206 §4: SYS/TEMP when we fail; nothing is lost by it', async () => {
    let failing = false;
    const unlessFailing =
      <A extends readonly unknown[], R>(call: (...args: A) => Promise<R>) =>
      async (...args: A): Promise<R> => {
        if (failing) throw new Error('disk');
        return call(...args);
      };
    await using test = await start({
      wrap: (folders) => ({
        index: unlessFailing((...args) => folders.index(...args)),
        open: unlessFailing((...args) => folders.open(...args)),
        removeMessages: unlessFailing((...args) => folders.removeMessages(...args)),
      }),
    });
    await test.deliver('x');
    failing = true;
    const client = await test.open();
    await client.expect(`USER ${ann}`, '+OK send PASS');
    await client.expect('PASS secret', '-ERR [SYS/TEMP] temporary failure, try again later');
    failing = false;
    await client.expect(`USER ${ann}`, '+OK send PASS');
    assert.match(await client.ask('PASS secret'), /^\+OK maildrop has 1 message /);
    failing = true;
    await client.expect('RETR 1', '-ERR [SYS/TEMP] temporary failure, try again later');
    await client.expect('DELE 1', '+OK message 1 deleted');
    await client.expect(
      'QUIT',
      '-ERR [SYS/TEMP] deleted messages were not removed, try again later',
    );
    failing = false;
    const again = await test.login();
    assert.match(await again.ask('STAT'), /^\+OK 1 /);
  });

  it('a message that another program removed is an error, not the end', async () => {
    await using test = await start();
    const { uid } = await test.deliver('x');
    await test.deliver('y');
    const client = await test.login();
    await removed(test.stores.folders, ann, [uid]);
    await client.expect('RETR 1', '-ERR no such message any more: another program removed it');
    assert.match(await client.ask('RETR 2'), /^\+OK/);
  });

  it('RFC 2449 §6.6: pipelined RETR is answered in order, with few questions to the store', async () => {
    let asked = 0;
    await using test = await start({
      wrap: (folders) => ({
        open: (...args) => {
          asked += 1;
          return folders.open(...args);
        },
      }),
    });
    const bodies = Array.from({ length: 400 }, (_, i) => `Subject: ${i}\r\n\r\n.${i}\r\n`);
    for (const body of bodies) await test.deliver(body);
    const client = await test.login();
    client.send(bodies.map((_, i) => `RETR ${i + 1}`).join('\r\n'));
    for (const body of bodies) {
      assert.match(await client.line(), /^\+OK \d+ octets$/);
      const text = await client.until('\r\n.\r\n');
      assert.equal(
        text,
        `Return-Path: <bob@example.net>\r\n${body.replace('\r\n.', '\r\n..')}.\r\n`,
      );
    }
    assert.ok(asked <= 8, `${asked} questions`);
  });

  it('large messages are sent in pieces, as fast as the client reads', async () => {
    await using test = await start();
    const line = `${'x'.repeat(76)}\r\n`;
    const writer = test.stores.spool.create();
    await writer.write(Buffer.from(`Subject: large\r\n\r\n${line.repeat(100_000)}`));
    const content = await writer.commit();
    await test.stores.folders.deliver({
      ...{ account: ann, folder: 'INBOX', content, prefix: 'P: p\r\n', flags: [], received: 1 },
    });
    const client = await test.login();
    await client.expect('TOP 1 1', '+OK top of message follows');
    const top = `P: p\r\nSubject: large\r\n\r\n${line}.\r\n`;
    assert.equal(await client.until('\r\n.\r\n'), top);
    client.socket.pause();
    client.send('RETR 1\r\nNOOP');
    await new Promise((resolve) => setImmediate(resolve));
    client.socket.resume();
    assert.match(await client.line(), /^\+OK 78\d{5} octets$/);
    const whole = await client.until('\r\n.\r\n');
    assert.equal(whole.length, 'P: p\r\nSubject: large\r\n\r\n'.length + 100_000 * 78 + 3);
    assert.match(await client.line(), /^\+OK/);
  });

  it('a mailbox of 50,000 messages opens and lists without its content being read', async () => {
    const length = 50_000;
    await using test = await start({
      wrap: () => ({
        index: async () => ({
          uid: Uint32Array.from({ length }, (_, i) => i + 1),
          email: Float64Array.from({ length }, (_, i) => i),
          size: new Float64Array(length).fill(4096),
        }),
        open: () => assert.fail('content was read'),
      }),
    });
    const client = await test.login();
    await client.expect('STAT', `+OK ${length} ${length * 4096}`);
    assert.equal((await client.listing('LIST')).split('\r\n').length, length + 1);
    assert.ok((await client.listing('UIDL')).endsWith(`50000 ${emailId(length - 1)}\r\n`));
  });

  it('RFC 2595 §4: STLS, and then SCRAM-SHA-256-PLUS is there to be used', async () => {
    await using test = await start({ settings: { insecureAuth: false } });
    await test.deliver('x');
    const client = await test.open();
    assert.match(await client.ask(`USER ${ann}`), /^-ERR passwords are not taken in the clear/);
    assert.doesNotMatch(await client.listing('CAPA'), /^SASL|^USER/m);
    await client.startTls();
    const capabilities = await client.listing('CAPA');
    assert.doesNotMatch(capabilities, /STLS/);
    const offered = /^SASL (.*)$/m.exec(capabilities.replaceAll('\r', ''))![1]!.split(' ');
    const facts = tlsFacts(client.socket as Parameters<typeof tlsFacts>[0]);
    const sasl = chooseSaslClient(offered, { user: ann, password: 'secret' }, facts)!;
    assert.equal(sasl.mechanism, 'SCRAM-SHA-256-PLUS');
    const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64');
    let answer = await client.ask(`AUTH ${sasl.mechanism} ${base64(sasl.initial()!)}`);
    while (answer.startsWith('+ '))
      answer = await client.ask(base64(sasl.respond(Buffer.from(answer.slice(2), 'base64'))));
    assert.match(answer, /^\+OK maildrop has 1 message/);
    sasl.succeeded?.();
  });

  it('RFC 2449 §6.5: LOGIN-DELAY is announced and enforced', async () => {
    await using test = await start({ settings: { loginDelay: 60_000 } });
    const client = await test.login();
    assert.match(await client.listing('CAPA'), /^LOGIN-DELAY 60\r$/m);
    await client.ask('QUIT');
    const again = await test.open();
    await again.expect(`USER ${ann}`, '+OK send PASS');
    await again.expect('PASS secret', '-ERR [LOGIN-DELAY] logins are too frequent, wait a little');
    assert.deepEqual(test.notOpened, ['too-soon']);
  });

  it('turns away whom there is no room for', async () => {
    await using test = await start({ connections: 1 });
    await test.open();
    const second = new Client(test.connect());
    assert.match(await second.closed(), /^-ERR \[SYS\/TEMP\] Too many connections/);
  });

  it('shutdown ends the idle at once, and others when they have said QUIT', async () => {
    await using test = await start();
    await test.deliver('x');
    const idle = await test.login('bob@example.org');
    const fresh = await test.open();
    const busy = await test.login();
    await busy.expect('DELE 1', '+OK message 1 deleted');
    const ended = test.service.shutdown();
    assert.match(await idle.closed(), /^-ERR \[SYS\/TEMP\] server shutting down/);
    assert.match(await fresh.closed(), /^-ERR/);
    await busy.expect('NOOP', '+OK nothing happened');
    assert.match(await busy.ask('QUIT'), /maildrop empty/);
    await ended;
    assert.equal((await test.stores.folders.usage(ann)).messages, 0);
  });
});

describe('Maildrops', () => {
  it('a mailbox that cannot be opened is not locked', async () => {
    const clock = new FakeClock();
    let failing = true;
    const folders: MaildropsParts['folders'] = {
      find: async () => ({ id: 1 }) as FolderFacts,
      index: async () => {
        if (failing) throw new Error('disk');
        return undefined;
      },
      open: async () => [],
      removeMessages: async () => ({ uids: [], modseq: 1 }),
    };
    const maildrops = new Maildrops({ folders, clock });
    const options = { loginDelay: 0 };
    await assert.rejects(maildrops.open(ann, options));
    failing = false;
    // Two at once: one has it.
    const [one, two] = await Promise.all([
      maildrops.open(ann, options),
      maildrops.open(ann, options),
    ]);
    assert.deepEqual([one.kind, two.kind], ['open', 'in-use']);
  });

  it('RFC 2449 §6.5: who has waited logs in again', async () => {
    const clock = new FakeClock();
    const folders: MaildropsParts['folders'] = {
      find: async () => ({ id: 1 }) as FolderFacts,
      index: async () => undefined,
      open: async () => [],
      removeMessages: async () => ({ uids: [], modseq: 1 }),
    };
    const maildrops = new Maildrops({ folders, clock });
    const login = async () => {
      const opened = await maildrops.open(ann, { loginDelay: 60_000 });
      if (opened.kind === 'open') opened.maildrop.close();
      return opened.kind;
    };
    assert.equal(await login(), 'open');
    await clock.advance(59_999);
    assert.equal(await login(), 'too-soon');
    await clock.advance(1);
    assert.equal(await login(), 'open');
  });

  it('RFC 1939 §6: the lock is gone before QUIT is answered, whether or not it went well', async () => {
    const clock = systemClock();
    const opening = { loginDelay: 0 };
    const removals: MaildropsParts['folders']['removeMessages'][] = [
      async () => ({ uids: [], modseq: 1 }),
      () => Promise.reject(new Error('disk')),
    ];
    const uid = Uint32Array.of(1);
    const email = Float64Array.of(1);
    for (const removeMessages of removals) {
      const maildrops = new Maildrops({
        folders: {
          find: async () => ({ id: 1 }) as FolderFacts,
          index: async () => ({ uid, email, size: email }),
          open: async () => [],
          removeMessages,
        },
        clock,
      });
      const login = new Login({
        throttle: createLoginThrottle({ clock }),
        ...{ authenticator, clock, log: silentLog },
      });
      const access = new Pop3Access({ login, maildrops, ...opening, log: silentLog });
      const peer = { remote: { address: '192.0.2.1', port: 1 }, tls: undefined } as unknown as Peer;
      const opened = await access.answer({ kind: 'login', user: ann, password: 'secret' }, peer);
      assert.equal(opened.kind, 'opened');
      assert.equal((await maildrops.open(ann, opening)).kind, 'in-use');
      await access.answer({ kind: 'update', deleted: [0] }, peer);
      assert.equal((await maildrops.open(ann, opening)).kind, 'open');
    }
  });
});

describe('Pop3Conversation', () => {
  it('RFC 1939 §3: silence for ten minutes ends it without a word; trickled octets are silence', async () => {
    const clock = new FakeClock();
    const session = new Pop3Session({
      ...{ hostname: 'pop.example.org', secure: true, startTls: false, mechanisms: ['PLAIN'] },
      ...{ loginDelaySeconds: 0, limits: defaultPop3Limits },
    });
    const said: string[] = [];
    const minutes: number[] = [];
    const inputs = ['CAPA\r\n', 'Q', 'U', 'I', 'T'].map((text) => Buffer.from(text));
    const peer: Peer = {
      remote: { address: '192.0.2.1', port: 1 },
      local: { address: '192.0.2.2', port: 110 },
      tls: undefined,
      async read(timeoutMs) {
        minutes.push(timeoutMs / 60_000);
        await clock.advance(4 * 60_000);
        return inputs.shift();
      },
      async write(bytes) {
        said.push(bytes.toString());
      },
      end: async () => {},
      destroy: () => {},
    };
    const conversation = new Pop3Conversation({
      ...{ peer, session, clock, log: silentLog, mechanisms: () => [] },
      access: { close: () => {} } as unknown as Pop3Access,
      startTls: () => assert.fail('no TLS'),
    });
    await conversation.run();
    assert.deepEqual(minutes, [10, 10, 6, 2]);
    assert.equal(said.length, 2);
  });
});

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}
