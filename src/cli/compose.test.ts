import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { headerValue, parseHeader } from '../mail/header/header.ts';
import { compose } from './compose.ts';

const options = {
  from: 'ann@example.org',
  to: ['bob@example.net', 'carl@example.net'],
  headers: [] as string[],
  hostname: 'here.example',
  now: Date.UTC(2026, 0, 1),
};
const text = (input: string, more: Partial<typeof options> = {}) =>
  compose(Buffer.from(input), { ...options, ...more }).toString('utf8');

describe('composing a message for `send`', () => {
  it('RFC 5322 §3.6: makes a message of a text', () => {
    const message = text('Hello\nworld');
    const fields = parseHeader(Buffer.from(message));
    assert.deepEqual(
      fields.map(({ name }) => name),
      [
        'Date',
        'From',
        'To',
        'Subject',
        'Message-ID',
        'MIME-Version',
        'Content-Type',
        'Content-Transfer-Encoding',
      ],
    );
    assert.equal(headerValue(fields, 'date'), 'Thu, 1 Jan 2026 00:00:00 +0000');
    assert.equal(headerValue(fields, 'to'), 'bob@example.net, carl@example.net');
    assert.match(message, /\r\n\r\nHello\r\nworld\r\n$/);
    assert.doesNotMatch(message, /[^\r]\n/);
  });

  it('sends a whole message as it is, lines ended by CRLF', () => {
    assert.equal(
      text('Subject: x\n folded\n\nbody\n.\n'),
      'Subject: x\r\n folded\r\n\r\nbody\r\n.\r\n',
    );
    assert.equal(text('Subject: x\r\n\r\n\r\n'), 'Subject: x\r\n\r\n\r\n');
  });

  for (const prose of [
    'Note: this is prose',
    'Note: x\nmore\n\nand more',
    'http://example.org/\n\nlook',
    '',
  ])
    it(`takes ${JSON.stringify(prose)} for a text`, () => {
      assert.match(text(prose.startsWith('http') ? ` ${prose}` : prose), /^Date: /);
    });

  it('--header replaces what would be made, and is put before a whole message', () => {
    const made = text('x', { headers: ['subject: Grüße', 'X-Test: 1'] });
    assert.equal(made.match(/^subject/gim)?.length, 1);
    assert.match(made, /^subject: =\?utf-8\?/im);
    assert.match(
      text('From: a@b\n\nx', { headers: ['X-Test: 1'] }),
      /^X-Test: 1\r\nFrom: a@b\r\n\r\nx\r\n$/,
    );
  });

  it('RFC 5322 §2.1.1: a long --header is folded', () => {
    for (const line of text('x', { headers: [`Subject: ${'ü '.repeat(2_000)}`] }).split('\r\n'))
      assert.ok(line.length <= 998);
  });

  it('declares what is not ASCII', () => {
    assert.match(text('Grüße'), /charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n/);
    assert.match(text('Hello'), /charset=us-ascii\r\nContent-Transfer-Encoding: 7bit\r\n/);
  });

  for (const header of ['no colon', 'a b: c', 'x: a\r\nRcpt: b', ': x', ''])
    it(`refuses the header ${JSON.stringify(header)}`, () => {
      assert.throws(() => text('x', { headers: [header] }), /--header must be/);
    });
});
