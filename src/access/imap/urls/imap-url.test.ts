import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Section } from '../../../imap/command.ts';
import { parseMessageUrl } from './imap-url.ts';

const section = (
  part: readonly number[],
  text?: Section['text'],
  ...fields: string[]
): Section => ({
  ...{ part, text, fields },
});
const url = { mailbox: undefined, uidValidity: undefined, partial: undefined };

describe('RFC 5092: URLs of messages', () => {
  for (const [written, meant] of [
    ['/INBOX/;UID=1', { ...url, mailbox: 'INBOX', uid: 1, section: section([]) }],
    [
      '/K%C3%A4se%3B/x;UIDVALIDITY=7/;UID=20/;SECTION=1.2.MIME/;PARTIAL=3.4',
      {
        ...{ mailbox: 'Käse;/x', uidValidity: 7, uid: 20, section: section([1, 2], 'MIME') },
        partial: { offset: 3, length: 4 },
      },
    ],
    [
      '/;UID=2;SECTION=HEADER.FIELDS%20(TO%20CC);PARTIAL=9',
      {
        ...{ ...url, uid: 2, section: section([], 'HEADER.FIELDS', 'TO', 'CC') },
        partial: { offset: 9, length: Number.MAX_SAFE_INTEGER },
      },
    ],
    ['/;UID=2/;SECTION=3', { ...url, uid: 2, section: section([3]) }],
    ['/;UID=2/;SECTION=text', { ...url, uid: 2, section: section([], 'TEXT') }],
  ] as const)
    it(`${written} is one`, () => {
      assert.deepEqual(parseMessageUrl(written), meant);
    });

  it('what is none names no other message', () => {
    for (const written of [
      ...['', '/', '/INBOX', '/INBOX/;UID=0', '/INBOX/;UID=x', '/INBOX?x/;UID=1'],
      ...['/%zz/;UID=1', '/INBOX/;UID=1/;SECTION=%zz', '/;UID=1/;SECTION=1.', '/;UID=1/;SECTION=0'],
      ...['/;UID=1/;SECTION=1HEADER', '/;UID=1/;SECTION=.HEADER', '/;UID=1/;SECTION=BODY'],
      ...['/;UID=1/;SECTION=HEADER.FIELDS', '/;UID=1;PARTIAL=x', '/;UID=1;EXPIRE=x'],
    ])
      assert.equal(parseMessageUrl(written), undefined, written);
  });
});
