// RFC 4155, as far as it goes.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { asMail, mboxMessages } from './mbox.ts';

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

  it('becomes mail with CRLF', () => {
    assert.equal(asMail(Buffer.from('A: b\n\nx\r\ny')).toString(), 'A: b\r\n\r\nx\r\ny\r\n');
  });
});
