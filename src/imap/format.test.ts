import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  formatAstring,
  formatCompletion,
  formatDateTime,
  formatFlags,
  formatLiteral,
  formatMailbox,
  formatNstring,
  formatString,
  formatUidSet,
} from './format.ts';
import { decodeModifiedUtf7, encodeModifiedUtf7 } from './modified-utf7.ts';
import {
  clipRanges,
  isBeyond,
  numbersIn,
  rangesCount,
  rangesHave,
  rangesOf,
  resolveRanges,
} from './sequence-set.ts';

fc.configureGlobal({ seed: 9051 });

describe('strings', () => {
  it('RFC 9051 §4.3: quoted where that can be, a literal otherwise', () => {
    assert.equal(formatString('a "b" \\'), '"a \\"b\\" \\\\"');
    assert.equal(formatString(''), '""');
    assert.equal(formatString('a\r\nb'), '{4}\r\na\r\nb');
    assert.equal(formatString('\xe4'), '{1}\r\n\xe4');
    assert.equal(formatString('x'.repeat(1001)), `{1001}\r\n${'x'.repeat(1001)}`);
    assert.equal(formatString('a\0b'), '{3}\r\na b');
    assert.equal(formatNstring(undefined), 'NIL');
    assert.equal(formatNstring('NIL'), '"NIL"');
  });

  it('RFC 9051 §9: an astring is an atom where it can be one and is not NIL', () => {
    assert.equal(formatAstring('a]b'), 'a]b');
    for (const text of ['', 'a b', 'a%', 'a(', 'nil', '\\x', 'a"'])
      assert.equal(formatAstring(text), formatString(text));
  });

  it('RFC 9051 §4.3.1: a NUL needs literal8', () =>
    assert.deepEqual(['ab', 'a\0'].map(formatLiteral), ['{2}\r\nab', '~{2}\r\na\0']));
});

describe('modified UTF-7', () => {
  for (const [name, encoded] of [
    ['INBOX', 'INBOX'],
    ['R&D', 'R&-D'],
    ['~peter/mail/台北/日本語', '~peter/mail/&U,BTFw-/&ZeVnLIqe-'],
    ['☺!', '&Jjo-!'],
    ['Entwürfe', 'Entw&APw-rfe'],
    ['😀', '&2D3eAA-'],
  ] as const)
    it(`RFC 3501 §5.1.3: ${name}`, () => {
      assert.equal(encodeModifiedUtf7(name), encoded);
      assert.equal(decodeModifiedUtf7(encoded), name);
    });

  it('RFC 3501 §5.1.3: superfluous shifts are read', () =>
    assert.equal(decodeModifiedUtf7('&U,BTFw-&ZeVnLIqe-'), '台北日本語'));

  it('leaves what it cannot read as it is', () => {
    for (const text of ['R&D', '&', '&A-', '&AA-', '&*-', '&Jjo']) {
      assert.equal(decodeModifiedUtf7(text), text);
    }
  });

  const anything = fc.string({ unit: fc.nat(0xffff).map((unit) => String.fromCharCode(unit)) });

  it('decoding gives back what was encoded, in printable ASCII', () => {
    fc.assert(
      fc.property(fc.oneof(anything, fc.string({ unit: 'binary' })), (name) => {
        const encoded = encodeModifiedUtf7(name);
        assert.match(encoded, /^[\x20-\x7e]*$/);
        assert.equal(decodeModifiedUtf7(encoded), name);
        decodeModifiedUtf7(name);
      }),
    );
  });
});

describe('formatMailbox', () => {
  it('RFC 3501 §5.1.3: modified UTF-7 for IMAP4rev1', () =>
    assert.equal(formatMailbox('Entwürfe', { utf8: false }), '"Entw&APw-rfe"'));

  it('RFC 6855 §3: UTF-8 once it was enabled', () =>
    assert.equal(formatMailbox('ä "&"', { utf8: true }), '"\xc3\xa4 \\"&\\""'));
});

describe('flags, dates and completions', () => {
  it('RFC 9051 §9: flag-list', () => {
    assert.equal(formatFlags([]), '()');
    assert.equal(formatFlags(['\\Seen', '$Junk']), '(\\Seen $Junk)');
  });

  it('RFC 9051 §9: date-time has a day of two characters and a year of four', () => {
    assert.equal(formatDateTime(Date.UTC(1996, 6, 17, 2, 44, 25)), '"17-Jul-1996 02:44:25 +0000"');
    assert.equal(formatDateTime(Date.UTC(2024, 1, 3)), '" 3-Feb-2024 00:00:00 +0000"');
    assert.equal(formatDateTime(-1e15), '" 1-Jan-0000 00:00:00 +0000"');
    assert.equal(formatDateTime(8e15), '"31-Dec-9999 23:59:59 +0000"');
  });

  it('RFC 9051 §7.1: a completion is one line of printable text', () => {
    assert.equal(formatCompletion('a1', { status: 'OK', text: 'done' }), 'a1 OK done\r\n');
    assert.equal(
      formatCompletion('*', { status: 'NO', code: 'TRYCREATE', text: 'a\r\nb ü' }),
      '* NO [TRYCREATE] a??b ?\r\n',
    );
    assert.equal(formatCompletion('a', { status: 'BAD', text: '' }), 'a BAD -\r\n');
    assert.equal(formatCompletion('a', { status: 'OK', text: '[x] y' }), 'a OK (x] y\r\n');
  });
});

describe('sequence sets', () => {
  it('RFC 9051 §9: the examples', () => {
    const first = resolveRanges(
      [
        { from: 2, to: 2 },
        { from: 4, to: 7 },
        { from: 9, to: 9 },
        { from: 12, to: 0 },
      ],
      15,
    );
    assert.deepEqual([...numbersIn(first, 15)], [2, 4, 5, 6, 7, 9, 12, 13, 14, 15]);
    const second = resolveRanges(
      [
        { from: 0, to: 4 },
        { from: 5, to: 7 },
      ],
      10,
    );
    assert.deepEqual(second, [{ from: 4, to: 10 }]);
    // The UID of the last message is in 3291:* even if it is less than that.
    assert.ok(rangesHave(resolveRanges([{ from: 3291, to: 0 }], 20), 20));
  });

  it('an empty mailbox has no "*"', () => {
    assert.deepEqual(resolveRanges([{ from: 0, to: 0 }], 0), []);
    assert.deepEqual(clipRanges(resolveRanges([{ from: 1, to: 0 }], 0), 1, 0), []);
    assert.ok(isBeyond([{ from: 0, to: 0 }], 0));
    assert.ok(!isBeyond([{ from: 1, to: 0 }], 1));
    assert.ok(isBeyond([{ from: 2, to: 0 }], 1));
  });

  it('formatUidSet: runs become ranges', () => {
    assert.equal(formatUidSet([1, 2, 3, 5]), '1:3,5');
    assert.equal(formatUidSet([]), '');
    assert.equal(formatUidSet([7]), '7');
  });

  const range = fc.record({ from: fc.nat(40), to: fc.nat(40) });

  it('has what its ranges have, whatever their order', () => {
    fc.assert(
      fc.property(fc.array(range, { maxLength: 6 }), fc.integer({ min: 1, max: 30 }), (raw, n) => {
        const naive = new Set<number>();
        for (const { from, to } of raw) {
          const [a, b] = [from || n, to || n];
          for (let i = Math.min(a, b); i <= Math.max(a, b); i += 1) naive.add(i);
        }
        const ranges = resolveRanges(raw, n);
        const numbers = [...numbersIn(ranges, 100)];
        assert.deepEqual(
          numbers,
          [...naive].sort((a, b) => a - b),
        );
        assert.equal(rangesCount(ranges), naive.size);
        assert.deepEqual(rangesOf(numbers), ranges);
        for (let i = 1; i <= 41; i += 1) assert.equal(rangesHave(ranges, i), naive.has(i));
      }),
    );
  });

  it('takes no longer for large ranges', () => {
    const all = resolveRanges([{ from: 1, to: 2 ** 32 - 1 }], 5);
    assert.deepEqual([...numbersIn(all, 3)], [1, 2, 3]);
    assert.deepEqual(clipRanges(all, 2, 4), [{ from: 2, to: 4 }]);
  });
});
