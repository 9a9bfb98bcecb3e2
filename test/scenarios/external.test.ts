// A client that logs in with its certificate: SASL EXTERNAL from the configuration to the mailbox.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { connect } from 'node:tls';
import { issueCertificate } from '../../src/net/certificate.ts';
import { startTestServer } from '../../src/testing/index.ts';

const lifetime = {
  notBefore: new Date(Date.now() - 3_600_000),
  notAfter: new Date(Date.now() + 3_600_000),
};
const authority = issueCertificate({
  ...{ commonName: 'Our devices', names: [], authority: true },
  ...lifetime,
});
const issued = (commonName: string, names: readonly string[] = []) =>
  issueCertificate({ commonName, names, issuer: authority, ...lifetime });
const ours = issueCertificate({
  ...{ commonName: 'mx.test.example', names: ['mx.test.example'] },
  ...lifetime,
});

const folder = mkdtempSync(join(tmpdir(), 'postrider-external-'));
after(() => rmSync(folder, { recursive: true }));
const file = (name: string, text: string) => {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
};

const start = () =>
  startTestServer({
    accounts: ['ann@example.org'],
    config: {
      domains: ['example.org'],
      tls: {
        certificate: file('cert.pem', ours.certificate),
        privateKey: file('key.pem', ours.privateKeyPem),
      },
      clientCertificates: {
        authorities: file('ca.pem', authority.certificate),
        accounts: { 'Laptop.example.org': 'ann@example.org' },
      },
      listeners: [
        { service: 'submission', host: '127.0.0.1', port: 0, tls: 'implicit' },
        { service: 'imap', host: '127.0.0.1', port: 0, tls: 'implicit' },
        { service: 'pop3', host: '127.0.0.1', port: 0, tls: 'implicit' },
      ],
    },
  });

type Device = ReturnType<typeof issued> | undefined;

/** What the server says to these lines, said one after the other once it has spoken. */
function talk(port: number, device: Device, lines: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = device && { cert: device.certificate, key: device.privateKeyPem };
    const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false, ...options });
    const waiting = [...lines];
    let heard = '';
    socket.setEncoding('utf8').on('error', reject);
    socket.on('data', (text: string) => {
      heard += text;
      const line = waiting.shift();
      if (line === undefined) socket.end();
      else socket.write(`${line}\r\n`);
    });
    socket.on('end', () => resolve(heard));
  });
}

describe('RFC 4422 appendix A: EXTERNAL', () => {
  const protocols: readonly (readonly [string, number, readonly string[], RegExp, RegExp])[] = [
    ['SMTP', 0, ['EHLO me.test', 'AUTH EXTERNAL ='], /^235 /m, /^535 |^504 /m],
    ['IMAP', 1, ['a AUTHENTICATE EXTERNAL ='], /^a OK /m, /^a NO /m],
    ['POP3', 2, ['AUTH EXTERNAL ='], /^\+OK .*\r\n\+OK /m, /^-ERR /m],
  ];
  for (const [name, index, lines, good, bad] of protocols)
    it(`${name}: a certificate with an address, or a name in the configuration, is a login`, async () => {
      await using server = await start();
      const { port } = server.listeners[index]!;
      assert.match(await talk(port, issued('Ann', ['ann@example.org']), lines), good);
      assert.match(await talk(port, issued('laptop.example.org'), lines), good);
      assert.match(await talk(port, issued('tablet.example.org'), lines), bad);
      assert.match(await talk(port, undefined, lines), bad, 'without a certificate');
      const forged = issueCertificate({
        ...{ commonName: 'Ann', names: ['ann@example.org'] },
        ...lifetime,
      });
      assert.match(await talk(port, forged, lines), bad, 'from another authority');
    });

  it('is offered only to those who have a good certificate', async () => {
    await using server = await start();
    const { port } = server.listeners[0]!;
    const hello = ['EHLO me.test'];
    assert.match(await talk(port, issued('laptop.example.org'), hello), /AUTH .*EXTERNAL/);
    assert.doesNotMatch(await talk(port, undefined, hello), /EXTERNAL/);
  });
});
