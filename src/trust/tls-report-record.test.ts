// Where reports about TLS are wanted, in the words of many domains.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { tlsReportDestinations } from './tls-report-record.ts';

const written = (...texts: string[]) =>
  tlsReportDestinations(texts).map((to) => (to.kind === 'mailto' ? to.address : to.url));

describe('RFC 8460 §3: where reports about TLS go', () => {
  for (const [text, expected] of [
    ['v=TLSRPTv1; rua=mailto:tls@a.test', ['tls@a.test']],
    ['v=TLSRPTv1;rua=mailto:d%2Be@a.test , https://a.test/r;', ['d+e@a.test', 'https://a.test/r']],
    ['v=TLSRPTv1 ; rua = mailto:tls@a.test; new=x', ['tls@a.test']],
    ['v=TLSRPTv1; rua=mailto:one@a.test; rua=mailto:two@a.test', ['one@a.test', 'two@a.test']],
    ['v=TLSRPTv1; rua=http://a.test/r, ftp:x, mailto:%zz@a.test', []],
    ['v=TLSRPTv1; other=mailto:tls@a.test', []],
    ['v=TLSRPTv1', []],
    ['v=TLSRPTv2; rua=mailto:tls@a.test', []],
  ] as const)
    it(text, () => assert.deepEqual(written(text), expected));

  it('other records at the name do no harm, two of the kind are none', () => {
    const one = 'v=TLSRPTv1; rua=mailto:tls@a.test';
    assert.deepEqual(written('v=spf1 -all', one), ['tls@a.test']);
    assert.deepEqual(written(one, one), []);
  });

  it('five at the most', () => {
    const uris = Array.from({ length: 7 }, (_, i) => `rua=mailto:n${i}@a.test`);
    assert.equal(written(['v=TLSRPTv1', ...uris].join(';')).length, 5);
  });
});
