import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { issueCertificate } from './certificate.ts';
import { certificateNames } from './certificate-names.ts';
import { loadSelfSigned } from './self-signed.ts';

const dayMs = 24 * 60 * 60_000;
const now = Date.UTC(2026, 5, 1);
const request = {
  commonName: 'mx.example.org',
  names: ['mx.example.org', 'ann@example.org', '127.0.0.1', '2001:db8::1:2', '::1'],
  notBefore: new Date(now),
  notAfter: new Date(Date.UTC(2049, 11, 31)),
};

describe('certificate', () => {
  it('RFC 5280 §4.1: makes a certificate that signs itself, for all names asked for', () => {
    const made = issueCertificate(request);
    const read = new X509Certificate(made.certificate);
    assert.ok(read.verify(read.publicKey));
    assert.ok(read.checkPrivateKey(made.privateKey));
    assert.ok(!read.ca);
    assert.equal(read.subject, 'CN=mx.example.org');
    assert.equal(
      read.subjectAltName,
      'DNS:mx.example.org, email:ann@example.org, IP Address:127.0.0.1, ' +
        'IP Address:2001:DB8:0:0:0:0:1:2, IP Address:0:0:0:0:0:0:0:1',
    );
    assert.equal(read.checkHost('mx.example.org'), 'mx.example.org');
    assert.equal(read.checkIP('::1'), '::1');
  });

  it('RFC 5280 §4.1.2.5: writes years from 2050 on as GeneralizedTime', () => {
    for (const year of [2049, 2050, 2120]) {
      const notAfter = new Date(Date.UTC(year, 1, 28, 23, 59, 58));
      const { certificate } = issueCertificate({ ...request, notAfter });
      assert.deepEqual(new X509Certificate(certificate).validToDate, notAfter);
    }
  });

  it('issues under an authority', () => {
    const authority = issueCertificate({ ...request, commonName: 'Test CA', authority: true });
    const leaf = issueCertificate({ ...request, issuer: authority });
    const read = new X509Certificate(leaf.certificate);
    const root = new X509Certificate(authority.certificate);
    assert.ok(root.ca);
    assert.ok(read.checkIssued(root));
    assert.ok(read.verify(root.publicKey));
  });

  it('CVE-2021-44532: names with quotes and commas in them are no names', () => {
    const { certificate } = issueCertificate({
      ...request,
      commonName: 'a, DNS:evil.example',
      names: ['good.example', 'x, DNS:evil.example', 'y"z', 'Ann@example.org'],
    });
    assert.deepEqual(certificateNames(new X509Certificate(certificate)), [
      'good.example',
      'Ann@example.org',
    ]);
  });
});

describe('self-signed', () => {
  it('keeps its certificate until a month before it expires, and renews it then', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'self-signed-'));
    try {
      const load = (atMs: number, hostname = 'mx.example.org') =>
        loadSelfSigned({ directory, hostname, now: atMs });
      const first = await load(now);
      assert.equal((await stat(first.path)).mode & 0o777, 0o600);
      assert.deepEqual(await load(now + 700 * dayMs), first);
      const renewed = await load(now + 800 * dayMs);
      assert.notEqual(renewed.certificate, first.certificate);
      const renamed = await load(now + 800 * dayMs, 'mail.example.net');
      assert.ok(new X509Certificate(renamed.certificate).checkHost('mail.example.net'));
      await writeFile(first.path, 'half a fi');
      const mended = await load(now);
      assert.equal(await readFile(first.path, 'latin1'), mended.privateKey + mended.certificate);
    } finally {
      await rm(directory, { recursive: true });
    }
  });
});
