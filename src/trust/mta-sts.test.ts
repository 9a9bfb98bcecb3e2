import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fc } from '../base/test-properties.ts';
import {
  allowsMx,
  formatStsPolicy,
  formatStsRecord,
  parseStsPolicy,
  parseStsRecords,
  policyLines,
} from './mta-sts.ts';

describe('RFC 8461 §3.1: the record', () => {
  const cases: readonly (readonly [texts: readonly string[], id: string | undefined])[] = [
    [['v=STSv1; id=20160831085700Z;'], '20160831085700Z'],
    [['v=STSv1;id=a'], 'a'],
    [['v=STSv1 ; \t id=a ; next=x:y'], 'a'],
    [['v=STSv1; next=x; id=a; id=b'], 'a'],
    [['v=spf1 -all', 'v=STSv1; id=a;'], 'a'],
    [['v=STSv1; id=a;', 'v=STSv1; id=a;'], undefined],
    [['v=STSv1'], undefined],
    [['v=STSv1;'], undefined],
    [['v=STSv2; id=a;'], undefined],
    [['V=STSv1; id=a;'], undefined],
    [[' v=STSv1; id=a;'], undefined],
    [['id=a; v=STSv1;'], undefined],
    [['v=STSv1; id=;'], undefined],
    [['v=STSv1; id=a-b;'], undefined],
    [[`v=STSv1; id=${'a'.repeat(33)};`], undefined],
    [['v=STSv1; id=a; nonsense'], undefined],
    [['v=STSv1; id=a;;'], undefined],
    [['v=STSv1; ID=a;'], undefined],
    [[], undefined],
  ];
  for (const [texts, id] of cases)
    it(`${JSON.stringify(texts)}: ${id}`, () => assert.equal(parseStsRecords(texts), id));
});

describe('RFC 8461 §3.2: the policy', () => {
  const good = {
    mode: 'enforce',
    maxAgeSeconds: 604_800,
    mx: ['mail.example.com', '*.example.net'],
  };
  const lines = [
    ...['version: STSv1', 'mode: enforce', 'mx: mail.example.com'],
    ...['mx: *.example.net', 'max_age: 604800'],
  ];
  const text = (...changed: string[]) => changed.join('\r\n');
  const problem = (words: RegExp) => words;
  const cases: readonly (readonly [what: string, text: string, expected: object])[] = [
    ['as in the RFC', text(...lines, ''), good],
    ['with bare line feeds, without the last', lines.join('\n'), good],
    [
      'with white space where it may be',
      text(...lines.map((l) => `${l.replace(': ', ':\t ')}  `)),
      good,
    ],
    ['in another order', text(...lines.toReversed()), { ...good, mx: good.mx.toReversed() }],
    ['with fields that nobody knows', text('x-1: y z', ...lines, 'mx2: q'), good],
    [
      'of fields that are there twice the first counts',
      text(...lines, 'mode: none', 'max_age: 1'),
      good,
    ],
    ['in capitals, names are the same', text(...lines).replace('mail.', 'MAIL.'), good],
    [
      'mode none needs no mx',
      text('version: STSv1', 'mode: none', 'max_age: 0'),
      {
        ...{ mode: 'none', maxAgeSeconds: 0, mx: [] },
      },
    ],
    [
      'a life of over a year is a year',
      text(...lines).replace('604800', '9999999999'),
      {
        ...good,
        maxAgeSeconds: 31_557_600,
      },
    ],
    [
      'of 200 mx',
      text(...lines.filter((l) => !l.startsWith('mx')), ...Array(200).fill('mx: a.example')),
      { ...good, mx: Array(200).fill('a.example') },
    ],
    [
      'of a name of 255 octets',
      text(...lines, `mx: ${'a.'.repeat(127)}a`),
      { ...good, mx: [...good.mx, `${'a.'.repeat(127)}a`] },
    ],
    ['of a longer one', text(...lines, `mx: ${'a.'.repeat(127)}ab`), problem(/no name of a host/)],
    ['HTML', '<html>', problem(/line 1/)],
    ['nothing', '', problem(/version/)],
    ['another version', text(...lines).replace('STSv1', 'STSv2'), problem(/version/)],
    [
      'a field in capitals is another one',
      text(...lines).replace('version', 'Version'),
      problem(/version/),
    ],
    ['another mode', text(...lines).replace('enforce', 'Enforce'), problem(/mode/)],
    ['no max_age', text(...lines.slice(0, -1)), problem(/max_age/)],
    ['a max_age that is no number', text(...lines).replace('604800', '1w'), problem(/max_age/)],
    ['a max_age below nothing', text(...lines).replace('604800', '-1'), problem(/max_age/)],
    ['no mx', text(...lines.filter((l) => !l.startsWith('mx'))), problem(/no mx/)],
    ['an mx that is none', text(...lines, 'mx: mail.*.com'), problem(/no name of a host/)],
    ['an mx that is two', text(...lines, 'mx: a.example b.example'), problem(/no name of a host/)],
    ['an empty mx', text(...lines, 'mx:'), problem(/no name of a host/)],
    ['too many mx', text(...lines, ...Array(200).fill('mx: a.example')), problem(/more than 200/)],
  ];
  for (const [what, policy, expected] of cases)
    it(what, () => {
      const read = parseStsPolicy(policy);
      if (expected instanceof RegExp) assert.match('problem' in read ? read.problem : '', expected);
      else assert.deepEqual(read, expected);
    });

  it('never throws', () => {
    fc.assert(fc.property(fc.string(), (noise) => void parseStsPolicy(noise)));
    fc.assert(fc.property(fc.array(fc.string()), (noise) => void parseStsRecords(noise)));
  });

  it('ours is read as it was meant, and its id tells it from another', () => {
    const ours = { mode: 'testing', maxAgeSeconds: 86_400, mx: ['mx.example.org'] } as const;
    const written = formatStsPolicy(ours);
    assert.deepEqual(parseStsPolicy(written), ours);
    assert.deepEqual(policyLines(written).slice(0, 2), ['version: STSv1', 'mode: testing']);
    const record = formatStsRecord(written);
    const id = parseStsRecords([record]);
    assert.match(id ?? '', /^[0-9a-f]{20}$/);
    const other = formatStsRecord(formatStsPolicy({ ...ours, mode: 'enforce' }));
    assert.notEqual(parseStsRecords([other]), id);
  });
});

describe('RFC 8461 §4.1: which hosts', () => {
  const policy = { mx: ['mail.example.com', '*.example.net'] };
  const cases = [
    ['mail.example.com', true],
    ['MAIL.Example.COM', true],
    ['a.mail.example.com', false],
    ['mx1.example.net', true],
    ['example.net', false],
    ['a.mx1.example.net', false],
    ['mail.example.org', false],
    ['net', false],
    ['', false],
  ] as const;
  for (const [host, allowed] of cases)
    it(`${host}: ${allowed}`, () => assert.equal(allowsMx(policy, host), allowed));
});
