import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { SharedRoom } from '../../base/shared-room.ts';
import { findingText } from '../../mail/finding.ts';
import { formatReply } from '../../smtp/reply.ts';
import type { PolicyAnswer } from '../policy.ts';
import { arrivalOf } from '../test-arrival.ts';
import { attachmentNames } from './attachment-names.ts';
import type { ContentRule } from './content-rules.ts';
import { contentRules } from './content-rules.ts';
import { UuencodedNames } from './uuencoded-names.ts';

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

  for (const [how, subject] of [
    ['folded', 'hey you\n   won'],
    ['a tab', 'hey you\twon'],
    ['a blank that does not break', '=?utf-8?Q?you=C2=A0won?='],
    ['what is not seen', '=?utf-8?Q?you_w=E2=80=8Bon?='],
    ['full width', `${'=?utf-8?B?772Z772P772VIO+9l++9j++9jg==?='}`],
    ['much in front', `${`${'a'.repeat(900)}\n `.repeat(3)}you won`],
    ['very much in front', `${`${'a'.repeat(900)}\n `.repeat(50)}you won`],
  ] as const)
    it(`fields with ${how}`, () =>
      assert.deepEqual(judged(`Subject: ${subject}\n\nx`), [
        'content-rules: the field Subject is like *you won*, Junk',
      ]));

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

  const disposition = (params: string) => `Content-Disposition: attachment; ${params}`;
  for (const [how, fields] of [
    ['a plain one beside the extended one', disposition("filename=a.exe; filename*=utf-8''a.txt")],
    ['a second parameter', disposition('filename=a.txt; filename=a.exe')],
    ['a second extended one', disposition("filename*=utf-8''a.txt; filename*=utf-8''a%2Eexe")],
    ['a second field', `${disposition('filename=a.txt')}\n${disposition('filename=a.exe')}`],
    ['a second type', 'Content-Type: x/y; name=a.txt\nContent-Type: x/y; name=a.exe'],
    ['no semicolon', 'Content-Disposition: attachment filename=a.exe'],
    ['quotes that are none', disposition("filename='a.exe'")],
    ['a comment', disposition('filename=(x)a.exe(y)')],
    ['a blank behind it', disposition('filename="a.exe "')],
    ['a dot behind it', disposition('filename="a.exe."')],
    ['a control behind it', disposition("filename*=utf-8''a.exe%00")],
    ['a line in it', disposition('filename="a.\n exe"')],
    ['characters that are not seen', disposition("filename*=utf-8''a.e%E2%80%8Bxe")],
    ['full width', disposition("filename*=utf-8''a%EF%BC%8Eexe")],
    ['much in front', disposition(`filename="${'a'.repeat(5_000)}.exe"`)],
  ] as const)
    it(`names with ${how}`, () =>
      assert.deepEqual(judged(withPart(fields)), [
        '554 5.6.0 No programs, please',
        'content-rules: an attachment is like *.exe',
      ]));

  it('files that are uuencoded in text, where a mail program shows them', () => {
    const file = (line: string) => `Subject: x\n\nSee this:\n\n${line}\n#0V%T\n\`\nend\n`;
    for (const line of [
      'begin 644 a.exe',
      'begin 0755  a b.EXE',
      'begin-base64 644 a.exe',
      'begin 600 "a.exe"',
    ]) {
      const found = ['554 5.6.0 No programs, please', 'content-rules: an attachment is like *.exe'];
      assert.deepEqual(judged(file(line)), found, line);
      assert.deepEqual(judged(withPart(`Content-Type: text/plain\n\n${line}`)), found, line);
      assert.deepEqual(judged(`Subject: x\n\n${line}`), found, 'at once, without an end');
    }
    for (const line of ['begin 644 a.txt', 'begin a.exe', ' begin 644 a.exe', 'begins 644 a.exe'])
      assert.deepEqual(judged(file(line)), [], line);
  });

  it('… wherever the pieces of a message end', () => {
    const text = Buffer.from(`\n\nbegin 644 a.exe\r\n${'begin\n'.repeat(300)}begin 644 b.exe`);
    for (const size of [1, 7, 500, 1_100, 5_000]) {
      const found: string[] = [];
      const names = new UuencodedNames((name) => found.push(name));
      for (let at = 0; at < text.length; at += size) names.push(text.subarray(at, at + size));
      names.end();
      assert.deepEqual(found, ['a.exe', 'b.exe'], `${size}`);
    }
  });

  const encoded = (message: string, encoding = 'base64') =>
    `Content-Type: message/rfc822\nContent-Transfer-Encoding: ${encoding}\n\n${
      encoding === 'base64'
        ? Buffer.from(message).toString('base64')
        : message.replaceAll('=', '=3D')
    }`;

  it('names in messages that are attached encoded', async () => {
    const inner = withPart('Content-Type: x/y; name=a.exe');
    const found = ['554 5.6.0 No programs, please', 'content-rules: an attachment is like *.exe'];
    assert.deepEqual(judged(withPart(encoded(inner))), found);
    assert.deepEqual(judged(withPart(encoded(inner, 'quoted-printable'))), found);
    assert.deepEqual(judged(withPart(encoded(encoded(inner)))), found);
    assert.deepEqual(judged(withPart(encoded('Subject: x\n\nname=a.exe'))), []);
    const bytes = Buffer.from(withPart(encoded(inner)).replaceAll('\n', '\r\n'));
    async function* read({ from = 0 } = {}) {
      for (let at = from; at < bytes.length; at += 7) yield bytes.subarray(at, at + 7);
    }
    const room = new SharedRoom(100);
    const giveBack = await room.take(100);
    let isOver = false;
    const inPieces = Promise.resolve(
      attachmentNames({ size: bytes.length, bytes: undefined, read }, room),
    ).finally(() => {
      isOver = true;
    });
    await new Promise(setImmediate);
    assert.ok(!isOver, 'others are being decoded');
    giveBack();
    assert.deepEqual(await inPieces, { names: ['a.exe'], unclear: undefined }, 'in pieces, too');
  });

  let deep = 'Subject: x\n\nx';
  for (let i = 0; i < 101; i += 1) deep = `Content-Type: message/rfc822\n\n${deep}`;
  for (const [how, message] of [
    ['two boundaries', 'Content-Type: multipart/mixed; boundary=a; boundary=b\n\nx'],
    ['parts or none', 'Content-Type: text/plain\nContent-Type: multipart/mixed; boundary=b\n\nx'],
    [
      'too many parts',
      `Content-Type: multipart/mixed; boundary=b\n\n${'--b\n\n\n'.repeat(10_001)}`,
    ],
    ['too deep', deep],
    [
      'a field too long',
      `Content-Type: x/y;${` a=${'b'.repeat(900)};\n`.repeat(80)} name=a.exe\n\nx`,
    ],
  ] as const)
    it(`what cannot be told for certain is refused as well: ${how}`, () => {
      const [refusal, told = ''] = judged(message);
      assert.equal(refusal, '554 5.6.0 No programs, please');
      assert.match(
        told,
        /^content-rules: an attachment may be like \*\.exe: (?:more parts|parts that|fields longer)/,
      );
    });

  it('the same type twice, or a multipart with its boundary twice the same, is certain', () => {
    assert.deepEqual(judged('Content-Type: text/plain\nContent-Type: text/html\n\nx'), []);
    const twice = 'Content-Type: multipart/mixed; boundary=b\n'.repeat(2);
    assert.deepEqual(judged(`${twice}\n--b\n\nx\n--b--\n`), []);
  });
});
