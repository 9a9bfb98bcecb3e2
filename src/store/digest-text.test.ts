import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fc } from '../base/test-properties.ts';
import { anyText } from '../base/test-text.ts';
import type { BodyPart, MessageDigest } from '../mail/digest/digest.ts';
import { messageFacts } from '../mail/digest/message-facts.ts';
import { emptyEnvelope } from '../mail/fields/envelope.ts';
import { FieldReader, FieldWriter } from './digest-fields.ts';
import { type DigestText, digestSeparator, digestText, KeptDigest } from './digest-text.ts';

const octets = (text: string): Buffer => Buffer.from(text.replaceAll('\n', '\r\n'), 'latin1');

const plain = (text: DigestText) => {
  const { envelope, body, preview } = new KeptDigest(text);
  return { envelope, body, preview };
};
const kept = (digest: MessageDigest) => plain(digestText(digest));

const everything = octets(`Date: Mon, 5 Oct 2026 01:11:10 +0200
Subject: caf\xe9 \0
From: =?utf-8?q?=C3=A9?= <a@b.c>, <@x.y,@z:d@e.f>, N <@x:n@m>, g@h
Sender: G: a@b.c, D <d@b.c>;
Reply-To: undisclosed:;
To: ${Array.from({ length: 300 }, (_, i) => `u${i}@example.org`).join(',\n ')}
In-Reply-To: <x y>
Message-ID: <1@example.org>
References: <a@b> <c@d>
Content-Type: multipart/mixed; boundary=b; x*1=b; x*0=a
Content-Language: en, de

--b
Content-Type: text/plain; charset=UTF-8; name="na\xc3\xafve.txt"
Content-ID: <i>
Content-Description:
Content-MD5: 5
Content-Disposition: ATTACHMENT; filename*=utf-8''%C3%A9
Content-Location: ${'l'.repeat(2000)}
Content-Transfer-Encoding: Quoted-Printable

text
--b
Content-Type: message/rfc822

Date: yesterday
Subject:

inside
--b
Content-Type: multipart/digest; boundary=c

--c--
--b--
`);

describe('the text of a digest', () => {
  it('is read back as it was', () => {
    const { digest } = messageFacts(everything);
    assert.deepEqual(kept(digest), digest);
    assert.deepEqual([...digest.envelope.latin1], ['subject']);
    assert.equal(digest.body.children.length, 3);
  });

  it('is as it was written by earlier versions; or else digestForm is raised', () => {
    const { digest } = messageFacts(
      octets(`Date: Mon, 5 Oct 2026 01:11:10 +0200
Subject: Hi
From: Ann <ann@example.org>
Content-Type: text/plain; charset=utf-8

x
`),
    );
    assert.deepEqual(digestText(digest), {
      envelope:
        '15,cMon, 5 Oct 2026 01:11:10 +0200J20731R1791155470000GHi1,2,HAnnHannPexample.org0,0,0,0,0,',
      body: '3,*+70,123,126,1,1,;<<',
      preview: 'x',
    });
  });

  it('is short for most messages', () => {
    const { envelope, body } = digestText(
      messageFacts(octets('From: a@b.c\nSubject: Hi\n\nx\n')).digest,
    );
    assert.ok(envelope.length + body.length < 60, `${envelope} ${body}`);
  });

  it('holds no separator, whatever a field came to', () => {
    const part: BodyPart = { ...messageFacts(octets('\nx')).digest.body, name: 'a\rb' };
    const text = digestText({ envelope: emptyEnvelope, body: part, preview: '' });
    assert.ok(!text.body.includes(digestSeparator));
    assert.equal(new KeptDigest(text).body.name, 'a b');
  });

  it('is read back for any message', () => {
    const line = fc.oneof(
      fc.constantFrom(
        ...['Content-Type: multipart/mixed; boundary=b', 'Content-Type: message/rfc822', '--b', ''],
        ...['From: a <b@c>, g: d, <e@[f>;', 'To: "x\0', 'Date: 1 Jan 99 99:99', 'Subject: \xe9'],
        ...['Content-Disposition: ; x=y', 'References: <a> <b>', 'Content-Language: a, b'],
      ),
      anyText({ maxLength: 100 }),
    );
    fc.assert(
      fc.property(fc.array(line, { maxLength: 30 }), (lines) => {
        const { digest } = messageFacts(Buffer.from(lines.join('\n'), 'latin1'));
        assert.deepEqual(kept(digest), digest);
      }),
    );
  });

  it('that is damaged ends the reading', () => {
    const text = digestText(messageFacts(everything).digest);
    for (let at = 0; at < text.body.length; at += 1) {
      const cut = new KeptDigest({ ...text, body: text.body.slice(0, at) });
      assert.throws(() => cut.body, { name: 'AssertionError' }, `${at}`);
    }
    const many = new KeptDigest({ ...text, envelope: '0,999999999999,' });
    assert.throws(() => many.envelope, { name: 'AssertionError' });
  });
});

describe('fields in a text', () => {
  it('are read back, short and long, common and rare', () => {
    const values = fc.array(
      fc.oneof(
        fc.constantFrom('text', 'utf-8', 'inline', '', 'x'.repeat(57), 'x'.repeat(58)),
        fc.string({ maxLength: 200, unit: 'grapheme' }),
        fc.nat(),
      ),
    );
    fc.assert(
      fc.property(values, (list) => {
        const writer = new FieldWriter();
        for (const value of list)
          if (typeof value === 'string') writer.string(value);
          else writer.number(value);
        const reader = new FieldReader(writer.text);
        for (const value of list)
          if (typeof value === 'string') assert.equal(reader.string(), value.replaceAll('\r', ' '));
          else assert.equal(reader.number(), value);
      }),
    );
  });
});
