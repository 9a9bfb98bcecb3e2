import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fc } from '../base/test-properties.ts';
import { scanHeader } from '../mail/header/header.ts';
import { fixSubmission } from './submission.ts';

const now = Date.UTC(2026, 0, 2, 3, 4, 5);
const date = 'Date: Fri, 2 Jan 2026 03:04:05 +0000\r\n';
const messageId = 'Message-ID: <1a2b@mx.example.org>\r\n';

function fix(message: string | Uint8Array, sender?: string, account?: string): string {
  const head = Buffer.from(message);
  const client = { account };
  const header = scanHeader(head);
  return fixSubmission({
    id: '1a2b',
    now,
    hostname: 'mx.example.org',
    client,
    sender,
    header,
    head,
  });
}

const rest = 'Date: x\r\nMessage-ID: <x@y>\r\n';
const ann = 'ann@example.org';

describe('submission', () => {
  for (const [title, message, sender, account, expected] of [
    [
      'RFC 6409 §8.2, §8.3: Date and Message-ID',
      'From: <ann@example.org>\r\n\r\n',
      ann,
      ann,
      date + messageId,
    ],
    ['RFC 6409 §8.2: Date', 'From: ann@example.org\r\nmessage-id: <x@y>\r\n\r\n', ann, ann, date],
    [
      'nothing, when nothing is missing',
      `${rest}From: Ann <ANN@example.org>\r\n\r\n`,
      ann,
      ann,
      '',
    ],
    ['a From where there is none', `${rest}Subject: x\r\n\r\n`, ann, ann, `From: ${ann}\r\n`],
    [
      'all of it, before a body alone',
      '\r\nhello',
      ann,
      ann,
      `${date}${messageId}From: ${ann}\r\n`,
    ],
    ['no originator of somebody unknown', `${rest}Subject: x\r\n\r\n`, ann, undefined, ''],
    [
      'RFC 6409 §8.1: Sender',
      `${rest}From: bob@example.org\r\n\r\n`,
      ann,
      ann,
      `Sender: ${ann}\r\n`,
    ],
    [
      'RFC 5322 §3.6.2: Sender where From has several',
      `${rest}From: ann@example.org, bob@example.org\r\n\r\n`,
      ann,
      ann,
      `Sender: ${ann}\r\n`,
    ],
    ['no second Sender', `${rest}From: bob@example.org\r\nSENDER: x@y\r\n\r\n`, ann, ann, ''],
    [
      'no Sender for an alias',
      `${rest}From: Sales <sales@example.org>\r\n\r\n`,
      'sales@example.org',
      ann,
      '',
    ],
    [
      'no Sender for the account’s own address',
      `${rest}From: ${ann}\r\n\r\n`,
      'ann+x@example.org',
      ann,
      '',
    ],
    [
      'the alias, not what is behind it',
      `${rest}From: bob@example.org\r\n\r\n`,
      'sales@example.org',
      ann,
      'Sender: sales@example.org\r\n',
    ],
    [
      'the account, with the null sender',
      `${rest}From: bob@example.org\r\n\r\n`,
      '',
      ann,
      `Sender: ${ann}\r\n`,
    ],
    ['no address that is none (dev)', `${rest}From: bob@example.org\r\n\r\n`, '', 'test', ''],
    [
      'quoted as the grammar wants it',
      `${rest}From: bob@example.org\r\n\r\n`,
      '"a b"@example.org',
      ann,
      'Sender: "a b"@example.org\r\n',
    ],
    ['nothing before a header without end', 'Subject: x\r\nX', ann, ann, ''],
  ] as const)
    it(`adds ${title}`, () => assert.equal(fix(message, sender, account), expected));

  it('adds whole fields, whatever the message is', () => {
    const pieces = fc.constantFrom(
      'From',
      ':',
      '\r\n',
      '\n',
      ' ',
      'a@b',
      ',',
      '<',
      '>',
      'Date: ',
      '"',
      '\0',
    );
    const message = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc.array(pieces, { maxLength: 30 }).map((parts) => parts.join('')),
    );
    fc.assert(
      fc.property(message, (bytes) => {
        assert.match(fix(bytes, ann, ann), /^(?:(?:Date|Message-ID|From|Sender): [^\r\n]+\r\n)*$/);
      }),
    );
  });
});
