// The whole server with a quota: what fills a mailbox is mail that has arrived, and nothing else.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ConfigInput } from '../../src/config/config.ts';
import { countOf, removed } from '../../src/store/conformance/harness.ts';
import { queueEntries } from '../../src/store/queue-entries.ts';
import type { TestServer } from '../../src/testing/index.ts';
import { startTestServer } from '../../src/testing/index.ts';
import { eventually } from '../process.ts';
import { connectClient } from './wire.ts';

const ann = 'ann@example.org';
const bob = 'bob@example.org';
const MiB = 2 ** 20;
const local = { host: '127.0.0.1', port: 0 } as const;

const start = (more: ConfigInput = {}) =>
  startTestServer({
    accounts: [ann, bob],
    config: {
      domains: ['example.org'],
      aliases: { 'both@example.org': [ann, bob], 'info@example.org': [ann] },
      listeners: [
        { service: 'smtp', ...local },
        { service: 'lmtp', ...local },
      ],
      mailboxes: { quota: { size: '1MiB' } },
      ...more,
    },
  });

const content = (bytes: number) =>
  `Subject: x\r\n\r\n${'x'.repeat(70)}\r\n`.padEnd(40) + body(bytes);
const body = (bytes: number) => `${'y'.repeat(70)}\r\n`.repeat(Math.round(bytes / 72));

/** A session that says MAIL and RCPT, and then the content when it is told to. */
async function open(server: TestServer, recipients: readonly string[], service = 'smtp') {
  const { port } = server.listeners.find((one) => one.service === service)!;
  const client = await connectClient(port);
  await client.say(service === 'lmtp' ? 'LHLO a.test\r\n' : 'EHLO a.test\r\n');
  await client.say('MAIL FROM:<x@far.test>\r\n');
  const rcpts: string[] = [];
  for (const one of recipients) rcpts.push((await client.say(`RCPT TO:<${one}>\r\n`)).slice(0, 9));
  return {
    rcpts,
    client,
    async send(bytes: number) {
      await client.say('DATA\r\n');
      const first = (await client.say(`${content(bytes)}.\r\n`)).slice(0, 9);
      const replies = [first];
      while (service === 'lmtp' && replies.length < recipients.length)
        replies.push((await client.hear()).slice(0, 9));
      client.close();
      return replies;
    },
  };
}

const usage = (server: TestServer, account: string) => server.server.stores.folders.usage(account);

async function delivered(server: TestServer, messages: number): Promise<void> {
  await eventually(
    () => (server.messages.length < messages ? undefined : true),
    `${messages} to be delivered`,
  );
  assert.equal(server.messages.length, messages);
}

describe('quota', () => {
  it('MAIL SIZE, RCPT and RSET, again and again, keep nobody else out', async () => {
    await using server = await start();
    const attacker = await connectClient(server.port);
    await attacker.say('EHLO evil.test\r\n');
    for (let i = 0; i < 40; i += 1) {
      await attacker.say('MAIL FROM:<x@evil.test> SIZE=1000000\r\n');
      assert.match(await attacker.say(`RCPT TO:<${ann}>\r\n`), /^250 /);
      const honest = await open(server, [ann]);
      assert.deepEqual(honest.rcpts, ['250 2.1.5']);
      honest.client.close();
      if (i < 39) await attacker.say('RSET\r\n');
    }
    // Not even while the last of these transactions is open.
    assert.deepEqual(await (await open(server, [ann])).send(900_000), ['250 2.6.0']);
    attacker.close();
  });

  it('RFC 3463 §3.3: eight messages of 0.9 MB without SIZE: one is in, seven wait at the sender', async () => {
    await using server = await start();
    const sessions = await Promise.all(Array.from({ length: 8 }, () => open(server, [ann])));
    for (const { rcpts } of sessions) assert.deepEqual(rcpts, ['250 2.1.5']);
    const heard = (await Promise.all(sessions.map((one) => one.send(900_000)))).flat().sort();
    assert.deepEqual(heard, ['250 2.6.0', ...Array(7).fill('452 4.2.2')]);
    await delivered(server, 1);
    assert.ok((await usage(server, ann)).bytes <= MiB);
    assert.equal((await countOf(server.server.stores.queue)).messages, 0);
    // What is larger than the whole mailbox may be waits for nothing.
    assert.deepEqual(await (await open(server, [ann])).send(1.2 * MiB), ['552 5.2.2']);
    // What does fit gets in still.
    assert.deepEqual(await (await open(server, [ann])).send(50_000), ['250 2.6.0']);
    await delivered(server, 2);
  });

  it('an alias, a detail and the name itself lead to one account, whose room is one', async () => {
    await using server = await start();
    const recipients = [ann, 'info@example.org', 'Ann@Example.org'];
    assert.deepEqual(await (await open(server, recipients)).send(600_000), ['250 2.6.0']);
    await delivered(server, 1);
    const two = await open(server, [bob, 'bob+x@example.org']);
    assert.deepEqual(await two.send(600_000), ['250 2.6.0'], 'one of two copies has room');
    await delivered(server, 2);
    assert.ok((await usage(server, bob)).bytes <= MiB);
  });

  it('RFC 2033 §4.2: LMTP answers 452 for who is full and 250 for who is not', async () => {
    await using server = await start();
    assert.deepEqual(await (await open(server, [ann])).send(900_000), ['250 2.6.0']);
    const session = await open(server, [ann, bob], 'lmtp');
    assert.deepEqual(await session.send(300_000), ['452 4.2.2', '250 2.6.0']);
    await delivered(server, 2);
    assert.equal((await countOf(server.server.stores.queue)).messages, 0);
  });

  it('in SMTP who has room gets it, and for who has none it waits here, until there is room or time is up', async () => {
    await using server = await start();
    assert.deepEqual(await (await open(server, [ann])).send(900_000), ['250 2.6.0']);
    await delivered(server, 1);
    const session = await open(server, ['both@example.org']);
    assert.deepEqual(await session.send(300_000), ['250 2.6.0']);
    await delivered(server, 2);
    const { queue, folders } = server.server.stores;
    const [waiting] = await Array.fromAsync(queueEntries(queue));
    assert.deepEqual(
      waiting?.recipients.map(({ address, lastReply }) => [address, lastReply?.lines]),
      [[ann, ['The mailbox is full']]],
    );
    assert.ok((await usage(server, ann)).bytes <= MiB);
    await removed(folders, ann, [1]);
    await server.advance(10 * 60_000);
    await delivered(server, 3);
    assert.deepEqual(
      [(await usage(server, ann)).messages, (await countOf(queue)).messages],
      [1, 0],
    );
  });

  it('a limit that is lowered meanwhile keeps out what comes, not what was accepted', async () => {
    await using server = await start();
    const session = await open(server, [ann]);
    await server.reload({
      domains: ['example.org'],
      listeners: [
        { service: 'smtp', ...local },
        { service: 'lmtp', ...local },
      ],
      mailboxes: { quota: { size: '64KiB' } },
    });
    assert.deepEqual(await session.send(300_000), ['552 5.2.2']);
  });
});
