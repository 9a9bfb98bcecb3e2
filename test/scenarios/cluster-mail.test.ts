// Two servers on one PostgreSQL, and one mailbox: what comes in by SMTP at one of them is heard by IDLE at the
// other, and is read there by IMAP and POP3.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { testCluster, withoutPostgres } from '../../src/store/postgres/test-cluster.ts';
import { freePorts } from '../ports.ts';
import { eventually, startProcess } from '../process.ts';
import { connectImap } from './imap-wire.ts';
import { connectClient, submit } from './wire.ts';

const ann = 'ann@example.org';
const password = 'correct horse';

async function startTwo() {
  const ports = (await freePorts(6)) as number[];
  const url = await (await testCluster()).database();
  const config = (node: string, [smtp, imap, pop3]: readonly number[]) => ({
    hostname: `${node}.cluster.test`,
    domains: ['example.org'],
    tls: 'self-signed',
    store: { kind: 'postgres', url, node, connections: 6 },
    listeners: [
      { service: 'smtp', host: '127.0.0.1', port: smtp },
      { service: 'imap', host: '127.0.0.1', port: imap, tls: 'implicit' },
      { service: 'pop3', host: '127.0.0.1', port: pop3, tls: 'implicit' },
    ],
  });
  const one = await startProcess(config('one', ports.slice(0, 3)));
  const two = await startProcess(config('two', ports.slice(3)));
  await one.commandWithInput(`${password}\n`, 'account', 'add', ann, '--password-stdin');
  return {
    ...{ one, two, ports },
    async login(port: number) {
      // The other node knows the account a second later.
      return eventually(async () => {
        const client = await connectImap(port);
        if ((await client.ask(`LOGIN ${ann} "${password}"`)).at(-1)!.includes(' OK '))
          return client;
        client.close();
        return undefined;
      }, 'the account to be known');
    },
    async [Symbol.asyncDispose]() {
      await one[Symbol.asyncDispose]();
      await two[Symbol.asyncDispose]();
    },
  };
}

async function send(port: number, content: string): Promise<void> {
  const client = await connectClient(port);
  await client.say('EHLO client.test\r\n');
  await submit(client, { from: 'carol@far.test', to: [ann], content });
  client.close();
}

/** The first of the messages, by lines. */
async function readByPop3(port: number): Promise<readonly string[]> {
  const client = await connectImap(port); // lines over TLS, whatever they say
  assert.match(client.greeting, /^\+OK/);
  for (const command of [`USER ${ann}`, `PASS ${password}`, 'RETR 1']) {
    client.write(`${command}\r\n`);
    assert.match(await client.line(), /^\+OK/, command);
  }
  const lines: string[] = [];
  for (let line = ''; line !== '.'; line = await client.line()) lines.push(line);
  client.close();
  return lines;
}

describe('one mailbox on two nodes', { skip: withoutPostgres() }, () => {
  it('what one takes the other one’s sessions hear of, read, mark and remove', async (t) => {
    await using test = await startTwo();
    const [smtp, imap, , otherSmtp, otherImap, otherPop3] = test.ports as [
      ...[number, number, number, number, number, number],
    ];
    const here = await test.login(imap);
    const there = await test.login(otherImap);
    for (const client of [here, there]) await client.ask('SELECT INBOX');
    there.write('i IDLE\r\n');
    assert.equal(await there.line(), '+ idling');
    for (let n = 1; n <= 3; n += 1) {
      await send(smtp, `Subject: number ${n}\r\n\r\nThe harbour, number ${n}.\r\n`);
      const began = performance.now();
      while ((await there.line()) !== `* ${n} EXISTS`);
      t.diagnostic(`heard ${Math.round(performance.now() - began)} ms after the 250`);
    }
    there.write('DONE\r\n');
    while (!(await there.line()).startsWith('i OK'));
    const whole = (await there.ask('FETCH 2 BODY[]')).join('\r\n');
    assert.ok(whole.includes('\r\n\r\nThe harbour, number 2.\r\n'));
    assert.match(whole, /\r\nReturn-Path: <carol@far\.test>\r\n/i);
    assert.equal((await there.ask('SEARCH BODY arbou'))[0], '* SEARCH 1 2 3');
    const large = 'z'.repeat(998);
    await send(otherSmtp, `Subject: large\r\n\r\n${`${large}\r\n`.repeat(600)}`);
    while (!(await here.ask('NOOP')).includes('* 4 EXISTS'));
    const [size] = await here.ask('FETCH 4 (RFC822.SIZE ENVELOPE)');
    assert.match(size!, /RFC822\.SIZE 60\d{4} .*"large"/);
    assert.equal(
      (await here.ask('FETCH 4 BODY[TEXT]')).filter((line) => line === large).length,
      600,
    );
    await here.ask('STORE 1 +FLAGS (\\Flagged \\Deleted)');
    let told: string[] = [];
    while (!told.some((line) => line.startsWith('* 1 FETCH'))) told = await there.ask('NOOP');
    assert.match(told.join(), /\\Flagged/);
    await here.ask('EXPUNGE');
    while (!(await there.ask('NOOP')).includes('* 1 EXPUNGE'));
    assert.match((await readByPop3(otherPop3)).join('\n'), /\n\nThe harbour, number 2\.\n/);
  });
});
