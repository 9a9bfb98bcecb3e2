import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fc } from '../base/test-properties.ts';
import { parseMessage } from './parsed-message.ts';

const crlf = (text: string) => Buffer.from(text.replaceAll('\n', '\r\n'));
const letter = crlf(`From: =?utf-8?Q?J=C3=B6rg?= <joerg@example.org>
To: "Ann, B." <ann@example.net>, bob@example.net
Cc: friends: carol@example.net;
Subject: =?iso-8859-1?Q?Gr=FC=DFe?=
 aus K=?utf-8?Q?=C3=B6ln?=
Date: Fri, 21 Nov 1997 09:55:06 -0600
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=m

preamble
--m
Content-Type: multipart/alternative; boundary=a

--a
Content-Type: text/plain; charset=iso-8859-1
Content-Transfer-Encoding: quoted-printable

Gr=FC=DFe
--a
Content-Type: text/html; charset=utf-8

<p>Gr\u00fc\u00dfe <img src="cid:logo@x"></p>
--a--
--m
Content-Type: image/png; name*=utf-8''k%C3%B6ln.png
Content-Transfer-Encoding: base64
Content-ID: <logo@x>

iVBORw==
--m
Content-Type: text/plain
Content-Disposition: attachment; filename="=?utf-8?Q?n=C3=B6te.txt?="

A note.
--m
Content-Type: message/rfc822

Subject: inside

Deep.
--m--
`);

describe('parseMessage', () => {
  const message = parseMessage(letter);

  it('a text is read as UTF-8, and what is neither text nor octets is refused', () => {
    assert.equal(parseMessage('Subject: Größe\n\nÄ\n').plainText, 'Ä\n');
    const given = parseMessage as (given: unknown) => unknown;
    for (const nothing of [undefined, null, {}])
      assert.throws(() => given(nothing), { code: 'INVALID_OPTION', option: 'message' });
  });

  it('RFC 2047 §6: the header is decoded', () => {
    assert.match(message.subject, /^Grüße aus/);
    assert.equal(message.header('SUBJECT'), message.subject);
    assert.equal(message.header('x-none'), undefined);
    assert.deepEqual(message.addresses('from'), [{ name: 'Jörg', address: 'joerg@example.org' }]);
    assert.deepEqual(message.addresses('To'), [
      { name: 'Ann, B.', address: 'ann@example.net' },
      { name: '', address: 'bob@example.net' },
    ]);
    assert.deepEqual(message.addresses('cc'), [{ name: '', address: 'carol@example.net' }]);
    assert.equal(message.date?.toISOString(), '1997-11-21T15:55:06.000Z');
    assert.deepEqual(message.headers.at(-2), { name: 'MIME-Version', value: '1.0' });
  });

  it('RFC 5322 §3.4.1: an address is quoted where that is needed, so that it reads back as the same', () => {
    const { addresses } = parseMessage(
      'To: "eve@example.net x"@example.org, "ann"@example.org\n\n',
    );
    assert.deepEqual(
      addresses('to').map(({ address }) => address),
      ['"eve@example.net x"@example.org', 'ann@example.org'],
    );
  });

  it('RFC 2046 §5.1.4: text and HTML, decoded', () => {
    assert.equal(message.plainText.trim(), 'Grüße');
    assert.match(message.html ?? '', /<p>Grüße <img/);
  });

  it('RFC 2183 §2, RFC 2231 §4: attachments with names and octets', () => {
    assert.deepEqual(
      message.attachments.map(({ filename, contentType, contentId }) => [
        filename,
        contentType,
        contentId,
      ]),
      [
        ['köln.png', 'image/png', 'logo@x'],
        ['nöte.txt', 'text/plain', undefined],
        [undefined, 'message/rfc822', undefined],
      ],
    );
    assert.deepEqual([...message.attachments[0]!.content()], [0x89, 0x50, 0x4e, 0x47]);
    assert.equal(message.attachments[1]!.text().trim(), 'A note.');
    const inside = message.attachments[2]!.parts[0]!;
    assert.equal(inside.subject, 'inside');
    assert.equal(inside.text().trim(), 'Deep.');
  });

  it('RFC 2045 §5.2: a message without MIME is text; HTML alone has its text', () => {
    const plain = parseMessage(Buffer.from('Subject: x\n\nJust gr\u00fc\u00dfe.\n'));
    assert.equal(plain.contentType, 'text/plain');
    assert.equal(plain.plainText, 'Just grüße.\n');
    assert.equal(plain.html, undefined);
    assert.deepEqual(plain.attachments, []);
    const html = parseMessage(Buffer.from('Content-Type: text/html\n\n<p>Hello &amp; bye</p>'));
    assert.equal(html.plainText.trim(), 'Hello & bye');
  });

  it('names no attachment by an empty parameter', () => {
    const file = 'Content-Disposition: attachment; filename=\n\nx';
    assert.equal(parseMessage(`Content-Type: text/plain; name=\n${file}`).filename, undefined);
    assert.equal(parseMessage(`Content-Type: text/plain; name=a.txt\n${file}`).filename, 'a.txt');
  });

  it('has an answer for everything', () => {
    const piece = fc.constantFrom(
      'Content-Type: multipart/mixed; boundary=m\n',
      '\n',
      '--m\n',
      '--m--\n',
      'Content-Transfer-Encoding: base64\n',
      '=?x?Q?=',
      'Content-Disposition: attachment; filename=',
      '\u0000',
      'a',
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 30 }), (pieces) => {
        const parsed = parseMessage(Buffer.from(pieces.join('')));
        for (const part of parsed.attachments) part.content();
        assert.equal(typeof parsed.plainText + typeof parsed.subject, 'stringstring');
      }),
    );
  });
});
