import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fc } from '../base/test-properties.ts';
import { anyText } from '../base/test-text.ts';
import type { Command } from './command.ts';
import { helpReply, parseCommand } from './command.ts';

const ann = { local: 'ann', domain: 'example.org' };
const mail = (from: typeof ann | null = ann, params: readonly object[] = []) =>
  ({ verb: 'MAIL', from, params }) as Command;
const rcpt = (to = ann, params: readonly object[] = []) =>
  ({ verb: 'RCPT', to, params }) as Command;

const table: readonly (readonly [string, Command])[] = [
  ['EHLO client.example.org', { verb: 'EHLO', client: 'client.example.org' }],
  ['ehlo [192.0.2.1]', { verb: 'EHLO', client: '[192.0.2.1]' }],
  ['HELO not a (name)', { verb: 'HELO', client: 'not a (name)' }],
  ['LHLO x ', { verb: 'LHLO', client: 'x' }],
  ['MAIL FROM:<ann@example.org>', mail()],
  ['mail from:<ann@example.org>', mail()],
  ['MAIL FROM: <ann@example.org>', mail()],
  ['MAIL  FROM:   <ann@example.org>  ', mail()],
  ['MAIL FROM:ann@example.org', mail()],
  ['MAIL FROM:<>', mail(null)],
  ['MAIL FROM:<> SIZE=5', mail(null, [{ keyword: 'SIZE', value: '5' }])],
  ['MAIL FROM:<@a.example,@b.example:ann@example.org>', mail()],
  ['MAIL FROM:<"a b"@example.org>', mail({ local: 'a b', domain: 'example.org' })],
  ['MAIL FROM:<">"@example.org>', mail({ local: '>', domain: 'example.org' })],
  ['MAIL FROM:<ann@[IPv6:::1]>', mail({ local: 'ann', domain: '[IPv6:::1]' })],
  [
    'MAIL FROM:<ann@example.org>  size=5 body=8BITMIME  SMTPUTF8',
    mail(ann, [
      { keyword: 'SIZE', value: '5' },
      { keyword: 'BODY', value: '8BITMIME' },
      { keyword: 'SMTPUTF8', value: '' },
    ]),
  ],
  ['RCPT TO:<ann@example.org>', rcpt()],
  ['rcpt to:ann@example.org NOTIFY=NEVER', rcpt(ann, [{ keyword: 'NOTIFY', value: 'NEVER' }])],
  ['RCPT TO:<Postmaster>', rcpt({ local: 'postmaster', domain: '' })],
  ['DATA', { verb: 'DATA' }],
  ['data  \t', { verb: 'DATA' }],
  ['RSET', { verb: 'RSET' }],
  ['NOOP', { verb: 'NOOP' }],
  ['NOOP anything <at> all', { verb: 'NOOP' }],
  ['QUIT', { verb: 'QUIT' }],
  ['STARTTLS', { verb: 'STARTTLS' }],
  ['HELP', { verb: 'HELP', topic: '' }],
  ['HELP MAIL', { verb: 'HELP', topic: 'MAIL' }],
  ['VRFY ann@example.org', { verb: 'VRFY', argument: 'ann@example.org', utf8: false }],
  ['VRFY Ann Example SMTPUTF8', { verb: 'VRFY', argument: 'Ann Example', utf8: true }],
  ['EXPN staff', { verb: 'EXPN', argument: 'staff', utf8: false }],
  ['ETRN @example.org', { verb: 'ETRN', argument: '@example.org' }],
  ['BDAT 0 LAST', { verb: 'BDAT', bytes: 0, last: true }],
  ['bdat 1000 last', { verb: 'BDAT', bytes: 1000, last: true }],
  ['BDAT 86', { verb: 'BDAT', bytes: 86, last: false }],
  ['AUTH PLAIN', { verb: 'AUTH', mechanism: 'PLAIN', initial: undefined }],
  ['auth scram-sha-256 =', { verb: 'AUTH', mechanism: 'SCRAM-SHA-256', initial: '=' }],
];

const bad: readonly (readonly [string, string])[] = [
  ['', '500 5.1'],
  ['FROB', '500 5.1'],
  ['MAILFROM:<ann@example.org>', '500 5.1'],
  ['constructor', '500 5.1'],
  ['TURN', '502 5.1'],
  ['SAML FROM:<a@b>', '502 5.1'],
  ['GET / HTTP/1.1', '421 7.0'],
  ['EHLO', '501 5.4'],
  ['HELO  ', '501 5.4'],
  ['MAIL', '501 5.4'],
  ['MAIL <ann@example.org>', '501 5.4'],
  ['MAIL TO:<ann@example.org>', '501 5.4'],
  ['MAIL FROM:', '501 5.4'],
  ['MAIL FROM:ann', '501 5.4'],
  ['MAIL FROM:<ann>', '501 1.7'],
  ['MAIL FROM:<ann@>', '501 1.7'],
  ['MAIL FROM:<ann@example.org', '501 1.7'],
  ['MAIL FROM:< ann@example.org>', '501 1.7'],
  ['MAIL FROM:<@a.example;ann@example.org>', '501 1.7'],
  ['MAIL FROM:<@a.example,ann@example.org>', '501 1.7'],
  ['MAIL FROM:<postmaster>', '501 1.7'],
  ['MAIL FROM:<ann@example.org>SIZE=5', '501 5.4'],
  ['MAIL FROM:<ann@example.org> SIZE=', '501 5.4'],
  ['MAIL FROM:<ann@example.org> =5', '501 5.4'],
  ['MAIL FROM:<ann@example.org> A=B=C', '501 5.4'],
  [`MAIL FROM:<ann@example.org>${' A=B'.repeat(21)}`, '501 5.4'],
  ['RCPT TO:<>', '501 1.3'],
  ['RCPT TO:<ann@example.org> <bob@example.org>', '501 5.4'],
  [`RCPT TO:<${'l'.repeat(513)}@example.org>`, '501 1.3'],
  ['DATA now', '501 5.4'],
  ['RSET all', '501 5.4'],
  ['QUIT please', '501 5.4'],
  ['STARTTLS now', '501 5.4'],
  ['VRFY', '501 5.4'],
  ['EXPN', '501 5.4'],
  ['ETRN', '501 5.4'],
  ['ETRN a b', '501 5.4'],
  ['BDAT', '501 5.4'],
  ['BDAT -1', '501 5.4'],
  ['BDAT 5 FIRST', '501 5.4'],
  ['BDAT 5LAST', '501 5.4'],
  ['BDAT 5 LAST LAST', '501 5.4'],
  ['AUTH', '501 5.4'],
  ['AUTH PLAIN a b', '501 5.4'],
];

describe('smtp/command', () => {
  for (const [line, command] of table)
    it(`RFC 5321 §4.1.1: reads ${line}`, () => assert.deepEqual(parseCommand(line), command));

  for (const [line, expected] of bad)
    it(`RFC 5321 §4.2.4: answers ${JSON.stringify(line.slice(0, 60))} with ${expected}`, () => {
      const command = parseCommand(line);
      assert.ok(command.verb === 'malformed');
      const { code, detail, lines } = command.answer;
      assert.equal(`${code} ${detail}`, expected);
      if (code === 501) assert.match(lines[0], new RegExp(`Syntax: ${line.split(' ', 1)}`, 'i'));
    });

  it('RFC 5321 §4.1.1.8: HELP shows one syntax, or all commands', () => {
    assert.equal(helpReply('bdat').lines[0], 'Syntax: BDAT octets [LAST]');
    assert.match(helpReply('').lines.join(' '), /EHLO .*QUIT/);
    assert.match(helpReply('toString').lines.join(' '), /EHLO .*QUIT/);
  });

  const words = [
    'MAIL FROM:',
    'RCPT TO:',
    '<',
    '>',
    '@',
    'a',
    '.b',
    ' ',
    '=',
    '"',
    '\\',
    'BDAT',
    '5',
  ];
  const lines = fc.oneof(
    fc.string({ unit: fc.constantFrom(...words, 'AUTH', 'ü', ':', ',', 'SIZE'), maxLength: 15 }),
    anyText(),
  );
  it('is total', () =>
    fc.assert(
      fc.property(lines, (line) => assert.equal(typeof parseCommand(line).verb, 'string')),
    ));
});
