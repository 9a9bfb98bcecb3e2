import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { describe, it } from 'node:test';
import { sleep } from '../../base/clock.ts';
import { FakeClock } from '../../base/fake-clock.ts';
import type { FakeFailure, FakeZone } from '../../dns/fake-resolver.ts';
import { FakeResolver } from '../../dns/fake-resolver.ts';
import { DnsBusy } from '../../dns/resolver.ts';
import { scanHeader } from '../../mail/header/header.ts';
import type { Content } from '../../store/content.ts';
import { memoryContent } from '../../store/content.ts';
import { arcSet } from '../../trust/arc-seal.ts';
import { dkimFields } from '../../trust/dkim-sign.ts';
import { SignedMessage } from '../../trust/signed-message.ts';
import type { ClientFacts, Envelope } from '../envelope.ts';
import type { AuthenticationRules, Disposition, Judged } from './sender-authentication.ts';
import { senderAuthentication } from './sender-authentication.ts';

const everything: AuthenticationRules = {
  ...{ spf: true, dkim: true, arc: true, dmarc: true, obey: true },
  overrides: new Map(),
  trustedSealers: new Set(),
};

interface Delivered {
  readonly sender: Envelope['sender'];
  readonly open: (bytes: Buffer) => Content;
}

function setUp(zone: FakeZone = {}, rules: Partial<AuthenticationRules> = {}) {
  const clock = new FakeClock();
  const resolver = new FakeResolver(zone, { clock, timeoutMs: 60_000 });
  const judged: Judged[] = [];
  const policy = senderAuthentication({
    ...{ resolver, clock, hostname: () => 'mx.test', judged: (one: Judged) => judged.push(one) },
    rules: () => ({ ...everything, ...rules }),
  });
  /** The same client is the same connection. */
  const connections = new Map<Partial<ClientFacts>, ClientFacts>();
  const connectionOf = (client: Partial<ClientFacts>): ClientFacts => {
    const known = connections.get(client);
    if (known !== undefined) return known;
    const made = {
      ...{ service: 'smtp', trusted: false, account: undefined, hello: 'c.test' },
      remote: { address: '192.0.2.1', port: 1 },
      ...client,
    } as ClientFacts;
    connections.set(client, made);
    return made;
  };
  const judge = async (
    client: Partial<ClientFacts> = {},
    text = 'From: a@b.test\r\n\r\nHi\r\n',
    { sender, open = memoryContent }: Partial<Delivered> = {},
  ) => {
    const envelope = {
      client: connectionOf(client),
      sender: sender === undefined ? { local: 'a', domain: 'b.test' } : sender,
    } as unknown as Envelope;
    const bytes = Buffer.from(text);
    const content = { kind: 'inline', bytes } as const;
    return policy.message!(envelope, {
      ...{ content, head: bytes, header: scanHeader(bytes, true) },
      open: () => open(bytes),
    });
  };
  return { clock, resolver, judge, judged };
}

const ofPolicy = (policy: string, spf = 'v=spf1 -all'): FakeZone => ({
  '_dmarc.b.test': { TXT: [`v=DMARC1; p=${policy}`] },
  'b.test': { TXT: [spf] },
});

/** Everything that is asked of the message below. */
const failing = (fails: FakeFailure): FakeZone =>
  Object.fromEntries(
    ['b.test', '_dmarc.b.test', '_dmarc.test', '1.2.0.192.in-addr.arpa', 'c.test'].map((name) => [
      name,
      { fails },
    ]),
  );

/** On a clock that goes on in quarters of a second. */
async function msUntilOver(judging: unknown, clock: FakeClock): Promise<number> {
  let isOver = false;
  const over = () => {
    isOver = true;
  };
  Promise.resolve(judging).then(over, over);
  const start = clock.now();
  await clock.advance(0);
  while (!isOver && clock.now() < start + 20_000) await clock.advance(250);
  return clock.now() - start;
}

describe('sender authentication: who is judged', () => {
  for (const [who, client] of [
    ['from a trusted network', { trusted: true }],
    ['who has logged in', { account: 'ann@example.org' }],
    ['by submission', { service: 'submission' }],
    ['by LMTP', { service: 'lmtp' }],
  ] as const)
    it(`nobody ${who}`, async () => {
      const { judge, resolver } = setUp();
      assert.equal(await judge(client), undefined);
      assert.equal(resolver.queries.length, 0);
    });

  it('nothing is asked that is switched off', async () => {
    const { judge, resolver } = setUp({}, { spf: false, dmarc: false, arc: false, dkim: true });
    const kinds = (await judge())?.findings?.map(({ kind }) => kind);
    assert.deepEqual(kinds, ['iprev', 'dkim']);
    assert.deepEqual(
      resolver.queries.filter(({ type }) => type === 'TXT'),
      [],
    );
  });
});

describe('sender authentication: what is asked', () => {
  it('the name of a client once for a connection, and again where the DNS had no answer', async () => {
    const names = { '1.2.0.192.in-addr.arpa': { PTR: ['c.test'] }, 'c.test': { A: ['192.0.2.1'] } };
    const reverse = async (zone: FakeZone, clients: readonly Partial<ClientFacts>[]) => {
      const { judge, resolver } = setUp(zone, { spf: false, dmarc: false, arc: false });
      const results: unknown[] = [];
      for (const client of clients) {
        const found = (await judge(client))?.findings ?? [];
        results.push(found.find((one) => one.kind === 'iprev')?.result);
      }
      return [results, resolver.queries.filter(({ type }) => type === 'PTR').length];
    };
    const [one, other] = [{}, {}];
    assert.deepEqual(await reverse(names, [one, one, other]), [['pass', 'pass', 'pass'], 2]);
    const failing: FakeZone = { '1.2.0.192.in-addr.arpa': { fails: 'servfail' } };
    assert.deepEqual(await reverse(failing, [one, one]), [['temperror', 'temperror'], 2]);
  });

  it('a name that does not lead back is not told of', async () => {
    const zone = { '1.2.0.192.in-addr.arpa': { PTR: ['bank.test'] } };
    const [iprev] = (await setUp(zone).judge())?.findings ?? [];
    assert.ok(iprev?.kind === 'iprev' && iprev.result === 'fail');
    assert.doesNotMatch(JSON.stringify(iprev), /bank/);
  });

  it('nothing at all where all is switched off', async () => {
    const off = { spf: false, dmarc: false, arc: false, dkim: false };
    const { judge, resolver } = setUp({}, off);
    assert.equal(await judge(), undefined);
    assert.equal(resolver.queries.length, 0);
  });

  it('nothing waits any more when it is answered, or the DNS has failed', async () => {
    for (const zone of [{}, failing('servfail')]) {
      const { judge, clock } = setUp(zone);
      await judge();
      assert.equal(clock.nextTimer(), undefined);
    }
  });

  it("RFC 7208 §2.4: SPF of the sender's domain, and of HELO's name for the null sender", async () => {
    for (const [sender, expected] of [
      [{ local: 'a', domain: 'b.test' }, 'mailfrom b.test'],
      [null, 'hello c.test'],
    ] as const) {
      const answer = await setUp().judge({}, undefined, { sender: sender as Envelope['sender'] });
      const spf = answer?.findings?.find((one) => one.kind === 'spf');
      assert.equal(`${spf?.identity} ${spf?.domain}`, expected);
    }
  });
});

describe('sender authentication: a DNS that is silent', () => {
  const silent = failing('timeout');

  it('costs two seconds once, then one, and makes nothing "none"', async () => {
    const { judge, clock } = setUp(silent);
    for (const ms of [2_000, 1_000]) {
      const judging = judge();
      assert.equal(await msUntilOver(judging, clock), ms);
      const answer = await judging;
      const results = answer?.findings?.map((one) =>
        'result' in one ? `${one.kind} ${one.result}` : '',
      );
      assert.deepEqual(results, [
        'iprev temperror',
        'spf temperror',
        'dkim none',
        'dmarc temperror',
      ]);
      assert.equal(answer?.objection, undefined);
    }
  });

  it('is waited for again when a minute is over', async () => {
    const { judge, clock } = setUp(silent);
    assert.equal(await msUntilOver(judge(), clock), 2_000);
    await clock.advance(59_750);
    assert.equal(await msUntilOver(judge(), clock), 1_000);
    await clock.advance(60_000);
    assert.equal(await msUntilOver(judge(), clock), 2_000);
  });

  it('for somebody who has only such names, it leaves others time for answers from afar', async () => {
    const zone: FakeZone = { ...silent, 'evil.test': { fails: 'timeout' }, '_dmarc.test': {} };
    const { judge, clock, resolver } = setUp(zone);
    const sender = { local: 'a', domain: 'evil.test' } as Envelope['sender'];
    assert.equal(await msUntilOver(judge({}, undefined, { sender }), clock), 2_000);
    const { resolve } = resolver;
    resolver.resolve = async (name, ...more) => {
      if (name === '_dmarc.b.test') {
        await sleep(clock, 800);
        resolver.set(name, { TXT: ['v=DMARC1; p=reject'] });
      }
      return resolve.call(resolver, name, ...more) as never;
    };
    const judging = judge({}, undefined, { sender });
    await msUntilOver(judging, clock);
    assert.equal((await judging)?.objection?.code, 550);
  });

  it('is waited for again as soon as it answers', async () => {
    const { judge, clock, resolver } = setUp(silent);
    assert.equal(await msUntilOver(judge(), clock), 2_000);
    for (const name of Object.keys(silent)) resolver.remove(name);
    assert.equal(await msUntilOver(judge(), clock), 0);
    for (const [name, records] of Object.entries(silent)) resolver.set(name, records);
    assert.equal(await msUntilOver(judge(), clock), 2_000);
    for (const name of Object.keys(silent)) resolver.remove(name);
    resolver.set('b.test', { fails: 'timeout' });
    assert.equal(await msUntilOver(judge(), clock), 8_000, 'a part of it is silent');
  });
});

describe('sender authentication: the field', () => {
  it('nothing that others chose breaks out of it (RFC 8601 §2.2)', async () => {
    const { judge } = setUp();
    const text = 'DKIM-Signature: v=1; d=a;s="x\r\n\tEvil: 1; b=c\r\nFrom: a@b.test\r\n\r\n';
    const front = (await judge({}, text))?.head?.front ?? '';
    for (const line of front.split('\r\n').slice(1, -1)) assert.match(line, /^ \S/);
    assert.equal(front.match(/Authentication-Results:/g)?.length, 1);
  });
});

describe('sender authentication: what DMARC asks for', () => {
  const accept = { overrides: new Map([['b.test', 'accept']] as const) };

  for (const [what, zone, rules, expected] of [
    ['is refused', ofPolicy('reject'), {}, ['fail', 'reject', 550]],
    ['is put aside', ofPolicy('quarantine'), {}, ['fail', 'quarantine', undefined]],
    ['is nothing', ofPolicy('none'), {}, ['fail', undefined, undefined]],
    ['is only recorded', ofPolicy('reject'), { obey: false }, ['fail', undefined, undefined]],
    ['is overridden', ofPolicy('reject'), accept, ['fail', 'accept', undefined]],
    [
      'is overridden where it is only recorded',
      ofPolicy('reject'),
      { ...accept, obey: false },
      ['fail', 'accept', undefined],
    ],
    [
      'does not matter to what SPF lets pass',
      ofPolicy('reject', 'v=spf1 ip4:192.0.2.1 -all'),
      { overrides: new Map([['b.test', 'reject']] as const) },
      ['pass', undefined, undefined],
    ],
  ] as const)
    it(`RFC 9989 §5.4, §7.2: ${what}`, async () => {
      const { judge } = setUp(zone, rules);
      const answer = await judge();
      const finding = answer?.findings?.find((one) => one.kind === 'dmarc');
      const code = answer?.objection?.code;
      assert.deepEqual([finding?.result, finding?.disposition, code], expected);
    });

  it('RFC 9989 §5.3.6: what may be its own when the DNS answers comes again', async () => {
    const unsure: FakeZone = { 'b.test': { fails: 'servfail' } };
    for (const [policy, rules, code] of [
      ['reject', {}, 451],
      ['quarantine', {}, undefined],
      ['none', {}, undefined],
      ['reject', { obey: false }, undefined],
      ['reject', accept, undefined],
    ] as const) {
      const { judge, judged } = setUp({ ...ofPolicy(policy), ...unsure }, rules);
      const answer = await judge();
      const finding = answer?.findings?.find((one) => one.kind === 'dmarc');
      assert.deepEqual([finding?.result, finding?.disposition], ['temperror', undefined]);
      assert.equal(answer?.objection?.code, code);
      assert.equal(judged.length, code === undefined ? 1 : 0, 'it is counted once');
    }
  });

  it('RFC 9989 §11.5: nobody gets round it by a DNS of his own that is silent', async () => {
    const silent = ['evil.test', 's._domainkey.evil.test', '_dmarc.evil.test', 'evil.c.test'];
    const { judge, clock } = setUp({
      ...ofPolicy('reject'),
      '1.2.0.192.in-addr.arpa': { fails: 'timeout' },
      ...Object.fromEntries(silent.map((name) => [name, { fails: 'timeout' }] as const)),
    });
    const signature =
      'DKIM-Signature: v=1; a=rsa-sha256; d=evil.test; s=s; h=from; b=YWJj;\r\n' +
      ' bh=frcCV1k9oG9oKj3dpUqdJg1PxRT2RSN/XKdLCPjaYaY=\r\n';
    const judging = judge({}, `${signature}From: a@b.test\r\n\r\n`, {
      sender: { local: 'a', domain: 'evil.test' } as Envelope['sender'],
    });
    await msUntilOver(judging, clock);
    assert.equal((await judging)?.objection?.code, 550);
  });

  it('nor by many of them, of which few are asked about at once', async () => {
    const { judge, clock, resolver } = setUp({
      ...ofPolicy('reject'),
      ...Object.fromEntries(
        Array.from({ length: 10 }, (_, n) => [`s${n}._domainkey.evil.test`, { fails: 'timeout' }]),
      ),
    });
    const signatures = Array.from(
      { length: 10 },
      (_, n) =>
        `DKIM-Signature: v=1; a=rsa-sha256; d=evil.test; s=s${n}; h=from; b=YWJj;\r\n` +
        ' bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=; c=relaxed/relaxed\r\n',
    ).join('');
    const judging = judge({}, `${signatures}From: a@far.below.b.test\r\n\r\n`);
    await clock.advance(0);
    const keys = resolver.queries.filter(({ name }) => name.includes('_domainkey'));
    assert.ok(keys.length > 0 && keys.length <= 4, `${keys.length} at once`);
    await msUntilOver(judging, clock);
    assert.equal((await judging)?.objection?.code, 550);
  });

  it('nor by asking for so much that it is not asked', async () => {
    const overridden = (what: Disposition) => ({ overrides: new Map([['b.test', what]]) });
    for (const [rules, expected] of [
      [{}, 451],
      [{ obey: false }, undefined],
      [{ obey: false, ...overridden('reject') }, 451],
      [overridden('quarantine'), 451],
      [overridden('accept'), undefined],
    ] as const) {
      const { judge, resolver } = setUp(ofPolicy('reject'), rules);
      const askers = new Set<unknown>();
      resolver.resolve = async (...[, , options]) => {
        askers.add(options?.asker);
        throw new DnsBusy();
      };
      const { objection } = (await judge()) ?? {};
      assert.equal(objection?.code, expected);
      assert.equal(askers.size, 1);
      assert.ok(askers.values().next().value);
    }
  });

  it('RFC 9989 §11.5: nor by a From in which others read another author', async () => {
    const { judge } = setUp(ofPolicy('reject'));
    for (const from of [
      'x@evil.test <a@b.test>',
      '<x@evil.test> <a@b.test>',
      'x@evil.test a@b.test',
      'Us: x@evil.test, a@b.test;',
      'x@evil.test\r\nFrom : a@b.test',
      'a@B.Test.',
      'a@ｂ。test',
    ])
      assert.equal((await judge({}, `From: ${from}\r\n\r\n`))?.objection?.code, 550, from);
  });

  it('RFC 9989 §11.5: nor by a line behind which others go on to read the header', async () => {
    const { judge } = setUp({ ...ofPolicy('reject'), 'c.test': { TXT: ['v=spf1 +all'] } });
    const code = async (text: string, piece = text.length) => {
      const open: Delivered['open'] = (bytes) => ({
        ...{ size: bytes.length, bytes: undefined },
        async *read() {
          for (let at = 0; at < bytes.length; at += piece) yield bytes.subarray(at, at + piece);
        },
      });
      return (await judge({}, text, { open }))?.objection?.code;
    };
    for (const hidden of [
      '--x\r\nfrom : a@b.test\r\n\r\n',
      `${'x\r\n'.repeat(20)}X: y\r\nFrom:\r\n  Ann\r\n\t<a@b.test>\r\n\r\nFrom: x@c.test\r\n`,
      '--x\r\nFrom: a@b.test',
    ])
      for (const seen of ['Subject: x\r\n', 'From: x@c.test\r\n'])
        for (const piece of [undefined, 7, 1])
          assert.equal(await code(`${seen}${hidden}`, piece), 550, seen + hidden);
    const text = 'From: x@c.test\r\n\r\n--x\r\nFrom: a@b.test\r\n\r\n';
    assert.equal(await code(text), undefined, 'what is body for everybody');
    assert.equal(await code('Subject: x\r\n--x\r\n\r\nFrom: a@b.test\r\n'), undefined);
    assert.equal(await code(`--x\r\nFrom: ${'a@c.test, '.repeat(10_000)}a@b.test\r\n\r\n`), 550);
  });

  it('RFC 9989 §7.2: authors of too many domains are nobody, where it is obeyed', async () => {
    const from = Array.from({ length: 6 }, (_, n) => `a@n${n}.test`).join(', ');
    for (const [obey, code] of [
      [true, 550],
      [false, undefined],
    ] as const) {
      const answer = await setUp({}, { obey }).judge({}, `From: ${from}\r\n\r\n`);
      assert.equal(answer?.objection?.code, code);
      if (obey) assert.match(answer?.objection?.lines.join() ?? '', /too many domains/);
    }
  });

  it('RFC 9989 §11.5: nor does anybody hide behind ten thousand others', async () => {
    const from = `${'a@b.test, '.repeat(10_000)}eve@c.test`;
    const answer = await setUp().judge({}, `From: ${from}\r\n\r\n`);
    assert.equal(answer?.objection?.code, 550);
    const found = answer?.findings?.find((one) => one.kind === 'dmarc');
    assert.deepEqual([found?.result, found?.problem], ['permerror', 'From is too long']);
  });
});

describe('sender authentication: signatures and seals', () => {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const key = publicKey.export({ format: 'der', type: 'spki' }).subarray(-32).toString('base64');
  const named = (domain: string) => ({ domain, selector: 's', privateKey });
  const seconds = Date.UTC(2026, 0, 1) / 1_000;
  const zone: FakeZone = {
    '_dmarc.b.test': { TXT: ['v=DMARC1; p=reject'] },
    ...Object.fromEntries(
      ['b.test', 'evil.test', 'list.test'].map((domain) => [
        `s._domainkey.${domain}`,
        { TXT: [`v=DKIM1; k=ed25519; p=${key}`] },
      ]),
    ),
  };
  const text = `From: a@b.test\r\n\r\n${'Hi there\r\n'.repeat(20)}`;
  const read = () => {
    const signed = new SignedMessage(Buffer.from(text.slice(0, text.indexOf('Hi'))));
    const body = signed.wants({ body: 'relaxed', lengthMax: undefined })!;
    signed.update(Buffer.from(text.slice(text.indexOf('Hi'))));
    return { fields: signed.fields, body, seconds };
  };
  const signedBy = async (domain: string) => (await dkimFields([named(domain)], read())) + text;
  const sealedBy = async (domain: string, signedNames = ['from']) => {
    const results = `${domain}; dmarc=pass header.from=b.test`;
    const sealing = { ...read(), chain: 'none', results, signedNames } as const;
    return (await arcSet(named(domain), sealing)) + text;
  };
  const changed = (message: string) => message.replace('Hi there', 'Ho there');
  const dmarcOf = async ({ judge }: ReturnType<typeof setUp>, message: string, open = inline) => {
    const answer = await judge({}, message, { open });
    const found = answer?.findings?.find((one) => one.kind === 'dmarc');
    return [found?.result, found?.disposition, answer?.objection?.code];
  };
  const inline: Delivered['open'] = memoryContent;
  const inPieces =
    (piece: number): Delivered['open'] =>
    (bytes) => ({
      ...{ size: bytes.length, bytes: undefined },
      async *read() {
        for (let at = 0; at < bytes.length; at += piece) yield bytes.subarray(at, at + piece);
      },
    });

  it("RFC 9989 §4.4.1: the domain's signature passes, wherever the body lies", async () => {
    const message = await signedBy('b.test');
    for (const open of [inline, ...[1, 7, message.indexOf('Hi'), 1_000].map(inPieces)]) {
      assert.deepEqual(await dmarcOf(setUp(zone), message, open), ['pass', undefined, undefined]);
      assert.deepEqual(await dmarcOf(setUp(zone), changed(message), open), ['fail', 'reject', 550]);
    }
  });

  it("that of another domain does not, and is told of for the author's reports", async () => {
    const world = setUp(zone);
    assert.deepEqual(await dmarcOf(world, await signedBy('evil.test')), ['fail', 'reject', 550]);
    const [{ verdict, findings } = {}, ...more] = world.judged;
    assert.deepEqual([verdict?.result, more.length], ['fail', 0]);
    assert.equal(findings?.find((one) => one.kind === 'dkim')?.result, 'pass');
  });

  it('RFC 8617 §7.2.1: a seal that is whole speaks for it, of those alone who are trusted', async () => {
    const message = await sealedBy('list.test');
    for (const [trusted, content, expected] of [
      ['list.test', message, ['fail', 'accept', undefined]],
      ['other.test', message, ['fail', 'reject', 550]],
      ['list.test', changed(message), ['fail', 'reject', 550]],
      ['list.test', text, ['fail', 'reject', 550]],
    ] as const) {
      const world = setUp(zone, { trustedSealers: new Set([trusted]) });
      assert.deepEqual(await dmarcOf(world, content), expected);
    }
  });

  it('RFC 8617 §7.2.1: a seal speaks for the From that it was made with, and for no other', async () => {
    const trusted = { trustedSealers: new Set(['list.test']) };
    const refused = ['fail', 'reject', 550];
    const sealed = await sealedBy('list.test');
    assert.deepEqual(await dmarcOf(setUp(zone, trusted), `From: x@b.test\r\n${sealed}`), refused);
    const unsigned = await sealedBy('list.test', ['subject']);
    assert.deepEqual(await dmarcOf(setUp(zone, trusted), unsigned), refused);
  });

  it('where the DNS does not tell of the seal of somebody who is trusted, the message comes again', async () => {
    const message = await sealedBy('list.test');
    const silent: FakeZone = { ...zone, 's._domainkey.list.test': { fails: 'servfail' } };
    for (const [rules, expected] of [
      [{ trustedSealers: new Set(['list.test']) }, ['fail', undefined, 451]],
      [{ trustedSealers: new Set(['other.test']) }, ['fail', 'reject', 550]],
      [
        {
          trustedSealers: new Set(['list.test']),
          overrides: new Map([['b.test', 'reject']] as const),
        },
        ['fail', 'reject', 550],
      ],
    ] as const)
      assert.deepEqual(await dmarcOf(setUp(silent, rules), message), expected);
  });
});
