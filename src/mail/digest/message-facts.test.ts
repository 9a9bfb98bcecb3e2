import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fc } from '../../base/test-properties.ts';
import { formatBody, formatBodyStructure } from '../../imap/body-structure.ts';
import { formatEnvelope } from '../../imap/envelope.ts';
import { hasAttachment } from './digest.ts';
import { messageFacts } from './message-facts.ts';

const keysOf = (message: Buffer) => messageFacts(message).sortKeys;

const octets = (text: string): Buffer => Buffer.from(text.replaceAll('\n', '\r\n'));

const reply = octets(`From: =?utf-8?Q?J=C3=B6rg?= <joerg@example.org>
To: Ann Example <ann@example.net>, bob@example.com
Cc: carol@example.com
Subject: Re: [list] =?utf-8?Q?Gr=C3=BC=C3=9Fe?=
Date: Mon, 5 Oct 2026 01:11:10 +0200
Message-ID: <"quoted id"@mx.example.org>
In-Reply-To: <second@example.net>
References: <first@example.net>
 <"second"@example.net>

Hello!
> What you wrote
Some   text.
`);

describe('messageFacts', () => {
  it('RFC 5256 §2.1: has the base subject, decoded and without regard to case', () => {
    const { subject, isReply } = keysOf(reply);
    assert.equal(subject, 'GRU\u0308ßE');
    assert.equal(isReply, true);
  });

  it('RFC 5256 §3: has the local parts of first addresses', () => {
    const { from, to, cc } = keysOf(reply);
    assert.deepEqual([from, to, cc], ['JOERG', 'ANN', 'CAROL']);
  });

  it('RFC 5957 §3: displays names, or addresses where there is no name', () => {
    const { displayFrom, displayTo } = keysOf(reply);
    assert.deepEqual([displayFrom, displayTo], ['JO\u0308RG', 'ANN EXAMPLE']);
    assert.equal(keysOf(octets('From: a@example.org\n\n')).displayFrom, 'A@EXAMPLE.ORG');
  });

  it('RFC 5256 §3: takes identifiers without their quotes, References before In-Reply-To', () => {
    const { messageId, references } = keysOf(reply);
    assert.equal(messageId, 'quotedid@mx.example.org');
    assert.deepEqual(references, ['first@example.net', 'second@example.net']);
    const other = keysOf(octets('References: none\nIn-Reply-To: <a@b> <c@d>\n\n'));
    assert.deepEqual(other.references, ['a@b']);
  });

  it('keeps the last 100 references of many', () => {
    const ids = Array.from({ length: 150 }, (_, i) => `<${i}@example.org>`);
    const { references } = keysOf(octets(`References: ${ids.join('\n ')}\n\n`));
    assert.equal(references.length, 100);
    assert.equal(references.at(-1), '149@example.org');
  });

  it('RFC 5256 §2.2: knows when it was sent, and the day as it was written', () => {
    const { digest, sortKeys } = messageFacts(reply);
    assert.equal(sortKeys.sentMs, Date.UTC(2026, 9, 4, 23, 11, 10));
    assert.equal(digest.envelope.sent?.day, Date.UTC(2026, 9, 5) / 86_400_000);
    const noTime = keysOf(octets('Date: 5 Oct 2026 at noon\n\n'));
    assert.equal(noTime.sentMs, Date.UTC(2026, 9, 5));
    assert.equal(keysOf(octets('Date: yesterday\n\n')).sentMs, undefined);
  });

  it('RFC 8970 §3.3: previews what the sender wrote, in at most 200 characters of UTF-8', () => {
    assert.equal(messageFacts(reply).digest.preview, 'Hello! Some text.');
    const { digest } = messageFacts(Buffer.from(`\n${'😀'.repeat(1000)}`));
    assert.equal(digest.preview, '😀'.repeat(200));
  });

  it('decodes what a search looks at', () => {
    const { headerTexts, text } = messageFacts(
      octets(`From: a@example.org
Subject: =?iso-8859-1?q?caf=E9?=
Content-Type: multipart/mixed; boundary=b

--b
Content-Type: text/plain; charset=iso-8859-1
Content-Transfer-Encoding: quoted-printable

na=EFve
--b
Content-Type: text/html; charset=utf-8
Content-Transfer-Encoding: base64

PHA+YSAmYW1wOyA8Yj5iPC9iPjxzdHlsZT54PC9zdHlsZT4=
--b
Content-Type: text/plain
Content-Disposition: attachment

hidden
--b--
`),
    );
    assert.equal(headerTexts.subject, 'café');
    assert.match(text, /^naïve\s+a & b\s*$/);
  });

  it('RFC 733: a message of 1977 is listed, sorted, threaded and can be answered', () => {
    const { digest, sortKeys, headerTexts, text } = messageFacts(
      octets(`Date     :  27 Aug 1976 0932-PDT
From     :  Ken Davis <KDavis at This-Net>
Subject  :  Re: The Syntax in the RFC
Sender   :  KSecy at Other-Host
Reply-To :  Sam Irving at Other-Host
To       :  George Jones <Group at Host>,
            "Al Neuman" at Mad-Host
cc       :  Important folk:
              Tom Softwood <Balsa at Another-Host>,
              Sam Irving at Other-Host;,
            Standard Distribution::Include:
              </main/davis/people/standard at Other-Host,
               "<Jones>standard.dist.3" at Tops-20-Host>
In-Reply-To: <some string at SHOST>
Special (action): This is a sample of multi-word field-names
Message-ID: <4231.629.XYzi-What at Other-Host>

Text
`),
    );
    assert.equal(
      formatEnvelope(digest.envelope),
      '("27 Aug 1976 0932-PDT" "Re: The Syntax in the RFC"' +
        ' (("Ken Davis" NIL "KDavis" "This-Net"))' +
        ' ((NIL NIL "KSecy" "Other-Host"))' +
        ' ((NIL NIL "Sam Irving" "Other-Host"))' +
        ' (("George Jones" NIL "Group" "Host")(NIL NIL "Al Neuman" "Mad-Host"))' +
        ' ((NIL NIL "Important folk" NIL)("Tom Softwood" NIL "Balsa" "Another-Host")' +
        '(NIL NIL "Sam Irving" "Other-Host")(NIL NIL NIL NIL)' +
        '("Standard Distribution" NIL "/main/davis/people/standard" "Other-Host")' +
        '(NIL NIL "<Jones>standard.dist.3" "Tops-20-Host"))' +
        ' NIL "<some string at SHOST>" "<4231.629.XYzi-What at Other-Host>")',
    );
    assert.equal(sortKeys.sentMs, Date.UTC(1976, 7, 27, 16, 32));
    assert.equal(sortKeys.subject, 'THE SYNTAX IN THE RFC');
    assert.equal(sortKeys.from, 'KDAVIS');
    assert.deepEqual(sortKeys.references, ['somestringatSHOST']);
    const original = keysOf(octets('Message-ID: <some string at SHOST>\n\n'));
    assert.equal(original.messageId, 'somestringatSHOST');
    assert.ok(headerTexts.from.includes('KDavis@This-Net'));
    assert.equal(text.trim(), 'Text');
  });

  it('RFC 9051 §6.4.4: FROM and its kin know addresses and names as they are meant', () => {
    const { headerTexts } = messageFacts(
      octets(
        'From: <user (comment)@ (comment) example.org>\n' +
          'To: ann@example.org, "B \\"ob\\"" <bob . b@example.org>\nCc: G: eve@example .org;\n\n',
      ),
    );
    assert.match(headerTexts.from, /^<user \(comment\)@ .*\nuser@example\.org$/);
    assert.match(headerTexts.to, /\nbob\.b@example\.org\nB "ob"$/);
    assert.match(headerTexts.cc, /\neve@example\.org$/);
    assert.doesNotMatch(headerTexts.to, /\nann/);
  });

  it('reads a message that is nothing but an attachment of text', () => {
    const header = 'Content-Type: text/plain\nContent-Disposition: attachment\n';
    assert.equal(messageFacts(octets(`${header}\nhello\n`)).digest.preview, 'hello');
  });

  it('RFC 8621 §4.1.4: tells files from what is shown', () => {
    const part = (header: string, around = 'mixed') =>
      messageFacts(
        octets(`Content-Type: multipart/${around}; boundary=b\n\n--b\n${header}\n\nx\n--b--\n`),
      ).digest.body;
    const cases: readonly (readonly [header: string, around: string, isFile: boolean])[] = [
      ['Content-Type: text/plain', 'mixed', false],
      ['Content-Type: text/plain; name=a.txt', 'mixed', true],
      ['Content-Type: text/plain\nContent-Disposition: Attachment', 'mixed', true],
      ['Content-Type: text/calendar', 'alternative', false],
      ['Content-Type: image/png', 'mixed', true],
      ['Content-Type: image/png\nContent-Disposition: inline; filename=a.png', 'mixed', false],
      ['Content-Type: image/png\nContent-ID: <a@b>', 'related', false],
      ['Content-Type: image/png', 'related', true],
      ['Content-Type: application/pgp-signature', 'signed', false],
      ['Content-Type: message/rfc822', 'mixed', true],
      ['Content-Type: multipart/mixed; boundary=c', 'mixed', false],
    ];
    for (const [header, around, isFile] of cases)
      assert.equal(hasAttachment(part(header, around)), isFile, `${header} in ${around}`);
    const alone = messageFacts(octets('Content-Type: application/pdf; name=a.pdf\n\nx\n'));
    assert.equal(hasAttachment(alone.digest.body), true);
  });

  it('RFC 8621 §4.1.4: decodes the name of a file, whoever encoded it', () => {
    const name = (header: string) => messageFacts(octets(`${header}\n\nx`)).digest.body.name;
    const type = 'Content-Type: application/pdf';
    assert.equal(name(`${type}; name="=?utf-8?q?=C3=A9.pdf?="`), 'é.pdf');
    assert.equal(
      name(`${type}; name=a\nContent-Disposition: inline; filename*=utf-8''%C3%A9`),
      'é',
    );
    assert.equal(name(`${type}; name*=utf-8''a%0D%0AB`), 'a  B');
    assert.equal(name(type), undefined);
  });

  it('takes a name that is empty for none, and looks at the next', () => {
    const name = (header: string) => messageFacts(octets(`${header}\n\nx`)).digest.body.name;
    const file = 'Content-Disposition: attachment; filename';
    for (const none of ['=', '=""', '=" "', "*=utf-8''", '==?utf-8?q??=']) {
      const type = `Content-Type: text/plain; name${none}`;
      assert.equal(name(`${type}\n${file}${none}`), undefined, none);
      assert.equal(name(`Content-Type: text/plain; name=a.txt\n${file}${none}`), 'a.txt', none);
      assert.equal(name(`${type}\n${file}=a.txt`), 'a.txt', none);
    }
  });

  it('is total: any octets have a digest', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => void messageFacts(bytes)));
  });

  const line = fc.oneof(
    fc.constantFrom(
      'Content-Type: multipart/mixed; boundary=b',
      'Content-Type: multipart/digest; boundary=c',
      'Content-Type: message/rfc822',
      'Content-Type: text/html; charset=utf-16; a*0*=x; a*2=y; b',
      'Content-Transfer-Encoding: base64',
      'Content-Transfer-Encoding: quoted-printable',
      'Content-Disposition: attachment; filename*0="a"; filename*1*=%41',
      'From: a <b@c>, g: d, <e@[f>;',
      'To: "x',
      'Date: 1 Jan 99 99:99',
      'References: <a <b> "<c>',
      'Subject: Re: [x] [fwd: =?utf-8?b?//8=?=] (fwd)',
      '--b',
      '--c',
      '--b--',
      '',
      '<p>&#xd800;<!-- x',
      '\u{1f600}=',
    ),
    fc.string({ maxLength: 20 }),
  );
  it('is total: messages made of broken pieces have a digest', () => {
    const message = fc.array(line, { maxLength: 30 });
    fc.assert(
      fc.property(message, fc.constantFrom('\r\n', '\n', '\r'), (lines, newline) => {
        const { envelope, body } = messageFacts(Buffer.from(lines.join(newline))).digest;
        for (const text of [formatEnvelope(envelope), formatBody(body), formatBodyStructure(body)])
          assert.doesNotMatch(text, /[^\x01-\xff]/, 'octets without NUL');
      }),
    );
  });
});
