// The programs that people fetch mail with: curl, Python's poplib, fetchmail.

import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import nodemailer from 'nodemailer';
import { freePorts } from '../ports.ts';
import type { RunningProcess } from '../process.ts';
import { eventually, mailbox, startProcess } from '../process.ts';
import { run, without } from './peers.ts';

const password = 'correct horse battery staple';
const ann = 'ann@postrider.test';
const host = '127.0.0.1';

interface Started {
  readonly server: RunningProcess;
  readonly pop3: number;
  readonly implicit: number;
}

/** Three messages for ann: small, with lines that begin with dots, and large. */
async function start(): Promise<Started> {
  const [smtp, pop3, implicit] = (await freePorts(3)) as [number, number, number];
  const server = await startProcess({
    hostname: 'pop.postrider.test',
    domains: ['postrider.test'],
    listeners: [
      { service: 'smtp', host, port: smtp },
      { service: 'pop3', host, port: pop3 },
      { service: 'pop3', host, port: implicit, tls: 'implicit' },
    ],
    tls: 'self-signed',
  });
  await server.commandWithInput(`${password}\n`, 'account', 'add', ann, '--password-stdin');
  const transport = nodemailer.createTransport({ host, port: smtp, ignoreTLS: true });
  const texts = ['hello', '.\r\n..\r\n.dots', 'x'.repeat(70).concat('\r\n').repeat(10_000)];
  for (const [i, text] of texts.entries()) {
    await transport.sendMail({
      ...{ from: 'bob@example.net', to: ann, subject: `message ${i + 1}`, text },
    });
    // In this order.
    await eventually(
      async () => ((await mailbox(server, ann)).length > i ? true : undefined),
      `message ${i + 1}\n${server.log()}`,
    );
  }
  transport.close();
  return { server, pop3, implicit };
}

describe('interop: POP3', async () => {
  it('curl: pop3 with STLS, pop3s; list, fetch, top, delete', {
    skip: without('curl'),
  }, async () => {
    const { server, pop3, implicit } = await start();
    await using _ = server;
    const curl = async (url: string, ...more: string[]) => {
      const common = ['-sS', '--ssl-reqd', '-k', '--user', `${ann}:${password}`];
      return (await run('curl', [...common, ...more, url], { maxBuffer: 2 ** 26 })).stdout;
    };
    for (const url of [`pop3://${host}:${pop3}/`, `pop3s://${host}:${implicit}/`]) {
      assert.match(await curl(url), /^1 \d+\r?\n2 \d+\r?\n3 \d+\r?\n$/);
      assert.match(await curl(`${url}1`), /^Return-Path: <bob@example\.net>\r\n/);
      assert.match(await curl(`${url}2`), /\r\n\r\n\.\r\n\.\.\r\n\.dots\r\n$/);
      assert.ok((await curl(`${url}3`)).length > 720_000);
      for (const mechanism of ['PLAIN', 'LOGIN', 'SCRAM-SHA-256'])
        if (await knows(mechanism))
          assert.match(
            await curl(`${url}`, '--login-options', `AUTH=${mechanism}`, '-X', 'UIDL'),
            /^1 m\w+\r?\n2 m\w+/,
          );
    }
    await curl(`pop3s://${host}:${implicit}/1`, '-X', 'DELE', '-I');
    assert.deepEqual(
      (await mailbox(server, ann)).map(({ subject }) => subject),
      ['message 2', 'message 3'],
    );
    await assert.rejects(
      run('curl', ['-sS', `pop3://${host}:${pop3}/`, '--user', `${ann}:${password}`]),
      'no passwords in the clear',
    );
    await assert.rejects(
      run('curl', ['-sSk', `pop3s://${host}:${implicit}/`, '--user', `${ann}:wrong`]),
    );
  });

  it('Python’s poplib: CAPA, STLS, UIDL, TOP, RETR, DELE, RSET, UTF8, a second session', {
    skip: without('python3'),
  }, async () => {
    const { server, pop3, implicit } = await start();
    await using _ = server;
    const script = `
import poplib, ssl, sys
pop3, implicit, user, password = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4]
context = ssl._create_unverified_context()
box = poplib.POP3('${host}', pop3, timeout=20)
assert 'STLS' in box.capa() and 'USER' not in box.capa()
box.stls(context=context)
capa = box.capa()
assert 'STLS' not in capa and 'PLAIN' in capa['SASL'] and capa['EXPIRE'] == ['NEVER'], capa
box.utf8()
box.user(user); box.pass_(password)
count, size = box.stat()
assert count == 3, count
listed = [line.split() for line in box.list()[1]]
assert sum(int(octets) for _, octets in listed) == size
uidl = [line.split()[1] for line in box.uidl()[1]]
for number in (1, 2, 3):
    response, lines, octets = box.retr(number)
    assert octets == int(listed[number - 1][1]), (number, octets, listed)
assert box.retr(2)[1][-3:] == [b'.', b'..', b'.dots'], box.retr(2)[1][-3:]
head = box.top(3, 2)[1]
assert head[head.index(b'') + 1:] == [b'x' * 70] * 2, head
other = poplib.POP3_SSL('${host}', implicit, timeout=20, context=context)
other.user(user)
try:
    other.pass_(password); sys.exit('two sessions')
except poplib.error_proto as error:
    assert b'[IN-USE]' in error.args[0], error
box.dele(1); box.rset(); box.dele(2)
try:
    box.retr(2); sys.exit('deleted')
except poplib.error_proto as error: pass
box.noop(); box.quit()
other.user(user); other.pass_(password)
assert [line.split()[1] for line in other.uidl()[1]] == [uidl[0], uidl[2]]
other.dele(1); other.close()
print('good')
`;
    const { stdout } = await run('python3', [
      ...['-c', script, String(pop3), String(implicit), ann, password],
    ]);
    assert.equal(stdout, 'good\n');
    // The last session was not ended by QUIT.
    assert.deepEqual(
      (await mailbox(server, ann)).map(({ subject }) => subject),
      ['message 1', 'message 3'],
    );
  });

  it('fetchmail: keeps by UIDL what it has seen, then fetches and removes', {
    skip: without('fetchmail'),
  }, async () => {
    const { server, pop3, implicit } = await start();
    await using _ = server;
    const home = join(server.directory, 'fetchmail');
    const inbox = join(home, 'inbox');
    mkdirSync(inbox, { recursive: true });
    const rc = join(home, 'fetchmailrc');
    const poll = async (options: string, ports: string) => {
      writeFileSync(
        rc,
        `poll ${host} ${ports} proto pop3 user "${ann}" password "${password}" ${options}
           mda "cat > ${inbox}/$(date +%s%N)"\n`,
      );
      chmodSync(rc, 0o600);
      const env = { ...process.env, HOME: home, FETCHMAILHOME: home };
      await run('fetchmail', ['-f', rc, '--nosyslog', '-i', join(home, 'ids')], { env });
    };
    const nothingNew = (error: { code: number }) => error.code === 1;
    const starttls = `service ${pop3} uidl`;
    await poll(`keep sslproto 'auto' no sslcertck`, starttls);
    assert.equal(readdirSync(inbox).length, 3);
    await assert.rejects(poll(`keep sslproto 'auto' no sslcertck`, starttls), nothingNew);
    assert.equal((await mailbox(server, ann)).length, 3);
    await poll('nokeep fetchall ssl no sslcertck', `service ${implicit}`);
    assert.equal(readdirSync(inbox).length, 6);
    assert.deepEqual(await mailbox(server, ann), []);
    const fetched = readdirSync(inbox).map((name) => readFileSync(join(inbox, name), 'utf8'));
    assert.equal(fetched.filter((text) => /\n\.\r?\n\.\.\r?\n\.dots\r?\n$/.test(text)).length, 2);
  });
});

/** Whether this curl was built with the mechanism. */
async function knows(mechanism: string): Promise<boolean> {
  if (!mechanism.startsWith('SCRAM')) return true;
  return /\bgsasl\b|libgsasl/i.test((await run('curl', ['--version'])).stdout);
}
