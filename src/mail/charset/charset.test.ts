// The octets were made by Python's codecs and by iconv(1), not by what is tested.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { assertLinear } from '../../base/step-count.ts';
import { fc } from '../../base/test-properties.ts';
import { decodeEncodedWords } from '../fields/encoded-word.ts';
import { decodeCharset, isKnownCharset, printable } from './charset.ts';
import { charsetName } from './charset-name.ts';

type Case = readonly [label: string, hex: string, text: string];

// biome-ignore format: one line each
const cases: readonly Case[] = [
  ['ks_c_5601-1987', 'c7d1b1b9beee208c63b9e6b0a2c7cf20bc84bdc3c4ddb6f3204142432094ee', '한국어 똠방각하 펲시콜라 ABC 뷁'],
  ['euc-kr', 'c7d1b1b9beee208c63b9e6b0a2c7cf20bc84bdc3c4ddb6f3204142432094ee', '한국어 똠방각하 펲시콜라 ABC 뷁'],
  ['cp949', 'c7d1b1b9beee208c63b9e6b0a2c7cf20bc84bdc3c4ddb6f3204142432094ee', '한국어 똠방각하 펲시콜라 ABC 뷁'],
  ['windows-949', 'c7d1b1b9beee208c63b9e6b0a2c7cf20bc84bdc3c4ddb6f3204142432094ee', '한국어 똠방각하 펲시콜라 ABC 뷁'],
  ['x-windows-949', 'c7d1b1b9beee208c63b9e6b0a2c7cf20bc84bdc3c4ddb6f3204142432094ee', '한국어 똠방각하 펲시콜라 ABC 뷁'],
  ['csKSC56011987', 'c7d1b1b9beee208c63b9e6b0a2c7cf20bc84bdc3c4ddb6f3204142432094ee', '한국어 똠방각하 펲시콜라 ABC 뷁'],
  ['uhc', 'c7d1b1b9beee208c63b9e6b0a2c7cf20bc84bdc3c4ddb6f3204142432094ee', '한국어 똠방각하 펲시콜라 ABC 뷁'],
  ['euc-kr', 'c7d1b1b9beee20bec8b3e7c7cfbcbcbfe42041424320b4ebc7d1b9ceb1b9', '한국어 안녕하세요 ABC 대한민국'],
  ['iso-2022-kr', '1b2429430e475131393e6e0f200e3e483367474f3c3c3f640f20414243200e346b4751394e31390f', '한국어 안녕하세요 ABC 대한민국'],
  ['csISO2022KR', '1b2429430e475131393e6e0f200e3e483367474f3c3c3f640f20414243200e346b4751394e31390f', '한국어 안녕하세요 ABC 대한민국'],
  ['utf-7', '47722b4150774133772d65202b31567974625120414243202b2d202b3244336541412078', 'Grüße 한국 ABC + 😀 x'],
  ['unicode-1-1-utf-7', '47722b4150774133772d65202b2d206f6b', 'Grüße + ok'],
  ['cp437', '477281e165208e9920ab', 'Grüße ÄÖ ½'],
  ['ibm850', '477281e165208e9920d0', 'Grüße ÄÖ ð'],
  ['cp852', 'a66c759c6f759f6bec206b85e5', 'Žluťoučký kůň'],
  ['cp866', '8fe0a8a2a5e22c20aca8e02041424320f0a6', 'Привет, мир ABC Ёж'],
  ['IBM866', '8fe0a8a2a5e22c20aca8e02041424320f0a6', 'Привет, мир ABC Ёж'],
  ['cp855', 'dde1b7eba8e52c20d2b7e1204142432085e9', 'Привет, мир ABC Ёж'],
  ['cp857', '987374616e62756c20a7', 'İstanbul ğ'],
  ['cp862', '998c858d', 'שלום'],
  ['cp737', '8998a29ea3e2a898', 'Καλημέρα'],
  ['cp775', 'b5d8756f6c6173', 'Ąžuolas'],
  ['cp860', '6e846f2087846f', 'não ção'],
  ['cp863', '6672616e87616973', 'français'],
  ['cp865', '92729b', 'Ærø'],
  ['cp858', '31303020d5', '100 €'],
  ['cp869', 'a8e5e59bddd6', 'Ελλάδα'],
  ['cp1125', '8aa8f9a2', 'Київ'],
  ['hz-gb-2312', '7e7b3c724c6556504e447e7d207e7b372246317e7d20414243207e7b32624a547e7d', '简体中文 发票 ABC 测试'],
  ['hz', '7e7b3c724c6556504e447e7d207e7b372246317e7d20414243207e7b32624a547e7d', '简体中文 发票 ABC 测试'],
  ['gb2312', 'bcf2cce5d6d0cec420b7a2c6b12041424320b2e2cad4', '简体中文 发票 ABC 测试'],
  ['x-gbk', 'bcf2cce5d6d0cec420b7a2c6b12041424320b2e2cad4', '简体中文 发票 ABC 测试'],
  ['GBK', 'bcf2cce5d6d0cec420b7a2c6b12041424320b2e2cad4e946', '简体中文 发票 ABC 测试镕'],
  ['gb18030', 'bcf2cce5d6d0cec420b7a2c6b12041424320b2e2cad48139ee399439fc36', '简体中文 发票 ABC 测试㐀😀'],
  ['cp936', 'bcf2cce5d6d0cec420b7a2c6b12041424320b2e2cad4', '简体中文 发票 ABC 测试'],
  ['csGB2312', 'bcf2cce5d6d0cec420b7a2c6b12041424320b2e2cad4', '简体中文 发票 ABC 测试'],
  ['chinese', 'bcf2cce5d6d0cec420b7a2c6b12041424320b2e2cad4', '简体中文 发票 ABC 测试'],
  ['big5', 'c163c5e9a4a4a4e520b56fb2bc2041424320b4fab8d5', '繁體中文 發票 ABC 測試'],
  ['big5-hkscs', 'adbbb4e4209def209df8209dee20414243c163c5e9a4a4a4e520b56fb2bc2041424320b4fab8d5', '香港 嘅 啲 㗎 ABC繁體中文 發票 ABC 測試'],
  ['big5', 'adbbb4e4209def209df8209dee20414243', '香港 嘅 啲 㗎 ABC'],
  ['cp950', 'c163c5e9a4a4a4e520b56fb2bc2041424320b4fab8d5', '繁體中文 發票 ABC 測試'],
  ['x-x-big5', 'c163c5e9a4a4a4e520b56fb2bc2041424320b4fab8d5', '繁體中文 發票 ABC 測試'],
  ['csBig5', 'c163c5e9a4a4a4e520b56fb2bc2041424320b4fab8d5', '繁體中文 發票 ABC 測試'],
  ['iso-2022-jp', '1b24423b33454442404f3a1b2842201b2442404135613d71244e41774955244b2444242d245e243724461b284220414243201b2442252b253f252b254a1b2842201b244224522469242c244a1b2842', '山田太郎 請求書の送付につきまして ABC カタカナ ひらがな'],
  ['csISO2022JP', '1b24423b33454442404f3a1b2842201b2442404135613d71244e41774955244b2444242d245e243724461b284220414243201b2442252b253f252b254a1b2842201b244224522469242c244a1b2842', '山田太郎 請求書の送付につきまして ABC カタカナ ひらがな'],
  ['iso-2022-jp-1', '1b24423b33454442404f3a1b2842201b2442404135613d71244e41774955244b2444242d245e243724461b284220414243201b2442252b253f252b254a1b2842201b244224522469242c244a1b24284430211b2842', '山田太郎 請求書の送付につきまして ABC カタカナ ひらがな丂'],
  ['iso-2022-jp-2', '1b24423b33454442404f3a1b2842201b2442404135613d71244e41774955244b2444242d245e243724461b284220414243201b2442252b253f252b254a1b2842201b244224522469242c244a1b242843475131391b2842201b2428413c721b2442424e1b2428442b311b2842', '山田太郎 請求書の送付につきまして ABC カタカナ ひらがな한국 简体é'],
  ['iso-2022-jp-3', '1b24423b33454442404f3a1b2842201b2442404135613d71244e41774955244b2444242d245e243724461b284220414243201b2442252b253f252b254a1b2842201b244224522469242c244a1b2842', '山田太郎 請求書の送付につきまして ABC カタカナ ひらがな'],
  ['iso-2022-jp-2004', '1b24423b33454442404f3a1b2842201b2442404135613d71244e41774955244b2444242d245e243724461b284220414243201b2442252b253f252b254a1b2842201b244224522469242c244a1b2842', '山田太郎 請求書の送付につきまして ABC カタカナ ひらがな'],
  ['iso-2022-jp', '1b24423b33454442404f3a1b2842201b2442404135613d71244e41774955244b2444242d245e243724461b284220414243201b2442252b253f252b254a1b2842201b244224522469242c244a1b2849364036451b2842', '山田太郎 請求書の送付につきまして ABC カタカナ ひらがなｶﾀｶﾅ'],
  ['shift_jis', '8e52936391be98592090bf8b818f9182cc9197957482c982c282ab82dc82b582c42041424320834a835e834a83692082d082e782aa82c8', '山田太郎 請求書の送付につきまして ABC カタカナ ひらがな'],
  ['x-sjis', '8e52936391be98592090bf8b818f9182cc9197957482c982c282ab82dc82b582c42041424320834a835e834a83692082d082e782aa82c88740878a20eee0ed95', '山田太郎 請求書の送付につきまして ABC カタカナ ひらがな①㈱ 髙﨑'],
  ['cp932', '8e52936391be98592090bf8b818f9182cc9197957482c982c282ab82dc82b582c42041424320834a835e834a83692082d082e782aa82c88740878a20eee0ed95', '山田太郎 請求書の送付につきまして ABC カタカナ ひらがな①㈱ 髙﨑'],
  ['windows-31j', '8e52936391be98592090bf8b818f9182cc9197957482c982c282ab82dc82b582c42041424320834a835e834a83692082d082e782aa82c88740878a20eee0ed95', '山田太郎 請求書の送付につきまして ABC カタカナ ひらがな①㈱ 髙﨑'],
  ['csShiftJIS', '8e52936391be98592090bf8b818f9182cc9197957482c982c282ab82dc82b582c42041424320834a835e834a83692082d082e782aa82c8', '山田太郎 請求書の送付につきまして ABC カタカナ ひらがな'],
  ['ms_kanji', '8e52936391be98592090bf8b818f9182cc9197957482c982c282ab82dc82b582c42041424320834a835e834a83692082d082e782aa82c8', '山田太郎 請求書の送付につきまして ABC カタカナ ひらがな'],
  ['euc-jp', 'bbb3c5c4c2c0cfba20c0c1b5e1bdf1a4cec1f7c9d5a4cba4c4a4ada4dea4b7a4c62041424320a5aba5bfa5aba5ca20a4d2a4e9a4aca4ca', '山田太郎 請求書の送付につきまして ABC カタカナ ひらがな'],
  ['x-euc-jp', 'bbb3c5c4c2c0cfba20c0c1b5e1bdf1a4cec1f7c9d5a4cba4c4a4ada4dea4b7a4c62041424320a5aba5bfa5aba5ca20a4d2a4e9a4aca4ca8eb18fb0a1', '山田太郎 請求書の送付につきまして ABC カタカナ ひらがなｱ丂'],
  ['csEUCPkdFmtJapanese', 'bbb3c5c4c2c0cfba20c0c1b5e1bdf1a4cec1f7c9d5a4cba4c4a4ada4dea4b7a4c62041424320a5aba5bfa5aba5ca20a4d2a4e9a4aca4ca', '山田太郎 請求書の送付につきまして ABC カタカナ ひらがな'],
  ['koi8-r', 'f0d2c9d7c5d42c20cdc9d22041424320b3d6', 'Привет, мир ABC Ёж'],
  ['koi8-u', 'f0d2c9d7c5d42c20cdc9d22041424320b3d6a7a4ad', 'Привет, мир ABC Ёжїєґ'],
  ['koi8-t', 'f0d2c9d7c5d42c20cdc9d22041424320b3d6', 'Привет, мир ABC Ёж'],
  ['tis-620', 'cac7d1cab4d5', 'สวัสดี'],
  ['iso-8859-11', 'cac7d1cab4d5', 'สวัสดี'],
  ['windows-874', 'cac7d1cab4d580', 'สวัสดี€'],
  ['x-mac-roman', '47729fa765208e20b6', 'Grüße é ∂'],
  ['macintosh', '47729fa765208e', 'Grüße é'],
  ['x-mac-cyrillic', '8ff0e8e2e5f22c20ece8f02041424320dde6', 'Привет, мир ABC Ёж'],
  ['x-mac-ce', 'eb6c75e96f758b6bf9', 'Žluťoučký'],
  ['windows-1250', '8e6c759d6f75e86bfd', 'Žluťoučký'],
  ['cp1251', 'cff0e8e2e5f22c20ece8f02041424320a8e6', 'Привет, мир ABC Ёж'],
  ['windows-1252', '934772fcdf65942080', '“Grüße” €'],
  ['win1252', '4772fcdf652080', 'Grüße €'],
  ['cp1253', 'cae1ebe7ecddf1e1', 'Καλημέρα'],
  ['cp1254', 'f0ddfe', 'ğİş'],
  ['cp1255', 'f9ece5ed', 'שלום'],
  ['cp1256', 'e3d1cdc8c7', 'مرحبا'],
  ['cp1257', 'c0fe756f6c6173', 'Ąžuolas'],
  ['cp1258', '5669ea74', 'Viêt'],
  ['iso-8859-1', '4772fcdf6520e9', 'Grüße é'],
  ['ISO_8859-1:1987', '4772fcdf65', 'Grüße'],
  ['latin1', '4772fcdf65', 'Grüße'],
  ['csISOLatin1', '4772fcdf65', 'Grüße'],
  ['x-unknown', '4772c3bcc39f65', 'Grüße'],
  ['us-ascii', '4772c3bcc39f65', 'Grüße'],
  ['us-ascii', '4772fcdf65', 'Grüße'],
  ['unknown-8bit', '4772fcdf65', 'Grüße'],
  ['iso-8859-1', '4772c3bcc39f65', 'Grüße'],
  ['windows-1252', 'e697a5e69cac', '日本'],
  ['iso-8859-2', 'ae6c75bb6f75e86bfd', 'Žluťoučký'],
  ['iso-8859-3', 'e6f8', 'ĉĝ'],
  ['iso-8859-4', 'a1be756f6c6173', 'Ąžuolas'],
  ['iso-8859-5', 'bfe0d8d2d5e22c20dcd8e02041424320a1d6', 'Привет, мир ABC Ёж'],
  ['iso-8859-6', 'e5d1cdc8c7', 'مرحبا'],
  ['iso-8859-7', 'cae1ebe7ecddf1e1', 'Καλημέρα'],
  ['iso-8859-8', 'f9ece5ed', 'שלום'],
  ['iso-8859-9', 'f0ddfe', 'ğİş'],
  ['iso-8859-10', 'a1bc756f6c6173', 'Ąžuolas'],
  ['iso-8859-13', 'c0fe756f6c6173', 'Ąžuolas'],
  ['iso-8859-14', 'f0fe', 'ŵŷ'],
  ['iso-8859-15', 'bd20a4', 'œ €'],
  ['iso-8859-16', 'de6172e3', 'Țară'],
  ['iso-8859-8-i', 'f9ece5ed', 'שלום'],
  ['iso-8859-6-i', 'e5d1cdc8c7', 'مرحبا'],
  ['csISOLatinCyrillic', 'bfe0d8d2d5e22c20dcd8e02041424320a1d6', 'Привет, мир ABC Ёж'],
  ['iso-ir-100', '4772fcdf65', 'Grüße'],
  ['l9', 'a4', '€'],
  ['hp-roman8', '4772cfde65', 'Grüße'],
  ['ptcp154', 'cff0e8e2e5f22c20ece8f02041424320a8e6', 'Привет, мир ABC Ёж'],
  ['kz-1048', 'cff0e8e2e5f22c20ece8f02041424320a8e6', 'Привет, мир ABC Ёж'],
  ['strk1048-2002', 'cff0e8e2e5f22c20ece8f02041424320a8e6', 'Привет, мир ABC Ёж'],
  ['utf-16', 'fffe47007200fc00df0065002000e5652c673dd800de', 'Grüße 日本😀'],
  ['utf-16le', '47007200fc00df0065002000e5652c673dd800de', 'Grüße 日本😀'],
  ['utf-16be', '0047007200fc00df0065002065e5672cd83dde00', 'Grüße 日本😀'],
  ['utf-32', 'fffe00004700000072000000fc000000df0000006500000020000000e56500002c67000000f60100', 'Grüße 日本😀'],
  ['utf-32be', '0000004700000072000000fc000000df00000065', 'Grüße'],
  ['ucs-2', 'fffe47007200fc00df006500', 'Grüße'],
  ['utf-8', '4772c3bcc39f6520e697a5e69cacf09f9880', 'Grüße 日本😀'],
  ['UTF8', '4772c3bcc39f65', 'Grüße'],
  ['x-utf-8', '4772c3bcc39f65', 'Grüße'],
  ['unicode-1-1-utf-8', '4772c3bcc39f65', 'Grüße'],
  ['shift_jis', 'e697a5e69cace8aa9ee38386e382ade382b9e38388', '日本語テキスト'],
  ['iso-2022-jp', 'e697a5e69cac', '日本'],
  ['iso-2022-jp', '93fa967bb6c0b6c5', '日本ｶﾀｶﾅ'],
  ['viscii', '5469aa6e67205669ae74', 'Tiếng Việt'],
  ['armscii-8', 'd0b3dbb3ebefb3dd', 'Հայաստան'],
  ['tcvn', '5469d56e67205669d674', 'Tiếng Việt'],
  ['iso-2022-cn', '1b2429410e3c724c6556504e440f200e372246310f20414243200e32624a540f', '简体中文 发票 ABC 测试'],
  ['georgian-academy', 'd1c0d5c0d0c7c5c4cacd', 'საქართველო'],
  ['big5-hkscs', 'adbbb4e4209def209df8209dee20414243', '香港 嘅 啲 㗎 ABC'],
  ['iso-2022-jp-2', '1b24423b33454442404f3a1b2842201b2442404135613d71244e41774955244b2444242d245e243724461b284220414243201b2442252b253f252b254a1b2842201b244224522469242c244a26411b2428442b311b2842', '山田太郎 請求書の送付につきまして ABC カタカナ ひらがなαé'],
  ['cp932', '8e52936391be98592090bf8b818f9182cc9197957482c982c282ab82dc82b582c42041424320834a835e834a83692082d082e782aa82c88740878a20fbfcfab1', '山田太郎 請求書の送付につきまして ABC カタカナ ひらがな①㈱ 髙﨑'],
  ['iso-2022-jp-3', '1b24423b33454442404f3a1b2842201b2442404135613d71244e41774955244b2444242d245e243724461b284220414243201b2442252b253f252b254a1b2842201b244224522469242c244a1b2842', '山田太郎 請求書の送付につきまして ABC カタカナ ひらがな'],
];

/** Their encoded words cannot be read when they are cut within a run of base64: each is a text of its own. */
const isUtf7 = (label: string): boolean => charsetName(label).name === 'utf-7';

describe('decodeCharset', () => {
  for (const [label, hex, text] of cases) {
    const octets = Buffer.from(hex, 'hex');
    it(`${label}: ${text}`, () => assert.equal(decodeCharset(octets, label), text));

    it(`${label}: ${text}: in encoded words, cut at every octet`, () => {
      for (let at = 0; at <= octets.length; at += 1) {
        if (isUtf7(label) && at > 0 && at < octets.length) continue;
        const [first, rest] = [octets.subarray(0, at), octets.subarray(at)];
        const words = [
          `${wordB(label, first)} ${wordB(label, rest)}`,
          `${wordQ(label, first)}\r\n ${wordB(label, rest)}`,
          `${wordB(label, first)}${wordQ(label.toUpperCase(), rest)}`,
        ];
        for (const word of words) assert.equal(decodeEncodedWords(word), text, word);
      }
    });
  }

  it('reads what names no charset as UTF-8, or else as Windows-1252', () => {
    for (const label of ['', 'us-ascii', 'x-none', 'unknown-8bit', 'a'.repeat(1000), '__proto__']) {
      assert.equal(decodeCharset(Buffer.from('Grüße'), label), 'Grüße');
      assert.equal(decodeCharset(Buffer.from([0x93, 0xe9, 0x94]), label), '“é”');
      assert.equal(isKnownCharset(label), label === 'us-ascii');
    }
  });

  it('takes what is well-formed UTF-8 for that, where Latin-1 is no likely reading', () => {
    for (const label of ['iso-8859-1', 'windows-1252', 'latin1', 'cp819']) {
      for (const text of ['é', 'Ångström', 'при', '日', '‘x’', '😀'])
        assert.equal(decodeCharset(Buffer.from(text), label), text);
      for (const text of ['NESTLÉ®', 'CAFÉ»', 'é', 'ÉÉ', 'naïve'])
        assert.equal(decodeCharset(Buffer.from(text, 'latin1'), label), text);
    }
  });

  it('takes UTF-8 for UTF-8 where it is wrong in the charset it is said to be in', () => {
    for (const label of ['iso-2022-jp', 'utf-7', 'hz', 'euc-kr', 'euc-jp', 'iso-8859-8', 'big5'])
      assert.equal(decodeCharset(Buffer.from('日本語テキスト é'), label), '日本語テキスト é');
  });

  it('Field: ISO-2022-JP under a label of another charset, or none', () => {
    for (const label of ['', 'us-ascii', 'utf-8', 'iso-8859-1'])
      assert.equal(decodeCharset(Buffer.from('a \x1b$B;3\x1b(B'), label), 'a 山');
  });

  it('shows octets that are wrong in their charset as U+FFFD', () => {
    for (const [label, hex] of [
      ['utf-8', '41e9'],
      ['utf-7', '2b32443020'],
      ['utf-16le', '00d84100'],
      ['euc-kr', '41ff'],
      ['iso-2022-jp', '1b244230'],
      ['iso-2022-jp', '1b24285021211b284241'],
      ['hz', '7e7b30'],
    ] as const)
      assert.match(decodeCharset(Buffer.from(hex, 'hex'), label), /\ufffd/, label);
  });

  it('RFC 1468, RFC 1557, RFC 1922: a line ends in ASCII, whatever came before', () => {
    const text = decodeCharset(Buffer.from('\x1b$B0\nabc\x0e\nabc'), 'iso-2022-jp');
    assert.equal(text, '\ufffd\nabc\nabc');
  });

  it('RFC 1554, RFC 2237: other sets than JIS X 0208', () => {
    const text = '\x1b$(C0!\x1b$A0!\x1b$(D0!\x1b.A\x1bNi\x1b.F\x1bNa\x1b(B.';
    assert.equal(decodeCharset(Buffer.from(text), 'iso-2022-jp-2'), '가啊丂éα.');
  });

  it('RFC 2781 §4.3: a byte order mark tells how UTF-16 is written', () => {
    for (const hex of ['feff00e9', 'fffee900'])
      assert.equal(decodeCharset(Buffer.from(hex, 'hex'), 'utf-16'), 'é');
  });

  it('Field: half-width katakana of eight bits, of shifts, and as G1', () => {
    for (const octets of ['\xb6\xb7', '\x0e67\x0f', '\x1b(I67\x1b(B', '\x1b)I\x0e67'])
      assert.equal(decodeCharset(Buffer.from(octets, 'latin1'), 'iso-2022-jp'), 'ｶｷ');
  });

  it('RFC 2152: a plus is "+-", and base64 may end without "-"', () =>
    assert.equal(decodeCharset(Buffer.from('1 +- 1, +AOk, +AOk-a+AOk'), 'utf-7'), '1 + 1, é, éaé'));

  it('RFC 1843: "~~" is a tilde, and a tilde before a line end goes with it', () =>
    assert.equal(decodeCharset(Buffer.from('a~~b~\nc~{VPND~}d~x'), 'hz'), 'a~bc中文d~x'));

  it('takes no transfer encoding, and no property of an object, for a charset', () => {
    for (const label of ['hex', 'base64', 'binary', 'utf-7-imap', 'constructor', '_internal'])
      assert.equal(decodeCharset(Buffer.from('6162+AGE-'), label), '6162+AGE-');
  });

  it('keeps no more labels in mind than it must', () => {
    for (let i = 0; i < 5000; i += 1) assert.equal(charsetName(`x${i}`).by, 'guess');
    assert.equal(charsetName('x-sjis'), charsetName('Shift_JIS'));
  });

  it('is total and linear', () => {
    const labels = cases.map(([label]) => label);
    const property = fc.property(fc.constantFrom(...labels), fc.uint8Array(), (label, octets) =>
      assert.ok(decodeCharset(octets, label).isWellFormed()),
    );
    fc.assert(property, { numRuns: 3000 });
    const shifts = ['\x1b$B', '\x1b', '\x1b$B!\x1b(I!\x1b$A!', '\x0e!\x0f', '\x1bN!'];
    const pieces = [...shifts, '~{!~}', '~', '+A-', '+', '\x80\x81'];
    for (const label of ['iso-2022-jp', 'iso-2022-kr', 'iso-2022-cn', 'hz', 'utf-7'])
      for (const piece of pieces)
        assertLinear(
          (octets: Uint8Array) => decodeCharset(octets, label),
          (times) => Buffer.from(piece.repeat(times), 'latin1'),
          300,
        );
  });
});

describe('printable', () => {
  it('turns no text around: a file is of the kind that its name seems to end with', () => {
    assert.equal(printable('bill\u202efdp.exe'), 'billfdp.exe');
    assert.equal(printable('\u2067a\u2069 \u202bשלום\u202c\u200f'), 'a שלום\u200f');
  });

  it('has no controls, no line ends of any kind, no byte order marks', () =>
    assert.equal(printable('\ufeffa\r\nb\x1bc\x85\x9bd\u2028\u2029\x7f'), 'a  b c  d   '));
});

const wordB = (label: string, octets: Buffer): string =>
  `=?${label}?B?${octets.toString('base64')}?=`;

const wordQ = (label: string, octets: Buffer): string =>
  `=?${label}?q?${octets.toString('hex').replace(/../g, '=$&')}?=`;
