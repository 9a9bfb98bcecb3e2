import assert from 'node:assert/strict';
import type { Hash } from 'node:crypto';
import { createHash, generateKeyPairSync } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { fc } from '../base/test-properties.ts';
import { FakeResolver } from '../dns/fake-resolver.ts';
import { findHeaderEnd } from '../mail/header/header.ts';
import type { Canonicalization } from './canonical.ts';
import { BodyHasher } from './canonical.ts';
import type { DkimVerdict } from './dkim.ts';
import { DkimCheck } from './dkim.ts';
import { dkimFields } from './dkim-sign.ts';
import { SignedMessage } from './signed-message.ts';

const directory = join(import.meta.dirname, '../../../shared/data/dkim');
const skip = existsSync(directory) ? false : `${directory} is not there`;

/** Records, one a line, then an empty line, then the message. */
function sample(name: string): { readonly resolver: FakeResolver; readonly message: Buffer } {
  const text = readFileSync(join(directory, name), 'latin1').replace(/\r?\n/g, '\r\n');
  const at = text.indexOf('\r\n\r\n');
  const zone = text
    .slice(0, at)
    .split('\r\n')
    .map(
      (line) =>
        [line.slice(0, line.indexOf(' ')), { TXT: [line.slice(line.indexOf(' ') + 1)] }] as const,
    );
  return {
    resolver: new FakeResolver(Object.fromEntries(zone)),
    message: Buffer.from(text.slice(at + 4), 'latin1'),
  };
}

async function verdictsOf(
  message: Buffer,
  resolver: FakeResolver,
  { piece = message.length, seconds = 1_600_000_000 } = {},
): Promise<readonly DkimVerdict[]> {
  const end = findHeaderEnd(message);
  const signed = new SignedMessage(message.subarray(0, end));
  const check = new DkimCheck(signed);
  for (let at = end; at < message.length; at += piece)
    signed.update(message.subarray(at, at + piece));
  return check.verdicts(resolver, seconds);
}

describe('DKIM: signed messages of others', { skip }, () => {
  const names = skip === false ? readdirSync(directory) : [];
  for (const name of names) {
    it(`${name} passes, wherever its pieces are cut (RFC 6376 §6.1)`, async () => {
      const { resolver, message } = sample(name);
      for (const piece of [1, 2, 7, message.length]) {
        const verdicts = await verdictsOf(message, resolver, { piece });
        assert.ok(verdicts.length > 0);
        for (const { result, problem } of verdicts) assert.equal(result, 'pass', problem ?? '');
      }
    });

    it(`${name} fails when a letter of the body is another one`, async () => {
      const { resolver, message } = sample(name);
      const at = message.lastIndexOf('e');
      message[at] = message[at]! ^ 1;
      for (const { result } of await verdictsOf(message, resolver)) assert.equal(result, 'fail');
    });
  }
  it('there are some', () => assert.equal(names.length, 6));
});

const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const ed25519 = generateKeyPairSync('ed25519');
const spki = rsa.publicKey.export({ format: 'der', type: 'spki' }).toString('base64');
const raw = ed25519.publicKey
  .export({ format: 'der', type: 'spki' })
  .subarray(12)
  .toString('base64');
const records = { rsa: `v=DKIM1; k=rsa; p=${spki}`, ed: `v=DKIM1; k=ed25519; p=${raw}` };
const resolverWith = (more: Record<string, string> = {}) =>
  new FakeResolver(
    Object.fromEntries(
      Object.entries({ ...records, ...more }).map(([selector, text]) => [
        `${selector}._domainkey.a.test`,
        { TXT: [text] },
      ]),
    ),
  );

const text = [
  'Received: by relay.test; Sun, 29 Nov 2026 06:00:00 +0000',
  'From: Ann <ann@a.test>',
  'To: bob@b.test',
  'Subject:  Hello\t\t there ',
  '\tand more',
  'Date: Sun, 29 Nov 2026 06:00:00 +0000',
  'List-Id: <l.a.test>',
  '',
  'One  two\t ',
  '',
  'three',
  '',
  '',
].join('\r\n');

/** With both signatures in front. */
async function signed(
  message = text,
  names = { domain: 'a.test', rsa: 'rsa', ed: 'ed' },
): Promise<Buffer> {
  const octets = Buffer.from(message, 'latin1');
  const end = findHeaderEnd(octets);
  const all = new SignedMessage(octets.subarray(0, end));
  const body = all.wants({ body: 'relaxed', lengthMax: undefined })!;
  all.update(octets.subarray(end));
  const { fields } = all;
  const signers = [
    { domain: names.domain, selector: names.rsa, privateKey: rsa.privateKey },
    { domain: names.domain, selector: names.ed, privateKey: ed25519.privateKey },
  ];
  const front = await dkimFields(signers, { fields, body, seconds: 1_000 });
  return Buffer.from(`${front}${message}`, 'latin1');
}

const change = (message: Buffer, from: string, to: string): Buffer =>
  Buffer.from(message.toString('latin1').replace(from, to), 'latin1');

const results = async (message: Buffer, resolver = resolverWith(), options = {}) =>
  (await verdictsOf(message, resolver, options)).map(({ result }) => result);

describe('DKIM: what is signed and what is not', () => {
  it('signs with RSA and ed25519 what it verifies (RFC 8463)', async () => {
    const message = await signed();
    assert.deepEqual(await results(message), ['pass', 'pass']);
    const header = message.toString('latin1').split('From: Ann')[0]!;
    for (const line of header.split('\r\n')) assert.ok(line.length <= 78, line);
  });

  it('RFC 6376 §3.4: white space and the case of names do not matter, relaxed', async () => {
    const message = change(
      await signed(),
      'Subject:  Hello\t\t there \r\n\tand',
      'SUBJECT : Hello there and',
    );
    assert.deepEqual(await results(change(message, 'One  two\t \r\n', 'One two\r\n')), [
      'pass',
      'pass',
    ]);
    assert.deepEqual(await results(change(message, 'three\r\n\r\n', 'three\r\n')), [
      'pass',
      'pass',
    ]);
  });

  for (const [what, from, to] of [
    ['the subject is another one', 'Hello', 'Hallo'],
    ['a second From stands in front', 'From: Ann', 'From: Eve <eve@a.test>\r\nFrom: Ann'],
    ['a field is added that was not there', 'To: bob', 'Cc: eve@b.test\r\nTo: bob'],
    ['a field is gone', 'List-Id: <l.a.test>\r\n', ''],
    ['a line of the body is added', 'three', 'three\r\nfour'],
    ['the selector is another one', 's=rsa', 's=ed'],
  ] as const)
    it(`fails when ${what}`, async () => {
      const [first] = await results(change(await signed(), from, to));
      assert.notEqual(first, 'pass');
    });

  it('RFC 6376 §5.4: a trace field in front does no harm', async () => {
    const message = await signed();
    const more = Buffer.concat([Buffer.from('Received: by b.test; now\r\n'), message]);
    assert.deepEqual(await results(more), ['pass', 'pass']);
  });

  for (const [what, record, expected] of [
    ['revoked (RFC 6376 §3.6.1)', 'v=DKIM1; p=', 'permerror'],
    ['for another kind of key', records.ed, 'permerror'],
    ['of a kind in another case', `v=DKIM1; k=RSA; p=${spki}`, 'pass'],
    ['for a hash and a service in another case', `h=SHA1:SHA256; s=Email; p=${spki}`, 'pass'],
    ['for another service', `v=DKIM1; s=other; p=${spki}`, 'permerror'],
    ['for another hash', `v=DKIM1; h=sha1; p=${spki}`, 'permerror'],
    ['for mail', `v=DKIM1; s=other:email; p=${spki}`, 'pass'],
    ['for everything', `v=DKIM1; s=*; p=${spki}`, 'pass'],
    ['of another version', `v=DKIM2; p=${spki}`, 'permerror'],
    ['not a list', 'p', 'permerror'],
    ['with a tag twice', `v=DKIM1; p=${spki}; p=${spki}`, 'permerror'],
    ['without a version and with spaces', `p = ${spki.slice(0, 40)} ${spki.slice(40)} ;`, 'pass'],
  ] as const)
    it(`a key that is ${what}: ${expected}`, async () => {
      const [first] = await results(await signed(), resolverWith({ rsa: record }));
      assert.equal(first, expected);
    });

  it('RFC 6376 §3.6.1: the flags of a key are the same in any case', async () => {
    const message = await signed();
    for (const [flags, isTest] of [
      ['t=Y', true],
      ['t=s : y', true],
      ['t=S', false],
    ] as const) {
      const resolver = resolverWith({ rsa: `v=DKIM1; ${flags}; p=${spki}` });
      const [first] = await verdictsOf(message, resolver, {});
      assert.deepEqual([first?.result, first?.isTest], ['pass', isTest]);
    }
    const below = change(message, 'd=a.test;', 'd=a.test; i=@sub.a.test;');
    for (const [flags, expected] of [
      ['t=S', 'permerror'],
      ['t=Y', 'fail'],
    ] as const) {
      const resolver = resolverWith({ rsa: `v=DKIM1; ${flags}; p=${spki}` });
      assert.equal((await results(below, resolver))[0], expected);
    }
  });

  it('RFC 8616 §5: names in UTF-8 are asked for, compared and told of as A-labels', async () => {
    const octets = (name: string) => Buffer.from(name).toString('latin1');
    const names = { domain: octets('Bücher.test'), rsa: octets('schlüssel.a'), ed: 'ed' };
    const resolver = new FakeResolver({
      'xn--schlssel-95a.a._domainkey.xn--bcher-kva.test': { TXT: [records.rsa] },
      'ed._domainkey.xn--bcher-kva.test': { TXT: [`${records.ed}; t=s`] },
    });
    const message = await signed(text, names);
    for (const { result, domain } of await verdictsOf(message, resolver))
      assert.deepEqual([result, domain], ['pass', 'xn--bcher-kva.test']);
    // i= may be written the other way, for the domain and those below it.
    const problemOf = async (i: string) => {
      const [verdict] = await verdictsOf(
        change(message, ' s=ed;', ` s=ed; i=${octets(i)};`),
        resolver,
      ).then((all) => all.filter(({ selector }) => selector === 'ed'));
      return verdict?.problem;
    };
    const other = 'the header was changed, or the key is another one';
    assert.equal(await problemOf('jürgen@bücher.test'), other);
    assert.equal(await problemOf('@xn--bcher-kva.test'), other);
    assert.equal(await problemOf('@sub.bücher.test'), 'the key is not for subdomains');
    assert.equal(await problemOf('@bucher.test'), 'i= is not within d=');
  });

  it('RFC 8301 §3.2: RSA keys below 1,024 bits sign nothing', async () => {
    const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 768 });
    const small = publicKey.export({ format: 'der', type: 'spki' }).toString('base64');
    assert.equal((await results(await signed(), resolverWith({ rsa: `p=${small}` })))[0], 'policy');
  });

  it('a DNS that does not answer is a temperror, never a missing key', async () => {
    const resolver = resolverWith();
    resolver.set('rsa._domainkey.a.test', { fails: 'servfail' });
    assert.deepEqual(await results(await signed(), resolver), ['temperror', 'pass']);
  });

  it('RFC 8301 §3.1: rsa-sha1 is no signature', async () => {
    assert.equal((await results(change(await signed(), 'rsa-sha256', 'rsa-sha1')))[0], 'policy');
  });

  for (const [what, from, to] of [
    ['i= of another domain', 'd=a.test;', 'd=a.test; i=@b.test;'],
    ['From not signed', 'h=from:from:', 'h='],
    ['another version', 'v=1;', 'v=2;'],
    ['a tag twice', 't=1000;', 't=1000; t=1000;'],
    ['a time that ends before it begins', 't=1000;', 't=1000; x=999;'],
  ] as const)
    it(`RFC 6376 §6.1.1: ${what} is a permerror`, async () => {
      assert.equal((await results(change(await signed(), from, to)))[0], 'permerror');
    });

  /** Signed with RSA and these tags. */
  async function signedWith(tags: (octets: number) => string): Promise<Buffer> {
    const octets = Buffer.from(text, 'latin1');
    const end = findHeaderEnd(octets);
    const all = new SignedMessage(octets.subarray(0, end));
    const body = all.wants({ body: 'relaxed', lengthMax: undefined })!;
    all.update(octets.subarray(end));
    const domain = `a.test; ${tags(body.end().octets)}`;
    const field = await dkimFields([{ domain, selector: 'rsa', privateKey: rsa.privateKey }], {
      fields: all.fields,
      body,
      seconds: 1_000,
    });
    return Buffer.from(`${field}${text}`, 'latin1');
  }

  it('what has expired fails, and not a second before (RFC 6376 §3.5)', async () => {
    const message = await signedWith(() => 'x=2000');
    for (const [seconds, expected] of [
      [2_000, 'pass'],
      [2_001, 'fail'],
    ] as const)
      assert.deepEqual(await results(message, resolverWith(), { seconds }), [expected]);
  });

  it('a key that is not there is a permerror that says why', async () => {
    const message = change(await signed(), 's=rsa', 's=gone');
    const [gone] = await verdictsOf(message, resolverWith());
    assert.deepEqual(
      [gone?.result, gone?.problem],
      ['permerror', 'no key at gone._domainkey.a.test'],
    );
    for (const [record, problem] of [
      ['v=DKIM1; p=', /revoked/],
      ['v=DKIM1; k=rsa', /no key in it/],
      [`v=DKIM1; k=dsa; p=${spki}`, /unknown kind of key: dsa/],
      ['v=DKIM1; p=AAAA', /unreadable/],
      [`v=DKIM1; s=other; p=${spki}`, /not for mail/],
    ] as const) {
      const [found] = await verdictsOf(await signed(), resolverWith({ rsa: record }));
      assert.match(found?.problem ?? '', problem);
    }
  });

  it('l= never lets appended content pass (RFC 6376 §8.2)', async () => {
    const message = await signedWith((length) => `l=${length}`);
    assert.deepEqual(await results(message), ['pass']);
    const more = Buffer.concat([message, Buffer.from('Buy this\r\n')]);
    assert.deepEqual(await results(more), ['policy']);
    assert.deepEqual(await results(change(message, 'three', '')), ['fail']);
    const longer = await signedWith((length) => `l=${length + 1}`);
    assert.deepEqual(await results(longer), ['fail'], 'it was never so long');
  });

  it('looks at ten signatures at most (RFC 6376 §8.4)', async () => {
    const message = (await signed()).toString('latin1');
    const [first = ''] = message.split('\r\nDKIM-Signature');
    const bomb = `${`${first}\r\n`.repeat(100)}${text}`;
    const resolver = resolverWith();
    assert.equal((await results(Buffer.from(bomb, 'latin1'), resolver)).length, 10);
  });

  it('hashes a body in four ways at most (RFC 6376 §8.4)', async () => {
    const signatures = (await signed()).toString('latin1').split('From: Ann')[0]!;
    const [first = ''] = signatures.split('\r\nDKIM-Signature');
    const bomb = Array.from({ length: 8 }, (_, n) => first.replace('t=1000;', `l=${n};`));
    const message = Buffer.from(`${bomb.join('\r\n')}\r\n${text}`, 'latin1');
    const problems = (await verdictsOf(message, resolverWith())).map(({ problem = '' }) => problem);
    assert.equal(problems.filter((problem) => problem.startsWith('too many')).length, 4);
  });

  it('any header and body, cut anywhere, gives a verdict that does not depend on the cuts', () =>
    fc.assert(
      fc.asyncProperty(
        fc.array(fc.constantFrom('\r\n', '\r', '\n', ' ', '\t', 'a', 'é', '\r\n\r\n'), {
          maxLength: 40,
        }),
        fc.integer({ min: 1, max: 9 }),
        fc.constantFrom<Canonicalization>('simple', 'relaxed'),
        async (parts, piece, canonicalization) => {
          const body = Buffer.from(parts.join(''), 'latin1');
          const whole = new BodyHasher(canonicalization);
          whole.update(body);
          const cut = new BodyHasher(canonicalization);
          for (let at = 0; at < body.length; at += piece) cut.update(body.subarray(at, at + piece));
          assert.deepEqual(cut.end(), whole.end());
        },
      ),
    ));

  it('RFC 6376 §3.4.3: empty lines at the end are none, however many there are', () => {
    for (const how of ['simple', 'relaxed'] as const)
      for (const lengthMax of [undefined, 0, 5, 9_000])
        for (const count of [1, 4_095, 4_096, 4_097, 9_000])
          for (const rest of ['', ' \t\r\n', '\r', 'x', '\r\n'.repeat(5_000), 'x\r\n\r\n']) {
            const body = `a${'\r\n'.repeat(count)}${rest}${'\r\n'.repeat(4_500)}`;
            const lines = how === 'relaxed' ? body.replace(/[ \t]+(?=\r\n)/g, '') : body;
            let end = lines.length;
            while (lines.endsWith('\r\n', end)) end -= 2;
            const canonical = Buffer.from(`${lines.slice(0, end)}\r\n`);
            const hasher = new BodyHasher(how, lengthMax);
            for (let at = 0; at < body.length; at += 7_001)
              hasher.update(Buffer.from(body.slice(at, at + 7_001)));
            const hashed = canonical.subarray(0, lengthMax);
            assert.deepEqual(hasher.end(), {
              digest: createHash('sha256').update(hashed).digest('base64'),
              ...{ octets: canonical.length, hashed: hashed.length },
            });
          }
  });

  it('an octet behind millions of empty lines costs no more than any other', (t) => {
    const hasher = new BodyHasher('simple');
    const lines = Buffer.from('\r\n'.repeat(16 * 1024));
    for (let at = 0; at < 100; at += 1) hasher.update(lines);
    const update = t.mock.method(Object.getPrototypeOf(createHash('sha256')) as Hash, 'update');
    hasher.update(Buffer.from('x'));
    const octets = update.mock.calls.map(({ arguments: [piece] }) => (piece as Uint8Array).length);
    assert.ok(octets.length > 0);
    assert.ok(octets.reduce((sum, each) => sum + each) <= 16 * 1024, octets.join());
  });

  it('RFC 6376 §3.4.3, §3.4.4: the hashes of an empty body', () => {
    assert.equal(
      new BodyHasher('simple').end().digest,
      'frcCV1k9oG9oKj3dpUqdJg1PxRT2RSN/XKdLCPjaYaY=',
    );
    assert.equal(
      new BodyHasher('relaxed').end().digest,
      '47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=',
    );
  });
});
