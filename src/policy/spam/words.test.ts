import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fc } from '../../base/test-properties.ts';
import { looksAtBytes, wordsOf } from './words.ts';

const of = (text: string) => wordsOf(Buffer.from(text.replaceAll('\n', '\r\n')));

describe('wordsOf', () => {
  it('takes the words of the text, the subject and the sender, each once, decoded', () => {
    assert.deepEqual(
      of(
        'From: Eve <eve@Example.net>\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?= now\n\nNow buy, buy now! 100% free\n',
      ),
      [
        'from:eve',
        'from:eve@example.net',
        'subject:grüße',
        'subject:now',
        'now',
        'buy',
        '100%',
        'free',
      ],
    );
  });

  it('does not depend on what is put in front of a message on its way', () => {
    const text = 'Subject: hello\n\nworld\n';
    const trace = 'Return-Path: <a@b.c>\nDelivered-To: ann\nReceived: from x by y\n';
    const results = 'Authentication-Results: mx; spf=pass\n';
    assert.deepEqual(of(trace + results + text), of(text));
  });

  it('reads HTML without its markup, and languages without spaces by pairs', () => {
    const html =
      'Content-Type: text/html; charset=utf-8\n\n<p class="huge">Click <b>here</b></p>\n';
    assert.deepEqual(of(html), ['click', 'here']);
    assert.deepEqual(of('Content-Type: text/plain; charset=utf-8\n\n免费点击\n'), [
      '免费',
      '费点',
      '点击',
    ]);
  });

  it('leaves out numbers, short words and data', () => {
    assert.deepEqual(of(`\nan 2026-11-29 12345 ${'x'.repeat(31)} word\n`), ['word']);
  });

  it('takes any octets, and no more than it may', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (octets) => {
        for (const word of wordsOf(octets)) assert(word.length < 100);
      }),
    );
    const many = Array.from({ length: 20_000 }, (_, i) => `word${i}`).join(' ');
    assert.equal(of(`\n${many}`).length, 1500);
    assert.deepEqual(of(`Subject: x\n\n${' \n'.repeat(looksAtBytes)}late`), []);
  });
});
