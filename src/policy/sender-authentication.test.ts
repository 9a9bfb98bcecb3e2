import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FakeClock } from '../base/fake-clock.ts';
import type { FakeZone } from '../dns/fake-resolver.ts';
import { FakeResolver } from '../dns/fake-resolver.ts';
import { scanHeader } from '../mail/header.ts';
import { memoryContent } from '../store/content.ts';
import type { ClientFacts, Envelope } from './envelope.ts';
import type { AuthenticationRules } from './sender-authentication.ts';
import { senderAuthentication } from './sender-authentication.ts';

const everything: AuthenticationRules = {
  ...{ spf: true, dkim: true, arc: true, dmarc: true, obey: true },
  overrides: new Map(),
  trustedSealers: new Set(),
};

function setUp(zone: FakeZone = {}, rules: Partial<AuthenticationRules> = {}) {
  const clock = new FakeClock();
  const resolver = new FakeResolver(zone, { clock, timeoutMs: 60_000 });
  const policy = senderAuthentication({
    ...{ resolver, clock, hostname: () => 'mx.test' },
    rules: () => ({ ...everything, ...rules }),
  });
  const judge = async (
    client: Partial<ClientFacts> = {},
    text = 'From: a@b.test\r\n\r\nHi\r\n',
  ) => {
    const envelope = {
      client: {
        ...{ service: 'smtp', trusted: false, account: undefined, hello: 'c.test' },
        remote: { address: '192.0.2.1', port: 1 },
        ...client,
      },
      sender: { local: 'a', domain: 'b.test' },
    } as unknown as Envelope;
    const bytes = Buffer.from(text);
    const content = { kind: 'inline', bytes } as const;
    return policy.message!(envelope, {
      ...{ content, head: bytes, header: scanHeader(bytes, true) },
      open: () => memoryContent(bytes),
    });
  };
  return { clock, resolver, judge };
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

describe('sender authentication: a DNS that is silent', () => {
  const silent: FakeZone = Object.fromEntries(
    ['b.test', '_dmarc.b.test', '_dmarc.test', '1.2.0.192.in-addr.arpa', 'c.test'].map((name) => [
      name,
      { fails: 'timeout' as const },
    ]),
  );

  it('costs two seconds once, then a quarter of one, and makes nothing "none"', async () => {
    const { judge, clock } = setUp(silent);
    for (const [ms, next] of [
      [2_000, 2_000],
      [250, 250],
    ] as const) {
      let isOver = false;
      const judging = judge().finally(() => {
        isOver = true;
      });
      await clock.advance(ms - 1);
      assert.equal(isOver, false, 'it is waited for');
      await clock.advance(next);
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

  it('is waited for again as soon as it answers', async () => {
    const { judge, clock, resolver } = setUp(silent);
    const first = judge();
    await clock.advance(2_000);
    await first;
    for (const name of Object.keys(silent)) resolver.remove(name);
    await judge();
    resolver.set('b.test', { fails: 'timeout' });
    let over = false;
    const second = judge().then(() => {
      over = true;
    });
    await clock.advance(0);
    await clock.advance(7_000);
    assert.equal(over, false);
    await clock.advance(1_000);
    await second;
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
  const ofPolicy = (policy: string, spf = 'v=spf1 -all'): FakeZone => ({
    '_dmarc.b.test': { TXT: [`v=DMARC1; p=${policy}`] },
    'b.test': { TXT: [spf] },
  });
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
});
