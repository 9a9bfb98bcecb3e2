import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { issueCertificate } from './certificate.ts';
import { checkCertificate } from './certificate-check.ts';

const day = 24 * 60 * 60_000;
const now = Date.UTC(2026, 0, 1);

/** Good from and to so many days from now. */
function certificate(
  from: number,
  to: number,
  more: Partial<Parameters<typeof issueCertificate>[0]> = {},
) {
  return issueCertificate({
    commonName: 'mx.example.org',
    names: ['mx.example.org', '*.wild.example'],
    notBefore: new Date(now + from * day),
    notAfter: new Date(now + to * day),
    ...more,
  });
}

const selfSigned = /^warning is signed by itself/;

function check(pem: string, hostname = 'mx.example.org'): string[] {
  return checkCertificate(pem, hostname, now)
    .map(({ severity, message }) => `${severity} ${message}`)
    .filter((line) => !selfSigned.test(line));
}

describe('certificates', () => {
  const lifetimes: [from: number, to: number, expected: RegExp | undefined][] = [
    [-30, 60, undefined],
    [-80, 10, /^warning expires on 2026-01-11/],
    [-89, 1, /^warning expires on 2026-01-02/],
    [-90, -1, /^failure expired on 2025-12-31: clients refuse it/],
    [1, 90, /^failure is not valid before 2026-01-02T/],
    [-2, 5, undefined],
    [-5, 2, /^warning expires on/],
  ];
  for (const [from, to, expected] of lifetimes)
    it(`from ${from} to ${to} days from now`, () => {
      const found = check(certificate(from, to).certificate);
      if (expected === undefined) assert.deepEqual(found, []);
      else assert.match(found[0] ?? 'nothing', expected);
    });

  it('RFC 6125 §6.4: of another host, or with a wildcard', () => {
    const { certificate: pem } = certificate(-1, 90);
    assert.deepEqual(check(pem, 'MX.example.org'), []);
    assert.deepEqual(check(pem, 'a.wild.example'), []);
    assert.match(
      check(pem, 'mail.example.org')[0]!,
      /^failure is for mx\.example\.org, \*\.wild\.example, not for mail\.example\.org/,
    );
    assert.equal(check(pem, 'a.b.wild.example').length, 1);
  });

  it('RFC 8446 §4.4.2: the intermediate ones belong in the file', () => {
    const root = certificate(-1, 900, { commonName: 'Root', names: [], authority: true });
    const middle = certificate(-1, 900, {
      commonName: 'Middle',
      names: [],
      authority: true,
      issuer: root,
    });
    const leaf = certificate(-1, 90, { issuer: middle });
    assert.match(
      check(leaf.certificate)[0]!,
      /^warning ends with what CN=Middle has issued.*fullchain\.pem/,
    );
    assert.match(check(leaf.certificate + middle.certificate)[0]!, /what CN=Root has issued/);
    assert.deepEqual(check(leaf.certificate + middle.certificate + root.certificate), []);
    assert.match(check(leaf.certificate + root.certificate)[0]!, /what CN=Middle has issued/);
    const [own] = checkCertificate(certificate(-1, 90).certificate, 'mx.example.org', now);
    assert.equal(own?.severity, 'warning');
    assert.match(own!.message, /^is signed by itself/);
  });
});
