// Small messages that were once read wrongly. They lie beside the project: ../shared/data/found.

import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { messageFacts } from './message-facts.ts';

const directory = '../shared/data/found';
const skip = existsSync(directory) ? false : `no ${directory}`;

const facts = (name: string) => messageFacts(readFileSync(`${directory}/${name}.eml`));

describe('messages that were found', { skip }, () => {
  it('RFC 2047 §6.2: adjacent words of ISO-2022-JP', () => {
    const { headerTexts, sortKeys } = facts('01-iso2022jp-subject');
    assert.equal(headerTexts.subject, '請求書の送付についてのご連絡');
    assert.equal(headerTexts.from, '山田太郎 <y@x.test>');
    assert.equal(sortKeys.displayFrom, '山田太郎');
    assert.equal(sortKeys.subject, headerTexts.subject.normalize('NFKD'));
  });

  for (const [name, text] of [
    ['iso-2022-kr', '주문 확인'],
    ['ks_c_5601-1987', '똠방각하'],
    ['utf-7', 'Größe'],
  ] as const)
    it(`charset ${name}`, () => {
      const { headerTexts, digest, text: body } = facts(`04-charset-${name}`);
      assert.equal(headerTexts.subject, text);
      assert.equal(body, text);
      assert.equal(digest.preview, text);
    });

  it('octets above 7F in an encoded word', () => {
    const { headerTexts, sortKeys } = facts('05-raw-8bit-in-word');
    assert.equal(headerTexts.subject, 'Frösche');
    assert.equal(sortKeys.displayFrom, 'JÜRGEN'.normalize('NFKD'));
  });

  it('a multipart without parts', () => {
    const { digest, text } = facts('06-empty-multipart');
    assert.equal(digest.preview, '');
    assert.equal(text, '');
  });
});
