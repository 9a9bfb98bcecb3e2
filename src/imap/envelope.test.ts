import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { EnvelopeFields } from '../mail/fields/envelope.ts';
import { formatEnvelope } from './envelope.ts';

const envelope = (header: string | Buffer): string => {
  const bytes = typeof header === 'string' ? Buffer.from(header.replaceAll('\n', '\r\n')) : header;
  return formatEnvelope(new EnvelopeFields(bytes).envelope());
};

const names = 'date subject from sender reply-to to cc bcc in-reply-to message-id'.split(' ');
/** One member of the envelope, everything else being NIL. */
const member = (name: string, value: string): string => {
  const text = envelope(`${name}: ${value}\n\n`);
  const nils = names.map((other) => (other === name ? '(.*)' : 'NIL')).join(' ');
  return new RegExp(`^\\(${nils}\\)$`, 's').exec(text)?.[1] ?? text;
};

describe('ENVELOPE', () => {
  it('RFC 9051 §8: the example', () => {
    const text = envelope(`Date: Wed, 17 Jul 1996 02:23:25 -0700 (PDT)
From: Terry Gray <gray@cac.washington.edu>
Subject: IMAP4rev2 WG mtg summary and minutes
To: imap@cac.washington.edu
cc: minutes@CNRI.Reston.VA.US, John Klensin <KLENSIN@MIT.EDU>
Message-Id: <B27397-0100000@cac.washington.edu>
MIME-Version: 1.0
Content-Type: TEXT/PLAIN; CHARSET=US-ASCII

`);
    const gray = '(("Terry Gray" NIL "gray" "cac.washington.edu"))';
    assert.equal(
      text,
      `("Wed, 17 Jul 1996 02:23:25 -0700 (PDT)" "IMAP4rev2 WG mtg summary and minutes" ${gray} ${gray} ${gray} ((NIL NIL "imap" "cac.washington.edu")) ((NIL NIL "minutes" "CNRI.Reston.VA.US")("John Klensin" NIL "KLENSIN" "MIT.EDU")) NIL NIL "<B27397-0100000@cac.washington.edu>")`,
    );
  });

  it('RFC 9051 §7.5.2: what is absent is NIL, what is empty is empty', () => {
    assert.equal(envelope('\n'), '(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)');
    assert.equal(
      envelope('Date:\nSubject:\nTo: \nCc:\nIn-Reply-To:\nMessage-ID:\n\n'),
      '("" "" NIL NIL NIL NIL NIL NIL "" "")',
    );
  });

  it('RFC 9051 §7.5.2: Sender and Reply-To default to From, also when they are empty', () => {
    const from = '((NIL NIL "a" "b.c"))';
    for (const header of ['From: a@b.c\n\n', 'From: a@b.c\nSender:\nReply-To: ,\n\n']) {
      assert.equal(envelope(header), `(NIL NIL ${from} ${from} ${from} NIL NIL NIL NIL NIL)`);
    }
    assert.match(envelope('From: a@b.c\nReply-To: d@e.f\n\n'), /\(\(NIL NIL "d" "e\.f"\)\) NIL/);
  });

  const addresses: readonly (readonly [value: string, expected: string])[] = [
    ['a@b.c', '((NIL NIL "a" "b.c"))'],
    ['A <a@b.c>, "B, b" <b@b.c>', '(("A" NIL "a" "b.c")("B, b" NIL "b" "b.c"))'],
    ['a@b.c (A B)', '(("A B" NIL "a" "b.c"))'],
    ['"q \\"q\\"" <"a b"@[127.0.0.1]>', '(("q \\"q\\"" NIL "a b" "[127.0.0.1]"))'],
    ['=?utf-8?q?=C3=A9?= <a@b.c>', '(("=?utf-8?q?=C3=A9?=" NIL "a" "b.c"))'],
    ['<@x.y,@z:a@b.c>', '((NIL "@x.y,@z" "a" "b.c"))'],
    ['A <@x.y:a@b.c>', '(("A" "@x.y" "a" "b.c"))'],
    ['Ken Davis <KDavis at This-Net>', '(("Ken Davis" NIL "KDavis" "This-Net"))'],
    ['Sam Irving at Other-Host', '((NIL NIL "Sam Irving" "Other-Host"))'],
    ['"A <a@b.c>', '(("A" NIL "a" "b.c"))'],
    ['a', '((NIL NIL "a" ""))'],
    ['<>', '((NIL NIL "" ""))'],
    ['é <a@b.c>', '(({2}\r\n\xc3\xa9 NIL "a" "b.c"))'],
    // RFC 9051 §7.5.2: group syntax.
    [
      'G: a@b.c, D <d@b.c>;',
      '((NIL NIL "G" NIL)(NIL NIL "a" "b.c")("D" NIL "d" "b.c")(NIL NIL NIL NIL))',
    ],
    ['undisclosed-recipients:;', '((NIL NIL "undisclosed-recipients" NIL)(NIL NIL NIL NIL))'],
    ['"A group": ; , x@y.z', '((NIL NIL "A group" NIL)(NIL NIL NIL NIL)(NIL NIL "x" "y.z"))'],
  ];
  for (const [value, expected] of addresses) {
    it(`RFC 9051 §7.5.2: To: ${value}`, () => assert.equal(member('to', value), expected));
  }

  it('RFC 5322 §4.5.3: several To fields are one', () =>
    assert.match(envelope('To: a@b.c\nTo: d@e.f\n\n'), /\(\(NIL NIL "a" "b\.c"\)\(NIL NIL "d"/));

  it('of other fields the first counts', () =>
    assert.match(
      envelope('Subject: a\nSubject: b\nFrom: c@d.e\nFrom: f@g.h\n\n'),
      /"a" \(\(NIL NIL "c" "d\.e"\)\)/,
    ));

  it('RFC 9051 §4.3: unfolds, quotes, and sends as a literal what cannot be quoted', () => {
    assert.equal(member('subject', 'a "b" \\ c\n\td'), '"a \\"b\\" \\\\ c\td"');
    assert.equal(member('subject', `${'x'.repeat(2000)}`), `{2000}\r\n${'x'.repeat(2000)}`);
    assert.equal(member('subject', 'a\x00é'), '{4}\r\na \xc3\xa9');
  });

  it('leaves octets that are no UTF-8 as they are', () => {
    const text = envelope(Buffer.from('Subject: caf\xe9\r\nTo: \xe9 <a@b.c>\r\n\r\n', 'latin1'));
    assert.match(text, /\{4\}\r\ncaf\xe9 .*\(\(\{1\}\r\n\xe9 NIL "a"/s);
  });
});
