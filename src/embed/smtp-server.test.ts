import assert from 'node:assert/strict';
import { existsSync, readdirSync, readlinkSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { createInterface } from 'node:readline';
import { describe, it } from 'node:test';
import { inspect } from 'node:util';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { freePorts } from '../../test/ports.ts';
import { InputError } from '../base/input-error.ts';
import { silentLog } from '../base/log.ts';
import { sendMail } from '../deliver/send-mail/send-mail.ts';
import { issueCertificate } from '../net/certificate.ts';
import type { Envelope } from '../policy/envelope.ts';
import { reply } from '../smtp/reply.ts';
import type { LoginFacts, SmtpServerLimits, SmtpServerOptions } from './options.ts';
import type { ReceivedMessage } from './received-message.ts';
import { SmtpServer } from './smtp-server.ts';

const letter = {
  host: '127.0.0.1',
  from: 'ann@example.org',
  to: 'bob@example.net',
  message: 'Subject: Hello\r\n\r\nIt works.\r\n',
};

/** What a server with these options gets of one letter. */
async function receive(
  options: Partial<SmtpServerOptions>,
  sending: Partial<Parameters<typeof sendMail>[0]> = {},
): Promise<{ readonly message: ReceivedMessage; readonly raw: string }> {
  let got: { message: ReceivedMessage; raw: string } | undefined;
  await using server = await new SmtpServer({
    onMessage: async (message) => {
      got = { message, raw: (await message.raw()).toString() };
    },
    ...options,
  }).listen();
  await sendMail({ ...letter, port: server.port, tls: 'none', ...sending });
  assert.ok(got !== undefined);
  return got;
}

/** The code of what answers an initial response. */
async function authenticate(port: number, mechanism: string, response: string): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  socket.write(`EHLO me.test\r\nAUTH ${mechanism} ${Buffer.from(response).toString('base64')}\r\n`);
  try {
    for await (const line of createInterface({ input: socket }))
      if (/^(?:235|334|[45])/.test(line)) return line.slice(0, 3);
    return '';
  } finally {
    socket.destroy();
  }
}

describe('SmtpServer', () => {
  it('hands over sender, recipients, header and content, the trace field in front', async () => {
    const { message, raw } = await receive({ hostname: 'mx.example.net' });
    assert.equal(message.from, 'ann@example.org');
    assert.deepEqual(message.to, ['bob@example.net']);
    assert.match(raw, /^Received: [\s\S]+\r\nSubject: Hello\r\n\r\nIt works\.\r\n$/);
    assert.match(raw, /\r\n\tby mx\.example\.net with /);
  });

  it('whoever the client is may be copied, at every entrance', async () => {
    const copies: [string, object][] = [];
    const copied = (where: string, client: object) => void copies.push([where, { ...client }]);
    const { message } = await receive({
      onConnect: (client) => copied('onConnect', client),
      onMail: (_from, { client }) => copied('onMail', client),
      onRecipient: (_to, { client }) => copied('onRecipient', client),
      onClose: (client) => copied('onClose', client),
    });
    copied('onMessage', message.client);
    const [first] = copies;
    assert.deepEqual(
      copies.map(([where]) => where),
      ['onConnect', 'onMail', 'onRecipient', 'onClose', 'onMessage'],
    );
    for (const [where, copy] of copies)
      assert.deepEqual(Object.keys(copy).sort(), Object.keys(first![1]).sort(), where);
    assert.ok('local' in first![1] && 'hasSpoken' in first![1]);
  });

  it('client and envelope are the same objects from hook to hook, and the envelope grows', async () => {
    const clients: object[] = [];
    const envelopes: Envelope[] = [];
    const seen = (_: unknown, envelope: Envelope) => {
      envelopes.push(envelope);
      clients.push(envelope.client);
    };
    const { message } = await receive({
      onMail: seen,
      onRecipient: seen,
      onClose: (client) => void clients.push(client),
    });
    clients.push(message.client);
    assert.deepEqual([clients.length, new Set(clients).size], [4, 1]);
    assert.deepEqual([envelopes.length, new Set(envelopes).size], [2, 1]);
    assert.equal(envelopes[0]!.recipients.length, 1);
  });

  const login = {
    onAuth: (user: string, password: string) => (password === 'secret' ? user : undefined),
  };
  const auth = { user: 'ann@example.org', password: 'secret' };
  const protocols: readonly (readonly [
    string,
    Partial<SmtpServerOptions>,
    Partial<Parameters<typeof sendMail>[0]>,
  ])[] = [
    ['ESMTP', {}, {}],
    ['ESMTPS', { tls: 'self-signed' }, { tls: 'require' }],
    ['ESMTPA', { ...login, insecureAuth: true }, { auth }],
    ['ESMTPSA', { ...login, tls: 'self-signed', service: 'submission' }, { tls: 'require', auth }],
  ];
  for (const [protocol, options, sending] of protocols)
    it(`RFC 3848 §2: Received says it came by ${protocol}`, async () => {
      const { raw } = await receive(options, sending);
      assert.match(raw, new RegExp(`with ${protocol}\\b`));
    });

  for (const [stage, options] of [
    ['onConnect', { onConnect: () => reply(554, '7.1', 'No') }],
    ['onMail', { onMail: () => reply(550, '7.1', 'No') }],
    ['onRecipient', { onRecipient: () => reply(550, '7.1', 'No') }],
    ['onMessage', { onMessage: () => reply(550, '7.1', 'No') }],
  ] as const)
    it(`${stage} may refuse, in its own words`, () =>
      assert.rejects(receive(options), /55[04] 5\.7\.1 No/));

  it('a hook that throws is "try again later", and says nothing of why', async () => {
    const broken = () => {
      throw new Error('the password of the database is hunter2');
    };
    await assert.rejects(receive({ onMessage: broken, log: silentLog }), (error: Error) => {
      assert.match(error.message, /451 4\.3\.0/);
      assert.doesNotMatch(error.message, /hunter2/);
      return true;
    });
  });

  for (const [title, answer] of [
    ['the length of a list', 1],
    ['a text', 'saved'],
    ['a reply of two lines in one', { code: 550, detail: '1.1', lines: ['No\r\n250 Yes'] }],
    ['a reply without a text', { code: 550, detail: '1.1', lines: [] }],
  ] as const)
    for (const hook of ['onRecipient', 'onMessage'])
      it(`${hook} that gives ${title} is "try again later", and the log says what is wanted`, async () => {
        const lines: unknown[] = [];
        const log = {
          ...silentLog,
          error: (_: string, fields?: object) => void lines.push(fields),
        };
        const options = { [hook]: () => answer, log } as Partial<SmtpServerOptions>;
        await assert.rejects(receive(options), /^SendMailError: 451 4\.3\.0 [^\n]*$/);
        assert.match(inspect(lines), /a hook gives undefined|a reply has a text|is a single line/);
      });

  it('onMessage may accept in words of its own', async () => {
    const onMessage = () => reply(250, '2.0', 'Stored as 7');
    await using server = await new SmtpServer({ onMessage }).listen();
    const sent = await sendMail({ ...letter, port: server.port, tls: 'none' });
    assert.deepEqual([sent.reply.code, sent.reply.lines], [250, ['Stored as 7']]);
  });

  it('says that a login is offered to nobody, and takes ports as the environment has them', async () => {
    const [port] = await freePorts(1);
    const warned: unknown[] = [];
    const log = { ...silentLog, warn: (event: string) => void warned.push(event) };
    const server = new SmtpServer({ onAuth: () => 'ann', onMessage: () => {}, log });
    await using _ = await server.listen({ port: `${port}` });
    assert.equal(server.port, port);
    assert.deepEqual(warned, ['nobody can log in']);
  });

  it('RFC 1870 §6.1: has limits, also when none were asked for', async () => {
    const size = { limits: { messageBytes: 20 } };
    await assert.rejects(receive(size), /5\.3\.4|exceeds|too big/i);
  });

  for (const [size, lines] of [
    ['small', 1],
    ['large', 4_000],
  ] as const)
    it(`a ${size} message may be read for as long as somebody holds it, in any order`, async () => {
      const body = `${'x'.repeat(70)}\r\n`.repeat(lines);
      const subject = '=?utf-8?Q?Gr=C3=BC=C3=9Fe?=';
      const { message, raw } = await receive({}, { message: `Subject: ${subject}\r\n\r\n${body}` });
      // The server is closed by now, and its directory gone.
      assert.equal(message.subject, 'Grüße');
      assert.equal(message.header('Subject'), 'Grüße');
      const [again, parsed] = await Promise.all([message.raw(), message.parse()]);
      assert.equal(again.toString(), raw);
      assert.equal(parsed.plainText, body);
      assert.ok(raw.endsWith(body));
    });

  it('release() gives a large message back at once, also in the middle of a read', async () => {
    const body = `${'x'.repeat(70)}\r\n`.repeat(4_000);
    const { message } = await receive({}, { message: `Subject: big\r\n\r\n${body}` });
    const reading = message.raw();
    message.release();
    await assert.rejects(reading, /released/);
    await assert.rejects(message.raw(), /released/);
    message.release();
    assert.equal(message.subject, 'big', 'what was read before stays');
  });

  it('what nobody holds any more is closed', { skip: !existsSync('/proc/self/fd') }, async () => {
    const body = `${'x'.repeat(70)}\r\n`.repeat(4_000);
    const spooled = () =>
      readdirSync('/proc/self/fd').filter((fd) => {
        try {
          return /\/postrider-.*\(deleted\)$/.test(readlinkSync(`/proc/self/fd/${fd}`));
        } catch {
          return false;
        }
      }).length;
    await using server = await new SmtpServer({ onMessage: () => {} }).listen();
    for (let i = 0; i < 3; i += 1)
      await sendMail({ ...letter, port: server.port, tls: 'none', message: `X: y\r\n\r\n${body}` });
    setFlagsFromString('--expose-gc');
    const gc = runInNewContext('gc') as () => void;
    for (let i = 0; i < 20 && spooled() > 0; i += 1) {
      gc();
      await new Promise(setImmediate);
    }
    assert.equal(spooled(), 0);
  });

  it('knows both ends of the connection, also when the client is gone', async () => {
    const { message } = await receive({});
    assert.equal(message.client.local.address, '127.0.0.1');
    assert.ok(message.client.local.port > 0 && message.client.remote.port > 0);
  });

  it('what a hook threw is in the log, which is stderr unless told otherwise', async () => {
    const lines: string[] = [];
    const log = { ...silentLog, error: (event: string) => void lines.push(event) };
    const broken = () => {
      throw new Error('broken');
    };
    await assert.rejects(receive({ onMessage: broken, log }));
    assert.deepEqual(lines, ['unforeseen failure']);
  });

  it('a hook that says neither yes nor no is "try again later", and a line in the log', async () => {
    const lines: unknown[] = [];
    const log = {
      ...silentLog,
      error: (event: string, facts?: object) => void lines.push([event, facts]),
    };
    const confused = { onMail: () => reply(250, '1.0', 'Fine') };
    await assert.rejects(
      receive({ ...confused, log } as Partial<SmtpServerOptions>),
      /451 4\.3\.0/,
    );
    assert.match(JSON.stringify(lines), /^\[\["a hook failed",\{"name":"onMail"/);
  });

  it('listens once at a time; a port in use is an error that leaves nothing', async () => {
    const options: SmtpServerOptions = { tls: 'self-signed', onMessage: () => {} };
    const [port = 0] = await freePorts(1);
    await using server = await new SmtpServer(options).listen({ port });
    await assert.rejects(server.listen(), /listening already/);
    const hasty = new SmtpServer(options);
    const both = await Promise.allSettled([hasty.listen(), hasty.listen()]);
    assert.deepEqual(
      both.map(({ status }) => status),
      ['fulfilled', 'rejected'],
    );
    await hasty.close();
    const other = new SmtpServer(options);
    await assert.rejects(other.listen({ port }), { code: 'EADDRINUSE' });
    assert.equal(other.port, 0);
    await other.close();
    await server.close();
    await server.close();
    await other.listen({ port });
    await other.close();
  });

  it('close() while listen() is under way leaves no listener behind', async () => {
    const [port = 0] = await freePorts(1);
    const server = new SmtpServer({ onMessage: () => {} });
    const listening = server.listen({ port });
    await server.close();
    await listening;
    assert.equal(server.port, 0);
    await using _ = await new SmtpServer({ onMessage: () => {} }).listen({ port });
  });

  it('close() lets an open transaction finish', async () => {
    const received: string[] = [];
    const server = await new SmtpServer({
      onMessage: async (message) => void received.push(message.subject),
    }).listen();
    const closing = Promise.withResolvers<void>();
    const trace = (_: unknown, line: string) => {
      // The server is told to close between RCPT and DATA.
      if (line.startsWith('250') && line.includes('2.1.5'))
        void server.close().then(closing.resolve, closing.reject);
    };
    await sendMail({ ...letter, port: server.port, tls: 'none', trace });
    await closing.promise;
    assert.deepEqual(received, ['Hello']);
    assert.equal(server.connections, 0);
  });

  it('who closes what is closing waits for the same end', async () => {
    const stored = Promise.withResolvers<void>();
    const asked = Promise.withResolvers<void>();
    const onMessage = () => {
      asked.resolve();
      return stored.promise;
    };
    const server = await new SmtpServer({ onMessage }).listen();
    const sending = sendMail({ ...letter, port: server.port, tls: 'none' });
    await asked.promise;
    const order: string[] = [];
    const closing = [1, 2].map((n) => server.close().then(() => order.push(`closed ${n}`)));
    await new Promise((resolve) => setImmediate(resolve));
    order.push('stored');
    stored.resolve();
    await sending;
    await Promise.all(closing);
    assert.equal(order[0], 'stored');
    assert.equal(order.length, 3);
  });

  it('close() comes to its end though a hook never does', async (t) => {
    const asked = Promise.withResolvers<void>();
    const onConnect = () => {
      asked.resolve();
      return new Promise<undefined>(() => {});
    };
    const server = await new SmtpServer({ onConnect, onMessage: () => {} }).listen();
    const client = connect(server.port, '127.0.0.1').on('error', () => {});
    await asked.promise;
    t.mock.timers.enable({ apis: ['setTimeout'] });
    let isClosed = false;
    const closed = server.close({ graceMs: Infinity }).then(() => {
      isClosed = true;
    });
    await new Promise((resolve) => setImmediate(resolve));
    t.mock.timers.tick(60_000);
    await new Promise((resolve) => setImmediate(resolve));
    assert.ok(!isClosed && !client.destroyed, 'no time is too long to be counted');
    t.mock.timers.tick(2 ** 31);
    await new Promise((resolve) => setImmediate(resolve));
    t.mock.timers.tick(2_000);
    await closed;
    client.destroy();
  });

  const wrong: readonly (readonly [string, object, string, string, RegExp])[] = [
    ['no onMessage', { onMessage: undefined }, 'MISSING_OPTION', 'onMessage', /is missing/],
    ['an onMessage that is none', { onMessage: 5 }, 'INVALID_OPTION', 'onMessage', /a function/],
    ['onData of others', { onData: () => {} }, 'UNKNOWN_OPTION', 'onData', /known here: hostname/],
    ['a slip', { hostName: 'x' }, 'UNKNOWN_OPTION', 'hostName', /did you mean `hostname`/],
    [
      'a slip in limits',
      { limits: { recipient: 5 } },
      'UNKNOWN_OPTION',
      'limits.recipient',
      /`recipients`/,
    ],
    [
      'a limit that is none',
      { limits: { errors: -1 } },
      'INVALID_OPTION',
      'limits.errors',
      /number/,
    ],
    [
      'node’s names for TLS',
      { tls: { cert: 'a', key: 'b' } },
      'UNKNOWN_OPTION',
      'tls.cert',
      /known here: certificate/,
    ],
    ['half a pair', { tls: { certificate: 'a' } }, 'INVALID_OPTION', 'tls.privateKey', /PEM file/],
    [
      'implicit TLS without any',
      { implicitTls: true },
      'MISSING_OPTION',
      'tls',
      /needs a certificate/,
    ],
    [
      'submission without a login',
      { service: 'submission', tls: 'self-signed' },
      'MISSING_OPTION',
      'onAuth',
      /demands a login/,
    ],
    ['a hook that is none', { onMail: 'yes' }, 'INVALID_OPTION', 'onMail', /function/],
    ['a service there is not', { service: 'imap' }, 'INVALID_OPTION', 'service', /'smtp'/],
    [
      'a name with a line end',
      { hostname: 'a\r\nb' },
      'INVALID_HOSTNAME',
      'hostname',
      /'a\?\?b' is not/,
    ],
    [
      'proxies that are nobody',
      { proxyProtocol: { from: [] } },
      'MISSING_OPTION',
      'proxyProtocol.from',
      /name your/,
    ],
    [
      'proxies by name',
      { proxyProtocol: { from: ['lb'] } },
      'INVALID_OPTION',
      'proxyProtocol.from[0]',
      /'lb' is not a network/,
    ],
    [
      'a throttle’s slip',
      { loginThrottle: { delays: 1 } },
      'UNKNOWN_OPTION',
      'loginThrottle.delays',
      /`delay`/,
    ],
    ['a word for no', { insecureAuth: 'false' }, 'INVALID_OPTION', 'insecureAuth', /true or false/],
    ['a number for yes', { implicitTls: 1 }, 'INVALID_OPTION', 'implicitTls', /true or false/],
    [
      'a list of authorities',
      { clientAuthorities: ['a'] },
      'INVALID_OPTION',
      'clientAuthorities',
      /in one/,
    ],
    [
      'authorities without TLS',
      { clientAuthorities: 'ca.pem' },
      'MISSING_OPTION',
      'tls',
      /clientAuthorities needs/,
    ],
    ['no certificate', { tls: [] }, 'MISSING_OPTION', 'tls', /empty list/],
    [
      'a passphrase that is a number',
      { tls: { certificate: 'a', privateKey: 'b', passphrase: 1234 } },
      'INVALID_OPTION',
      'tls.passphrase',
      /a text/,
    ],
    ['a log that is none', { log: {} }, 'INVALID_OPTION', 'log', /debug, info, warn, error/],
    ['no log as null', { log: null }, 'INVALID_OPTION', 'log', /debug/],
    ['limits as null', { limits: null }, 'INVALID_OPTION', 'limits', /an object with commandBytes/],
    ['one limit for all', { limits: 5 }, 'INVALID_OPTION', 'limits', /an object/],
    ['a limit as a text', { limits: { errors: '5' } }, 'INVALID_OPTION', 'limits.errors', /number/],
    ['no time', { limits: { commandMs: 0 } }, 'INVALID_OPTION', 'limits.commandMs', /1 or more/],
    [
      'a throttle that is on',
      { loginThrottle: true },
      'INVALID_OPTION',
      'loginThrottle',
      /an object/,
    ],
    ['a throttle as null', { loginThrottle: null }, 'INVALID_OPTION', 'loginThrottle', /an object/],
    ['proxies as null', { proxyProtocol: null }, 'INVALID_OPTION', 'proxyProtocol', /from/],
    ['proxies as yes', { proxyProtocol: true }, 'INVALID_OPTION', 'proxyProtocol', /from/],
  ];
  for (const [title, options, code, option, message] of wrong)
    it(`says at once what cannot be meant: ${title}`, () => {
      assert.throws(
        () => new SmtpServer({ onMessage: () => {}, ...options } as SmtpServerOptions),
        (error) => {
          assert.ok(error instanceof InputError);
          assert.deepEqual([error.code, error.option], [code, option]);
          assert.match(error.message, message);
          return true;
        },
      );
    });

  it('says which ports there are', async () => {
    const server = new SmtpServer({ onMessage: () => {} });
    for (const port of [-1, 65_536, 25.5, 'smtp', ''])
      await assert.rejects(server.listen({ port }), {
        code: 'INVALID_OPTION',
        option: 'listen.port',
      });
  });

  it('leaves no key on the disk while it runs, and takes large messages all the same', async () => {
    const large = `Subject: x\r\n\r\n${'y\r\n'.repeat(100_000)}`;
    const mine = () =>
      readdirSync(tmpdir()).filter((name) => name.startsWith(`postrider-${process.pid}-`));
    const before = new Set(mine());
    await using server = await new SmtpServer({ onMessage: () => {}, tls: 'self-signed' }).listen();
    assert.deepEqual(
      mine().filter((name) => !before.has(name)),
      [],
    );
    await sendMail({ ...letter, port: server.port, tls: 'require', message: large });
  });

  it('says of a certificate that it has ended, which clients may not take', async () => {
    const { certificate, privateKeyPem: privateKey } = issueCertificate({
      ...{ commonName: 'mx.test', names: ['mx.test'] },
      ...{ notBefore: new Date('2020-01-01'), notAfter: new Date('2021-01-01') },
    });
    const told: unknown[] = [];
    const log = { ...silentLog, warn: (...said: unknown[]) => void told.push(said) };
    await receive({ tls: { certificate, privateKey }, log }, { tls: 'require' });
    assert.match(inspect(told), /certificate is doubtful.*2021/s);
  });

  it('listens nowhere else than was meant, and closes as it was told', async () => {
    const server = new SmtpServer({ onMessage: () => {} });
    const listen = (given: unknown) => server.listen(given as { port: number });
    for (const given of [2525, '2525', null, [2525]])
      await assert.rejects(listen(given), { code: 'INVALID_OPTION', option: 'listen' });
    for (const host of ['', null, 0, 'a\0b'])
      await assert.rejects(listen({ host }), { code: 'INVALID_OPTION', option: 'listen.host' });
    for (const path of ['', null, 5])
      await assert.rejects(listen({ path }), { code: 'INVALID_OPTION', option: 'listen.path' });
    const close = (given: unknown) => server.close(given as { graceMs: number });
    await assert.rejects(close(5_000), { code: 'INVALID_OPTION', option: 'close' });
    await assert.rejects(close({ grace: 1 }), { code: 'UNKNOWN_OPTION', option: 'close.grace' });
    await assert.rejects(close({ graceMs: '1' }), { option: 'close.graceMs' });
    await server.close();
  });

  it('RFC 1870 §4, RFC 9422 §2: EHLO has limits in digits, whatever number was given', async () => {
    const ehlo = async (limits: Partial<SmtpServerLimits>) => {
      const lines: string[] = [];
      const trace = (_: unknown, line: string) => void lines.push(line);
      await receive({ limits }, { trace });
      return lines
        .filter((line) => /^250[ -](?:SIZE|LIMITS)/.test(line))
        .map((line) => line.slice(4));
    };
    assert.deepEqual(await ehlo({ messageBytes: 0.1 * 2 ** 20, recipients: 2.5 }), [
      'SIZE 104858',
      'LIMITS RCPTMAX=3',
    ]);
    const any = { messageBytes: Infinity, recipients: Infinity, messages: Infinity };
    const others = { recipientDomains: Infinity, textLineBytes: Infinity, commandMs: Infinity };
    assert.deepEqual(await ehlo({ ...any, ...others }), ['SIZE 0', 'LIMITS RCPTMAX=999999']);
  });

  it('a login that gives no account is none: an empty name, true, an object', async () => {
    for (const account of ['', true, {}, 0]) {
      const onAuth = () => account as string;
      const failures: unknown[] = [];
      const fail = (event: string) => void failures.push(event);
      const log = { ...silentLog, warn: fail, error: fail };
      await using server = await new SmtpServer({
        ...{ onMessage: () => {}, onAuth, insecureAuth: true, loginThrottle: false, log },
      }).listen();
      assert.equal(await authenticate(server.port, 'PLAIN', '\0ann\0secret'), '454');
      assert.equal(failures.length, 1);
    }
  });

  it('onAuth and onToken hear who logs in, and how', async () => {
    const heard: unknown[] = [];
    const note = (user: string, secret: string, { client, mechanism, session }: LoginFacts) => {
      heard.push([user, secret, mechanism, session === client.session, client.hello]);
      return user;
    };
    const sending = { hostname: 'me.test', auth: { user: 'ann', password: 'secret' } };
    await receive({ onAuth: note, insecureAuth: true }, sending);
    const token = { hostname: 'me.test', auth: { user: 'ann', token: 'abc' } };
    await receive({ onToken: note, insecureAuth: true }, token);
    assert.deepEqual(heard, [
      ['ann', 'secret', 'PLAIN', true, 'me.test'],
      ['ann', 'abc', 'OAUTHBEARER', true, 'me.test'],
    ]);
    await assert.rejects(receive({ onToken: note, insecureAuth: true }, sending), {
      code: 'LOGIN_FAILED',
    });
  });

  it('an account may be called otherwise than who logs in, who acts as nobody else (RFC 4616 §2)', async () => {
    const secrets = new Set(['secret', 'abc']);
    const known = (user: string, secret: string) =>
      user === 'ann' && secrets.has(secret) ? 'account 7' : undefined;
    await using server = await new SmtpServer({
      ...{ onMessage: () => {}, onAuth: known, onToken: known, insecureAuth: true },
      ...{ log: silentLog, loginThrottle: false },
    }).listen();
    const replies: string[] = [];
    for (const [mechanism, response] of [
      ['PLAIN', '\0ann\0secret'],
      ['PLAIN', 'ann\0ann\0secret'],
      ['XOAUTH2', 'user=ann\x01auth=Bearer abc\x01\x01'],
      ['OAUTHBEARER', 'n,a=ann,\x01auth=Bearer abc\x01\x01'],
      ['PLAIN', 'bob\0ann\0secret'],
    ] as const) {
      replies.push(await authenticate(server.port, mechanism, response));
    }
    assert.deepEqual(replies, ['235', '235', '235', '235', '535']);
  });

  it('RFC 4616 §2: programs are not asked about names with control characters', async () => {
    const asked: string[] = [];
    const ask = (user: string) => void asked.push(user);
    await using server = await new SmtpServer({
      ...{ onMessage: () => {}, onAuth: ask, onToken: ask, insecureAuth: true, log: silentLog },
    }).listen();
    const name = 'ann\r\nReceived: from eve';
    assert.equal(await authenticate(server.port, 'PLAIN', `\0${name}\0secret`), '535');
    assert.equal(
      await authenticate(server.port, 'XOAUTH2', `user=${name}\x01auth=Bearer abc\x01\x01`),
      '334',
    );
    assert.deepEqual(asked, []);
  });

  it('guesses are slowed and cut off, unless they shall not be', async () => {
    const guess = async (loginThrottle: SmtpServerOptions['loginThrottle']) => {
      const replies: string[] = [];
      await using server = await new SmtpServer({
        ...{ onMessage: () => {}, onAuth: () => undefined, insecureAuth: true, log: silentLog },
        loginThrottle,
      }).listen();
      const auth = { user: 'ann', password: 'wrong' };
      for (let i = 0; i < 4; i += 1)
        await sendMail({ ...letter, port: server.port, tls: 'none', auth }).catch((error: Error) =>
          replies.push(error.message.slice(0, 60)),
        );
      return replies.map((text) => /\b535\b|Too many/.exec(text)?.[0] ?? text);
    };
    assert.deepEqual(await guess({ delay: 0, failuresPerNetwork: 2 }), [
      '535',
      '535',
      'Too many',
      'Too many',
    ]);
    assert.deepEqual(await guess(false), ['535', '535', '535', '535']);
  });

  it('onSecure hears of TLS, and may refuse in its own words; onClose hears of the end', async () => {
    const events: string[] = [];
    const closed = Promise.withResolvers<void>();
    const options: Partial<SmtpServerOptions> = {
      tls: 'self-signed',
      onConnect: ({ tls }) => void events.push(`connect ${tls?.protocol}`),
      onSecure: ({ tls }) => void events.push(`secure ${tls?.protocol}`),
      onClose: ({ remote, hello, tls }) => {
        events.push(`close ${remote.address} ${hello} ${tls?.protocol}`);
        closed.resolve();
      },
    };
    await receive(options, { tls: 'require', hostname: 'me.test' });
    await closed.promise;
    assert.deepEqual(events, [
      'connect undefined',
      'secure TLSv1.3',
      'close 127.0.0.1 me.test TLSv1.3',
    ]);
    const no = {
      tls: 'self-signed',
      onSecure: () => reply(554, '7.1', 'Not with this cipher'),
    } as const;
    await assert.rejects(receive(no, { tls: 'require' }), /Not with this cipher/);
    const implicit = { tls: 'require', implicitTls: true } as const;
    await assert.rejects(receive({ ...no, implicitTls: true }, implicit), /Not with this cipher/);
  });

  it('what onClose throws ends nothing', async () => {
    const lines: string[] = [];
    const log = { ...silentLog, error: (event: string) => void lines.push(event) };
    const onClose = () => {
      throw new Error('broken');
    };
    await receive({ onClose, log });
    assert.deepEqual(lines, ['onClose failed']);
  });

  it('a flood of refusals is told of in full when the server closes', async () => {
    const lines: string[] = [];
    const count = (event: string, fields?: object) =>
      void lines.push(event === 'refusals left out' ? JSON.stringify(fields) : event);
    const log = { ...silentLog, info: count };
    const onRecipient = () => reply(550, '1.1', 'Nobody here');
    const to = Array.from({ length: 25 }, (_, i) => `user${i}@example.net`);
    const flood = receive({ onRecipient, log, limits: { errors: 100 } }, { to });
    await assert.rejects(flood, /Nobody here/);
    assert.equal(lines.filter((line) => line === 'refused').length, 20);
    // The sixth is DATA, which follows in the same write.
    assert.match(lines.at(-1)!, /"count":6\b/);
  });

  it('proxyProtocol: the client is who the proxy says', async () => {
    const heard: string[] = [];
    await using server = await new SmtpServer({
      proxyProtocol: { from: ['127.0.0.1'] },
      onConnect: ({ remote }) => void heard.push(`${remote.address} ${remote.port}`),
      onMessage: () => {},
    }).listen();
    for (const [localAddress, header] of [
      ['127.0.0.1', 'PROXY TCP4 198.51.100.7 192.0.2.1 40000 25\r\n'],
      ['127.0.0.2', ''],
    ] as const) {
      const socket = connect({ port: server.port, host: '127.0.0.1', localAddress });
      if (header !== '') socket.write(header);
      await new Promise((resolve) => socket.once('data', resolve));
      socket.destroy();
    }
    assert.equal(heard[0], '198.51.100.7 40000');
    assert.match(heard[1]!, /^127\.0\.0\.2 /);
  });
});
