// What we sign and seal, as other programs see it: OpenDKIM and dkimpy verify what a next hop gets from a whole
// server, and our verifier what they sign.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { closedAfter } from '../../src/base/closed-after.ts';
import type { ConfigInput } from '../../src/config/config.ts';
import { FakeResolver } from '../../src/dns/fake-resolver.ts';
import { findHeaderEnd } from '../../src/mail/header/header.ts';
import { startTestServer } from '../../src/testing/index.ts';
import { DkimCheck } from '../../src/trust/dkim.ts';
import type { KeyRecord } from '../../src/trust/dkim-keys.ts';
import { createKeys, keyDirectory, keyFile, recordOf } from '../../src/trust/dkim-keys.ts';
import { SignedMessage } from '../../src/trust/signed-message.ts';
import { eventually } from '../process.ts';
import { connectClient, startNextHop, submit } from '../scenarios/wire.ts';
import { run, without } from './peers.ts';

const skip = without(
  'opendkim',
  '/usr/bin/python3',
  '/usr/lib/python3/dist-packages/dkim',
  'dkimsign',
);

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'postrider-dkim-'));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** A server with keys for example.org; `list@example.org` leads elsewhere. */
async function world(t: TestContext, more: Partial<ConfigInput> = {}) {
  const hop = closedAfter(t, await startNextHop());
  const server = closedAfter(
    t,
    await startTestServer({
      zone: { 'third.test': { TXT: ['v=spf1 +all'] } },
      accounts: [{ address: 'ann@example.org', password: 'secret' }],
      config: {
        hostname: 'mx.example.org',
        domains: ['example.org'],
        aliases: { 'list@example.org': ['bob@far.test'] },
        tls: 'self-signed',
        listeners: [
          { service: 'smtp', host: '127.0.0.1', port: 0 },
          { service: 'submission', host: '127.0.0.1', port: 0, tls: 'implicit' },
        ],
        ...more,
        routes: [{ domain: '*', host: '127.0.0.1', port: hop.port, tls: 'none' }],
      },
    }),
  );
  const directory = keyDirectory(server.server.config.dataDirectory);
  const keys = createKeys(directory, {
    ...{ domain: 'example.org', state: 'active', now: new Date('2026-01-01') },
  });
  const records = keys.map((entry) => recordOf(directory, entry));
  /** As it lies on disk behind the hop. */
  const taken = async () => {
    const [content] = (await eventually(
      async () => (hop.taken.length > 0 ? hop.taken : undefined),
      'the next hop has it',
    ))!;
    return `${content!.replace(/^\.\./gm, '.')}\r\n`;
  };
  return { server, hop, directory, keys, records, taken };
}

/** What OpenDKIM's test mode prints. */
async function openDkim(t: TestContext, message: string, records: readonly KeyRecord[]) {
  const home = folder(t);
  const at = (name: string) => join(home, name);
  writeFileSync(at('dns'), records.map(({ name, value }) => `${name} ${value}\n`).join(''));
  writeFileSync(at('message'), message);
  writeFileSync(at('conf'), `Mode v\nTestDNSData file:${at('dns')}\nSyslog no\n`);
  const { stdout, stderr } = await run('opendkim', ['-x', at('conf'), '-t', at('message')]);
  return stdout + stderr;
}

const dkimpy = `
import sys, json, dkim
records = {k.encode(): v.encode() for k, v in json.loads(sys.argv[1]).items()}
message = sys.stdin.buffer.read()
dns = lambda name, timeout=5: records.get(name.rstrip(b'.'))
count = message.lower().count(b'dkim-signature:')
print(json.dumps({
  'dkim': [dkim.DKIM(message, minkey=1024).verify(i, dnsfunc=dns) for i in range(count)],
  'arc': dkim.arc_verify(message, dnsfunc=dns)[0].decode(),
}))`;

/** What dkimpy says of each signature, and of the chain. */
async function byDkimpy(message: string, records: readonly KeyRecord[]) {
  const zone = JSON.stringify(Object.fromEntries(records.map(({ name, value }) => [name, value])));
  const running = run('/usr/bin/python3', ['-c', dkimpy, zone]);
  running.child.stdin!.end(message);
  return JSON.parse((await running).stdout) as { readonly dkim: boolean[]; readonly arc: string };
}

const front = 'From: Ann <ann@example.org>\r\nTo: bob@far.test\r\n';
const before =
  'DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.org; s=old; t=1;\r\n' +
  ' h=from; bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=; b=YWJj\r\n';

const odd: readonly {
  readonly title: string;
  readonly content: string;
  readonly signatures?: number;
  readonly sender?: string;
}[] = [
  { title: 'no body', content: front.trimEnd() },
  { title: 'empty lines alone', content: `${front}\r\n\r\n\r\n` },
  { title: 'spaces alone', content: `${front}\r\n  \r\n \t ` },
  {
    title: 'long lines',
    content: `${front}Subject: ${'word '.repeat(600)}\r\n\r\n${' \t x'.repeat(900)}`,
  },
  { title: 'NUL', content: `${front}\r\na\0b` },
  { title: 'signed before', content: `${before}${front}\r\nx` },
  { title: 'fields twice', content: `${front}To: c@far.test\r\nSubject:\r\nSubject: 2\r\n\r\nx` },
  {
    title: 'two authors',
    content: 'From: a@example.org, b@second.test\r\nSender: a@example.org\r\n\r\nx',
    signatures: 4,
  },
  { title: 'below a domain', content: 'FROM:\r\n a@Sub.Example.ORG\r\n\r\nx' },
  { title: 'no sender', content: `${front}\r\nx`, sender: '' },
];

describe('signatures, as others see them', { skip }, () => {
  it('what is submitted verifies after its conversion for a hop without 8BITMIME', async (t) => {
    const { server, records, taken } = await world(t);
    const { reply } = await server.send({
      ...{ port: server.listeners[1]!.port, tls: 'require', implicitTls: true },
      ...{ auth: { user: 'ann@example.org', password: 'secret' } },
      ...{ from: 'ann@example.org', to: 'bob@far.test' },
      message:
        'From: Ann <ann@example.org>\r\nTo: bob@far.test\r\nSubject: hello\r\nMIME-Version: 1.0\r\n' +
        'Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n.Schöne  Grüße \r\n\r\n\r\n',
    });
    assert.equal(reply.code, 250, reply.lines.join(' '));
    const message = await taken();
    assert.match(message, /^Content-Transfer-Encoding: (quoted-printable|base64)/im);
    assert.deepEqual((await byDkimpy(message, records)).dkim, [true, true]);
    assert.match(await openDkim(t, message, records), /verification .* succeeded/);
    const changed = message.replace('Ann', 'Eve');
    assert.deepEqual((await byDkimpy(changed, records)).dkim, [false, false]);
  });

  it('what is odd verifies as well, by the keys of every domain in From', async (t) => {
    const { server, hop, directory, records } = await world(t, {
      domains: ['example.org', 'second.test'],
      trustedNetworks: ['127.0.0.1'],
      limits: { textLine: 0 },
    });
    const more = createKeys(directory, {
      ...{ domain: 'second.test', state: 'active', now: new Date('2026-01-01') },
    });
    const published = [...records, ...more.map((entry) => recordOf(directory, entry))];
    const client = await connectClient(server.port);
    await client.say('EHLO client.test\r\n');
    for (const [
      index,
      { title, content, signatures = 2, sender = 'ann@example.org' },
    ] of odd.entries()) {
      await submit(client, { from: sender, to: ['bob@far.test'], content });
      await eventually(async () => hop.taken[index], title);
      const message = `${hop.taken[index]!.replace(/^\.\./gm, '.')}\r\n`;
      const { dkim } = await byDkimpy(message, published);
      assert.deepEqual(dkim.slice(0, signatures), Array(signatures).fill(true), title);
      assert.match(await openDkim(t, message, published), /verification .* succeeded/, title);
    }
    client.close();
  });

  it('what an alias sends on is sealed so that dkimpy believes it', async (t) => {
    const { server, records, taken } = await world(t);
    const client = await connectClient(server.port);
    await client.say('EHLO client.test\r\n');
    const content = 'From: Zoe <zoe@third.test>\r\nSubject: hi\r\n\r\nHello\r\n';
    await submit(client, { from: 'zoe@third.test', to: ['list@example.org'], content });
    client.close();
    const message = await taken();
    assert.equal((await byDkimpy(message, records)).arc, 'pass');
    assert.equal((await byDkimpy(message.replace('Hello', 'Hullo'), records)).arc, 'fail');
  });

  it('what dkimpy signs verifies here', async (t) => {
    const { directory, keys, records } = await world(t);
    const rsa = keys.find(({ algorithm }) => algorithm === 'rsa')!;
    const signing = run('dkimsign', [rsa.selector, rsa.domain, keyFile(directory, rsa)]);
    signing.child.stdin!.end('From: ann@example.org\r\nSubject:  hi \r\n\r\nHello \r\n\r\n');
    const message = Buffer.from((await signing).stdout);
    const end = findHeaderEnd(message);
    const whole = new SignedMessage(message.subarray(0, end));
    const check = new DkimCheck(whole);
    whole.update(message.subarray(end));
    const zone = Object.fromEntries(records.map(({ name, value }) => [name, { TXT: [value] }]));
    const [verdict] = await check.verdicts(new FakeResolver(zone), Date.now() / 1000);
    assert.deepEqual([verdict!.result, verdict!.domain], ['pass', 'example.org']);
  });
});
