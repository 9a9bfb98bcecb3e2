// The whole server and what policies do in it: what they find is told by `why`, what they ask the DNS comes
// from one resolver, and what they change of a message's head is the same for everybody who reads it.

import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { describe, it } from 'node:test';
import { fc } from '../../src/base/test-properties.ts';
import { fieldsNamed } from '../../src/mail/header/header-cut.ts';
import type { Policy } from '../../src/policy/policy.ts';
import { storiesOf } from '../../src/queue/story/story.ts';
import { formatWhy } from '../../src/queue/story/story-text.ts';
import { countOf } from '../../src/store/conformance/harness.ts';
import type { TestServer, TestServerOptions } from '../../src/testing/index.ts';
import { startTestServer } from '../../src/testing/index.ts';
import { eventually } from '../process.ts';
import { connectImap } from './imap-wire.ts';
import { connectClient, startNextHop, submit } from './wire.ts';

const ann = 'ann@example.org';
const local = { host: '127.0.0.1', port: 0 } as const;

const start = ({ config, ...more }: TestServerOptions = {}) =>
  startTestServer({
    accounts: [{ address: ann, password: 'secret' }],
    config: {
      hostname: 'mx.example.org',
      domains: ['example.org'],
      listeners: [{ service: 'smtp', ...local }],
      ...config,
    },
    ...more,
  });

const large = `${'large '.repeat(11)}mail\r\n`.repeat(4_000);

async function send(server: TestServer, content: string, to: readonly string[] = [ann]) {
  const client = await connectClient(server.port);
  await client.say('EHLO client.test\r\n');
  const queued = await submit(client, { from: 'bob@client.test', to, content });
  client.close();
  return queued.split(' ').at(-1)!;
}

async function why({ server }: TestServer, id: string): Promise<string> {
  const { stores, history } = server;
  return formatWhy(await storiesOf({ store: stores.queue, history }, id));
}

/** What `postrider mail show` says of the last message. */
async function shown({ server }: TestServer): Promise<string> {
  const { mailList, mailShow } = server.operations;
  const mails = await Array.fromAsync(mailList({ address: ann }));
  const pieces = await Array.fromAsync(mailShow({ address: ann, id: mails.at(-1)!.id }));
  return Buffer.concat(pieces).toString('latin1');
}

describe('RFC 8601 §5: Authentication-Results in our name', () => {
  const forged =
    'Authentication-Results: mx.example.org;\r\n\tspf=pass smtp.mailfrom=bank.example\r\n';
  const other = 'Authentication-Results: relay.example.net; spf=fail\r\n';
  const head = (body: string) =>
    `Subject: x\r\n${forged}${other}X: é\r\n${forged}\r\n${forged}${body}`;

  for (const [size, body] of [
    ['small', 'Hi'],
    ['large', large],
  ] as const)
    it(`strangers bring none along in ${size} mail; why tells of it, later too`, async () => {
      await using server = await start();
      const id = await send(server, head(body));
      await server.waitFor(({ subject }) => subject === 'x');
      const kept = Buffer.from(`Subject: x\r\n${other}X: é\r\n\r\n${forged}${body}`);
      const show = await shown(server);
      assert.ok(show.endsWith(`\r\n${kept.toString('latin1')}\r\n`), show.slice(0, 600));
      assert.equal((await countOf(server.server.stores.queue)).messages, 0);
      assert.match(await why(server, id), /^ {4}2 Authentication-Results fields not of ours/m);
    });

  it('networks of ours may have them from us', async () => {
    await using server = await start({ config: { trustedNetworks: ['127.0.0.1/32'] } });
    const id = await send(server, head('Hi'));
    await server.waitFor(({ subject }) => subject === 'x');
    assert.ok((await shown(server)).includes(`\r\nSubject: x\r\n${forged}${other}`));
    assert.doesNotMatch(await why(server, id), /Authentication-Results/);
  });
});

describe('findings', () => {
  it('a policy asks the DNS, and `why` tells what it found, of a refusal too', async () => {
    const policies: TestServerOptions['policies'] = ({ resolver }) => [
      {
        name: 'looks-up',
        async mail({ sender }) {
          const answer = await resolver.resolve(sender!.domain, 'TXT');
          const text = answer.kind === 'records' ? answer.records[0] : answer.kind;
          return { findings: [{ kind: 'note', policy: 'looks-up', text }] };
        },
        async message({ findings }, arrival) {
          const octets = Buffer.concat(await Array.fromAsync(arrival.open().read())).length;
          const text = `${findings.length} so far, ${octets} octets`;
          return { findings: [{ kind: 'note', policy: 'counts', text }] };
        },
      },
    ];
    const zone = { 'client.test': { TXT: ['v=spf1 -all'] } };
    await using server = await start({ policies, zone });
    const id = await send(server, 'Subject: asked\r\n\r\nHi');
    await server.waitFor(({ subject }) => subject === 'asked');
    assert.match(await why(server, id), /looks-up: v=spf1 -all\n {4}counts: 1 so far, 22 octets\n/);
    const client = await connectClient(server.port);
    await client.say('EHLO client.test\r\nMAIL FROM:<bob@client.test>\r\n');
    await client.hear();
    assert.match(await client.say('RCPT TO:<nobody@example.org>\r\n'), /^550 /);
    assert.match(await client.say('RSET\r\nBURL x\r\n'), /^250 /);
    assert.match(await client.hear(), /^50\d /);
    client.close();
    const refused = await why(server, 'nobody@example.org');
    assert.match(refused, /looks-up: v=spf1 -all\n {4}at rcpt: 550/);
    const [, session] = /session (\w+)/.exec(refused)!;
    const events = await server.server.history.findRefused(session!);
    assert.deepEqual(
      events.map(({ refusal: { stage, findings } }) => [stage, findings?.length]),
      [
        ['rcpt', 1],
        ['command', undefined],
      ],
      'what is not about the mail has no findings of it',
    );
  });
});

describe('the head of a message', () => {
  it('whoever reads it, by whatever way, reads the same', async () => {
    const policy: Policy = {
      name: 'drops',
      message: (_, { head }) => ({
        head: {
          front: 'X-Front: by us\r\n',
          dropped: ['x-drop', 'received'].flatMap((name) => fieldsNamed(head, name)),
        },
      }),
    };
    await using hop = await startNextHop();
    await using server = await start({
      policies: [policy],
      config: {
        tls: 'self-signed',
        trustedNetworks: ['127.0.0.1/32'],
        routes: [{ domain: '*', host: '127.0.0.1', port: hop.port, tls: 'none' }],
        listeners: [
          { service: 'smtp', ...local },
          { service: 'imap', ...local, tls: 'implicit' },
          { service: 'pop3', ...local, insecureAuth: true },
        ],
      },
    });
    const line = fc.constantFrom(
      ...['X-Drop: a\r\n', 'x-drop:\r\n folded\r\n', 'Received: from a by b\r\n', 'To: x\r\n'],
      ...[
        'X-Dropped: no\r\n',
        'astray\r\n',
        'Subject: s\r\n',
        'Return-Path: <x@y>\r\n',
        'X: y\r\n',
      ],
    );
    const message = fc.record({
      lines: fc.array(line, { maxLength: 10 }),
      body: fc.constantFrom('Hi\r\n', 'X-Drop: body\r\n', '', large),
    });
    await fc.assert(
      fc.asyncProperty(message, async ({ lines, body }) => {
        const content = `${lines.join('')}\r\n${body}`;
        const taken = hop.taken.length;
        const arrived = server.messages.length;
        await send(server, content.replace(/\r\n$/, ''), [ann, 'carol@far.test']);
        await server.waitFor(() => server.messages.length > arrived);
        await eventually(() => (hop.taken.length > taken ? true : undefined), 'it is relayed');
        const show = await shown(server);
        assert.equal(await byImap(server), show);
        assert.equal(await byPop3(server), show);
        const final = /^Return-Path: .*\r\nDelivered-To: .*\r\n/;
        const relayed = Buffer.from(hop.taken.at(-1)!).toString('latin1');
        // RFC 5321 §4.4: final delivery alone takes Return-Path out.
        const isPath = (text: string) => text.replaceAll('Return-Path: <x@y>\r\n', '');
        assert.equal(isPath(`${relayed}\r\n`), isPath(show.replace(final, '')));
        assert.match(relayed, /^X-Front: by us\r\nReceived: from client\.test/);
        const dropped = fieldsNamed(Buffer.from(show, 'latin1'), 'x-drop');
        assert.deepEqual(dropped, []);
        assert.ok(show.endsWith(Buffer.from(body).toString('latin1')));
      }),
      { numRuns: 25 },
    );
  });
});

async function byImap(server: TestServer): Promise<string> {
  const client = await connectImap(server.listeners[1]!.port);
  await client.ask(`LOGIN ${ann} secret`);
  await client.ask('SELECT INBOX');
  const lines = await client.ask('FETCH * (BODY.PEEK[])');
  client.close();
  const [first = '', ...rest] = lines;
  const size = Number(/\{(\d+)\}$/.exec(first)?.[1]);
  return rest.join('\r\n').slice(0, size);
}

async function byPop3(server: TestServer): Promise<string> {
  const socket = connect(server.listeners[2]!.port, '127.0.0.1').setEncoding('latin1');
  let text = '';
  socket.on('data', (piece: string) => {
    text += piece;
  });
  const heard = async (end: RegExp) => {
    while (!end.test(text)) await new Promise((resolve) => socket.once('data', resolve));
    const found = text;
    text = '';
    return found;
  };
  const ask = (line: string, end = /\r\n$/) => {
    socket.write(`${line}\r\n`);
    return heard(end);
  };
  await heard(/\r\n$/);
  await ask(`USER ${ann}`);
  await ask('PASS secret');
  const [, count] = /^\+OK (\d+)/.exec(await ask('STAT')) ?? [];
  const said = await ask(`RETR ${count}`, /\r\n\.\r\n$/);
  socket.destroy();
  return said
    .replace(/^\+OK.*\r\n/, '')
    .replace(/\.\r\n$/, '')
    .replaceAll('\r\n..', '\r\n.');
}
