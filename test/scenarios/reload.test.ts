// What a reload changes beneath listeners and routes: whom the DNS is asked, who checks tokens, how
// much of the past is kept; and what it says of settings that it cannot change.

import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { connect } from 'node:tls';
import { systemClock } from '../../src/base/clock.ts';
import { startServer } from '../../src/compose/server.ts';
import type { Config, ConfigInput } from '../../src/config/config.ts';
import { resolveConfig } from '../../src/config/resolve.ts';
import type { TokenVerifier } from '../../src/config/settings/clients.ts';
import { sendMail } from '../../src/deliver/send-mail/send-mail.ts';
import { issueCertificate } from '../../src/net/certificate.ts';
import { addAccount } from '../../src/policy/accounts/account-changes.ts';
import { openSqliteStores } from '../../src/store/sqlite/stores.ts';
import { eventually } from '../process.ts';
import { connectClient } from './wire.ts';

const root = mkdtempSync(join(tmpdir(), 'postrider-reload-'));
after(() => rmSync(root, { recursive: true, force: true }));

const ann = 'ann@example.org';
const listener = { service: 'smtp', host: '127.0.0.1', port: 0, insecureAuth: true } as const;

function configOf(given: ConfigInput): Config {
  const resolution = resolveConfig(
    {
      dataDirectory: join(root, 'data'),
      hostname: 'mx.example.org',
      domains: ['example.org'],
      trustedNetworks: ['127.0.0.1/32'],
      listeners: [listener],
      ...given,
    },
    root,
  );
  assert.equal(resolution.kind, 'ok', JSON.stringify(resolution));
  return (resolution as Extract<typeof resolution, { kind: 'ok' }>).config;
}

async function start(given: ConfigInput, relayIn: 'own-thread' | 'same-thread' = 'same-thread') {
  const lines: string[] = [];
  const note = (level: string) => (event: string, facts?: object) =>
    void lines.push(`${level} ${event} ${JSON.stringify(facts)}`);
  const log = { debug: () => {}, info: () => {}, warn: note('warn'), error: note('error') };
  const clock = systemClock();
  const stores = await openSqliteStores({ directory: ':memory:', log, clock });
  await addAccount(stores.accounts, ann, 'secret', clock);
  const server = await startServer({ config: configOf(given), log, stores, relayIn });
  return { server, lines, port: server.listeners[0]!.port };
}

/** Refuses every question, and remembers for what names it was asked. */
async function startNameServer() {
  const asked: string[] = [];
  const socket = createSocket('udp4');
  socket.on('message', (query, from) => {
    const end = query.indexOf(0, 12);
    asked.push(query.toString('latin1', 13, end).replace(/[\x00-\x1f]/g, '.'));
    const answer = Buffer.from(query);
    answer[2] = 0x81;
    answer[3] = 0x85; // REFUSED
    socket.send(answer, from.port, from.address);
  });
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  return {
    asked,
    at: `127.0.0.1:${socket.address().port}`,
    [Symbol.asyncDispose]: () => new Promise<void>((resolve) => socket.close(() => resolve())),
  };
}

const oauth = (token: string) =>
  Buffer.from(`n,a=${ann},\x01auth=Bearer ${token}\x01\x01`).toString('base64');

describe('a reload', () => {
  for (const place of ['own-thread', 'same-thread'] as const)
    it(`asks other name servers when \`dns\` names others: relays in the ${place}`, async () => {
      await using first = await startNameServer();
      await using second = await startNameServer();
      const { server, port } = await start({ dns: { servers: [first.at] } }, place);
      await using _ = server;
      const send = (to: string) =>
        sendMail({
          host: '127.0.0.1',
          port,
          tls: 'none',
          from: ann,
          to,
          message: 'Subject: x\r\n\r\n',
        });
      await send('bob@one.test');
      await eventually(() => first.asked.find((name) => name === 'one.test'), 'a first question');
      await server.reload(configOf({ dns: { servers: [second.at] } }));
      await send('bob@two.test');
      await eventually(() => second.asked.find((name) => name === 'two.test'), 'another question');
      assert.ok(!first.asked.includes('two.test'));
    });

  it('shows the connections of a listener that has gone, until they end or an operator ends them', async () => {
    const { server, port } = await start({});
    await using _ = server;
    const { operations } = server;
    const session = async () => (await operations.sessionList({})).sessions[0];
    const client = await connectClient(port);
    await client.say('EHLO client.test\r\n');
    await client.say('MAIL FROM:<>\r\n');
    await server.reload(configOf({ listeners: [{ ...listener, service: 'lmtp' }] }));
    const shown = (await session())!;
    assert.deepEqual([shown.service, shown.client], ['smtp', '127.0.0.1']);
    await operations.sessionEnd({ id: shown.id });
    await eventually(async () => (await session()) === undefined || undefined, 'an end');
    await assert.rejects(operations.sessionEnd({ id: shown.id }), /any more/);
  });

  it('has tokens checked by another verifier, and offers what one can do', async () => {
    const accepts =
      (good: string): TokenVerifier =>
      (user, token) =>
        token === good ? user : undefined;
    const { server, port } = await start({});
    await using _ = server;
    const logIn = async (token: string) => {
      const client = await connectClient(port);
      const offer = await client.say('EHLO client.test\r\n');
      const reply = await client.say(`AUTH OAUTHBEARER ${oauth(token)}\r\n`);
      client.close();
      return { offered: offer.includes('OAUTHBEARER'), reply: reply.slice(0, 3) };
    };
    assert.deepEqual(await logIn('one'), { offered: false, reply: '504' });
    await server.reload(configOf({ tokenVerifier: accepts('one') }));
    assert.deepEqual(await logIn('one'), { offered: true, reply: '235' });
    await server.reload(configOf({ tokenVerifier: accepts('two') }));
    assert.deepEqual(await logIn('one'), { offered: true, reply: '334' });
    assert.deepEqual(await logIn('two'), { offered: true, reply: '235' });
    await server.reload(configOf({}));
    assert.deepEqual(await logIn('two'), { offered: false, reply: '504' });
  });

  it('has other certificates for other names, each for whoever asks for it', async () => {
    const files = (name: string) => {
      const made = issueCertificate({
        ...{ commonName: name, names: [name], notBefore: new Date(Date.now() - 60_000) },
        notAfter: new Date(Date.now() + 86_400_000),
      });
      const [certificate, privateKey] = [join(root, `${name}.pem`), join(root, `${name}.key`)];
      writeFileSync(certificate, made.certificate);
      writeFileSync(privateKey, made.privateKeyPem, { mode: 0o600 });
      return { certificate, privateKey };
    };
    const [mx, one, two] = ['mx.example.org', 'one.example.net', 'two.example.net'].map(files);
    const listeners = [{ ...listener, insecureAuth: false, tls: 'implicit' as const }];
    const withTls = (additional: ReturnType<typeof files>[]) => ({
      listeners,
      tls: { ...mx!, additional },
    });
    const { server, port } = await start(withTls([one!]));
    await using _ = server;
    const seen = async (servername: string) => {
      const socket = connect({ host: '127.0.0.1', port, servername, rejectUnauthorized: false });
      await once(socket, 'secureConnect');
      const { CN } = socket.getPeerCertificate().subject;
      socket.destroy();
      return CN;
    };
    assert.equal(await seen('one.example.net'), 'one.example.net');
    assert.equal(await seen('two.example.net'), 'mx.example.org');
    await server.reload(configOf(withTls([two!])));
    assert.equal(await seen('one.example.net'), 'mx.example.org');
    assert.equal(await seen('two.example.net'), 'two.example.net');
  });

  it('says what it cannot change', async () => {
    const { server, lines } = await start({});
    await using _ = server;
    await server.reload(configOf({}));
    assert.deepEqual(lines, []);
    await server.reload(configOf({ dataDirectory: join(root, 'other') }));
    assert.deepEqual(lines, ['warn needs a restart {"settings":["dataDirectory"]}']);
  });
});
