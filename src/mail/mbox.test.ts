// RFC 4155, as far as it goes.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fc } from '../base/test-properties.ts';
import { asMail, type MboxMessage, MboxReader, mboxMessages } from './mbox.ts';

const messages = (text: string) => [...mboxMessages(Buffer.from(text))].map(String);

describe('an mbox file', () => {
  it('is cut where messages begin, and quoted lines are as they were meant', () => {
    assert.deepEqual(
      messages(
        'From a@x Mon Jan  1 00:00:00 2024\nSubject: one\n\n>From here\n>>From there\nFrom now on\n\n' +
          'From b@x Mon Jan  1 00:00:00 2024\nSubject: two\n\nx\n' +
          'From c@x Mon Jan  1 00:00:00 2024\nSubject: three\n\ny\n',
      ),
      [
        'Subject: one\n\nFrom here\n>From there\nFrom now on\n\n',
        'Subject: two\n\nx\n',
        'Subject: three\n\ny\n',
      ],
    );
    assert.equal(messages('From a@x\r\nA: b\r\n\r\nx\r\n\r\nFrom b@x\r\nC: d\r\n\r\ny').length, 2);
  });

  it('is one message where it does not begin like an mbox, and none where it is empty', () => {
    assert.deepEqual(messages('Subject: one\n\nFrom \n'), ['Subject: one\n\nFrom \n']);
    assert.deepEqual(messages(''), []);
    assert.deepEqual(messages('From \n'), []);
  });

  it('is the same in whatever pieces it comes', () => {
    const part = fc.constantFrom(
      ...[
        'From ',
        '>From ',
        'a',
        '\n',
        '\r\n',
        '\n\n',
        'From a 10:00 2024\n',
        '>',
        'b'.repeat(310),
      ],
    );
    const whole = fc.array(part, { maxLength: 30 }).map((parts) => parts.join(''));
    const cuts = fc.array(fc.nat(400), { maxLength: 12 });
    fc.assert(
      fc.property(whole, fc.boolean(), cuts, (text, isMbox, lengths) => {
        const file = isMbox ? `From a\n${text}` : text;
        const reader = new MboxReader(Number.POSITIVE_INFINITY);
        const found: string[] = [];
        const take = (messages: Iterable<MboxMessage>) => {
          for (const { octets } of messages) found.push(String(octets));
        };
        let at = 0;
        for (const length of lengths) {
          take(reader.push(Buffer.from(file.slice(at, at + length))));
          at += length;
        }
        take(reader.push(Buffer.from(file.slice(at))));
        take(reader.end());
        assert.deepEqual(found, messages(file));
      }),
    );
  });

  it('gives of what is too long a beginning and how long it is, and what is behind it', () => {
    const reader = new MboxReader(20);
    const found: MboxMessage[] = [];
    const pieces = ['From a\nS: 1\n\n', ...Array.from({ length: 50 }, () => 'x'.repeat(10))];
    for (const piece of [...pieces, '\n\nFrom b\nS: 2\n\ny\n'])
      found.push(...reader.push(Buffer.from(piece)));
    found.push(...reader.end());
    assert.deepEqual(
      found.map(({ bytes }) => bytes),
      [508, 8],
    );
    assert.ok(found[0]!.octets.length <= 20);
    assert.equal(String(found[1]!.octets), 'S: 2\n\ny\n');
  });

  it('becomes mail with CRLF', () => {
    assert.equal(asMail(Buffer.from('A: b\n\nx\r\ny')).toString(), 'A: b\r\n\r\nx\r\ny\r\n');
  });
});
