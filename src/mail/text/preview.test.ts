import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { previewOf } from './preview.ts';

const plain = (text: string) => ({ kind: 'plain', text }) as const;
const html = (text: string) => ({ kind: 'html', text }) as const;

describe('previewOf', () => {
  it('RFC 8970 §3.2: is empty where there is no text', () => {
    assert.equal(previewOf([]), '');
    assert.equal(previewOf([plain(' \r\n\u200b\ufeff')]), '');
  });

  it('RFC 8970 §3.3: prefers plain text, then takes that of HTML', () => {
    assert.equal(previewOf([html('rich'), plain('plain')]), 'plain');
    assert.equal(previewOf([plain(' '), html('rich')]), 'rich');
  });

  it('RFC 8970 §3.3: has at most 200 characters, none of them cut', () => {
    assert.equal(previewOf([plain('ab '.repeat(500))]).length, 200);
    assert.equal(previewOf([plain('😀'.repeat(500))]), '😀'.repeat(200));
    assert.equal(previewOf([plain('x\ud800')]), 'x\ufffd');
  });

  it('leaves out white space and what cannot be seen', () =>
    assert.equal(previewOf([plain('a\r\n\t\u00a0b\u200b\u200bc\x00d')]), 'a b c d'));

  it('leaves out quotes, unless there is nothing else', () => {
    assert.equal(previewOf([plain('> you\r\n>> me\r\n\r\nI\r\n > x\r\ntoo')]), 'I too');
    assert.equal(previewOf([plain('> you\r\n> me')]), '> you > me');
  });

  it('looks behind long quotes and empty lines', () =>
    assert.equal(previewOf([plain(`${'\r\n'.repeat(2000)}a`)]), 'a'));
});
