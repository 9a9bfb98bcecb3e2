import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fc } from '../../base/test-properties.ts';
import { anyText } from '../../base/test-text.ts';
import { decodeXtext, formatDeliveryStatus, notifyOf } from './delivery-status.ts';

const message = { reportingMta: 'mx.example.org', arrival: 0, queueId: '0abc' };
const recipient = { finalRecipient: 'bob@example.net', action: 'failed', status: '5.1.1' } as const;
const field = (text: string, name: string) =>
  text
    .split('\r\n')
    .find((line) => line.startsWith(`${name}: `))
    ?.slice(name.length + 2);

describe('formatDeliveryStatus', () => {
  it('RFC 3464 §2: writes the fields in order, with a block for each recipient', () => {
    const text = formatDeliveryStatus(
      { ...message, envelopeId: 'QQ+2B314', receivedFrom: 'c.example', receivedFromAddress: '::1' },
      [
        {
          ...recipient,
          originalRecipient: 'rfc822;Bob+2Blists@Example.ORG',
          remoteMta: 'mx.example.net',
          diagnostic: { text: '550 5.1.1 No such user', remote: true },
          lastAttempt: 60_000,
          willRetryUntil: 120_000,
        },
        {
          finalRecipient: 'eve@example.net',
          action: 'delayed',
          status: '4.4.1',
          willRetryUntil: 120_000,
        },
      ],
      false,
    );
    assert.equal(
      text,
      [
        'Original-Envelope-Id: QQ+314',
        'Reporting-MTA: dns; mx.example.org',
        'Received-From-MTA: dns; c.example (::1)',
        'Arrival-Date: Thu, 1 Jan 1970 00:00:00 +0000',
        'X-Postrider-Queue-Id: 0abc',
        '',
        'Original-Recipient: rfc822; Bob+lists@Example.ORG',
        'Final-Recipient: rfc822; bob@example.net',
        'Action: failed',
        'Status: 5.1.1',
        'Remote-MTA: dns; mx.example.net',
        'Diagnostic-Code: smtp; 550 5.1.1 No such user',
        'Last-Attempt-Date: Thu, 1 Jan 1970 00:01:00 +0000',
        '',
        'Final-Recipient: rfc822; eve@example.net',
        'Action: delayed',
        'Status: 4.4.1',
        'Will-Retry-Until: Thu, 1 Jan 1970 00:02:00 +0000',
        '',
      ].join('\r\n'),
    );
  });

  it('RFC 6533 §3: writes an internationalised address in seven bits or as it is', () => {
    const one = [{ ...recipient, finalRecipient: 'jörg+x@bücher.example' }];
    const ascii = formatDeliveryStatus(message, one, false);
    assert.equal(field(ascii, 'Final-Recipient'), 'utf-8; j\\x{F6}rg\\x{2B}x@b\\x{FC}cher.example');
    const utf8 = formatDeliveryStatus(message, one, true);
    assert.equal(field(utf8, 'Final-Recipient'), 'utf-8; jörg+x@bücher.example');
  });

  it('RFC 6533 §4.1: converts a utf-8 ORCPT up, and back where only seven bits pass', () => {
    const one = [{ ...recipient, originalRecipient: 'utf-8;j\\x{F6}rg@example.org' }];
    const utf8 = formatDeliveryStatus(message, one, true);
    assert.equal(field(utf8, 'Original-Recipient'), 'utf-8; jörg@example.org');
    const ascii = formatDeliveryStatus(message, one, false);
    assert.equal(field(ascii, 'Original-Recipient'), 'utf-8; j\\x{F6}rg@example.org');
  });

  it('lets no text of strangers begin a field or break a line', () => {
    const text = anyText({ maxLength: 2000 });
    fc.assert(
      fc.property(text, text, fc.boolean(), (a, b, utf8) => {
        const evil = `${a}\r\nAction: delivered\r\n\r\n${b}`;
        const text = formatDeliveryStatus(
          { ...message, envelopeId: evil, receivedFrom: evil },
          [
            {
              ...recipient,
              originalRecipient: evil,
              finalRecipient: evil,
              remoteMta: evil,
              diagnostic: { text: evil, remote: true },
            },
          ],
          utf8,
        );
        const lines = text.split('\r\n');
        assert.equal(lines.filter((line) => line.startsWith('Action:')).length, 1);
        assert.equal(lines.filter((line) => line === '').length, 2);
        assert.ok(lines.every((line) => Buffer.byteLength(line) <= 998 && !/[\r\n\0]/.test(line)));
        if (!utf8) assert.match(text, /^[\r\n\t -~]*$/);
      }),
    );
  });
});

describe('requests', () => {
  const table: readonly [readonly string[], string][] = [
    [[], 'failure delay'],
    [['ORCPT=rfc822;NOTIFY=NEVER'], 'failure delay'],
    [['NOTIFY=NEVER'], ''],
    [['ORCPT=rfc822;a@b', 'NOTIFY=SUCCESS,FAILURE'], 'success failure'],
    [['notify=delay'], 'delay'],
  ];
  for (const [params, expected] of table)
    it(`RFC 3461 §4.1: reads ${JSON.stringify(params)}`, () => {
      const notify = notifyOf(params);
      const words = (['success', 'failure', 'delay'] as const).filter((word) => notify[word]);
      assert.equal(words.join(' '), expected);
    });

  it('RFC 3461 §4: decodes xtext', () => assert.equal(decodeXtext('a+2Bb+3Dc+2b+'), 'a+b=c+2b+'));
});
