// The whole server and what turns abuse away: each rule is seen with its reply, with what `why` tells of it, and
// with its number among the metrics.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { storiesOf } from '../../src/queue/story.ts';
import { formatWhy } from '../../src/queue/story-text.ts';
import type { TestServer, TestServerOptions } from '../../src/testing/index.ts';
import { startTestServer } from '../../src/testing/index.ts';
import { connectClient, submit } from './wire.ts';

const ann = 'ann@example.org';
const local = { host: '127.0.0.1', port: 0 } as const;

const start = (config: TestServerOptions['config'], zone: TestServerOptions['zone'] = {}) =>
  startTestServer({
    zone,
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
