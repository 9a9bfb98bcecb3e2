import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { CertificateState } from '../../acme/kept.ts';
import type { Config } from '../../config/config.ts';
import { issueCertificate } from '../../net/certificate.ts';
import { acmeFindings } from './acme.ts';

const dayMs = 86_400_000;
const names = ['mx.example.org'];
const failure = { reason: 'nothing is shown', at: 0, attempts: 3, until: 0 };

function told(given: Partial<CertificateState> | undefined, hostname = 'mx.example.org'): string[] {
  const config = { hostname, tls: { files: [], acme: { names: [names] } } } as unknown as Config;
  const none = { names, certificate: null, renewAt: null, failure: null };
  const found = acmeFindings(config, given === undefined ? [] : [{ ...none, ...given }]);
  return found.map(({ state, path, text }) => `${state} ${path}: ${text}`);
}

const lasting = (days: number) =>
  issueCertificate({
    ...{ commonName: 'mx.example.org', names },
    notBefore: new Date(Date.now() - 60 * dayMs),
    notAfter: new Date(Date.now() + days * dayMs),
  }).certificate;

describe('check and ACME', () => {
  for (const [title, state, expected] of [
    ['nothing yet', undefined, /^warning tls\.acme: mx\.example\.org: no certificate yet/],
    [
      'only failures',
      { failure },
      /^failure .* no certificate; attempt 3 .* nothing is shown; .*reload/,
    ],
    ['a good one', { certificate: lasting(60) }, /^ok tls\.acme: mx\.example\.org: good until /],
    [
      'a good one, not renewed',
      { certificate: lasting(60), failure },
      /^warning .* nothing is shown/,
    ],
    ['one that ends', { certificate: lasting(3) }, /^warning .* expires on /],
    [
      'one that is over',
      { certificate: lasting(-1), failure },
      /^failure .* expired on .*; attempt 3/,
    ],
  ] as const)
    it(`tells of ${title}`, () => assert.match(told(state)[0]!, expected));

  it('misses the host name among the names', () =>
    assert.match(
      told(undefined, 'other.example.org')[1]!,
      /^warning tls\.acme\.names: no certificate/,
    ));
});
