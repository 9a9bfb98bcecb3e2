import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { assertLinear } from '../../base/step-count.ts';
import { fc } from '../../base/test-properties.ts';
import { decodeEncodedWords, encodeHeaderText, encodePhrase } from './encoded-word.ts';
import { parseAddressList } from './structured.ts';

describe('decodeEncodedWords', () => {
  const cases: readonly (readonly [string, string])[] = [
    ['plain', 'plain'],
    ['=?US-ASCII?Q?Keith_Moore?= <moore@cs.utk.edu>', 'Keith Moore <moore@cs.utk.edu>'],
    ['=?ISO-8859-1?Q?Patrik_F=E4ltstr=F6m?=', 'Patrik Fältström'],
    [
      '=?ISO-8859-1?B?SWYgeW91IGNhbiByZWFkIHRoaXMgeW8=?=\r\n =?ISO-8859-2?B?dSB1bmRlcnN0YW5kIHRoZSBleGFtcGxlLg==?=',
      'If you can read this you understand the example.',
    ],
    // RFC 2047 §8
    ['(=?ISO-8859-1?Q?a?=)', '(a)'],
    ['(=?ISO-8859-1?Q?a?= b)', '(a b)'],
    ['(=?ISO-8859-1?Q?a?= =?ISO-8859-1?Q?b?=)', '(ab)'],
    ['(=?ISO-8859-1?Q?a_b?=)', '(a b)'],
    ['(=?ISO-8859-1?Q?a?= =?ISO-8859-2?Q?_b?=)', '(a b)'],
    // RFC 2231 §5
    ['=?US-ASCII*EN?Q?Keith_Moore?=', 'Keith Moore'],
    ['=?utf-8?Q?=C3?= =?UTF-8?q?=A9?=', 'é'],
    ['=?utf-8?Q?a b=20c?=', 'a b c'],
    ['=?x-none?Q?=C3=A9?=', 'é'],
    ['=?x-none?Q?=E9?=', 'é'],
    ['=?utf-8?Q?=E9?=', '\ufffd'],
    ['=?utf-8?Q?=ZZ=4?=', '=ZZ=4'],
    ['=?utf-8?B?w6!k===?=', 'é'],
    ['=?utf-8?X?a?=', '=?utf-8?X?a?='],
    ['=?cp932?B?k/qWew==?=', '日本'],
    ['=?utf-8?Q?a=0D=0ABcc:_x?=', 'a  Bcc: x'],
    ['=?utf-7?Q?a+AA0-+AAo-Bcc:_x+AIU-+ICg-+AJs-31m?=', 'a  Bcc: x   31m'],
    // Adjacent words of a charset that shifts: each ends in ASCII, and the next begins there.
    [
      '=?ISO-2022-JP?B?GyRCQEE1YT1xJE5Bd0lVJEskRBsoQg==?=\r\n =?ISO-2022-JP?B?GyRCJCQkRiROJDRPIk1tGyhC?=',
      '請求書の送付についてのご連絡',
    ],
    [
      '=?ISO-2022-JP?B?GyRCOzNFRBsoQg==?= =?ISO-2022-JP?B?GyRCQkBPOhsoQg==?= <y@x>',
      '山田太郎 <y@x>',
    ],
    ['=?iso-2022-kr?B?GyQpQw5BVjkuDyAOSC5ATg8=?=', '주문 확인'],
    ['=?ks_c_5601-1987?B?jGO55rCix88=?=', '똠방각하'],
    ['=?utf-7?Q?+2D0?= =?utf-7?Q?+3gA?= =?utf-7?Q?b+AO?= =?utf-7?Q?k-c?=', '😀béc'],
    ['=?utf-7?Q?+TxqLcD?= =?utf-7?Q?BuMEp3?= =?utf-7?Q?5TCJ?=', '会議のお知ら'],
    // Characters that should have been encoded. The field is Latin-1 where it is no UTF-8: header.ts.
    ['=?iso-8859-1?Q?J\xfcrgen_=E9?=', 'Jürgen é'],
    ['=?utf-8?Q?J\xfcrgen_=C3=A9?=', 'Jürgen é'],
    ['=?koi8-r?Q?\xf0=D2\xc9?=', 'При'],
    ['=?utf-8?Q?\xc3\xa9?=', 'é'],
    ['=?koi8-r?Q?При=D2?= =?koi8-r?Q?=C9?=', 'Прири'],
    ['=?utf-8?Q?日=E6=9C=AC?=', '日本'],
    // What stands around and within words against the grammar.
    ['"=?utf-8?Q?Ann_B.?=" <a@b>', '"Ann B." <a@b>'],
    ['Re:=?utf-8?Q?=C3=A9?=t=?utf-8?q?=C3=A9?=', 'Re:été'],
    ['=?utf-8?Q?Who?_Me??=', 'Who? Me?'],
    ['=?utf-8?B?SGVsbG8_?=', 'Hello'],
    ['=?utf-8?B?w6k=w6k=?=', 'éé'],
    ['=?utf-8?B??= =?utf-8?Q??=', ''],
    ['=?iso-8859-1*de?q?=FC?= =?ISO_8859-1:1987*en?Q?=E9?=', 'üé'],
    ['=?utf-8?B?77u/w6k=?=', 'é'],
    ['=?utf-8?B?w6nD?= =?utf-8?B?qcOpw?= =?utf-8?B?6k=?=', 'éééé'],
    ['=?utf-8?B?w6?= =?utf-8?Q?x?=', '\ufffdx'],
    ['=?utf-8?B?w6k?= =?utf-8?B?w6k?= =?us-ascii?B?YQ?= =?us-ascii?B?YQ?=', 'ééaa'],
    // Cut off, by whoever thought that a field has an end.
    ['Hi =?utf-8?B?SGVsbG8', 'Hi Hello'],
    ['=?utf-8?B?SGVsbG8=', 'Hello'],
    ['=?utf-8?Q?Hello=C3=A9? ', 'Helloé '],
    ['=?utf-8?B?SGVsbG8 =?utf-8?B?V29ybGQ=?= x', 'HelloWorld x'],
    ['what =?utf-8?Q? means', 'what =?utf-8?Q? means'],
    // Not encoded at all.
    ['\x1b$B;3ED\x1b(B x', '山田 x'],
    ['\x93a\x94\x1b[31m', '“a” [31m'],
  ];
  for (const [value, expected] of cases) {
    it(JSON.stringify(value), () => assert.equal(decodeEncodedWords(value), expected));
  }

  it('is total and linear', () => {
    const pieces = fc.constantFrom('=?', '?', '=', 'utf-8', '?Q?', '?B?', '?=', ' ', 'w6k=', '*');
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 60 }), (parts) => {
        decodeEncodedWords(parts.join(''));
      }),
    );
    const words = ['=?utf-7?Q?+A?= ', '=?iso-2022-jp?Q?=1B$B0?= ', '=?koi8-r?Q?日?= '];
    for (const hostile of ['=?', '=?a', '=?a?Q?', '=?a*', '=?a?Q?b?= ', '=?a?Q?b', '?=', ...words])
      assertLinear(decodeEncodedWords, (times) => hostile.repeat(times));
    decodeEncodedWords(`=?a?Q?${'?x'.repeat(1_000_000)}?=`);
  });
});

/** What reading makes a space of, wherever it stands: charset.ts. */
const unprintable = /[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ufeff]/g;

describe('encodeHeaderText', () => {
  it('leaves ASCII as it is, and encodes no more words than it must', () => {
    assert.equal(encodeHeaderText('Hello, world'), 'Hello, world');
    assert.equal(
      encodeHeaderText('a schöne b Grüße c'),
      'a =?utf-8?Q?sch=C3=B6ne_b_Gr=C3=BC=C3=9Fe?= c',
    );
    assert.equal(encodeHeaderText('日本'), '=?utf-8?B?5pel5pys?=');
    assert.equal(encodeHeaderText('not =?a word'), 'not =?utf-8?Q?=3D=3Fa?= word');
    assert.equal(encodeHeaderText('a\r\nBcc: b'), 'a  Bcc: b');
    assert.equal(decodeEncodedWords(encodeHeaderText('a\u2028b')), 'a b');
  });

  it('RFC 2047 §2: no encoded word is longer than 75 characters, and reading gives the text', () => {
    const text = fc.string({ unit: 'grapheme', maxLength: 300 });
    fc.assert(
      fc.property(text, (value) => {
        const wellFormed = value.toWellFormed().replace(unprintable, '');
        const encoded = encodeHeaderText(wellFormed);
        assert.match(encoded, /^[ -~]*$/);
        for (const [word] of encoded.matchAll(/=\?\S*/g)) assert.ok(word.length <= 75, word);
        assert.equal(decodeEncodedWords(encoded), wellFormed);
      }),
    );
  });
});

describe('encodePhrase', () => {
  const cases: readonly (readonly [string, string])[] = [
    ['Ann Example', 'Ann Example'],
    ['Example, Ann', '"Example, Ann"'],
    ['A "B" \\', '"A \\"B\\" \\\\"'],
    ['Müller, Jr.', '=?utf-8?Q?M=C3=BCller=2C_Jr=2E?='],
    ['=?iso-8859-1?Q?=FC?= (x)', '=?utf-8?Q?=C3=BC_=28x=29?='],
    ['', '""'],
  ];
  for (const [name, expected] of cases) {
    it(JSON.stringify(name), () => assert.equal(encodePhrase(name), expected));
  }

  it('RFC 5322 §3.2.5: whatever the name, an address list reads it back', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 100 }), (text) => {
        const name = text.toWellFormed().replace(unprintable, '').replaceAll('=?', '').trim();
        const list = parseAddressList(`${encodePhrase(name)} <a@b>`);
        assert.equal(list.length, 1);
        assert.equal(decodeEncodedWords(list[0]!.name ?? ''), name);
      }),
    );
  });
});
