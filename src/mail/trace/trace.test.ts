import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fc } from '../../base/test-properties.ts';
import { anyText } from '../../base/test-text.ts';
import { parseDate } from '../fields/date.ts';
import { parseHeader } from '../header/header.ts';
import { deliveredToField, receivedField, returnPathField } from './trace.ts';

const facts = {
  helo: 'client.example.org',
  clientAddress: '192.0.2.1',
  hostname: 'mx.example.net',
  protocol: 'ESMTP',
  id: '0ABC',
  date: 0,
};
const from = (more: Partial<Parameters<typeof receivedField>[0]>): string =>
  /from (.*)\r\n\tby /.exec(receivedField({ ...facts, ...more }))![1]!;

describe('receivedField', () => {
  it('RFC 5321 §4.4: from, by, with, id, for and the date', () => {
    assert.equal(
      receivedField({ ...facts, clientName: 'c.example.org', for: 'bob@example.net' }),
      'Received: from client.example.org (c.example.org [192.0.2.1])\r\n' +
        '\tby mx.example.net with ESMTP id 0ABC\r\n' +
        '\tfor <bob@example.net>;\r\n' +
        '\tThu, 1 Jan 1970 00:00:00 +0000\r\n',
    );
  });

  it('RFC 8314 §4.3: the registered name of the cipher is a clause, the rest a comment', () => {
    const field = receivedField({
      ...facts,
      protocol: 'ESMTPSA',
      tls: 'TLSv1.3 TLS_AES_256_GCM_SHA384 verified',
    });
    assert.equal(
      field,
      'Received: from client.example.org ([192.0.2.1])\r\n' +
        '\tby mx.example.net with ESMTPSA (TLSv1.3 verified) id 0ABC\r\n' +
        '\ttls TLS_AES_256_GCM_SHA384;\r\n' +
        '\tThu, 1 Jan 1970 00:00:00 +0000\r\n',
    );
    const old = receivedField({ ...facts, tls: 'TLSv1.2 ECDHE-RSA-AES128-GCM-SHA256' });
    assert.match(old, / with ESMTP \(TLSv1\.2 ECDHE-RSA-AES128-GCM-SHA256\) id 0ABC;/);
  });

  it('RFC 5321 §4.1.3: addresses are literals', () => {
    assert.equal(from({ clientAddress: '2001:db8::1' }), 'client.example.org ([IPv6:2001:db8::1])');
    assert.equal(from({ clientAddress: 'fe80::1%eth0' }), 'client.example.org ([IPv6:fe80::1])');
    assert.equal(from({ clientAddress: '::ffff:192.0.2.9' }), 'client.example.org ([192.0.2.9])');
    assert.equal(from({ clientAddress: undefined }), 'client.example.org');
    assert.equal(from({ helo: '[192.0.2.1]' }), '[192.0.2.1] ([192.0.2.1])');
    assert.equal(from({ helo: '[IPv6:2001:db8::1]' }), '[IPv6:2001:db8::1] ([192.0.2.1])');
  });

  it('a greeting that is no domain becomes a comment without a way out of it', () => {
    assert.equal(from({ helo: 'my_pc' }), 'my_pc ([192.0.2.1])');
    assert.equal(from({ helo: '' }), '[192.0.2.1] ([192.0.2.1])');
    assert.equal(
      from({ helo: 'x (mail.bank.example [203.0.113.1]) by y' }),
      '[192.0.2.1] ([192.0.2.1]) (helo x ?mail.bank.example [203.0.113.1]? by y)',
    );
    assert.equal(from({ helo: 'a\\', clientAddress: '' }), 'localhost (helo a?)');
    assert.equal(from({ clientName: 'a) (b' }), 'client.example.org ([192.0.2.1])');
  });

  it('RFC 6531 §3.7.3: U-labels and recipients in UTF-8 only with SMTPUTF8', () => {
    const unicode = { helo: 'bücher.example', for: 'jörg@bücher.example' };
    assert.equal(from(unicode), '[192.0.2.1] ([192.0.2.1]) (helo b?cher.example)');
    assert.doesNotMatch(receivedField({ ...facts, ...unicode }), /for|ü/);
    const field = receivedField({ ...facts, ...unicode, protocol: 'UTF8SMTP' });
    assert.match(field, /from bücher\.example \(.*\tfor <jörg@bücher\.example>;/s);
  });

  it('is one field of short lines whatever the client says', () => {
    const text = anyText({ maxLength: 600 });
    fc.assert(
      fc.property(text, text, text, text, (helo, clientName, recipient, tls) => {
        const field = receivedField({
          ...facts,
          helo,
          clientName,
          for: recipient.slice(0, 320),
          tls,
        });
        const fields = parseHeader(Buffer.from(field));
        assert.equal(fields.length, 1);
        assert.equal(fields[0]!.length, Buffer.byteLength(field));
        assert.match(field, /^[\t\r\n -~]*$/);
        assert.equal(parseDate(field.slice(field.lastIndexOf(';') + 1)), 0);
        for (const line of field.split('\r\n')) assert.ok(line.length <= 998);
      }),
    );
  });
});

describe('returnPathField and deliveredToField', () => {
  it('RFC 5321 §4.4: the reverse-path in angle brackets', () => {
    assert.equal(returnPathField('ann@example.org'), 'Return-Path: <ann@example.org>\r\n');
    assert.equal(returnPathField(''), 'Return-Path: <>\r\n');
    assert.equal(deliveredToField('bob@example.net'), 'Delivered-To: bob@example.net\r\n');
  });

  it('cannot be broken out of', () => {
    assert.equal(returnPathField('a\r\nBcc: b'), 'Return-Path: <a??Bcc: b>\r\n');
    assert.equal(deliveredToField('a\n'), 'Delivered-To: a?\r\n');
  });
});
