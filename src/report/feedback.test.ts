import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readFeedback } from './feedback.ts';

const lines = (...fields: readonly string[]) => Buffer.from(`${fields.join('\r\n')}\r\n`);

describe('a report about one message', () => {
  it('RFC 6591 §3.1, RFC 9991: why authentication failed, and whose message it was', () => {
    const fields = lines(
      'Feedback-Type: Auth-Failure',
      'Auth-Failure: dmarc',
      'Identity-Alignment: dkim, spf',
      'Delivery-Result: reject',
      'DKIM-Domain: Example.org',
      'Source-IP: 192.0.2.1 (mail.example.net)',
      'Incidents: 3',
    );
    const original = lines('From: =?utf-8?q?Ann_=C3=84?= <ann@example.org>', 'Subject: a', ' b');
    const report = readFeedback(fields, original);
    assert.deepEqual(
      [report.type, report.authFailure, report.identityAlignment, report.deliveryResult],
      ['auth-failure', 'dmarc', 'dkim, spf', 'reject'],
    );
    assert.deepEqual(
      [report.dkimDomain, report.sourceIp, report.incidents],
      ['example.org', '192.0.2.1', 3],
    );
    assert.deepEqual(report.message, {
      ...{ from: 'Ann Ä <ann@example.org>', subject: 'a b', id: undefined },
    });
  });

  it('is none without a Feedback-Type; what is missing is undefined', () => {
    assert.throws(() => readFeedback(lines('Version: 1'), undefined), /no Feedback-Type/);
    const report = readFeedback(lines('Feedback-Type: abuse', 'Incidents: -1'), undefined);
    assert.equal(report.incidents, 1);
    assert.equal(report.sourceIp, undefined);
    assert.deepEqual(report.message, { from: undefined, subject: undefined, id: undefined });
  });
});
