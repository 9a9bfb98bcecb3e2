import assert from 'node:assert/strict';
import { createHash, X509Certificate } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { FakeZone } from '../../dns/fake-resolver.ts';
import { FakeResolver } from '../../dns/fake-resolver.ts';
import { issueCertificate } from '../../net/certificate.ts';
import { daneFindings } from './dane.ts';
import { ownTlsa } from './own-certificate.ts';

const signed = { authenticated: true };
const hour = 3_600_000;
const dates = { notBefore: new Date(Date.now() - hour), notAfter: new Date(Date.now() + hour) };
const issue = (name: string) => issueCertificate({ commonName: name, names: [name], ...dates });
const own = issue('mx.example.org');
const spki = new X509Certificate(own.certificate).publicKey.export({ type: 'spki', format: 'der' });
const data = createHash('sha256').update(spki).digest();
const wanted = `3 1 1 ${data.toString('hex')}`;
const record = { ...{ usage: 3, selector: 1, matching: 1 }, data };

describe('check --dns and DANE', () => {
  let directory = '';
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'check-dane-'));
    await writeFile(join(directory, 'own.pem'), own.certificate);
    await writeFile(join(directory, 'other.pem'), issue('www.example.org').certificate);
  });
  after(() => rm(directory, { recursive: true }));

  const facts = () => ({
    ...{ hostname: 'mx.example.org', domains: ['example.org'], dataDirectory: directory },
    tls: {
      files: ['other', 'own'].map((name) => ({
        ...{ certificate: join(directory, `${name}.pem`), privateKey: '' },
      })),
    },
  });
  const host = { A: ['192.0.2.1'] };
  const good: FakeZone = {
    'mx.example.org': { ...host, ...signed },
    '_25._tcp.mx.example.org': { TLSA: [record], ...signed },
  };
  const said = async (zone: FakeZone, more: Partial<ReturnType<typeof facts>> = {}) =>
    (await daneFindings({ ...facts(), ...more }, new FakeResolver(zone))).map(
      ({ state, text }) => `${state}: ${text}`,
    );

  it('is content with what init says: the record of the certificate that is for the host name', async () => {
    assert.equal(ownTlsa(facts()), wanted);
    assert.deepEqual(await said(good), [
      `ok: _25._tcp.mx.example.org TLSA is of the certificate in force: ${wanted}`,
    ]);
  });

  const tables: [title: string, zone: FakeZone, finding: RegExp | undefined][] = [
    [
      'RFC 7672 §4: a record of another key keeps mail away',
      { TLSA: [{ ...record, data: data.map((octet) => octet ^ 1) }], ...signed },
      new RegExp(
        `^failure: .* does not match, and others will not .*publish \`${wanted}\`, not 3 1 1`,
      ),
    ],
    [
      'with one that matches beside it, it does not',
      { TLSA: [{ ...record, data: data.map((octet) => octet ^ 1) }, record], ...signed },
      /^ok: /,
    ],
    ['usage 1', { TLSA: [{ ...record, usage: 1 }], ...signed }, /^failure: .* of no use/],
    ['none in a signed zone', signed, /^warning: .* has no TLSA record, and the zone is signed/],
  ].map(([title, records, finding]) => [
    title as string,
    { ...good, '_25._tcp.mx.example.org': records as object },
    finding as RegExp,
  ]);
  tables.push(['none where nobody could believe it', { 'mx.example.org': host }, undefined]);
  for (const [title, zone, finding] of tables)
    it(title, async () => {
      const [only] = await said(zone);
      if (finding === undefined) assert.equal(only, undefined);
      else assert.match(only ?? '', finding);
    });

  it('a DNS without an answer is told, and no certificate is no concern', async () => {
    assert.deepEqual(await said(good, { tls: undefined as never }), []);
    const silent = { ...good, '_25._tcp.mx.example.org': { fails: 'timeout' } } as const;
    assert.match((await said(silent)).at(-1)!, /^failure: DANE: the DNS gives no answer now/);
  });
});
