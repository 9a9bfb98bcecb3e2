import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { formatDate, parseDate } from './date.ts';

fc.configureGlobal({ seed: 5322 });

describe('formatDate', () => {
  it('RFC 5322 §3.3: day, date, time and zone', () => {
    const ms = Date.UTC(1997, 10, 21, 15, 55, 6, 999);
    assert.equal(formatDate(ms), 'Fri, 21 Nov 1997 15:55:06 +0000');
    assert.equal(formatDate(ms, -360), 'Fri, 21 Nov 1997 09:55:06 -0600');
    assert.equal(formatDate(ms, 570), 'Sat, 22 Nov 1997 01:25:06 +0930');
    assert.equal(formatDate(ms), 'Fri, 21 Nov 1997 15:55:06 +0000');
    assert.equal(formatDate(0), 'Thu, 1 Jan 1970 00:00:00 +0000');
  });

  it('is what parseDate reads, whatever the zone', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: -2_208_988_800, max: 253_402_300_799 - 86_400 }),
        fc.integer({ min: 0, max: 1439 }),
        (second, offset) =>
          assert.equal(parseDate(formatDate(second * 1000, offset)), second * 1000),
      ),
    );
  });
});

describe('parseDate', () => {
  const nineFiftyFive = Date.UTC(1997, 10, 21, 15, 55, 6);
  const cases: readonly (readonly [string, number | undefined])[] = [
    ['Fri, 21 Nov 1997 09:55:06 -0600', nineFiftyFive],
    ['21 Nov 1997 09:55:06 -0600', nineFiftyFive],
    ['Fri, 21 Nov 97 09:55:06 CST', nineFiftyFive],
    // RFC 5322 Appendix A.6.2
    ['21 Nov 97 09:55:06 GMT', Date.UTC(1997, 10, 21, 9, 55, 6)],
    // RFC 5322 Appendix A.5
    [
      'Thu,\r\n 13\r\n  Feb\r\n    1969\r\n  23:32\r\n        -0330 (Newfoundland Time)',
      Date.UTC(1969, 1, 14, 3, 2),
    ],
    ['Fri (a (nested) one), 21 (b) Nov 1997 09(c):55:06 -0600', nineFiftyFive],
    ['1 Jan 49 00:00:00 UT', Date.UTC(2049, 0, 1)],
    ['1 Jan 50 00:00:00 UT', Date.UTC(1950, 0, 1)],
    ['1 Jan 103 00:00:00 UT', Date.UTC(2003, 0, 1)],
    ['1 Jan 1970 00:00:00 EDT', 4 * 3_600_000],
    ['1 Jan 1970 00:00:00 Z', 0],
    ['1 Jan 1970 00:00:00 A', 0], // RFC 5322 §4.3: military zones are "-0000"
    ['1 Jan 1970 00:00:00 CEST', 0],
    ['1 Jan 1970 00:00:00', 0],
    ['Thursday, 01-January-1970 0:00 GMT+0100', -3_600_000],
    ['1 Jan 1970 00:00:00 -0000', 0],
    ['30 Jun 2015 23:59:60 +0000', Date.UTC(2015, 6, 1)],
    ['29 Feb 2024 00:00:00 +0000', Date.UTC(2024, 1, 29)],
    ['29 Feb 2023 00:00:00 +0000', undefined],
    ['32 Jan 1970 00:00:00 +0000', undefined],
    ['1 Foo 1970 00:00:00 +0000', undefined],
    ['1 Jan 1970 24:00:00 +0000', undefined],
    ['1 Jan 1970 00:60:00 +0000', undefined],
    ['yesterday', undefined],
    ['', undefined],
    ['(', undefined],
  ];
  for (const [text, expected] of cases) {
    it(JSON.stringify(text), () => assert.equal(parseDate(text), expected));
  }

  it('is total', () => {
    const words = fc.constantFrom(
      'Fri',
      ',',
      ' ',
      '21',
      'Nov',
      '97',
      ':',
      '-0600',
      '(',
      ')',
      '\\',
      '"',
    );
    fc.assert(
      fc.property(fc.array(words, { maxLength: 80 }), (parts) => {
        const ms = parseDate(parts.join(''));
        assert.ok(ms === undefined || Number.isSafeInteger(ms));
      }),
    );
    for (const hostile of ['(', '1', ' ', 'a', '1 ', '\\(']) parseDate(hostile.repeat(100_000));
  });
});
