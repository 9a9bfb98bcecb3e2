import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { receivedField } from '../mail/trace/trace.ts';
import type { AbuseReport } from './abuse-report.ts';
import { abuseFields, provenanceOf } from './abuse-report.ts';
import { readFeedback } from './feedback.ts';

const hostname = 'mx.example.org';
const at = Date.UTC(2026, 10, 1);
const received = (helo: string, clientAddress: string) =>
  receivedField({ ...{ helo, clientAddress, hostname, protocol: 'ESMTP', id: 'a1' }, date: at });
const of = (...fields: readonly string[]) =>
  provenanceOf(Buffer.from(`${fields.join('')}\r\nbody\r\n`), hostname);
const results = (...methods: readonly string[]) =>
  `Authentication-Results: ${hostname};\r\n ${methods.join(';\r\n ')}\r\n`;

describe('where a message came from', () => {
  it('is read from our own trace fields', () => {
    const found = of(
      'Return-Path: <bounce@sender.example>\r\n',
      received('[198.51.100.66]', '192.0.2.1'),
      'Received: from inner ([10.0.0.1]) by mx.sender.example with SMTP; 1 Jan 2020 00:00:00 +0000\r\n',
      'Subject: =?utf-8?q?caf=C3=A9?=\r\n',
    );
    assert.deepEqual(found, {
      ...{ mailFrom: 'bounce@sender.example', arrival: at, sourceIp: '192.0.2.1', results: [] },
      ...{ domain: undefined, subject: '=?utf-8?q?caf=C3=A9?=' },
    });
  });

  it('names that its client gives itself are not taken for its address', () => {
    const of6 = received('odd (helo [198.51.100.66])', '2001:db8::1');
    assert.equal(of(of6).sourceIp, '2001:db8::1');
  });

  for (const [domain, from, ...methods] of [
    [
      'author.example',
      'a@author.example',
      'dkim=pass header.d=esp.example header.s=a',
      'dkim=pass header.d=Author.example',
    ],
    [
      'author.example',
      'a@news.author.example',
      'dkim=pass header.d=esp.example',
      'dkim=pass header.d=author.example',
    ],
    [
      'esp.example',
      'a@author.example',
      'spf=pass smtp.mailfrom=author.example',
      'dkim=pass header.d=esp.example',
    ],
    [
      'author.example',
      'a@author.example',
      'dkim=fail header.d=esp.example',
      'spf=pass smtp.mailfrom=author.example',
    ],
    [
      undefined,
      'a@author.example',
      'dkim=fail header.d=author.example',
      'spf=softfail smtp.mailfrom=author.example',
    ],
    [undefined, 'a@author.example', 'dkim=pass header.s="; dkim=pass header.d=other.example x"'],
  ] as const)
    it(`who answers for ${methods.join(', ')} is ${domain}`, () =>
      assert.equal(of(results(...methods), `From: A <${from}>\r\n`).domain, domain));

  it('what others say to have found proves nothing', () => {
    const others = 'Authentication-Results: mx.else.example; dkim=pass header.d=x.example\r\n';
    const near = `Authentication-Results: ${hostname}.else.example; dkim=pass header.d=x.example\r\n`;
    assert.equal(of(others, near).domain, undefined);
  });
});

describe('the fields of an abuse report', () => {
  const report: AbuseReport = {
    ...{ program: 'Postrider/1', type: 'abuse', hostname, recipient: 'ann@example.org' },
    ...{ mailFrom: 'b@sender.example', arrival: at, sourceIp: '192.0.2.1', subject: '' },
    ...{
      results: [`${hostname}; spf=pass smtp.mailfrom=sender.example`],
      domain: 'sender.example',
    },
  };
  const read = (more: Partial<AbuseReport> = {}) =>
    readFeedback(Buffer.from(abuseFields({ ...report, ...more })), undefined);

  it('RFC 5965 §3: are read as they are meant', () => {
    const found = read();
    assert.deepEqual(
      [found.type, found.version, found.userAgent, found.reportingMta, found.sourceIp],
      ['abuse', '1', 'Postrider/1', hostname, '192.0.2.1'],
    );
    assert.deepEqual([found.mailFrom, found.rcptTo], ['<b@sender.example>', ['<ann@example.org>']]);
    assert.deepEqual([found.arrival, found.domains], [at, ['sender.example']]);
    assert.deepEqual(found.authentication, report.results);
  });

  it('RFC 5965 §3.2: what is not known, or no path, is left out; the null path is one', () => {
    const unknown = {
      mailFrom: undefined,
      arrival: undefined,
      sourceIp: undefined,
      domain: undefined,
    };
    const found = read({ ...unknown, results: [] });
    assert.deepEqual(
      [found.mailFrom, found.arrival, found.sourceIp, found.domains],
      [undefined, undefined, undefined, []],
    );
    assert.equal(read({ mailFrom: 'no\r\nFeedback-Type: other' }).mailFrom, undefined);
    assert.equal(read({ mailFrom: '' }).mailFrom, '<>');
  });
});
