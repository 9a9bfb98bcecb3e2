// Chains made here: what is passed on and believed, and what strangers may write instead.

import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { describe, it } from 'node:test';
import { FakeResolver } from '../dns/fake-resolver.ts';
import { ArcCheck, arcSets, setsMax } from './arc.ts';
import { arcSet } from './arc-seal.ts';
import { SignedMessage } from './signed-message.ts';

const { privateKey, publicKey } = generateKeyPairSync('ed25519');
const rawKey = publicKey.export({ type: 'spki', format: 'der' }).subarray(-32).toString('base64');
const zone = { 's._domainkey.hop.test': { TXT: [`v=DKIM1; k=ed25519; p=${rawKey}`] } };
const text = 'From: ann@example.org\r\nSubject: x\r\n\r\n';

const fieldsOf = (header: string) => new SignedMessage(Buffer.from(header)).fields;

async function verdictOf(header: string) {
  const resolver = new FakeResolver(zone);
  const check = new ArcCheck(new SignedMessage(Buffer.from(header)));
  const verdict = await check.verdict(resolver, 20_000);
  return { ...verdict, queries: resolver.queries.length };
}

/** One more set in front, by a hop that saw no fault. */
async function sealed(header: string, results = 'hop.test; spf=pass'): Promise<string> {
  const message = new SignedMessage(Buffer.from(header));
  const body = message.wants({ body: 'relaxed', lengthMax: undefined })!;
  const set = await arcSet(
    { domain: 'hop.test', selector: 's', privateKey },
    { fields: message.fields, body, chain: 'pass', results, signedNames: ['from'], seconds: 1 },
  );
  return `${set}${header}`;
}

/** A set of which nothing but its structure is looked at. */
const set = (instance: number, seal: string) =>
  `ARC-Seal: i=${instance}; ${seal}\r\n` +
  `ARC-Message-Signature: i=${instance}; a=rsa-sha256\r\n` +
  `ARC-Authentication-Results: i=${instance}; hop.test; none\r\n`;
const sealOf = (instance: number) =>
  `a=rsa-sha256; b=AAAA; d=hop.test; s=s; cv=${instance === 1 ? 'none' : 'pass'}`;
const chain = (count: number) =>
  Array.from({ length: count }, (_, i) => set(i + 1, sealOf(i + 1))).join('') + text;

describe('ARC: a chain of our own', () => {
  it('passes with one set and with two, and says what each sealer saw', async () => {
    const one = await sealed(text, 'hop.test;\r\n  spf=fail \r\n');
    const two = await sealed(one, 'hop.test; dkim=pass');
    const { result, sealers, results } = await verdictOf(two);
    assert.deepEqual([result, sealers], ['pass', ['hop.test', 'hop.test']]);
    assert.deepEqual(results, ['hop.test; spf=fail', 'hop.test; dkim=pass']);
    assert.equal((await verdictOf(two.replace('spf=fail', 'spf=pass'))).result, 'fail');
  });
});

describe('ARC: a chain that strangers wrote', () => {
  it('RFC 8617 §5.2 step 1: has fifty sets at the most', () => {
    assert.equal(arcSets(fieldsOf(chain(setsMax))).length, 50);
    assert.equal(arcSets(fieldsOf(chain(setsMax + 1))), 'more than 50 sets');
  });

  it('of more than fifteen sets the DNS is not asked', async () => {
    const { result, problem, queries } = await verdictOf(chain(16));
    assert.deepEqual([result, problem, queries], ['fail', 'more than 15 sets', 0]);
    assert.notEqual((await verdictOf(chain(15))).problem, problem);
  });

  it('the algorithm of a seal is the same in any case, as that of its signature is', async () => {
    const seal = sealOf(1).replace('rsa-sha256', 'RSA-SHA256');
    assert.doesNotMatch((await verdictOf(set(1, seal) + text)).problem ?? '', /algorithm/);
  });

  const seals: readonly (readonly [what: string, seal: string, problem: string])[] = [
    ['is no list of tags', 'x', 'set 1 is not one of each field'],
    ['has no value', 'a=rsa-sha256; d=hop.test; s=s; cv=none', 'seal 1: no b='],
    ['names fields', `${sealOf(1)}; h=from`, 'seal 1: h= is not allowed'],
    ['has another time', `${sealOf(1)}; t=now`, 'seal 1: t= is no number'],
    ['is made in another way', sealOf(1).replace('256', '1'), 'seal 1: unknown algorithm rsa-sha1'],
    ['says that there is a chain before it', sealOf(2), 'seal 1 says cv=pass'],
  ];
  for (const [what, seal, expected] of seals)
    it(`RFC 8617 §4.1.3: a seal that ${what}`, async () => {
      const { result, problem, queries } = await verdictOf(set(1, seal) + text);
      assert.deepEqual([result, problem, queries], ['fail', expected, 0]);
    });
});
