// The whole server and what turns abuse away: each rule is seen with its reply, with what `why` tells of it, and
// with its number among the metrics.

import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { describe, it } from 'node:test';
import type { Log } from '../../src/base/log.ts';
import { silentLog } from '../../src/base/log.ts';
import { storiesOf } from '../../src/queue/story/story.ts';
import { formatWhy } from '../../src/queue/story/story-text.ts';
import { reply } from '../../src/smtp/reply.ts';
import type { TestServer, TestServerOptions } from '../../src/testing/index.ts';
import { startTestServer } from '../../src/testing/index.ts';
import { connectClient, submit } from './wire.ts';

const ann = 'ann@example.org';
const local = { host: '127.0.0.1', port: 0 } as const;

const start = (
  config: TestServerOptions['config'],
  zone: TestServerOptions['zone'] = {},
  log: Log = silentLog,
) =>
  startTestServer({
    ...{ zone, log },
    accounts: [
      { address: ann, password: 'secret' },
      { address: 'root@example.org', password: 'secret' },
    ],
    config: {
      hostname: 'mx.example.org',
      domains: ['example.org'],
      aliases: { 'postmaster@example.org': ['root@example.org'] },
      listeners: [
        { service: 'smtp', ...local },
        { service: 'submission', ...local, insecureAuth: true },
      ],
      ...config,
    },
  });

async function why({ server }: TestServer, id: string): Promise<string> {
  const { stores, history } = server;
  return formatWhy(await storiesOf({ store: stores.queue, history }, id));
}

/** Lines to say, and the replies to them; the conversation may end early. */
async function talk(port: number, ...lines: readonly string[]): Promise<readonly string[]> {
  const client = await connectClient(port);
  const heard: string[] = [client.greeting];
  try {
    for (const line of lines) heard.push(await client.say(`${line}\r\n`));
  } catch {
    heard.push('closed');
  }
  client.close();
  return heard;
}

/** Time of the server's, in which sockets have their turn. */
async function passes({ clock }: TestServer, ms: number): Promise<void> {
  await clock.advance(ms);
  await new Promise((resolve) => setTimeout(resolve, 5));
}

const hello = 'EHLO client.test';
const from = (sender: string) => `MAIL FROM:<${sender}>`;
const to = (recipient: string) => `RCPT TO:<${recipient}>`;

function objections({ server }: TestServer, policy: string): Promise<number> {
  return metric(server, 'policy_objections_total', policy);
}

async function metric(
  { operations }: TestServer['server'],
  name: string,
  label?: string,
): Promise<number> {
  const all = await Array.fromAsync(operations.metrics());
  const found = all.find((one) => one.name.endsWith(name))!;
  const sample = found.samples.find(
    ({ labels }) => label === undefined || Object.values(labels).includes(label),
  );
  return (sample as { readonly value: number }).value;
}

describe('rate limits', () => {
  it('a network that sends too much is refused for now', async () => {
    await using server = await start({ rateLimits: { messagesPerClient: ['1/1h'] } });
    const client = await connectClient(server.port);
    await client.say(`${hello}\r\n`);
    await submit(client, { from: 'bob@client.test', to: [ann], content: 'Subject: x\r\n\r\nHi' });
    const no = await client.say(`${from('bob@client.test')}\r\n`);
    assert.equal(no, '450 4.7.1 Too many messages, at most 1 in 1h: again in 3600 s');
    client.close();
    assert.match(await why(server, 'bob@client.test'), /at mail: 450 4\.7\.1 Too many messages/);
    assert.equal(await objections(server, 'rate-limits'), 1);
  });

  it('recipients and connections, too', async () => {
    await using server = await start({
      rateLimits: { recipientsPerClient: ['1/1h'], connectionsPerClient: ['2/1m'] },
    });
    const heard = await talk(server.port, hello, from('bob@client.test'), to(ann), to(ann));
    assert.match(heard.at(-2)!, /^250 /);
    assert.match(heard.at(-1)!, /^450 4\.7\.1 Too many recipients/);
    assert.match((await talk(server.port, hello))[0]!, /^220 /);
    assert.match((await talk(server.port, hello))[0]!, /^421 4\.7\.1 Too many connections/);
  });

  it('an account that sends to many is stopped; its owner and postmaster hear of it', async () => {
    await using server = await start({
      rateLimits: { recipientsPerAccount: ['3/1h'] },
      routes: [{ domain: '*', via: 'discard' }],
    });
    const mail = (recipients: readonly string[]) =>
      server.send({
        port: server.listeners[1]!.port,
        auth: { user: ann, password: 'secret' },
        ...{ from: ann, to: recipients, message: 'Subject: Buy!\r\n\r\nNow' },
      });
    await mail(['a@far.test', 'b@far.test', 'c@far.test']);
    await assert.rejects(mail(['d@far.test']), /450/);
    await assert.rejects(mail(['d@far.test']), /450/);
    for (const mailbox of [ann, 'root@example.org']) {
      const told = await server.waitFor((message) => message.mailbox === mailbox);
      assert.equal(told.subject, `Sending by ${ann} is stopped`);
      assert.match(told.text, /sent more than 3 recipients in 1h/);
    }
    assert.equal(server.messages.length, 2, 'once');
    assert.match(await why(server, ann), /450 4\.7\.1 Sending by this account is stopped until/);
    assert.equal(await metric(server.server, 'account_holds_total'), 1);
    const [held] = await Array.fromAsync(server.server.operations.accountList());
    assert.equal(held!.held?.reason, 'more than 3 recipients in 1h');
    await server.server.operations.accountRelease({ address: ann });
    await mail(['d@far.test']);
  });
});

const mail = (sender: string, recipient = ann) => [hello, from(sender), to(recipient)];

describe('whom to refuse', () => {
  it('access: the operator’s own list, first match', async () => {
    await using server = await start({
      access: [
        { sender: ['friend@spam.test'], action: 'allow' },
        { sender: ['@spam.test'], action: 'reject', text: 'Not wanted here' },
      ],
    });
    const heard = await talk(server.port, ...mail('bulk@spam.test'));
    assert.equal(heard.at(-1), '550 5.7.1 Not wanted here');
    assert.match((await talk(server.port, ...mail('friend@spam.test'))).at(-1)!, /^250 /);
    const told = await why(server, 'bulk@spam.test');
    assert.match(told, /access\[1\]: reject/);
    assert.match(told, /at rcpt: 550 5\.7\.1 Not wanted here/);
    assert.equal(await objections(server, 'access'), 1);
  });

  it('dnsbl: who is listed is refused at RCPT, by the name of the list; postmaster hears it all', async () => {
    await using server = await start(
      { dnsbl: { lists: [{ zone: 'list.test' }, { zone: 'refusing.test' }] } },
      {
        '1.0.0.127.list.test': { A: ['127.0.0.2'] },
        '1.0.0.127.refusing.test': { A: ['127.255.255.254'] },
      },
    );
    const heard = await talk(server.port, ...mail('bob@client.test'), to('postmaster@example.org'));
    assert.equal(heard.at(-2), '550 5.7.1 Refused: listed by list.test (127.0.0.2)');
    assert.match(heard.at(-1)!, /^250 /);
    assert.match(await why(server, 'bob@client.test'), /10 points: listed by list\.test/);
    assert.equal(await metric(server.server, 'policy_signs_total', 'dnsbl'), 1);
    assert.equal(await objections(server, 'suspicion'), 1);
  });

  it('weak signs add up: Junk', async () => {
    await using server = await start({});
    const client = await connectClient(server.port);
    await client.say('EHLO mx.example.org\r\n');
    const content = 'Subject: odd\r\n\r\nHi';
    const queued = await submit(client, { from: 'bob@client.test', to: [ann], content });
    client.close();
    const { raw } = await server.waitFor(({ subject }) => subject === 'odd');
    assert.ok(raw.length > 0);
    const told = await why(server, queued.split(' ').at(-1)!);
    assert.match(told, /4 points: HELO with a name of ours/);
    assert.match(told, /2 points: no name in the DNS leads to this address/);
    assert.match(told, /suspicion: 6 points, Junk/);
    const [inJunk] = await Array.fromAsync(server.server.operations.mailList({ address: ann }));
    assert.equal(inJunk!.folder, 'Junk');
    assert.equal(await metric(server.server, 'policy_signs_total', 'hello-check'), 1);
  });
});

describe('rules about content', () => {
  it('refuse an attachment by its name, small or large', async () => {
    await using server = await start({ contentRules: [{ attachment: '*.exe', action: 'reject' }] });
    for (const size of [1, 40_000]) {
      const client = await connectClient(server.port);
      await client.say(`${hello}\r\n`);
      const content =
        'Subject: x\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n' +
        `${'text\r\n'.repeat(size)}--b\r\nContent-Type: x/y; name="a.EXE"\r\n\r\nTVqQ\r\n--b--`;
      const bad = { from: 'bob@client.test', to: [ann], content };
      await assert.rejects(submit(client, bad), /554 5\.6\.0 Refused by a rule of this server/);
      client.close();
    }
    assert.match(await why(server, 'bob@client.test'), /an attachment is like \*\.exe/);
    assert.equal(await objections(server, 'content-rules'), 2);
  });
});

describe('greylisting', () => {
  it('sends a stranger away for a minute', async () => {
    await using server = await start({ greylist: { clients: 'all' } });
    const no = (await talk(server.port, ...mail('bob@client.test'))).at(-1)!;
    assert.equal(no, '450 4.7.1 Greylisted: try again in 60 s');
    await server.clock.advance(60_000);
    const client = await connectClient(server.port);
    await client.say(`${hello}\r\n`);
    const content = 'Subject: again\r\n\r\nHi';
    const queued = await submit(client, { from: 'bob@client.test', to: [ann], content });
    client.close();
    await server.waitFor(({ subject }) => subject === 'again');
    assert.match(await why(server, queued.split(' ').at(-1)!), /greylist: came back after 60 s/);
    assert.match(await why(server, 'bob@client.test'), /at rcpt: 450 4\.7\.1 Greylisted/);
    assert.equal(await objections(server, 'greylist'), 1);
  });
});

describe('what gives itself away', () => {
  it('who speaks before the greeting; nobody waits longer than the delay', async () => {
    await using server = await start({
      suspicion: { greetingDelay: '2s', earlyTalker: 10 },
    });
    const rude = connect(server.port, '127.0.0.1').setEncoding('latin1');
    let heard = '';
    rude.on('data', (text: string) => {
      heard += text;
    });
    rude.write([...mail('bob@client.test'), 'QUIT', ''].join('\r\n'));
    let greeted = false;
    const polite = connectClient(server.port).finally(() => {
      greeted = true;
    });
    while (!greeted || !heard.includes('221 ')) await passes(server, 200);
    assert.match(heard, /^550 5\.7\.1 Refused: spoke before the greeting\r$/m);
    const client = await polite;
    await client.say(`${hello}\r\n`);
    await client.say(`${from('joe@client.test')}\r\n`);
    assert.match(await client.say(`${to(ann)}\r\n`), /^250 /);
    client.close();
    assert.match(await why(server, 'bob@client.test'), /10 points: spoke before the greeting/);
    assert.equal(await metric(server.server, 'policy_signs_total', 'early-talker'), 1);
  });

  it('who tries names to find those that exist', async () => {
    await using server = await start({ rateLimits: { unknownRecipientsPerClient: ['3/10m'] } });
    // Connections that were open before, with a transaction each, are no way round it.
    const others = [await connectClient(server.port), await connectClient(server.port)];
    for (const other of others)
      for (const line of [hello, from('bob@client.test')]) await other.say(`${line}\r\n`);
    const names = ['a', 'b', 'c'].map((name) => to(`${name}@example.org`));
    const heard = await talk(server.port, hello, from('bob@client.test'), ...names);
    assert.match(heard.at(-1)!, /^550 5\.1\.1 /);
    for (const [i, name] of ['d@example.org', ann].entries())
      assert.match(await others[i]!.say(`${to(name)}\r\n`), /^421 4\.7\.1 Too many unknown/);
    for (const other of others) other.close();
    const [greeting] = await talk(server.port);
    assert.equal(greeting, '421 4.7.1 Too many unknown recipients: again in 200 s');
    assert.equal(await objections(server, 'harvest'), 3);
  });

  it('mail without a sender for more than one', async () => {
    await using server = await start({});
    const heard = await talk(server.port, ...mail(''), to('root@example.org'));
    assert.match(heard.at(-2)!, /^250 /);
    assert.match(heard.at(-1)!, /^452 4\.5\.3 Mail without a sender has one recipient/);
    assert.equal(await objections(server, 'null-sender'), 1);
  });
});

describe('hooks of the configuration', () => {
  it('say no in their own words; one that throws or hangs is a 451 and a line in the log', async () => {
    const logged: string[] = [];
    let aborted = false;
    await using server = await start(
      {
        hooks: {
          deadline: '2s',
          onMail: (sender) =>
            sender === 'spam@client.test' ? reply(550, '7.1', 'Ours') : undefined,
          async onRecipient(recipient, { client }, { signal }) {
            assert.equal(client.remote.address, '127.0.0.1');
            assert.equal(recipient.domain, 'example.org', 'however it is written');
            if (recipient.local === 'root') throw new Error('out of order');
            if (recipient.local !== 'postmaster') return;
            await new Promise(() => {
              signal.onabort = () => {
                aborted = true;
              };
            });
          },
          async onMessage(message) {
            if (message.header('subject') !== 'bad') return undefined;
            const text = (await message.raw()).toString();
            return reply(554, '6.0', `${message.size} octets of ${text.slice(-4).trim()}`);
          },
        },
      },
      {},
      { ...silentLog, error: (event, fields) => logged.push(`${event}: ${fields?.name}`) },
    );
    const no = await talk(server.port, hello, from('spam@CLIENT.test'));
    assert.equal(no.at(-1), '550 5.7.1 Ours');
    const failing = await talk(server.port, ...mail('bob@client.test', 'root@EXAMPLE.org'));
    assert.equal(failing.at(-1), '451 4.3.0 Local error, try again later');
    const hanging = talk(server.port, ...mail('bob@client.test', 'postmaster@example.org'));
    while (!aborted) await passes(server, 500);
    assert.equal((await hanging).at(-1), '451 4.3.0 Local error, try again later');
    assert.deepEqual(logged, ['a hook failed: onRecipient', 'a hook failed: onRecipient']);
    const client = await connectClient(server.port);
    await client.say(`${hello}\r\n`);
    const bad = { from: 'bob@client.test', to: [ann], content: 'Subject: bad\r\n\r\nHi' };
    await assert.rejects(submit(client, bad), /554 5\.6\.0 20 octets of Hi/);
    await submit(client, { ...bad, content: 'Subject: good\r\n\r\nHi' });
    client.close();
    assert.equal(await objections(server, 'hooks'), 4);
  });
});
