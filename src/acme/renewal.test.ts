import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { issueCertificate } from '../net/certificate.ts';
import { advisedRenewal, certificateId, readCertificate, usualRenewal } from './renewal.ts';

const dayMs = 24 * 60 * 60_000;

describe('the name of a certificate', () => {
  it('RFC 9773 §4.1: is made of the key that signed it and the serial number', () => {
    // The example of the RFC: its two parts, as they stand in a certificate.
    const key = '69885b6b87464041e1b37b847ba0ae2cde01c8d4';
    const raw = Buffer.from(`ffff0603551d230418301680 14${key}ff`.replace(' ', ''), 'hex');
    assert.equal(
      certificateId({ raw, serialNumber: '87654321' }),
      'aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE',
    );
  });

  it('there is none of a certificate that does not say which key has signed it, or says nonsense', () => {
    for (const hex of ['', '0603551d23', '0603551d230481ff', '0603551d2304023000'])
      assert.equal(certificateId({ raw: Buffer.from(hex, 'hex'), serialNumber: '01' }), undefined);
  });
});

describe('the time of renewal', () => {
  const begins = Date.UTC(2026, 0, 1);
  const { certificate } = issueCertificate({
    ...{ commonName: 'a.example', names: ['a.example'] },
    ...{ notBefore: new Date(begins), notAfter: new Date(begins + 90 * dayMs) },
  });
  const read = readCertificate(certificate);

  it('is the advised one, but never on its first day, nor in the last tenth of its life', () => {
    const window = { start: begins + 10 * dayMs, end: begins + 20 * dayMs };
    const now = { obtained: begins, fraction: 0.5 };
    assert.equal(advisedRenewal(read, window, now), begins + 15 * dayMs);
    const late = { start: begins + 89 * dayMs, end: begins + 99 * dayMs };
    assert.equal(advisedRenewal(read, late, now), begins + 81 * dayMs);
    const past = { start: 0, end: 1 };
    assert.equal(advisedRenewal(read, past, now), begins + dayMs);
    assert.equal(usualRenewal(read), begins + 60 * dayMs);
  });
});
