// What a signature says of itself, and which keys are good for it; that signatures are right is in dkim.test.ts.

import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { describe, it } from 'node:test';
import { FakeResolver } from '../dns/fake-resolver.ts';
import type { SigningKey } from './dkim-key.ts';
import { findKey } from './dkim-key.ts';
import { readSignature, usableKey, withoutValue } from './signature.ts';

const all = { v: '1', a: 'rsa-sha256', b: 'AAAA', bh: 'BBBB', d: 'A.test', h: 'from', s: 'x' };
type Tags = Readonly<Record<string, string | undefined>>;

function read(tags: Tags = {}, kind: 'dkim' | 'arc' = 'dkim') {
  const list = Object.entries({ ...all, ...tags })
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}=${value}`);
  const raw = `DKIM-Signature: ${list.join('; ')}\r\n`;
  return readSignature({ lowerName: 'dkim-signature', raw }, kind);
}

const problemOf = (tags: Tags, kind?: 'arc') => {
  const found = read(tags, kind);
  return 'problem' in found ? found.problem : undefined;
};

describe('a signature that cannot be read', () => {
  for (const name of ['a', 'b', 'bh', 'd', 'h', 's'])
    it(`RFC 6376 §6.1.1: without ${name}=, or with nothing behind it`, () => {
      assert.equal(problemOf({ [name]: undefined }), `no ${name}=`);
      assert.equal(problemOf({ [name]: '' }), `no ${name}=`);
    });

  for (const [tags, problem] of [
    [{ v: '2' }, /version 1/],
    [{ q: 'dns/other' }, /not in the DNS/],
    [{ a: 'rsa-md5' }, /unknown algorithm/],
    [{ a: 'rsa-sha1' }, /too weak/],
    [{ c: 'other' }, /canonicalization/],
    [{ c: 'other/simple' }, /canonicalization/],
    [{ c: 'simple/other' }, /canonicalization/],
    [{ h: 'to' }, /From is not signed/],
    [{ i: '@b.test' }, /not within/],
    [{ i: '@ba.test' }, /not within/],
    [{ l: 'x' }, /no number/],
    [{ t: '-1' }, /no number/],
    [{ x: '1e3' }, /no number/],
    [{ t: '10', x: '9' }, /expired before/],
  ] as const)
    it(`RFC 6376 §6.1.1: ${JSON.stringify(tags)}`, () =>
      assert.match(problemOf(tags) ?? 'none', problem));

  it('RFC 6376 §3.5: words of a and q are the same in any case', () => {
    assert.equal(problemOf({ a: 'RSA-SHA256', q: 'other:DNS/TXT' }), undefined);
  });

  it('RFC 8617 §4.1.2: one of ARC that signs a seal; From may be missing there', () => {
    assert.match(problemOf({ h: 'from:ARC-Seal' }, 'arc') ?? 'none', /seal/);
    assert.equal(problemOf({ h: 'to' }, 'arc'), undefined);
    assert.equal(problemOf({ h: 'from:arc-seal' }), undefined);
  });
});

describe('a signature that can be read', () => {
  const canonicalization = (tags: Tags, kind?: 'arc') => {
    const found = read(tags, kind);
    return 'problem' in found ? found.problem : [found.header, found.body];
  };

  it('RFC 6376 §3.5: is simple where it does not say; of ARC relaxed', () => {
    assert.deepEqual(canonicalization({}), ['simple', 'simple']);
    assert.deepEqual(canonicalization({ c: 'Relaxed' }), ['relaxed', 'simple']);
    assert.deepEqual(canonicalization({ c: 'simple/relaxed' }), ['simple', 'relaxed']);
    assert.deepEqual(canonicalization({}, 'arc'), ['relaxed', 'relaxed']);
  });

  for (const tags of [{ t: '10', x: '10' }, { i: 'ann@A.test' }, { i: '@sub.a.test' }, { l: '0' }])
    it(`RFC 6376 §3.5: ${JSON.stringify(tags)}`, () => assert.equal(problemOf(tags), undefined));

  it('RFC 6376 §3.7: is signed without its own value, wherever b= stands', () => {
    for (const [raw, without] of [
      ['D: a=x; b=AA\r\n BB; c=y\r\n', 'D: a=x; b=; c=y\r\n'],
      ['D: a=x; b=AA\r\n BB\r\n', 'D: a=x; b=\r\n'],
      ['D: b = AA; bh=BB', 'D: b =; bh=BB'],
      ['D: bh=BB; b=AA', 'D: bh=BB; b='],
      ['D: z=To:a|Subject:b=3DCC|X:y; b=AA; s=x', 'D: z=To:a|Subject:b=3DCC|X:y; b=; s=x'],
    ] as const)
      assert.equal(withoutValue(raw), without);
  });
});

describe('a key', () => {
  const { publicKey } = generateKeyPairSync('ed25519');
  const use = (key: Partial<SigningKey>, identity = '@a.test') => {
    const rsa = {
      kind: 'rsa',
      key: publicKey,
      bits: 2048,
      isQuick: true,
      isTest: false,
      isStrict: false,
    } as const;
    const signature = { algorithm: 'rsa-sha256', identity, domain: 'a.test' } as const;
    const used = usableKey({ kind: 'key', key: { ...rsa, ...key } }, signature);
    return 'problem' in used ? used.result : 'usable';
  };

  it('is used at once only where that takes no time, whatever its owner chose', async () => {
    const isQuick = async (kind: 'rsa' | 'ed25519', options = {}) => {
      const { publicKey } = generateKeyPairSync(kind as 'rsa', { modulusLength: 1024, ...options });
      const der = publicKey.export({ format: 'der', type: 'spki' });
      const p = (kind === 'rsa' ? der : der.subarray(-32)).toString('base64');
      const record = { TXT: [`k=${kind}; p=${p}`] };
      const resolver = new FakeResolver({ 's._domainkey.a.test': record });
      const found = await findKey(resolver, { domain: 'a.test', selector: 's' });
      return found.kind === 'key' ? found.key.isQuick : found.problem;
    };
    assert.equal(await isQuick('rsa'), true);
    assert.equal(await isQuick('rsa', { modulusLength: 2056 }), false);
    assert.equal(await isQuick('rsa', { publicExponent: 65_539 }), false);
    assert.equal(await isQuick('ed25519'), false);
  });

  it('RFC 8301 §3.2: of RSA has 1,024 bits at least', () => {
    assert.equal(use({ bits: 1023 }), 'policy');
    assert.equal(use({ bits: 1024 }), 'usable');
    assert.equal(use({ kind: 'ed25519', bits: undefined }), 'permerror');
  });

  it('RFC 6376 §3.6.1: t=s means no subdomain in i=', () => {
    assert.equal(use({ isStrict: true }, 'ann@sub.a.test'), 'permerror');
    assert.equal(use({ isStrict: true }, 'ann@A.test'), 'usable');
    assert.equal(use({ isStrict: true }, '1'), 'usable', 'the number of a set of ARC');
    assert.equal(use({}, 'ann@sub.a.test'), 'usable');
  });
});
