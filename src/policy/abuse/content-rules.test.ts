import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { findingText } from '../../mail/finding.ts';
import { formatReply } from '../../smtp/reply.ts';
import type { PolicyAnswer } from '../policy.ts';
import { arrivalOf } from '../test-arrival.ts';
import type { ContentRule } from './content-rules.ts';
import { contentRules } from './content-rules.ts';

const rules: readonly ContentRule[] = [
  { header: 'Subject', pattern: '*you won*', action: 'quarantine' },
  { header: 'x-mailer', pattern: 'Bulk?r*', action: 'note' },
  { attachment: '*.exe', action: 'reject', text: 'No programs, please' },
  { attachment: '*.scr', action: 'reject' },
];

function judged(message: string) {
  const bytes = Buffer.from(message.replaceAll('\n', '\r\n'));
  const answer = contentRules({ rules: () => rules }).message!({} as never, arrivalOf(bytes)) as
    | PolicyAnswer
    | undefined;
  return [
    ...(answer?.objection === undefined ? [] : [formatReply(answer.objection).trimEnd()]),
    ...(answer?.findings ?? []).map(findingText),
  ];
}

const withPart = (fields: string) =>
  `Content-Type: multipart/mixed; boundary=b\n\n--b\n\nHi\n--b\n${fields}\n\nTVqQ\n--b--\n`;

describe('rules about content', () => {
  it('fields, as people read them', () => {
    assert.deepEqual(judged('Subject: =?utf-8?B?WW91IFdPTg==?= again\n\nx'), [
      'content-rules: the field Subject is like *you won*, Junk',
    ]);
    assert.deepEqual(judged('X-Mailer: BULKER 1.0\nX-Mailer: y\n\nx'), [
      'content-rules: the field x-mailer is like Bulk?r*',
    ]);
    assert.deepEqual(judged('Subject: hello\n\nSubject: you won\n'), []);
  });

  it('names of attachments, however they are written', () => {
    for (const fields of [
      'Content-Disposition: attachment; filename="a.pdf.EXE"',
      'Content-Type: application/pdf; name=a.exe\nContent-Disposition: inline; filename=a.pdf',
      "Content-Disposition: attachment; filename*0*=utf-8''a; filename*1=.exe",
      'Content-Type: x/y; name="=?utf-8?Q?a=2Eexe?="',
      `Content-Type: message/rfc822\n\n${withPart('Content-Type: x/y; name=in.exe')}`,
    ])
      assert.deepEqual(judged(withPart(fields)), [
        '554 5.6.0 No programs, please',
        'content-rules: an attachment is like *.exe',
      ]);
    assert.equal(
      judged(withPart('Content-Type: x/y; name=a.scr'))[0],
      '554 5.6.0 Refused by a rule of this server: an attachment',
    );
    assert.deepEqual(judged(withPart('Content-Type: x/y; name=exe')), []);
    assert.deepEqual(judged('Content-Type: x/y; name=a.exe\n\nTVqQ').length, 2);
  });
});
