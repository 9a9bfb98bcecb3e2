import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo, Socket } from 'node:net';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import type { ConnectionOptions } from 'node:tls';
import { connect, TLSSocket } from 'node:tls';
import { inspect } from 'node:util';
import type { TlsFacts } from '../smtp/tls-facts.ts';
import { issueCertificate } from './certificate.ts';
import { loadTestTls } from './test-certificate.ts';
import type { ServerTls } from './tls.ts';
import { loadServerTls, TlsError, tlsFacts } from './tls.ts';

const dayMs = 24 * 60 * 60_000;
const validity = (fromDays: number, toDays: number) => ({
  notBefore: new Date(Date.now() + fromDays * dayMs),
  notAfter: new Date(Date.now() + toDays * dayMs),
});
const authority = issueCertificate({
  commonName: 'Test CA',
  names: [],
  authority: true,
  ...validity(-1, 100),
});
const issue = (commonName: string, names: readonly string[], days = 100) =>
  issueCertificate({ commonName, names, issuer: authority, ...validity(-2, days) });
const server = issue('mx.example.org', ['mx.example.org', '127.0.0.1']);
const other = issue('new.example.org', ['mx.example.org']);

const source = { certificate: server.certificate, privateKey: server.privateKeyPem };
/** Asks clients for a certificate of the authority's. */
const asking = () => loadTestTls(source, authority.certificate);

interface Sides {
  readonly server: TlsFacts;
  readonly client: TlsFacts;
  readonly bindings: readonly (readonly [Uint8Array | undefined, Uint8Array | undefined])[];
  readonly session: Buffer | undefined;
}

/** One connection as our listeners make them: TLS put over an accepted socket. */
async function handshake(tls: ServerTls, options: ConnectionOptions = {}): Promise<Sides> {
  const listener = createServer();
  const accepted = new Promise<TLSSocket>((resolve, reject) => {
    listener.once('connection', (socket: Socket) => {
      const secured = new TLSSocket(socket, tls.socketOptions());
      secured.once('secure', () => resolve(secured));
      secured.once('error', reject);
      secured.once('_tlsError', reject);
    });
  });
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  const { port } = listener.address() as AddressInfo;
  const client = connect({
    port,
    host: '127.0.0.1',
    servername: 'mx.example.org',
    ca: authority.certificate,
    rejectUnauthorized: false,
    ...options,
  });
  let session: Buffer | undefined;
  client.on('session', (given) => {
    session = given;
  });
  try {
    const connected = new Promise<void>((resolve, reject) => {
      client.once('secureConnect', resolve);
      client.once('error', reject);
    });
    const [socket] = await Promise.all([accepted, connected]);
    const greeted = new Promise((resolve) => client.once('data', resolve));
    socket.write('220 '); // tickets come before it
    await greeted;
    const facts = { server: tlsFacts(socket), client: tlsFacts(client) };
    const binding = (type: 'tls-exporter' | 'tls-server-end-point') =>
      [facts.server.channelBinding?.(type), facts.client.channelBinding?.(type)] as const;
    const bindings = [binding('tls-exporter'), binding('tls-server-end-point')];
    socket.destroy();
    return { ...facts, bindings, session };
  } finally {
    client.destroy();
    listener.close();
  }
}

describe('TLS facts', () => {
  it('RFC 9266 §2, RFC 5929 §4.1: both sides have the same channel bindings', async () => {
    const { bindings, server: facts, client } = await handshake(await asking());
    const [exporter, endPoint] = bindings;
    assert.equal(exporter?.[0]?.length, 32);
    assert.deepEqual(exporter?.[0], exporter?.[1]);
    assert.equal(endPoint?.[0]?.length, 32);
    assert.deepEqual(endPoint?.[0], endPoint?.[1]);
    assert.equal(facts.protocol, 'TLSv1.3');
    assert.equal(facts.cipher, 'TLS_AES_128_GCM_SHA256');
    assert.equal(facts.servername, 'mx.example.org');
    assert.deepEqual(facts.peerNames, []);
    assert.equal(facts.verified, false);
    assert.equal(facts.verifyError, undefined);
    assert.equal(client.verified, true);
    assert.deepEqual(client.peerNames, ['mx.example.org']);
  });

  it('RFC 9266 §4.2: gives no tls-exporter with TLS 1.2', async () => {
    const { bindings, server: facts } = await handshake(await asking(), {
      maxVersion: 'TLSv1.2',
    });
    assert.equal(facts.protocol, 'TLSv1.2');
    assert.deepEqual(bindings[0], [undefined, undefined]);
    assert.equal(bindings[1]?.[0]?.length, 32);
  });

  it('says whether a client certificate is good, and whose it is', async () => {
    const client = issue('Ann', ['ann@example.org']);
    const { server: facts } = await handshake(await asking(), {
      cert: client.certificate,
      key: client.privateKeyPem,
    });
    assert.equal(facts.verified, true);
    assert.deepEqual(facts.peerNames, ['ann@example.org', 'Ann']);
  });

  it('does not believe a client certificate that nobody we know has signed, or an old one', async () => {
    const names = ['ann@example.org'];
    const stranger = issueCertificate({ commonName: 'Ann', names, ...validity(-1, 9) });
    const expired = issue('Ann', names, -1);
    for (const [client, error] of [
      [stranger, 'DEPTH_ZERO_SELF_SIGNED_CERT'],
      [expired, 'CERT_HAS_EXPIRED'],
    ] as const) {
      const { server: facts } = await handshake(await asking(), {
        cert: client.certificate,
        key: client.privateKeyPem,
      });
      assert.equal(facts.verified, false);
      assert.equal(facts.verifyError, error);
    }
  });

  it('a client’s facts are not verified when the name is another', async () => {
    const { client } = await handshake(await asking(), { servername: 'mx.example.net' });
    assert.equal(client.verified, false);
    assert.match(client.verifyError ?? '', /ERR_TLS_CERT_ALTNAME_INVALID|altnames/);
  });

  it('takes sessions back, and still knows the client certificate then', async () => {
    const tls = await asking();
    const client = issue('Ann', ['ann@example.org']);
    for (const maxVersion of ['TLSv1.3', 'TLSv1.2'] as const) {
      const options = { cert: client.certificate, key: client.privateKeyPem, maxVersion };
      const first = await handshake(tls, options);
      assert.equal(first.server.resumed, false);
      const again = await handshake(tls, { ...options, session: first.session });
      assert.equal(again.server.resumed, true);
      assert.equal(again.server.verified, true);
      assert.deepEqual(again.server.peerNames, ['ann@example.org', 'Ann']);
      assert.notDeepEqual(again.bindings[0]?.[0] ?? 1, first.bindings[0]?.[0] ?? 2);
    }
  });
});

describe('server TLS', () => {
  it('RFC 9325 §3.1.1: refuses TLS 1.1', async () => {
    const old = { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'ALL:@SECLEVEL=0' } as const;
    await assert.rejects(handshake(await asking(), old), /unsupported protocol/);
  });

  it('swaps the certificate for new connections; a bad one changes nothing', async () => {
    const tls = await asking();
    const next = { certificate: other.certificate, privateKey: other.privateKeyPem };
    await assert.rejects(tls.reload({ ...next, privateKey: server.privateKeyPem }), TlsError);
    assert.deepEqual((await handshake(tls)).client.peerNames, ['mx.example.org']);
    await tls.reload(next);
    assert.deepEqual((await handshake(tls)).client.peerNames, [
      'mx.example.org',
      'new.example.org',
    ]);
  });
});

describe('certificate files', () => {
  const directory = mkdtempSync(join(tmpdir(), 'tls-'));
  after(() => rmSync(directory, { recursive: true }));
  const path = (name: string) => join(directory, name);
  const write = (name: string, text: string) => {
    writeFileSync(path(name), text);
    return path(name);
  };
  const options = { directory, hostname: 'mx.example.org' };
  const certificate = write('cert.pem', server.certificate);
  const privateKey = write('key.pem', server.privateKeyPem);
  const text = write('text.pem', 'hello');
  const broken = write(
    'broken.pem',
    '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n',
  );
  const expired = issue('mx.example.org', [], -1);

  for (const [title, source, message] of [
    [
      'missing',
      { certificate: path('none.pem'), privateKey },
      /cannot read .*none.pem: there is no/,
    ],
    ['a folder', { certificate: directory, privateKey }, /cannot read .*EISDIR/],
    ['no PEM', { certificate: text, privateKey }, /text.pem is not a PEM file/],
    ['broken', { certificate: broken, privateKey }, /broken.pem has no certificate that can be/],
    [
      'octets that are no PEM',
      { certificate: Buffer.from('hello'), privateKey },
      /the certificate is not in PEM/,
    ],
    ['swapped', { certificate: privateKey, privateKey: certificate }, /key.pem has no certificate/],
    ['no key', { certificate, privateKey: certificate }, /cert.pem has no private key that can/],
    [
      'another key',
      { certificate, privateKey: write('other.pem', other.privateKeyPem) },
      /the private key in .*other.pem is not that of .*cert.pem/,
    ],
  ] as const)
    it(`names the file that is of no use: ${title}`, async () => {
      await assert.rejects(loadServerTls(source, options), (error) => {
        assert.ok(error instanceof TlsError);
        assert.match(error.message, message);
        return true;
      });
    });

  const encrypted = server.privateKey
    .export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'hunter2' })
    .toString();
  for (const [title, source] of [
    ['text', { certificate: server.certificate, privateKey: server.privateKeyPem }],
    [
      'Buffers',
      {
        certificate: Buffer.from(server.certificate),
        privateKey: Buffer.from(server.privateKeyPem),
      },
    ],
    ['a file and text', { certificate, privateKey: server.privateKeyPem }],
    ['a passphrase', { certificate, privateKey: encrypted, passphrase: 'hunter2' }],
  ] as const)
    it(`takes what node:tls takes: ${title}`, async () => {
      const tls = await loadServerTls(source, options);
      const { client } = await handshake(tls, { servername: 'mx.example.org' });
      assert.deepEqual(client.peerNames, ['mx.example.org']);
    });

  const key = server.privateKeyPem;
  const armourless = key.replaceAll(/-----.*-----\n/g, '');
  const endless = armourless.replaceAll('\n', '').repeat(40);
  for (const [title, source] of [
    ['a key for the certificate', { certificate: key, privateKey: key }],
    ['a key without its armour', { certificate, privateKey: armourless }],
    ['… in one line', { certificate, privateKey: armourless.replaceAll('\n', '') }],
    ['… as long as no name may be', { certificate, privateKey: endless }],
    ['… as octets', { certificate, privateKey: Buffer.from(armourless) }],
    ['half a key', { certificate, privateKey: key.slice(0, 100) }],
    ['a key in both places', { certificate: armourless, privateKey: key }],
    ['a wrong passphrase', { certificate, privateKey: encrypted, passphrase: 'hunter3' }],
    ['no passphrase', { certificate, privateKey: encrypted }],
  ] as const)
    it(`never shows a secret: ${title}`, async () => {
      await assert.rejects(loadServerTls(source, options), (error) => {
        assert.ok(error instanceof TlsError);
        const shown = inspect(error, { depth: 10, showHidden: true });
        for (const line of [...armourless.split('\n'), ...encrypted.split('\n').slice(1, -2)])
          if (line.length > 10) assert.ok(!shown.includes(line.slice(0, 20)), shown);
        assert.doesNotMatch(shown, /hunter/);
        return true;
      });
    });

  it('RFC 6066 §3: of several certificates the one for the name that is asked for', async () => {
    const second = issue('second.example.net', ['*.example.net']);
    const tls = await loadServerTls(
      [
        { certificate, privateKey },
        { certificate: second.certificate, privateKey: second.privateKeyPem },
      ],
      options,
    );
    for (const [servername, name] of [
      ['mx.example.org', 'mx.example.org'],
      ['MX.example.net', '*.example.net'],
      ['nobody.example.com', 'mx.example.org'],
      ['', 'mx.example.org'],
    ] as const) {
      const { client, server } = await handshake(tls, { servername });
      assert.equal(server.servername, servername === '' ? undefined : servername);
      assert.equal(client.peerNames[0], name);
    }
    await assert.rejects(loadServerTls([], options), /no certificate in the list/);
  });

  it('one that names it goes before one whose wildcard takes it in', async () => {
    const [wide, own] = [issue('wide', ['*.example.net']), issue('own', ['IMAP.example.net'])];
    const tls = await loadServerTls(
      [wide, own].map((one) => ({
        certificate: one.certificate,
        privateKey: one.privateKeyPem,
      })),
      options,
    );
    for (const [servername, name] of [
      ['imap.example.net', 'IMAP.example.net'],
      ['pop.example.net', '*.example.net'],
    ] as const)
      assert.equal((await handshake(tls, { servername })).client.peerNames[0], name);
  });

  it('warns of an expired certificate but uses it', async () => {
    const tls = await loadServerTls(
      {
        certificate: write('old.pem', expired.certificate),
        privateKey: write('old.key', expired.privateKeyPem),
      },
      options,
    );
    assert.match(tls.warnings.join(), /old.pem expired on \d{4}-/);
  });

  it('reads its files again when told to', async () => {
    const source = {
      certificate: write('live.pem', server.certificate),
      privateKey: path('live.key'),
    };
    write('live.key', server.privateKeyPem);
    const tls = await loadServerTls(source, options);
    assert.deepEqual(tls.warnings, []);
    write('live.pem', other.certificate);
    await assert.rejects(tls.reload(), TlsError);
    assert.equal(tls.certificate.subject, 'CN=mx.example.org');
    write('live.key', other.privateKeyPem);
    await tls.reload();
    assert.equal(tls.certificate.subject, 'CN=new.example.org');
    await tls.reload('self-signed');
    assert.equal(tls.certificate.issuer, 'CN=mx.example.org');
    await tls.reload();
    assert.equal(tls.certificate.issuer, 'CN=mx.example.org', 'from where it was told last');
    const elsewhere = join(directory, 'elsewhere');
    mkdirSync(elsewhere);
    await tls.reload(undefined, { ...options, directory: elsewhere });
    const { fingerprint256 } = tls.certificate;
    await tls.reload();
    assert.equal(tls.certificate.fingerprint256, fingerprint256);
  });

  it('asks clients for a certificate where there are authorities for them', async () => {
    const clientAuthorities = write('clients.pem', authority.certificate);
    const source = { certificate, privateKey };
    const asking = await loadServerTls(source, { ...options, clientAuthorities });
    assert.equal(asking.socketOptions().requestCert, true);
    const silent = await loadServerTls(source, options);
    assert.equal(silent.socketOptions().requestCert, false);
  });

  it('self-signed: the same certificate after a restart, good for those who trust it', async () => {
    const first = await loadServerTls('self-signed', options);
    const second = await loadServerTls('self-signed', options);
    assert.equal(first.certificate.fingerprint256, second.certificate.fingerprint256);
    const { client } = await handshake(second, { ca: first.certificate.toString() });
    assert.equal(client.verified, true);
  });
});
