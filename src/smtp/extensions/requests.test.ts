// The extensions by which a sender asks when a message is to go: MT-PRIORITY, DELIVERBY, FUTURERELEASE. What is
// offered, read, believed and refused, and how it travels on.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { requestsOf } from '../envelope-requests.ts';
import { defaultLimits } from '../limits.ts';
import type { Hop, SessionFacts } from './index.ts';
import {
  advertise,
  formatMailParam,
  parseStoredMailParams,
  readMailParams,
  relayMailParam,
} from './index.ts';
import { raw, readText } from './test-params.ts';

const began = Date.parse('2026-07-01T12:00:00Z');
const week = 7 * 86_400;
const facts: SessionFacts = {
  ...{ protocol: 'submission', secure: true, startTls: false, mechanisms: [], trusted: false },
  futureRelease: { seconds: week, until: began + week * 1000 },
  limits: defaultLimits,
};
const loggedIn = { ...facts, authenticated: true };

/** The parameters as they are believed, or the refusal. */
const read = (line: string, given: SessionFacts = facts): string =>
  readText(readMailParams(raw(...line.split(' ')), given), formatMailParam);

function relay(param: string, hop: Partial<Hop> & { readonly keywords?: string }): string {
  const { keywords = '', ...rest } = hop;
  const lines = keywords === '' ? [] : keywords.split(',').map((one) => one.split(' '));
  const offered = new Map(lines.map(([keyword = '', text = '']) => [keyword, text] as const));
  const [parsed] = parseStoredMailParams([param]);
  const travel = relayMailParam(parsed!, { offered, ...rest });
  if (travel.kind === 'refuse') return `${travel.reply.code} ${travel.reply.detail}`;
  return travel.kind === 'send' ? travel.value : 'drop';
}

describe('MT-PRIORITY', () => {
  for (const [line, given, expected] of [
    ['MT-PRIORITY=0', facts, 'MT-PRIORITY=0'],
    ['MT-PRIORITY=-9', facts, 'MT-PRIORITY=-9'],
    ['MT-PRIORITY=9', loggedIn, 'MT-PRIORITY=9'],
    ['MT-PRIORITY=3', { ...facts, trusted: true }, 'MT-PRIORITY=3'],
    // RFC 6710 §4.1: no upgraded priorities from untrusted sources.
    ['MT-PRIORITY=3', facts, 'MT-PRIORITY=0'],
    ['MT-PRIORITY=10', loggedIn, '501 5.4'],
    ['MT-PRIORITY=+1', loggedIn, '501 5.4'],
    ['MT-PRIORITY=-0', loggedIn, '501 5.4'],
    ['MT-PRIORITY', loggedIn, '501 5.4'],
    ['MT-PRIORITY=1 MT-PRIORITY=1', loggedIn, '501 5.4'],
  ] as const)
    it(`RFC 6710 §4.1, §7: ${line} becomes ${expected}`, () =>
      assert.equal(read(line, given), expected));

  it('RFC 6710 §4.2, §4.3: travels to hops that offer it', () => {
    assert.equal(relay('MT-PRIORITY=4', { keywords: 'MT-PRIORITY MIXER' }), 'MT-PRIORITY=4');
    assert.equal(relay('MT-PRIORITY=4', { keywords: 'DSN' }), 'drop');
  });
});

describe('DELIVERBY', () => {
  for (const [line, expected] of [
    ['BY=120;R', 'BY=120;R'],
    ['BY=+120;rt', 'BY=120;RT'],
    ['BY=-5;N', 'BY=-5;N'],
    ['BY=0;NT', 'BY=0;NT'],
    ['BY=-0;N', 'BY=0;N'],
    // RFC 2852 §4: zero and less with R are a syntax error.
    ['BY=0;R', '501 5.4'],
    ['BY=-5;R', '501 5.4'],
    // RFC 2852 §3: less than the minimum is refused for good.
    ['BY=59;R', '555 5.4'],
    ['BY=59;N', 'BY=59;N'],
    ['BY=1234567890;N', '501 5.4'],
    ['BY=60', '501 5.4'],
    ['BY=60;X', '501 5.4'],
    ['BY=60;RN', '501 5.4'],
    ['BY=', '501 5.4'],
  ] as const)
    it(`RFC 2852 §4: ${line} becomes ${expected}`, () => assert.equal(read(line), expected));

  it('RFC 2852 §3: the least time is announced', () =>
    assert.ok(advertise(facts).includes('DELIVERBY 60')));

  for (const [param, hop, expected] of [
    ['BY=120;R', { keywords: 'DELIVERBY', waitedMs: 22_900 }, 'BY=98;R'],
    ['BY=120;NT', { keywords: 'DELIVERBY', waitedMs: 200_000 }, 'BY=-80;NT'],
    // RFC 2852 §4.1.4.1: a message with R goes to nobody who does not promise.
    ['BY=120;R', { keywords: 'DSN' }, '554 3.3'],
    ['BY=120;R', { keywords: 'DELIVERBY 240' }, '554 4.7'],
    ['BY=120;R', { keywords: 'DELIVERBY 30,X' }, 'BY=120;R'],
    ['BY=120;R', { keywords: 'DELIVERBY 30', waitedMs: 100_000 }, '554 4.7'],
    ['BY=120;R', { keywords: 'DELIVERBY', waitedMs: 121_000 }, '554 4.7'],
    // What an LMTP server takes is delivered.
    ['BY=120;R', { delivers: true }, 'drop'],
    // RFC 2852 §4.1.4.2
    ['BY=120;N', { keywords: 'DSN' }, 'drop'],
    ['BY=120;N', { keywords: 'DELIVERBY 240' }, 'BY=120;N'],
  ] as const)
    it(`RFC 2852 §4.1.4: ${param} to a hop with ${JSON.stringify(hop)}: ${expected}`, () =>
      assert.equal(relay(param, hop), expected));
});

describe('FUTURERELEASE', () => {
  it('RFC 4865 §4.2 (2), (3): announced with its limits, for submission alone', () => {
    const line = 'FUTURERELEASE 604800 2026-07-08T12:00:00Z';
    assert.ok(advertise(facts).includes(line));
    for (const protocol of ['smtp', 'lmtp'] as const)
      assert.ok(!advertise({ ...facts, protocol }).includes(line));
    assert.ok(!advertise({ ...facts, futureRelease: undefined }).includes(line));
    assert.equal(read('HOLDFOR=60', { ...facts, protocol: 'smtp' }), '555 5.4');
  });

  for (const [line, expected] of [
    ['HOLDFOR=3600', 'HOLDFOR=3600'],
    ['HOLDFOR=604800', 'HOLDFOR=604800'],
    ['HOLDUNTIL=2026-07-02T00:00:00Z', 'HOLDUNTIL=2026-07-02T00:00:00Z'],
    ['HOLDUNTIL=2026-07-02T00:00:00.5z', 'HOLDUNTIL=2026-07-02T00:00:00.500Z'],
    // A time that is past holds nothing: clocks differ.
    ['HOLDUNTIL=2020-01-01T00:00:00Z', 'HOLDUNTIL=2020-01-01T00:00:00Z'],
    // RFC 4865 §4.2 (7) to (9)
    ['HOLDFOR=604801', '501 5.4'],
    ['HOLDUNTIL=2026-07-08T12:00:01Z', '501 5.4'],
    ['HOLDFOR=60 HOLDUNTIL=2026-07-02T00:00:00Z', '501 5.4'],
    ['HOLDFOR=60 HOLDFOR=60', '501 5.4'],
    ['HOLDFOR=0', '501 5.4'],
    ['HOLDFOR=-1', '501 5.4'],
    ['HOLDUNTIL=2026-02-30T00:00:00Z', '501 5.4'],
    ['HOLDUNTIL=2026-07-02T00:00:00+02:00', '501 5.4'],
    // RFC 4865 §5.2.2: not later than by when it is to be delivered.
    ['HOLDFOR=600 BY=599;R', '501 5.4'],
    ['HOLDFOR=600 BY=600;R', 'HOLDFOR=600 BY=600;R'],
    ['BY=600;N HOLDUNTIL=2026-07-02T00:00:00Z', '501 5.4'],
  ] as const)
    it(`RFC 4865 §4.2: ${line} becomes ${expected}`, () => assert.equal(read(line), expected));

  it('what cannot be held says why', () => {
    for (const [line, words] of [
      ['HOLDFOR=604801', 'Mail is held for 604800 seconds at most'],
      ['HOLDFOR=60 HOLDUNTIL=2026-07-02T00:00:00Z', 'HOLDFOR or HOLDUNTIL, not both'],
      ['HOLDFOR=600 BY=599;R', 'It would leave later than it has to arrive (BY)'],
    ] as const) {
      const refused = readMailParams(raw(...line.split(' ')), facts);
      assert.deepEqual(refused.kind === 'refuse' && refused.reply.lines, [words]);
    }
  });

  it('RFC 4865 §3 (7): does not travel between servers; from its author to the first of them', () => {
    const keywords = 'FUTURERELEASE 60 2026-07-08T12:00:00Z';
    assert.equal(relay('HOLDFOR=60', { keywords }), 'drop');
    assert.equal(relay('HOLDFOR=60', { keywords, submission: true }), 'HOLDFOR=60');
    assert.equal(relay('HOLDFOR=60', { submission: true }), '554 3.3');
  });
});

describe('what the envelope asks for', () => {
  it('counts from when the message was received', () => {
    const received = began;
    assert.deepEqual(
      requestsOf({ params: ['BY=60;NT', 'HOLDFOR=30', 'MT-PRIORITY=2'], received }),
      {
        priority: 2,
        release: began + 30_000,
        deliverBy: { at: began + 60_000, mode: 'N', trace: true },
      },
    );
    const nothing = { priority: 0, release: undefined, deliverBy: undefined };
    assert.deepEqual(requestsOf({ params: ['RET=HDRS', 'ENVID=HOLDFOR=1'], received }), nothing);
  });
});

describe('MTRK', () => {
  const asked = { ...facts, mtrk: true };
  const certifier = 'c0uoszGXXQ265tJJ9O2onycHlswU'.slice(0, 27);
  for (const [line, expected] of [
    [`ENVID=1@a.example MTRK=${certifier}`, `ENVID=1@a.example MTRK=${certifier}`],
    [`MTRK=${certifier}=:90 ENVID=1@a.example`, `MTRK=${certifier}:90 ENVID=1@a.example`],
    // RFC 3885 §3.2: a unique envelope id must be there.
    [`MTRK=${certifier}`, '501 5.4'],
    [`ENVID=1 MTRK=${certifier}`, '501 5.4'],
    ['ENVID=1@a.example MTRK=abc', '501 5.4'],
    [`ENVID=1@a.example MTRK=${certifier}:`, '501 5.4'],
  ] as const)
    it(`RFC 3885 §3.1: ${line} becomes ${expected}`, () =>
      assert.equal(read(line, asked), expected));

  it('RFC 3885 §3.1, §3.3: travels with what is left of its time', () => {
    const param = `MTRK=${certifier}:90`;
    assert.equal(relay(param, { keywords: 'MTRK', waitedMs: 30_500 }), `MTRK=${certifier}:60`);
    assert.equal(relay(param, { keywords: 'MTRK', waitedMs: 90_000 }), 'drop');
    assert.equal(relay(param, { keywords: 'DSN' }), 'drop');
    const day = 86_400_000;
    assert.equal(
      relay(`MTRK=${certifier}`, { keywords: 'MTRK', waitedMs: day }),
      `MTRK=${certifier}:${8 * 86_400}`,
    );
  });

  it('is offered only where somebody can ask', () => {
    assert.ok(advertise(asked).includes('MTRK'));
    assert.ok(!advertise(facts).includes('MTRK'));
    assert.equal(read(`ENVID=1@a.example MTRK=${certifier}`), '555 5.4');
  });
});
