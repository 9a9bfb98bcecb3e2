// Mail with a time by which it is to be delivered (RFC 2852), or before which it is not to leave (RFC 4865): what
// an attempt comes to, and what is reported.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { reply } from '../../smtp/reply.ts';
import { memoryContent } from '../../store/content.ts';
import type { Lease, LeasedRecipient, QueuedMessage } from '../../store/queue-store.ts';
import type { RecipientResult } from '../delivery.ts';
import { deliveryReports } from '../reports/bounce.ts';
import { outcomesOf } from './outcomes.ts';

const minute = 60_000;
const hour = 60 * minute;
const received = Date.parse('2026-07-01T12:00:00Z');
const settings = { retryAfter: [hour], warnAfter: 4 * hour, expireAfter: 48 * hour };
const random = { fraction: () => 0.5 };

const ok = reply(250, '0.0', 'Taken');
const deferred: RecipientResult = {
  kind: 'deferred',
  reply: reply(450, '2.0', 'Busy'),
  remote: true,
};
const relayed: RecipientResult = { kind: 'relayed', reply: ok, dsn: true };
const kept: RecipientResult = { kind: 'relayed', reply: ok, dsn: true, deliverBy: true };
const delivered: RecipientResult = { kind: 'delivered', reply: ok };

function leaseOf(param: string, more: Partial<LeasedRecipient> = {}): Lease {
  const recipient: LeasedRecipient = {
    ...{
      address: 'bob@example.net',
      params: [],
      delivery: 'relay',
      destination: 'mx:example.net',
    },
    ...{ index: 0, fence: 9, attempt: 1, warned: false, ...more },
  };
  const message: QueuedMessage = {
    ...{ id: 'M1', received, sender: 'ann@example.org', params: [param], prefix: '' },
    content: memoryContent(Buffer.from('Subject: hello\r\n\r\nHello\r\n')),
    origin: { session: 's', service: 'submission', protocol: 'ESMTPSA' },
  };
  return { message, destination: 'mx:example.net', recipients: [recipient], expires: 0 };
}

/** Outcome and when, what is recorded, what is reported and with which status. */
function concluded(lease: Lease, result: RecipientResult, age: number): string {
  const { outcomes, results, reports } = outcomesOf(lease, [result], {
    ...{ now: received + age, settings, random },
  });
  const [{ outcome }] = outcomes as [(typeof outcomes)[0]];
  const due = 'until' in outcome ? ` +${(outcome.until - received - age) / minute}m` : '';
  const told = reports.map(({ action, recipients }) => ` ${action} ${recipients[0]?.status ?? ''}`);
  return `${outcome.kind}${due} ${results[0]?.result}${told.join('')}`.trim();
}

describe('RFC 2852 §4.1: mail that is to be delivered by a time', () => {
  for (const [param, result, age, more, expected] of [
    // §4.1.2: not yet reached; the next attempt is made no later than when it is.
    ['BY=7200;R', deferred, 0, {}, 'deferred +60m deferred'],
    ['BY=1800;R', deferred, 0, {}, 'deferred +30m deferred'],
    // §4.1.3: "failed" with 5.4.7.
    ['BY=1800;R', deferred, 30 * minute, {}, 'failed expired failed 5.4.7'],
    ['BY=1800;R', deferred, 30 * minute, { params: ['NOTIFY=NEVER'] }, 'failed expired'],
    ['BY=1800;R', delivered, 30 * minute, {}, 'delivered delivered'],
    // It does not make the queue keep anything longer.
    ['BY=999999;R', deferred, 48 * hour, {}, 'failed expired failed 4.4.7'],
    // "delayed" with 4.4.7, once, and nothing before.
    ['BY=1800;N', deferred, 0, {}, 'deferred +30m deferred'],
    ['BY=1800;N', deferred, 30 * minute, {}, 'deferred +60m deferred delayed 4.4.7'],
    ['BY=1800;N', deferred, hour, { warned: true }, 'deferred +60m deferred'],
    ['BY=36000;N', deferred, 5 * hour, {}, 'deferred +60m deferred'],
    ['BY=-60;N', deferred, 0, {}, 'deferred +60m deferred delayed 4.4.7'],
    ['BY=1800;N', deferred, hour, { params: ['NOTIFY=FAILURE'] }, 'deferred +60m deferred'],
    ['BY=999999;N', deferred, 5 * hour, {}, 'deferred +60m deferred delayed'],
    // §4.1.4: traced hop by hop, whether success was asked for or not.
    ['BY=1800;NT', kept, 0, {}, 'delivered relayed relayed'],
    ['BY=1800;RT', kept, 0, { params: ['NOTIFY=FAILURE'] }, 'delivered relayed relayed'],
    ['BY=1800;RT', kept, 0, { params: ['NOTIFY=NEVER'] }, 'delivered relayed'],
    ['BY=1800;R', kept, 0, {}, 'delivered relayed'],
    // §4.1.4.2: the next hop does not know of the time.
    ['BY=1800;N', relayed, 0, {}, 'delivered relayed relayed'],
    ['BY=1800;N', relayed, hour, {}, 'delivered relayed'],
    ['BY=1800;N', kept, 0, {}, 'delivered relayed'],
  ] as const)
    it(`${param}, ${result.kind} after ${age / minute} minutes${more.params ?? ''}: ${expected}`, () =>
      assert.equal(concluded(leaseOf(param, more), result, age), expected));
});

describe('RFC 4865: mail that left later', () => {
  it('is given up and warned of counting from when it might leave', () => {
    const lease = leaseOf('HOLDFOR=360000');
    const start = 100 * hour;
    assert.equal(concluded(lease, deferred, start), 'deferred +60m deferred');
    assert.equal(concluded(lease, deferred, start + 4 * hour), 'deferred +60m deferred delayed');
    assert.equal(concluded(lease, deferred, start + 48 * hour), 'failed expired failed 4.4.7');
  });
});

describe('reports on mail whose sender asked for a time', () => {
  const parts = {
    ...{ hostname: 'mx.example.org', clock: { now: () => received + hour }, ids: () => 'R1' },
    resolve: (address: string) => [
      { address, params: [], delivery: 'local', destination: 'local' } as const,
    ],
  };
  const reportOn = async (param: string) => {
    const { message, recipients } = leaseOf(param);
    const [recipient] = recipients;
    const failed = { recipient: recipient!, reply: reply(550, '1.1', 'No'), remote: false };
    const [report] = await deliveryReports(
      message,
      { action: 'failed', recipients: [failed] },
      parts,
    );
    assert.ok(report?.content.kind === 'inline');
    return { params: report.params, text: String(report.content.bytes) };
  };

  it('RFC 2852 §5: Arrival-Date and Deliver-By-Date', async () => {
    const { text } = await reportOn('BY=120;R');
    assert.match(text, /^Arrival-Date: Wed, 1 Jul 2026 12:00:00 \+0000\r$/m);
    assert.match(text, /^Deliver-By-Date: Wed, 1 Jul 2026 12:02:00 \+0000\r$/m);
  });

  it('RFC 4865 §5.1.2: Future-Release-Request as MAIL had it', async () => {
    const { text } = await reportOn('HOLDFOR=3600');
    assert.match(text, /^Future-Release-Request: for;3600\r$/m);
    const until = await reportOn('HOLDUNTIL=2026-07-01T13:00:00Z');
    assert.match(until.text, /^Future-Release-Request: until;2026-07-01T13:00:00Z\r$/m);
  });

  it('RFC 6710 §4.6: a report has the priority of what it reports on', async () => {
    assert.deepEqual((await reportOn('MT-PRIORITY=4')).params, ['MT-PRIORITY=4']);
    assert.deepEqual((await reportOn('RET=HDRS')).params, []);
  });
});
