import assert from 'node:assert/strict';
import { it } from 'node:test';
import { base32, totpAt, totpStep, totpUri } from './totp.ts';

const secret = Buffer.from('12345678901234567890');

it('RFC 4226 appendix D, RFC 6238 appendix B: the vectors', () => {
  const counted = '755224 287082 359152 969429 338314 254676 287922 162583 399871 520489'.split(
    ' ',
  );
  for (const [step, code] of counted.entries()) assert.equal(totpAt(secret, step), code);
  for (const [seconds, code] of [
    [59, '94287082'],
    [1_111_111_109, '07081804'],
    [20_000_000_000, '65353130'],
  ] as const)
    assert.equal(totpAt(secret, Math.floor(seconds / 30)), code.slice(2));
});

it('a code is good a step early and a step late, and once', () => {
  const now = 1_111_111_109_000;
  const step = Math.floor(now / 30_000);
  for (const [apart, expected] of [
    [-2, undefined],
    [-1, step - 1],
    [0, step],
    [1, step + 1],
    [2, undefined],
  ] as const)
    assert.equal(totpStep(secret, totpAt(secret, step + apart), { now, lastStep: 0 }), expected);
  const code = totpAt(secret, step);
  assert.equal(totpStep(secret, code, { now, lastStep: step }), undefined);
  assert.equal(
    totpStep(secret, ` ${code.slice(0, 3)} ${code.slice(3)}`, { now, lastStep: 0 }),
    step,
  );
  for (const wrong of ['', '12345', '1234567', 'abcdef', '٠٧٠٨٠٤'])
    assert.equal(totpStep(secret, wrong, { now, lastStep: 0 }), undefined, wrong);
});

it('RFC 4648 §10: secrets in base32, as authenticator programs read them', () => {
  for (const [text, encoded] of [
    ['f', 'MY'],
    ['fo', 'MZXQ'],
    ['foo', 'MZXW6'],
    ['foob', 'MZXW6YQ'],
    ['fooba', 'MZXW6YTB'],
    ['foobar', 'MZXW6YTBOI'],
  ] as const)
    assert.equal(base32(Buffer.from(text)), encoded);
  assert.equal(
    totpUri(secret, 'ann', 'Postrider mx.example.org'),
    'otpauth://totp/Postrider%20mx.example.org%3Aann?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Postrider%20mx.example.org',
  );
});
