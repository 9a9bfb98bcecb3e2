// The whole server with IMAP: what comes by SMTP is read over TLS, kept in folders, shared, and
// refused when there is no room for it.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ConfigInput } from '../../src/config/config.ts';
import type { TestServer } from '../../src/testing/index.ts';
import { startTestServer } from '../../src/testing/index.ts';
import type { ImapClient } from './imap-wire.ts';
import { connectImap } from './imap-wire.ts';

const password = 'correct horse';
const ann = 'ann@example.org';
const bob = 'bob@example.org';
const accounts = [ann, bob].map((address) => ({ address, password }));
const local = { host: '127.0.0.1', port: 0 } as const;
const config: ConfigInput = {
  domains: ['example.org'],
  tls: 'self-signed',
  listeners: [
    { service: 'smtp', ...local },
    { service: 'imap', ...local, tls: 'implicit' },
  ],
};

const start = (more: ConfigInput = {}) =>
  startTestServer({ accounts, config: { ...config, ...more } });

async function login(server: TestServer, account = ann): Promise<ImapClient> {
  const { port } = server.listeners.find(({ service }) => service === 'imap')!;
  const client = await connectImap(port);
  assert.match(client.greeting, /^\* OK \[CAPABILITY /);
  assert.match((await client.ask(`LOGIN ${account} "${password}"`)).at(-1)!, / OK /);
  return client;
}

const mail = (subject: string, to = ann) => ({
  ...{ from: 'carol@far.test', to },
  message: `Subject: ${subject}\r\nMessage-ID: <${subject}@far.test>\r\n\r\nThis is ${subject}.\r\n`,
});

async function arrive(server: TestServer, subject: string, to = ann): Promise<void> {
  await server.send(mail(subject, to));
  await server.waitFor((message) => message.subject === subject);
}

describe('the whole server, read by IMAP', () => {
  it('what comes by SMTP is there at once, with its trace, and keeps its marks', async () => {
    await using server = await start();
    const client = await login(server);
    assert.ok((await client.ask('SELECT INBOX')).includes('* 0 EXISTS'));
    client.write('i IDLE\r\n');
    assert.equal(await client.line(), '+ idling');
    await arrive(server, 'one');
    assert.equal(await client.line(), '* 1 EXISTS');
    client.write('DONE\r\n');
    while (!(await client.line()).startsWith('i OK'));
    const whole = (await client.ask('FETCH 1 BODY[]')).join('\r\n');
    assert.match(whole, /\r\nReturn-Path: <carol@far\.test>\r\nDelivered-To: /i);
    assert.ok(whole.includes('\r\n\r\nThis is one.\r\n'));
    assert.match((await client.ask('FETCH 1 FLAGS'))[0]!, /\\Seen/);
    assert.equal((await client.ask('SEARCH SUBJECT one'))[0], '* SEARCH 1');
    await client.ask('COPY 1 Archive');
    assert.match((await client.ask('STORE 1 +FLAGS (\\Deleted)'))[0]!, /\\Deleted/);
    assert.equal((await client.ask('EXPUNGE'))[0], '* 1 EXPUNGE');
    assert.match((await client.ask('STATUS Archive (MESSAGES)'))[0]!, /MESSAGES 1/);
    client.close();
  });

  it('two clients of one account see the same folder, each in its own numbers', async () => {
    await using server = await start();
    const [first, second] = [await login(server), await login(server)];
    for (const subject of ['a', 'b', 'c']) await arrive(server, subject);
    for (const client of [first, second]) await client.ask('SELECT INBOX');
    await first.ask('UID STORE 1 +FLAGS.SILENT (\\Deleted)');
    await first.ask('EXPUNGE');
    assert.match((await second.ask('FETCH 3 UID'))[0]!, /^\* 3 FETCH \(UID 3\)/);
    const told = await second.ask('NOOP');
    assert.ok(told.includes('* 1 EXPUNGE'));
    assert.match((await second.ask('FETCH 1 UID'))[0]!, /UID 2/);
    first.close();
    second.close();
  });

  it('a shared folder is read by who has the rights, and by nobody else', async () => {
    await using server = await start();
    const [owner, friend] = [await login(server), await login(server, bob)];
    await arrive(server, 'shared');
    const theirs = `"Other Users/${ann}/INBOX"`;
    assert.match((await friend.ask(`SELECT ${theirs}`)).at(-1)!, / NO \[NONEXISTENT\] /);
    await owner.ask(`SETACL INBOX ${bob} lr`);
    const selected = await friend.ask(`SELECT ${theirs}`);
    assert.ok(selected.includes('* 1 EXISTS'));
    assert.match(selected.at(-1)!, / OK \[READ-ONLY\] /);
    assert.match((await friend.ask('STORE 1 +FLAGS (\\Deleted)')).at(-1)!, / NO /);
    assert.match((await friend.ask('FETCH 1 BODY.PEEK[TEXT]')).join(' '), /This is shared\./);
    owner.close();
    friend.close();
  });

  it('RFC 5321 §4.4: one Return-Path, ours, and every size is that of what is there', async () => {
    await using server = await start();
    const client = await login(server);
    const large = `${'x'.repeat(70)}\r\n`.repeat(3_000);
    for (const [i, body] of ['small\r\n', large].entries()) {
      const message = `Return-Path: <x@y.test>\r\nReturn-path:\r\n <z>\r\nSubject: s${i}\r\n\r\n${body}`;
      await server.send({ from: 'carol@far.test', to: [ann, bob], message });
      await server.waitFor(({ subject, mailbox }) => subject === `s${i}` && mailbox === bob);
      if (i === 0) await client.ask('SELECT INBOX');
      else await client.ask('NOOP');
      const [size] = await client.ask(`FETCH ${i + 1} (RFC822.SIZE)`);
      const whole = (await client.ask(`FETCH ${i + 1} BODY[]`)).join('\r\n');
      const octets = Number(/RFC822\.SIZE (\d+)/.exec(size!)![1]);
      assert.equal(Number(/BODY\[\] \{(\d+)\}/.exec(whole)![1]), octets);
      assert.deepEqual(whole.match(/^return-path.*/gim), ['Return-Path: <carol@far.test>']);
      assert.ok(whole.includes(`\r\nSubject: s${i}\r\n\r\n${body}`));
      const { folders } = server.server.stores;
      const inbox = (await folders.find(ann, 'INBOX'))!.id;
      const listed = (await folders.list(inbox, { after: i, limit: 1 }))[0]!;
      assert.equal(listed.size, octets);
      const [opened] = await folders.open(inbox, [listed.uid]);
      assert.equal(opened?.size, octets);
    }
    client.close();
  });

  it('RFC 3463 §3.3, RFC 9208 §4.3.1: a full mailbox takes nothing, by SMTP or by IMAP', async () => {
    await using server = await start({ mailboxes: { quota: { messages: 1 } } });
    const client = await login(server);
    await arrive(server, 'first');
    await server.advance(5_000);
    await assert.rejects(server.send(mail('second')), /452 4\.2\.2/);
    assert.match((await client.ask('GETQUOTAROOT INBOX'))[1]!, /\(MESSAGE 1 1\)$/);
    client.write('x APPEND INBOX {17}\r\n');
    const answer = await client.line();
    if (answer.startsWith('+')) client.write('Subject: x\r\n\r\nx\r\n\r\n');
    assert.match(answer.startsWith('+') ? await client.line() : answer, /^x NO \[OVERQUOTA\] /);
    // Others have room.
    await arrive(server, 'for bob', bob);
    client.close();
  });

  it('what one session puts into a new folder is there for the next', async () => {
    await using server = await start();
    const client = await login(server);
    await client.ask('CREATE Projects/2026');
    client.write('x APPEND Projects/2026 (\\Flagged) {17+}\r\nSubject: x\r\n\r\nx\r\n\r\n');
    assert.match(await client.line(), /^x OK \[APPENDUID \d+ 1\] /);
    const again = await login(server);
    await again.ask('EXAMINE Projects/2026');
    assert.match((await again.ask('FETCH 1 (FLAGS RFC822.SIZE)'))[0]!, /\\Flagged.* 17\)/);
    client.close();
    again.close();
  });
});
