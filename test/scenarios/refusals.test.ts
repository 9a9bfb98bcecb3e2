// Every kind of refusal leaves a line in the log, and `why` finds it again.

import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { describe, it } from 'node:test';
import type { Fields, Log } from '../../src/base/log.ts';
import { silentLog } from '../../src/base/log.ts';
import type { ConfigInput } from '../../src/config/config.ts';
import { storiesOf } from '../../src/queue/story/story.ts';
import { formatWhy } from '../../src/queue/story/story-text.ts';
import type { TestServer } from '../../src/testing/index.ts';
import { startTestServer } from '../../src/testing/index.ts';
import { eventually } from '../process.ts';
import { connectClient } from './wire.ts';

const ann = 'ann@example.org';
const local = { host: '127.0.0.1', port: 0 } as const;

async function start(more: ConfigInput = {}) {
  const lines: (Fields & { readonly event: string; readonly level: string })[] = [];
  const keep = (level: string) => (event: string, fields?: Fields) =>
    void lines.push({ event, level, ...fields });
  const log: Log = { ...silentLog, info: keep('info'), warn: keep('warn') };
  const server = await startTestServer({
    log,
    accounts: [{ address: ann, password: 'correct horse' }],
    config: {
      domains: ['example.org'],
      tls: 'self-signed',
      listeners: [
        { service: 'smtp', ...local },
        { service: 'lmtp', ...local },
        { service: 'submission', ...local, insecureAuth: true },
        { service: 'imap', ...local, tls: 'implicit' },
        { service: 'pop3', ...local, insecureAuth: true },
      ],
      limits: { messageSize: '100KiB' },
      ...more,
    },
  });
  const portOf = (service: string) => server.listeners.find((one) => one.service === service)!.port;
  const refused = () => lines.filter(({ event }) => event === 'refused');
  return { server, portOf, lines, refused };
}

async function talk(port: number, ...texts: string[]): Promise<string[]> {
  const client = await connectClient(port);
  const heard: string[] = [];
  for (const text of texts) heard.push(await client.say(text).catch(() => ''));
  client.close();
  return heard;
}

/** A connection on which no SMTP reply is waited for: to be read as it comes. */
function raw(port: number, text = ''): Disposable {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => {});
  socket.resume();
  if (text !== '') socket.write(text);
  return { [Symbol.dispose]: () => void socket.destroy() };
}

const why = async ({ server: { stores, history } }: TestServer, text: string) =>
  formatWhy(await storiesOf({ store: stores.queue, history }, text));

const hello = 'EHLO client.test\r\n';
const from = 'MAIL FROM:<x@far.test>\r\n';
const to = `RCPT TO:<${ann}>\r\n`;

describe('refusals', () => {
  const kinds: readonly (readonly [
    title: string,
    service: string,
    said: readonly string[],
    wanted: Readonly<Record<string, unknown>>,
  ])[] = [
    ['HELO', 'smtp', ['HELO\r\n'], { stage: 'helo', reply: /^501 5\.5\.4 / }],
    [
      'MAIL',
      'smtp',
      [hello, 'MAIL FROM:<x@far.test> SIZE=200000\r\n'],
      { stage: 'mail', from: 'x@far.test', hello: 'client.test', reply: /^552 5\.3\.4 / },
    ],
    ['MAIL without login', 'submission', [hello, from], { stage: 'mail', reply: /^530 5\.7\.0 / }],
    [
      'RCPT',
      'smtp',
      [hello, from, 'RCPT TO:<nobody@example.org>\r\n'],
      {
        stage: 'rcpt',
        from: 'x@far.test',
        to: 'nobody@example.org',
        reply: '550 5.1.1 No such mailbox here',
        reason: 'No such mailbox here',
      },
    ],
    [
      'relaying',
      'smtp',
      [hello, 'MAIL FROM:<>\r\n', 'RCPT TO:<y@elsewhere.test>\r\n'],
      { stage: 'rcpt', from: '', to: 'y@elsewhere.test', reply: /^550 5\.7\.1 / },
    ],
    [
      'RCPT that cannot be read',
      'smtp',
      [hello, from, 'RCPT TO:<y@@z>\r\n'],
      { stage: 'rcpt', from: 'x@far.test', reply: /^501 5\.1\.3 / },
    ],
    ['DATA', 'smtp', [hello, from, 'DATA\r\n'], { stage: 'data', reply: /^503 / }],
    [
      'content',
      'smtp',
      [hello, from, to, 'DATA\r\n', 'Subject: x\r\nMessage-ID: <m1@far.test>\r\n\r\na\nb\r\n.\r\n'],
      {
        stage: 'content',
        from: 'x@far.test',
        to: ann,
        messageId: '<m1@far.test>',
        reply: /^550 5\.6\.11 /,
      },
    ],
    [
      'content in BDAT',
      'smtp',
      [hello, from, to, 'BDAT 5 LAST\r\nab\ncd'],
      { stage: 'content', to: ann, reply: /^550 5\.6\.11 / },
    ],
    [
      'size',
      'smtp',
      [
        hello,
        from,
        to,
        'DATA\r\n',
        `Message-ID: <m2@far.test>\r\n\r\n${`${'x'.repeat(70)}\r\n`.repeat(3000)}.\r\n`,
      ],
      { stage: 'content', messageId: '<m2@far.test>', reply: /^552 5\.3\.4 / },
    ],
    [
      'a loop',
      'smtp',
      [
        hello,
        from,
        to,
        'DATA\r\n',
        `${'Received: x\r\n'.repeat(101)}Message-ID: <m3@far.test>\r\n\r\n.\r\n`,
      ],
      { stage: 'content', messageId: '<m3@far.test>', reply: /^5/ },
    ],
    [
      'AUTH',
      'submission',
      [hello, 'AUTH PLAIN AGFubkBleGFtcGxlLm9yZwB3cm9uZw==\r\n'],
      { stage: 'auth', reply: /^535 5\.7\.8 / },
    ],
    ['a command', 'smtp', [hello, 'FROBNICATE\r\n'], { stage: 'command', reply: /^500 / }],
    [
      'LMTP',
      'lmtp',
      ['LHLO client.test\r\n', from, 'RCPT TO:<nobody@example.org>\r\n'],
      { stage: 'rcpt', service: 'lmtp', to: 'nobody@example.org', reply: /^550 / },
    ],
  ];
  it('each kind is one line at info, with session, client, HELO, sender, recipient, reply and reason', async () => {
    const { server, portOf, lines, refused } = await start();
    await using _ = server;
    for (const [title, service, said, wanted] of kinds) {
      lines.length = 0;
      await talk(portOf(service), ...said);
      assert.equal(refused().length, 1, title);
      const line: Readonly<Record<string, unknown>> = refused()[0]!;
      assert.equal(line.level, 'info');
      assert.equal(line.client, '127.0.0.1');
      assert.match(String(line.session), /^[0-9a-z]{10}/, title);
      assert.equal(line.service, service);
      assert.ok(String(line.reason).length > 0, title);
      for (const [field, value] of Object.entries(wanted))
        if (value instanceof RegExp) assert.match(String(line[field]), value, `${title}: ${field}`);
        else assert.equal(line[field], value, `${title}: ${field}`);
      await server.clock.advance(10_000);
    }
  });

  it('connections that were turned away', async () => {
    const { server, portOf, refused } = await start({ limits: { connectionsPerClient: 1 } });
    await using _ = server;
    const first = await connectClient(portOf('smtp'));
    for (const [i, service] of ['smtp', 'imap'].entries()) {
      using _turnedAway = raw(portOf(service));
      await eventually(() => refused()[i], 'the refusal');
    }
    assert.deepEqual(
      refused().map(({ stage, service, reply }) => [stage, service, String(reply).slice(0, 9)]),
      [
        ['connect', 'smtp', '421 4.7.0'],
        ['connect', undefined, 'undefined'],
      ],
    );
    first.close();
  });

  it('failed handshakes, and logins by IMAP and POP3', async () => {
    const { server, portOf, lines, refused } = await start();
    await using _ = server;
    using _none = raw(portOf('imap'), 'this is no handshake\r\n\r\n');
    await eventually(() => refused()[0], 'the first handshake to fail');
    await talk(portOf('smtp'), hello, 'STARTTLS\r\n', 'neither is this\r\n\r\n');
    await eventually(() => refused()[1], 'the other handshake to fail');
    assert.deepEqual(
      refused().map(({ stage, service, reply }) => [stage, service, reply]),
      [
        ['tls', 'imap', undefined],
        ['starttls', 'smtp', undefined],
      ],
    );
    for (const { reason } of refused())
      assert.match(String(reason), /ssl|tls|wrong version|record/i);
    lines.length = 0;
    using _login = raw(portOf('pop3'), `USER ${ann}\r\nPASS wrong\r\n`);
    const login = await eventually(
      () => lines.find(({ event }) => event === 'login failed'),
      'the login to fail',
    );
    assert.deepEqual([login.user, login.reason, login.client], [ann, 'credentials', '127.0.0.1']);
    assert.match(await why(server, ann), /at login: password: credentials/);
  });

  it('`why` tells it by address, Message-ID and session', async () => {
    const { server, portOf, refused } = await start();
    await using _ = server;
    await talk(
      portOf('smtp'),
      hello,
      from,
      to,
      'RCPT TO:<Nobody@example.org>\r\n',
      'DATA\r\n',
      'Message-ID: <m1@far.test>\r\n\r\na\nb\r\n.\r\n',
    );
    assert.equal(refused().length, 2);
    const session = String(refused()[0]!.session);
    const story = await why(server, 'nobody@EXAMPLE.org');
    assert.match(
      story,
      /^Refused \d{4}-.*\n {4}client client\.test \[127\.0\.0\.1\], smtp, session /,
    );
    assert.ok(story.includes(`session ${session}\n`));
    assert.match(
      story,
      /\n {4}from <x@far\.test>\n {4}to <Nobody@example\.org>\n {4}at rcpt: 550 5\.1\.1 No such mailbox here\n$/,
    );
    assert.match(
      await why(server, '<m1@far.test>'),
      /Message-ID <m1@far\.test>\n {4}at content: 550 5\.6\.11 /,
    );
    assert.equal((await why(server, session)).match(/^Refused/gm)?.length, 2);
    assert.equal((await why(server, 'x@far.test')).match(/^Refused/gm)?.length, 2);
    assert.equal(await why(server, 'y@far.test'), '');
  });

  it('a flood is left out and counted', async () => {
    const { server, portOf, lines, refused } = await start();
    await using _ = server;
    for (let i = 0; i < 3; i += 1)
      await talk(portOf('smtp'), hello, ...Array(19).fill('FROBNICATE\r\n'));
    assert.equal(refused().length, 20);
    await server.clock.advance(10_000);
    const told = lines.find(({ event }) => event === 'refusals left out');
    assert.deepEqual([told?.client, told?.count], ['127.0.0.1', 3 * 19 - 20]);
  });
});
