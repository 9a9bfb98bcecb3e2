import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createHash, X509Certificate } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import { describe, it } from 'node:test';
import { createServer } from 'node:tls';
import type { TlsaRecord } from '../dns/resolver.ts';
import type { CertificateRequest } from './certificate.ts';
import { issueCertificate } from './certificate.ts';
import type { TlsaQuestion } from './tlsa.ts';
import { isUsable, tlsaProblem } from './tlsa.ts';

const day = 24 * 60 * 60_000;
const now = Date.now();
const lifetime = { notBefore: new Date(now - day), notAfter: new Date(now + day) };
const past = { notBefore: new Date(now - 2 * day), notAfter: new Date(now - day) };
const make = (request: Partial<CertificateRequest> & { commonName: string }) => {
  const issued = issueCertificate({ names: [], ...lifetime, ...request });
  return { ...issued, x509: new X509Certificate(issued.certificate) };
};
type Made = ReturnType<typeof make>;

const root = make({ commonName: 'Root', authority: true });
const middle = make({ commonName: 'Middle', authority: true, issuer: root });
const own = make({ commonName: 'own', names: ['mx.example.net'], issuer: middle });
const other = make({ commonName: 'Root', authority: true });
const stranger = make({ commonName: 'Stranger', authority: true });

type Kind = readonly [usage: number, selector: 0 | 1, matching: 0 | 1 | 2];

function record([usage, selector, matching]: Kind, { x509 }: Made): TlsaRecord {
  const selected =
    selector === 0 ? x509.raw : x509.publicKey.export({ type: 'spki', format: 'der' });
  const hash = ['', 'sha256', 'sha512'][matching]!;
  const data = hash === '' ? selected : createHash(hash).update(selected).digest();
  return { usage, selector, matching, data };
}

const broken = (good: TlsaRecord): TlsaRecord => ({ ...good, data: good.data.map((o) => o ^ 1) });

interface Case extends Partial<Omit<TlsaQuestion, 'presented'>> {
  readonly title: string;
  readonly presented?: readonly Made[];
  readonly records: readonly TlsaRecord[];
  /** What is wrong, or that nothing is. */
  readonly problem: RegExp | undefined;
  /** Why OpenSSL says otherwise. */
  readonly unlike?: string;
}

const noMatch = /^no TLSA record matches the certificate/;
const ee = (matching: 0 | 1 | 2 = 1) => record([3, 1, matching], own);
const ta = (made: Made, matching: 0 | 1 | 2 = 1) => record([2, 0, matching], made);
const expired = make({ commonName: 'own', names: ['mx.example.net'], issuer: middle, ...past });
const oldMiddle = make({ commonName: 'Middle', authority: true, issuer: root, ...past });
const underOldMiddle = make({
  commonName: 'own',
  names: ['mx.example.net'],
  issuer: oldMiddle,
});
const noAuthority = make({ commonName: 'No authority', issuer: root });
const underNone = make({ commonName: 'own', names: ['mx.example.net'], issuer: noAuthority });
const wild = make({ commonName: 'own', names: ['*.example.net'], issuer: middle });
const partWild = make({ commonName: 'own', names: ['m*.example.net'], issuer: middle });
const nameOnly = make({ commonName: 'mx.example.net', issuer: middle });
const otherName = make({
  commonName: 'mx.example.net',
  names: ['www.example.net'],
  issuer: middle,
});
const shortRoot = make({ commonName: 'Short root', authority: true, pathLength: 0 });
const shortMiddle = make({
  ...{ commonName: 'Short middle', authority: true, pathLength: 0, issuer: shortRoot },
});
const underShort = make({ commonName: 'own', names: ['mx.example.net'], issuer: shortMiddle });
const all = [own, middle, root];

const cases: readonly Case[] = [
  ...([0, 1] as const).flatMap((selector) =>
    ([0, 1, 2] as const).flatMap((matching): readonly Case[] => {
      const kind = `${selector} ${matching}`;
      const own3 = record([3, selector, matching], own);
      const root2 = record([2, selector, matching], root);
      const middle2 = record([2, selector, matching], middle);
      return [
        { title: `3 ${kind} of the server's own`, records: [own3], problem: undefined },
        { title: `3 ${kind}, an octet off`, records: [broken(own3)], problem: noMatch },
        { title: `2 ${kind} of the root`, records: [root2], problem: undefined },
        { title: `2 ${kind} of the one between`, records: [middle2], problem: undefined },
        { title: `2 ${kind}, an octet off`, records: [broken(root2)], problem: noMatch },
      ];
    }),
  ),
  {
    title: 'RFC 7672 §3.1.1: DANE-EE ignores names and dates, and needs no chain',
    presented: [expired],
    records: [record([3, 1, 1], expired)],
    names: ['mx.example.org'],
    problem: undefined,
  },
  {
    title: 'RFC 7672 §3.1.2: DANE-TA does not ignore names',
    records: [ta(root)],
    names: ['mx.example.org'],
    problem: /^the certificate is not for mx\.example\.org$/,
  },
  {
    title: 'RFC 7672 §3.2.2: any of the reference identifiers will do',
    records: [ta(root)],
    names: ['example.org', 'mx.example.net'],
    problem: undefined,
  },
  {
    title: 'RFC 7671 §5.2: DANE-TA does not ignore dates',
    presented: [expired, middle, root],
    records: [ta(root)],
    problem: /not valid at this time/,
  },
  {
    title: 'nor those of an authority',
    presented: [underOldMiddle, oldMiddle, root],
    records: [ta(root)],
    problem: noMatch,
  },
  {
    title: 'RFC 5280 §4.2.1.9: who is no authority vouches for nobody',
    presented: [underNone, noAuthority, root],
    records: [ta(root)],
    problem: noMatch,
  },
  {
    title: 'RFC 7672 §3.1.2: an authority that may have no other below it has none',
    presented: [underShort, shortMiddle, shortRoot],
    records: [ta(shortRoot)],
    problem: noMatch,
  },
  {
    title: 'RFC 5280 §4.2.1.9: but may vouch for servers',
    presented: [underShort, shortMiddle, shortRoot],
    records: [ta(shortMiddle)],
    problem: undefined,
  },
  {
    title: 'a DANE-TA record of the server’s own certificate is none of an authority',
    records: [ta(own)],
    problem: noMatch,
  },
  {
    title: 'a DANE-EE record of an authority is none of the server',
    records: [record([3, 0, 1], root)],
    problem: noMatch,
  },
  {
    title: 'an authority that was sent along but vouches for nobody here',
    presented: [own, middle, other],
    records: [ta(other)],
    problem: noMatch,
  },
  {
    title: 'certificates in any order, with others between',
    presented: [own, stranger, root, middle],
    records: [ta(root)],
    problem: undefined,
  },
  {
    title: 'a chain with a hole',
    presented: [own, root],
    records: [ta(root)],
    problem: noMatch,
  },
  {
    title: 'RFC 7671 §9: with a stronger digest the weaker one does not count',
    records: [ee(1), broken(ee(2))],
    problem: noMatch,
  },
  {
    title: 'RFC 7671 §9: which is decided for each usage and selector alone',
    records: [ee(1), broken(record([3, 0, 2], own)), broken(ta(root, 2))],
    problem: undefined,
  },
  {
    title: 'RFC 7671 §9: full data is no digest',
    records: [ee(0), broken(ee(2))],
    problem: undefined,
  },
  {
    title: 'RFC 7672 §3.1.3: usages 0 and 1 prove nothing',
    records: [record([1, 1, 1], own), record([0, 0, 1], root)],
    problem: noMatch,
  },
  {
    title: 'RFC 7672 §3.2.3: a wildcard for the first label',
    presented: [wild, middle, root],
    records: [ta(root)],
    problem: undefined,
  },
  {
    title: 'and for that one alone',
    presented: [wild, middle, root],
    records: [ta(root)],
    names: ['a.b.example.net'],
    problem: /not for a\.b\.example\.net$/,
  },
  {
    title: 'RFC 7672 §3.2.3: for a part of it',
    presented: [partWild, middle, root],
    records: [ta(root)],
    problem: /not for/,
    unlike: 's_client takes a wildcard within a label',
  },
  {
    title: 'RFC 7672 §3.2.3: the common name where there is no other',
    presented: [nameOnly, middle, root],
    records: [ta(root)],
    problem: undefined,
  },
  {
    title: 'RFC 7672 §3.2.3: and only there',
    presented: [otherName, middle, root],
    records: [ta(root)],
    problem: /not for/,
  },
];

describe('TLSA records', () => {
  for (const { title, presented = all, records, names = ['mx.example.net'], problem } of cases)
    it(title, () => {
      const found = tlsaProblem({
        ...{ presented: presented.map(({ x509 }) => x509), records, names, now },
      });
      if (problem === undefined) assert.equal(found, undefined);
      else assert.match(found?.text ?? '', problem);
    });

  it('without a certificate there is nobody', () => {
    const question = { presented: [], records: [ee()], names: ['mx.example.net'], now };
    assert.match(tlsaProblem(question)?.text ?? '', /no certificate/);
  });

  it('RFC 6698 §4.1: which ones can be used', () => {
    const good = ee();
    assert.equal(isUsable(good), true);
    for (const bad of [
      { usage: 0 },
      { usage: 1 },
      { usage: 4 },
      { selector: 2 },
      { matching: 3 },
      { matching: 2 },
      { data: good.data.subarray(1) },
      { matching: 0, data: new Uint8Array(0) },
    ])
      assert.equal(isUsable({ ...good, ...bad }), false, JSON.stringify(bad));
  });

  it('RFC 8460 §4.3: what is wrong has a name of its own', () => {
    const question = { presented: all.map(({ x509 }) => x509), names: ['mx.example.net'] };
    const code = (more: Partial<Parameters<typeof tlsaProblem>[0]>) =>
      tlsaProblem({ ...question, records: [ta(root)], now, ...more })?.code;
    assert.equal(code({}), undefined);
    assert.equal(code({ records: [broken(ee())] }), 'TLSA_MISMATCH');
    assert.equal(code({ names: ['mx.example.org'] }), 'ERR_TLS_CERT_ALTNAME_INVALID');
    const presented = [expired, middle, root].map(({ x509 }) => x509);
    assert.equal(code({ presented }), 'CERT_HAS_EXPIRED');
  });

  it('a flood of records costs one hash of a certificate for each kind of record', () => {
    const flood = Array.from({ length: 1300 }, (_, i): TlsaRecord => {
      const data = Buffer.alloc(32);
      data.writeUInt32BE(i);
      return { usage: i % 2 === 0 ? 3 : 2, selector: 0, matching: 1, data };
    });
    let read = 0;
    const presented = all.map(({ certificate }) => new X509Certificate(certificate));
    for (const certificate of presented) {
      const { raw } = certificate;
      const get = () => {
        read += 1;
        return raw;
      };
      Object.defineProperty(certificate, 'raw', { get });
    }
    const question = { presented, names: ['mx.example.net'], now };
    assert.match(tlsaProblem({ ...question, records: flood })?.text ?? '', noMatch);
    assert.ok(read <= 3 * presented.length, `${read} times`);
    assert.equal(tlsaProblem({ ...question, records: [...flood, ta(root)] }), undefined);
  });

  it('so many signatures are checked, whatever certificates say of each other', (t) => {
    // Of one name, and without ids of keys, so that each could have signed each; few have.
    const same = Array.from({ length: 16 }, () => make({ commonName: 'Root', authority: true }));
    const presented = [middle, ...same].map(({ x509 }) => x509);
    let checks = 0;
    const methods = X509Certificate.prototype;
    t.mock.method(methods, 'checkIssued', function (this: X509Certificate, by: X509Certificate) {
      return this.issuer === by.subject;
    });
    t.mock.method(methods, 'verify', () => {
      checks += 1;
      return checks % 5 === 0;
    });
    const question = { presented, names: ['mx.example.net'], now };
    assert.match(tlsaProblem({ ...question, records: [ta(stranger)] })?.text ?? '', noMatch);
    assert.ok(checks <= 32, `${checks} signatures`);
  });

  it('a chain of many certificates that all vouch for each other ends', () => {
    const many = Array.from({ length: 200 }, () => root.x509);
    const question = {
      presented: [own.x509, middle.x509, ...many],
      names: ['mx.example.net'],
      now,
    };
    assert.match(tlsaProblem({ ...question, records: [ta(other)] })?.text ?? '', noMatch);
  });
});

/** What `openssl s_client -dane_…` says; undefined where there is none. */
function opensslAgrees(port: number, records: readonly TlsaRecord[], names: readonly string[]) {
  const [base] = names;
  const rrdata = ({ usage, selector, matching, data }: TlsaRecord) =>
    `${usage} ${selector} ${matching} ${Buffer.from(data).toString('hex')}`;
  const options = [
    ...['s_client', '-connect', `127.0.0.1:${port}`, '-verify_return_error', '-brief'],
    ...['-dane_tlsa_domain', base!, '-servername', base!],
    ...records.flatMap((each) => ['-dane_tlsa_rrdata', rrdata(each)]),
    ...['-dane_ee_no_namechecks', '-no-CAfile', '-no-CApath'],
  ];
  return new Promise<boolean | undefined>((resolve) => {
    const child = execFile('openssl', options, { timeout: 20_000 }, (error, _, stderr) => {
      if ((error as NodeJS.ErrnoException | null)?.code === 'ENOENT') resolve(undefined);
      else resolve(error === null && /Verification: OK/.test(stderr));
    });
    child.stdin?.on('error', () => {});
    child.stdin?.end();
  });
}

describe('OpenSSL', () => {
  it('says the same of the same records', { timeout: 120_000 }, async (t) => {
    for (const { title, presented = all, records, problem, ...rest } of cases) {
      const { names = ['mx.example.net'], unlike } = rest;
      // It takes one name, and has no records where none can be used.
      if (unlike !== undefined || names.length > 1 || !records.some(isUsable)) continue;
      const [first] = presented;
      const cert = presented.map(({ certificate }) => certificate).join('');
      const server = createServer({ cert, key: first!.privateKeyPem }, (socket) => {
        socket.on('error', () => {});
        socket.end();
      });
      server.on('tlsClientError', () => {});
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      const { port } = server.address() as AddressInfo;
      const verifies = await opensslAgrees(port, records, names);
      await new Promise((resolve) => server.close(resolve));
      if (verifies === undefined) return t.skip('there is no openssl on this machine');
      assert.equal(verifies, problem === undefined, title);
    }
  });
});
