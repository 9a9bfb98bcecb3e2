import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fc } from '../base/test-properties.ts';
import { anyText } from '../base/test-text.ts';
import {
  formatAstring,
  formatCompletion,
  formatLiteral,
  formatMailbox,
  formatString,
} from './format.ts';
import { decodeModifiedUtf7, encodeModifiedUtf7 } from './modified-utf7.ts';

describe('strings', () => {
  it('RFC 9051 §4.3: quoted where that can be, a literal otherwise', () => {
    assert.equal(formatString('a "b" \\'), '"a \\"b\\" \\\\"');
    assert.equal(formatString(''), '""');
    assert.equal(formatString('a\r\nb'), '{4}\r\na\r\nb');
    assert.equal(formatString('\xe4'), '{1}\r\n\xe4');
    assert.equal(formatString('x'.repeat(1001)), `{1001}\r\n${'x'.repeat(1001)}`);
    assert.equal(formatString('a\0b'), '{3}\r\na b');
  });

  it('RFC 9051 §9: an atom where that can be, a string otherwise', () => {
    for (const atom of ['ann@example.org', '-anyone', 'a+b/c.d'])
      assert.equal(formatAstring(atom), atom);
    for (const text of ['', 'NIL', 'a b', 'a]', 'a(', 'a*', 'a%', 'a{'])
      assert.equal(formatAstring(text), `"${text}"`);
    assert.equal(formatAstring('"a"@b'), '"\\"a\\"@b"');
    assert.equal(formatAstring('\xe4@b'), '{3}\r\n\xe4@b');
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
      fc.property(fc.oneof(anything, anyText()), (name) => {
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

describe('completions', () => {
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
