// What a message of a stranger costs, whatever its signatures are like: so much in all, and nobody else waits for
// long. Steps are counted: half a million take less than a millisecond, those of a body in four hashes.

import assert from 'node:assert/strict';
import { generateKeyPairSync, hash } from 'node:crypto';
import { describe, it } from 'node:test';
import { inTurns } from '../base/in-turns.ts';
import { assertShortTurns } from '../base/step-count.ts';
import { fc } from '../base/test-properties.ts';
import { FakeResolver } from '../dns/fake-resolver.ts';
import { findHeaderEnd } from '../mail/header/header.ts';
import { ArcCheck } from './arc.ts';
import { arcSet } from './arc-seal.ts';
import { canonicalField } from './canonical.ts';
import { canonicalText } from './canonical-text.ts';
import { DkimCheck } from './dkim.ts';
import { isSigned, sha256 } from './signature.ts';
import { SignedMessage } from './signed-message.ts';

const stepsMax = 500_000;
const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const key = publicKey.export({ format: 'der', type: 'spki' }).toString('base64');
const resolver = new FakeResolver({ 's._domainkey.a.test': { TXT: [`p=${key}`] } });

const body = 'x\r\n';
/** Right for `body`, so that the header is looked at. */
const bodyHash = hash('sha256', body, 'base64');
const signature = (h: string, more = '') =>
  `DKIM-Signature: v=1; a=rsa-sha256; d=a.test; s=s; ${more}h=${h}; bh=${bodyHash}; b=AAAA\r\n`;

const MiB = 2 ** 20;
const relaxed = 'c=relaxed/relaxed; ';
const withHeader = (fields: string, content = body) => `${fields}From: a@a.test\r\n\r\n${content}`;
const field = (text: string) => `X: ${text.repeat((7 * MiB) / 8 / text.length)}\r\n`;
const many = (count: number, make: (n: number) => string) =>
  Array.from({ length: count }, (_, n) => make(n)).join('');
const arcNames = ['Seal', 'Message-Signature', 'Authentication-Results'];
const setOf = (i: number) =>
  arcNames.map((name) => `ARC-${name}: i=${i}; ${'a=b;'.repeat(1_500)}\r\n`).join('');

const read = (octets: Buffer) => {
  const end = findHeaderEnd(octets);
  return { signed: new SignedMessage(octets.subarray(0, end)), rest: octets.subarray(end) };
};

/** What is wrong with each signature and with the chain, found in short turns. */
async function problemsOf(text: string): Promise<readonly (string | undefined)[]> {
  const octets = Buffer.from(text, 'latin1');
  const { signed, rest } = read(octets);
  let problems: readonly (string | undefined)[] = [];
  const judge = async () => {
    const dkim = new DkimCheck(signed);
    const arc = new ArcCheck(signed);
    await inTurns(rest, (slice) => signed.update(slice));
    const [verdicts, chain] = await Promise.all([
      dkim.verdicts(resolver, 1_000),
      arc.verdict(resolver, 1_000),
    ]);
    problems = [...verdicts.map(({ problem }) => problem), chain.problem];
  };
  await assertShortTurns(judge, { stepsMax, totalMax: 40 * octets.length });
  return problems;
}

describe('RFC 6376 §8.4: a message that is work', () => {
  const changed = 'the header was changed, or the key is another one';
  const tooMuch = 'too much of the header is signed';
  for (const [what, message, problems] of [
    ...['abc  def\t\t', ' ', '\r\n ', '\r'].map(
      (text) =>
        [
          `a long field of ${JSON.stringify(text)}, signed a hundred times`,
          () => withHeader(signature('from:x', relaxed).repeat(100) + field(text)),
          [changed, ...Array<string>(9).fill(tooMuch), undefined],
        ] as const,
    ),
    [
      'a long field, signed as it is',
      () => withHeader(signature('from:x').repeat(100) + field('abc def ')),
      [changed, ...Array<string>(9).fill(tooMuch), undefined],
    ],
    [
      'many fields',
      () =>
        withHeader(
          signature(`from${':a'.repeat(7_000)}`, relaxed).repeat(10) + 'a:\r\n'.repeat(9_900),
        ),
      [...Array<string>(10).fill(changed), undefined],
    ],
    [
      'more fields than are looked at, behind which something could be hidden',
      () => withHeader(signature('from:from', relaxed).repeat(100) + 'a:\r\n'.repeat(MiB / 8)),
      [...Array<string>(10).fill(tooMuch), undefined],
    ],
    [
      'long signatures',
      () => withHeader(signature('from', `z=${'a:b|'.repeat(20_000)}; `).repeat(10)),
      [...Array<string>(10).fill('longer than a signature may be'), undefined],
    ],
    [
      'signatures of many tags',
      () =>
        withHeader(
          signature(
            'from',
            many(1_500, (n) => `t${n}=;`),
          ).repeat(100),
        ),
      [...Array<string>(10).fill('not a list of tags'), undefined],
    ],
    [
      'many sets of ARC',
      () => withHeader(many(50, (n) => setOf(n + 1))),
      ['set 1 is not one of each field'],
    ],
    [
      'a body to be hashed in many ways',
      () =>
        withHeader(
          many(12, (n) => signature('from', `c=simple/${n % 2 ? 'relaxed' : 'simple'}; l=${n}; `)),
          'a \t b\r\n'.repeat(MiB / 32),
        ),
      [
        ...Array<string>(4).fill('the body was changed'),
        ...Array<string>(6).fill('too many ways of hashing the body'),
        undefined,
      ],
    ],
  ] as const)
    it(what, async () => {
      assert.deepEqual(await problemsOf(message()), problems);
    });

  it('a chain of ARC whose seals are all right, and long', async () => {
    let fields = '';
    const signer = { domain: 'a.test', selector: 's', privateKey };
    for (let count = 0; count < 15; count += 1) {
      const { signed, rest } = read(Buffer.from(withHeader(fields), 'latin1'));
      const hasher = signed.wants({ body: 'relaxed', lengthMax: undefined })!;
      signed.update(rest);
      const results = `a.test; ${'x=pass '.repeat(2_500)}`;
      const sealing = { fields: signed.fields, body: hasher, results, seconds: 1_000 };
      const chain = count === 0 ? 'none' : 'pass';
      fields = (await arcSet(signer, { ...sealing, chain, signedNames: ['from'] }))! + fields;
    }
    assert.deepEqual(await problemsOf(withHeader(fields)), ['too much of the header is sealed']);
  });
});

describe('a long header', () => {
  /** Whether it is there before anybody else has had a turn. */
  const isAtOnce = (work: Promise<unknown>) =>
    Promise.race([
      work.then(() => true),
      new Promise((resolve) => setImmediate(() => resolve(false))),
    ]);

  it('is hashed by another thread, or in turns; a short one at once', async () => {
    const short = Buffer.from('a');
    const long = Buffer.alloc(2 ** 20);
    const quick = { kind: 'rsa', key: publicKey, isQuick: true } as const;
    assert.equal(await isAtOnce(isSigned(short, short, quick)), true);
    assert.equal(await isAtOnce(isSigned(long, short, quick)), false);
    assert.equal(await isAtOnce(sha256(short)), true);
    assert.equal(await isAtOnce(sha256(long)), false);
    assert.deepEqual(await sha256(long), hash('sha256', long, 'buffer'));
  });
});

it('RFC 6376 §3.4.2: a long field is as it would be in one piece, whatever its white space', async () => {
  const piece = fc.constantFrom('a', ' ', '\t', '\r\n ', '\n\t', '\r', '\r\r\n ', 'b\r');
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 0, max: 12 }),
      fc.array(piece, { maxLength: 12 }),
      fc.array(piece, { maxLength: 12 }),
      async (shift, start, around) => {
        // So that the cut, behind 16 KiB of the value, comes within what is around it.
        const filler = 'c'.repeat(16 * 1024 - shift - start.join('').length);
        const raw = `X :${start.join('')}${filler}${around.join('')}d${'e'.repeat(16 * 1024)} \r\n`;
        const text = await canonicalText([{ lowerName: 'x', raw }], 'relaxed');
        assert.ok(text === canonicalField(raw, 'relaxed'), 'it is another one');
      },
    ),
  );
});
