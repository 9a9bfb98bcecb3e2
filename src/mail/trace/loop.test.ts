import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { assertLinear } from '../../base/step-count.ts';
import { countReceived, mailLoop, ownReceivedFieldsMax, receivedFieldsMax } from './loop.ts';

const hostname = 'mx.example.org';
const ours = 'Received: from a.example by MX.example.org with ESMTP id x; Mon, 1 Jan 2026\r\n';
const others = 'Received: from mx.example.org (by mx.example.org.evil)\r\n\tby b.example;\r\n';
const bytes = (text: string) => Buffer.from(text, 'latin1');

describe('mailLoop', () => {
  it('RFC 5321 §6.3: refuses a message with more than 100 Received fields', () => {
    assert.equal(mailLoop(bytes(others.repeat(receivedFieldsMax)), hostname), undefined);
    const refusal = mailLoop(bytes(others.repeat(receivedFieldsMax + 1)), hostname);
    assert.deepEqual([refusal?.code, refusal?.detail], [554, '4.6']);
  });

  it('refuses a message that passed here too often, and lets forwarded mail come back', () => {
    assert.equal(mailLoop(bytes(ours.repeat(ownReceivedFieldsMax)), hostname), undefined);
    assert.equal(mailLoop(bytes(ours.repeat(ownReceivedFieldsMax + 1)), hostname)?.detail, '4.6');
  });

  const table: readonly [string, number, number][] = [
    ['', 0, 0],
    ['received', 0, 0],
    ['Received: by mx.example.org', 1, 1],
    ['RECEIVED :by\r\n\tmx.example.org;\r\n', 1, 1],
    ['Received: from x (y)by mx.example.org (z)', 1, 1],
    ['Received: nearby mx.example.org', 1, 0],
    ['Received: by mx.example.organic', 1, 0],
    ['Received: by  not-mx.example.org', 1, 0],
    ['Received: for by@mx.example.org', 1, 0],
    ['X-Received: by mx.example.org\r\nReceived-SPF: by mx.example.org\r\n', 0, 0],
    ['Subject: a\r\n Received: by mx.example.org\r\nReceived: by x', 1, 0],
  ];
  for (const [header, all, own] of table)
    it(`counts ${JSON.stringify(header)}`, () =>
      assert.deepEqual(countReceived(bytes(header), hostname), { all, ours: own }));

  it('is linear on hostile headers', () => {
    const make = (times: number) => bytes(`Received: ${hostname.repeat(times)}\r\n`);
    const count = (header: Uint8Array) => countReceived(header, hostname);
    assertLinear(count, make);
    assertLinear(count, (times) => bytes(ours.repeat(times)));
    assert.deepEqual(count(make(70_000)), { all: 1, ours: 0 });
  });
});
