import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { reply } from '../smtp/reply.ts';
import type { Lease, LeasedRecipient } from '../store/queue-store.ts';
import type { RecipientResult } from './delivery.ts';
import { outcomesOf } from './outcomes.ts';

const hour = 3_600_000;
const settings = {
  retryAfter: [300_000, hour],
  warnAfter: 4 * hour,
  expireAfter: 120 * hour,
};
const random = { fraction: () => 0.5 };
const content = { size: 0, bytes: new Uint8Array(), read: async function* () {} };
const origin = { session: 's', service: 'smtp', protocol: 'ESMTP' };

const recipient = (index: number, more: Partial<LeasedRecipient> = {}): LeasedRecipient => ({
  index,
  address: `r${index}@example.net`,
  params: [],
  delivery: 'remote',
  destination: 'mx:example.net',
  attempt: 1,
  fence: 7,
  warned: false,
  ...more,
});
const lease = (recipients: readonly LeasedRecipient[], sender = 'ann@example.org'): Lease => ({
  message: { id: 'm', received: 0, sender, params: [], prefix: '', content, origin },
  destination: 'mx:example.net',
  recipients,
  expires: hour,
});
const on = (now: number) => ({ now, settings, random });

const relayed: RecipientResult = { kind: 'relayed', reply: reply(250, '0.0', 'OK'), dsn: true };
const greylisted: RecipientResult = { kind: 'deferred', reply: reply(451, '7.1', 'Greylisted') };
const unknown: RecipientResult = {
  kind: 'failed',
  reply: reply(550, '1.1', 'No such user'),
  remote: true,
};

/** `outcome(until)` of each recipient, then `action:recipients` of each report. */
function told(of: Lease, results: readonly RecipientResult[], now: number): string {
  const { outcomes, reports } = outcomesOf(of, results, on(now));
  const words = outcomes.map(({ outcome }) =>
    outcome.kind === 'deferred'
      ? `deferred(${(outcome.until - now) / 1000}${outcome.warned ? ' warned' : ''})`
      : outcome.kind,
  );
  const reported = reports.map(
    ({ action, recipients }) =>
      `${action}:${recipients.map((one) => one.recipient.address[1] + (one.expired ? ' expired' : ''))}`,
  );
  return [...words, ...reported].join(' ');
}

describe('outcomesOf', () => {
  it('RFC 5321 §4.2.1: defers on 4yz, bounces on 5yz, each recipient for itself', () =>
    assert.equal(
      told(lease([recipient(0), recipient(1), recipient(2)]), [relayed, greylisted, unknown], 1),
      'delivered deferred(300) failed failed:2',
    ));

  it('follows the schedule by the number of the attempt', () =>
    assert.equal(told(lease([recipient(0, { attempt: 9 })]), [greylisted], 1), 'deferred(3600)'));

  it('defers what the delivery does not mention, and a failure that is no 5yz', () => {
    const strange: RecipientResult = { ...unknown, reply: reply(451, '3.0', 'Strange') };
    assert.equal(
      told(lease([recipient(0), recipient(1)]), [strange], 1),
      'deferred(300) deferred(300)',
    );
  });

  it('RFC 3461 §5.2.5: tells of a delay once, unless NOTIFY does not ask for it', () => {
    const recipients = [
      recipient(0),
      recipient(1, { warned: true }),
      recipient(2, { params: ['NOTIFY=FAILURE'] }),
      recipient(3, { params: ['NOTIFY=DELAY'] }),
    ];
    assert.equal(
      told(lease(recipients), [greylisted, greylisted, greylisted, greylisted], 4 * hour),
      'deferred(300 warned) deferred(300) deferred(300 warned) deferred(300 warned) delayed:0,3',
    );
  });

  it('RFC 5321 §4.5.4.1: gives up after the attempt that comes too late, and not before', () => {
    const of = lease([recipient(0, { warned: true, attempt: 30 })]);
    assert.equal(told(of, [greylisted], 119 * hour + hour / 2), 'deferred(1800)');
    assert.equal(told(of, [greylisted], 120 * hour), 'failed failed:0 expired');
    assert.equal(told(of, [relayed], 500 * hour), 'delivered');
  });

  it('RFC 3461 §5.2.2: reports as relayed what the next hop will not report', () => {
    const asked = lease([recipient(0, { params: ['NOTIFY=SUCCESS'] })]);
    assert.equal(told(asked, [relayed], 1), 'delivered');
    assert.equal(
      told(asked, [{ ...relayed, dsn: false } as RecipientResult], 1),
      'delivered relayed:0',
    );
  });

  it('RFC 3461 §5.2.3: reports a delivery only if SUCCESS is asked for', () => {
    const delivered: RecipientResult = { kind: 'delivered', reply: reply(250, '1.5', 'Stored') };
    const recipients = [recipient(0, { params: ['NOTIFY=SUCCESS,FAILURE'] }), recipient(1)];
    assert.equal(
      told(lease(recipients), [delivered, delivered], 1),
      'delivered delivered delivered:0',
    );
  });

  it('RFC 5321 §4.5.5: never reports on mail with the null reverse-path', () => {
    const asked = { params: ['NOTIFY=SUCCESS,FAILURE,DELAY'] };
    const recipients = [recipient(0, asked), recipient(1, asked)];
    assert.equal(told(lease(recipients, ''), [unknown, greylisted], 200 * hour), 'failed failed');
  });

  it('RFC 3461 §4.1: NEVER means never', () => {
    const never = { params: ['NOTIFY=NEVER'] };
    assert.equal(told(lease([recipient(0, never)]), [unknown], 1), 'failed');
  });

  it('says of a host what is known of it: a socket has no address and no port', () => {
    const at = (facts: RecipientResult['facts']) =>
      outcomesOf(lease([recipient(0)]), [{ ...relayed, facts }], on(1)).results[0]?.host;
    assert.equal(at({ host: 'mx', address: '192.0.2.1', port: 25 }), 'mx [192.0.2.1]:25');
    assert.equal(at({ host: '/run/lmtp' }), '/run/lmtp');
    assert.equal(at({ host: 'mx', port: 25 }), 'mx:25');
    assert.equal(at({ address: '192.0.2.1' }), '[192.0.2.1]');
    assert.equal(at(undefined), undefined);
  });
});
