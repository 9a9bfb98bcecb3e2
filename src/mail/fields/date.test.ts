import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { assertLinear } from '../../base/step-count.ts';
import { fc } from '../../base/test-properties.ts';
import { formatDate, parseDate, readDate } from './date.ts';

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
    ['Nov 32 00:00:00 1970', undefined],
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

  const families: readonly (readonly [title: string, text: string, expected: number])[] = [
    // From what is remembered of these: the texts are not at hand.
    ['RFC 561', '24 JUL 1973 1527-PDT', Date.UTC(1973, 6, 24, 22, 27)],
    ['RFC 561, AT', '24 JUL 1973 AT 1527-PDT', Date.UTC(1973, 6, 24, 22, 27)],
    ['RFC 561, tdate', '7/24/73 1527-PDT', Date.UTC(1973, 6, 24, 22, 27)],
    ['RFC 680, GDT', '1 APR 1975 0900-GDT', Date.UTC(1975, 3, 1, 8)],
    ['RFC 724', 'Thursday, 12 May 1977 10:00:00-EST', Date.UTC(1977, 4, 12, 15)],
    ['RFC 733 A.3', '26 August 1976 1429-EDT', Date.UTC(1976, 7, 26, 18, 29)],
    ['RFC 733 A.3', '26 August 1976 1430-EDT', Date.UTC(1976, 7, 26, 18, 30)],
    ['RFC 733 A.3', '27 Aug 1976 0932-PDT', Date.UTC(1976, 7, 27, 16, 32)],
    ['RFC 733', 'Friday, 27-Aug-76 09:31 PDT', Date.UTC(1976, 7, 27, 16, 31)],
    [
      'RFC 733, seconds without colons',
      '27 Aug 76 093215 -0700',
      Date.UTC(1976, 7, 27, 16, 32, 15),
    ],
    ['RFC 733, NST', '27-Aug-1976 09:31-NST', Date.UTC(1976, 7, 27, 13, 1)],
    ['RFC 733, HST', '27Aug76 0931 HST', Date.UTC(1976, 7, 27, 19, 31)],
    ['RFC 822 A.3', '26 Aug 76 1429 EDT', Date.UTC(1976, 7, 26, 18, 29)],
    ['RFC 822 A.3', '27 Aug 76 0932 PDT', Date.UTC(1976, 7, 27, 16, 32)],
    ['RFC 822 §5', 'Wed, 27 Aug 76 09:32 PDT', Date.UTC(1976, 7, 27, 16, 32)],
    ['RFC 850', 'Friday, 19-Nov-82 16:14:55 EST', Date.UTC(1982, 10, 19, 21, 14, 55)],
    ['asctime', 'Thu Nov 29 06:00:00 2026', Date.UTC(2026, 10, 29, 6)],
    ['asctime, one digit', 'Sun Nov  1 6:00:00 2026', Date.UTC(2026, 10, 1, 6)],
    ['asctime, zone before the year', 'Thu Nov 29 06:00:00 PST 2026', Date.UTC(2026, 10, 29, 14)],
    ['asctime, zone before the year', 'Thu Nov 29 06:00:00 +0100 2026', Date.UTC(2026, 10, 29, 5)],
    ['asctime, zone behind the year', 'Thu Nov 29 06:00:00 2026 EST', Date.UTC(2026, 10, 29, 11)],
    [
      'asctime, zone behind the year',
      'Thu, Nov 29 06:00:00 2026 -0130',
      Date.UTC(2026, 10, 29, 7, 30),
    ],
    ['asctime, no day', 'November 29 06:00 2026', Date.UTC(2026, 10, 29, 6)],
    ['the year behind the time', '29 Nov 06:00:00 GMT 2026', Date.UTC(2026, 10, 29, 6)],
    ['the year before the time', 'Thursday, November 29, 2026 6:00 PM', Date.UTC(2026, 10, 29, 18)],
    ['12 AM', 'Nov 29, 2026 at 12:05 a.m. EST', Date.UTC(2026, 10, 29, 5, 5)],
    ['ISO 8601', '2026-11-29T06:00:00Z', Date.UTC(2026, 10, 29, 6)],
    ['ISO 8601', '2026-11-29 06:00:00.123+01:00', Date.UTC(2026, 10, 29, 5)],
    ['the day before the month', '29/11/2026 06:00', Date.UTC(2026, 10, 29, 6)],
    ['ordinals', 'Sunday 29th November 2026 06:00 GMT', Date.UTC(2026, 10, 29, 6)],
    ['dots', 'So., 29. Nov. 2026 06.00.01', Date.UTC(2026, 10, 29, 6, 0, 1)],
    ['a day in another script', '日, 29 Nov 2026 06:00', Date.UTC(2026, 10, 29, 6)],
    ['GMT+1', '29 Nov 2026 06:00 GMT+1', Date.UTC(2026, 10, 29, 5)],
    ['an unclosed comment', '29 Nov 2026 06:00 +0100 (CET', Date.UTC(2026, 10, 29, 5)],
    ['an unclosed comment in front', '(Sun, 29 Nov 2026 06:00 +0100', Date.UTC(2026, 10, 29, 5)],
    ['quotes', '"Sun, 29 Nov 2026 06:00 +0100"', Date.UTC(2026, 10, 29, 5)],
  ];
  for (const [title, text, expected] of families)
    it(`${title}: ${text}`, () => assert.equal(parseDate(text), expected));

  it('RFC 9051 §6.4.4: the day as written, whatever time and zone are', () => {
    const day = Date.UTC(1999, 11, 31) / 86_400_000;
    for (const time of ['23:00 -0500', '00:30 +1400', '25:00', '', 'noon']) {
      assert.equal(readDate(`31 Dec 1999 ${time}`)?.day, day, time);
      assert.equal(readDate(`Fri Dec 31 23:00:00 -0500 1999`)?.day, day);
    }
    assert.deepEqual(readDate('31 Dec 1999'), { day, ms: undefined });
    assert.deepEqual(readDate('31 Dec 1999 25:00'), { day, ms: undefined });
  });

  it('RFC 9051 §9: years before 1 and beyond 9999 become the nearest that IMAP can say', () => {
    const first = Date.parse('0001-01-01T00:00:00Z');
    const last = Date.parse('9999-12-31T23:59:59.999Z');
    for (const [text, ms, dayMs] of [
      ['1 Jan 0000 12:00 +0000', first + 12 * 3_600_000, first],
      ['1 Jan 0001 00:30 +0100', first, first],
      ['31 Dec 9999 23:30 -0100', last, last],
      ['1 Jan 12026 00:00 +0000', Date.parse('9999-12-31T00:00:00Z'), last],
    ] as const) {
      assert.equal(readDate(text)?.ms, ms, text);
      assert.equal(readDate(text)?.day, Math.floor(dayMs / 86_400_000), text);
    }
    assert.equal(readDate('1 Jan 1234567 00:00'), undefined);
  });

  it('is total and linear; what was read is written and read as the same', () => {
    const words = fc.constantFrom(
      ...['Fri', 'Nov', 'november', 'AT', 'EDT', 'GMT', 'am', 'T', '日'],
      ...['21', '7', '1997', '97', '10000', '0000', '1429', '09:55', '06:00:00.5', '-0600', '+1'],
      ...[',', ' ', ' ', ':', '/', '-', '.', '(', ')', '\\', '"', '\n', '\0'],
    );
    fc.assert(
      fc.property(fc.array(words, { maxLength: 80 }), (parts) => {
        const date = readDate(parts.join(''));
        if (date === undefined) return;
        assert.ok(date.day >= -719_162 && date.day <= 2_932_896);
        if (date.ms === undefined) return;
        assert.ok(Number.isSafeInteger(date.ms));
        if (date.ms < Date.UTC(1900, 0)) return;
        const second = Math.floor(date.ms / 1000) * 1000;
        assert.equal(parseDate(formatDate(second)), second);
      }),
      { numRuns: 2000 },
    );
    for (const hostile of ['(', '1', ' ', 'a', '1 ', '\\(', '-', '"', '1-', 'a ', '1/', ', '])
      assertLinear(readDate, (times) => hostile.repeat(times));
  });
});
