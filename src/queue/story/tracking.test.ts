// Where messages are, for those who know their secret: RFC 3885, RFC 3886, RFC 3887.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, it } from 'node:test';
import { silentLog } from '../../base/log.ts';
import { formatTracking } from '../../mail/status/tracking-status.ts';
import type { HistoryEvent } from '../../store/history.ts';
import type { NewMessage, QueueEntry, QueueStore } from '../../store/queue-store.ts';
import type { StoredRecord } from '../../store/record-store.ts';
import { Tracking } from './tracking.ts';

const secret = Buffer.from('a secret of sixteen octets');
const certifier = createHash('sha1').update(secret).digest('base64').replace('=', '');
const received = Date.parse('2026-07-01T12:00:00Z');
const mtrk = { name: 'MTRK', certifier, seconds: undefined } as const;

function message(changes: Partial<NewMessage> = {}): NewMessage {
  return {
    ...{ id: 'M1', received, sender: 'ann@example.org', prefix: '', messageId: undefined },
    params: ['ENVID=1+2B2@example.org'],
    recipients: [recipient('bob@example.net')],
    content: { kind: 'inline', bytes: Buffer.from('\r\n') },
    origin: { session: 's', service: 'smtp', protocol: 'ESMTP' },
    ...changes,
  };
}
const recipient = (address: string, more: Partial<NewMessage['recipients'][0]> = {}) =>
  ({
    ...{ address, params: [], delivery: 'relay', destination: 'mx:example.net', ...more },
  }) as NewMessage['recipients'][0];

function open({
  events = [],
  queued,
  full = false,
}: {
  readonly events?: readonly HistoryEvent[];
  readonly queued?: Partial<QueueEntry>;
  readonly full?: boolean;
}) {
  const records: StoredRecord[] = [];
  const tracking = new Tracking({
    records: {
      put: async (some) => void records.push(...some),
      count: async () => (full ? 1_000_000 : records.length),
      list: async (_kind, { prefix = '', limit }) =>
        records.filter(({ key }) => key.startsWith(prefix)).slice(0, limit),
    },
    store: { get: async () => queued as QueueEntry | undefined } as unknown as QueueStore,
    history: { find: async () => events, findRefused: async () => [] },
    ...{ clock: { now: () => received }, log: silentLog, hostname: () => 'mx.example.org' },
    queuedMs: () => 5 * 86_400_000,
  });
  return { tracking, records };
}

const attempt = (
  result: 'delivered' | 'relayed' | 'failed' | 'deferred' | 'expired',
  more: object = {},
): HistoryEvent => ({
  ...{ id: 'M1', at: received + 60_000, kind: 'attempt', destination: 'mx:example.net' },
  durationMs: 1,
  results: [
    {
      ...{ address: 'bob@example.net', attempt: 1, result, reply: '550 5.1.1 Nobody' },
      ...{ host: 'mx.example.net [192.0.2.1]:25', ...more },
    },
  ],
});

async function asked(
  events: readonly HistoryEvent[],
  given = message(),
  queued?: Partial<QueueEntry>,
): Promise<string> {
  const { tracking } = open({ events, ...(queued && { queued }) });
  await tracking.note(given, mtrk);
  const found = await tracking.find('1+2B2@example.org', secret);
  return formatTracking(found, '=_b').join('\n');
}

describe('tracking', () => {
  it('others who choose the same envelope id keep nobody from his message', async () => {
    const { tracking } = open({});
    const theirs = createHash('sha1').update('another').digest('base64').replace('=', '');
    for (let i = 0; i < 30; i += 1)
      await tracking.note(message({ id: `A${i}` }), { ...mtrk, certifier: theirs });
    await tracking.note(message(), mtrk);
    assert.equal((await tracking.find('1+2B2@example.org', secret)).length, 1);
  });

  it('RFC 3887 §4, RFC 3886 §3: a multipart/related of what is known', async () => {
    assert.equal(
      await asked([attempt('delivered')]),
      `Content-Type: multipart/related; boundary="=_b"; type=tracking-status

--=_b
Content-Type: message/tracking-status

Original-Envelope-Id: 1+2@example.org
Reporting-MTA: dns; mx.example.org
Arrival-Date: Wed, 1 Jul 2026 12:00:00 +0000

Original-Recipient: rfc822; bob@example.net
Final-Recipient: rfc822; bob@example.net
Action: delivered
Status: 2.0.0
Remote-MTA: dns; mx.example.net
Last-Attempt-Date: Wed, 1 Jul 2026 12:01:00 +0000

--=_b--`,
    );
  });

  for (const [event, action, status] of [
    [attempt('relayed'), 'relayed', '2.1.9'],
    [attempt('relayed', { tracked: true }), 'transferred', '2.4.0'],
    [attempt('failed'), 'failed', '5.1.1'],
    [attempt('expired', { reply: '451 4.4.1 Silence' }), 'failed', '5.4.7'],
  ] as const)
    it(`RFC 3886 §3.3.3: ${action} with ${status}`, async () => {
      const text = await asked([event]);
      assert.match(text, new RegExp(`^Action: ${action}\nStatus: ${status}$`, 'm'));
      assert.doesNotMatch(text, /Will-Retry-Until/);
    });

  it('RFC 3886 §3.3.3: nothing is made up of what history does not know; what was cancelled has failed', async () => {
    assert.match(await asked([]), /^Action: opaque$/m);
    const cancelled = { id: 'M1', at: received, kind: 'cancelled', silent: true } as const;
    const text = await asked([{ ...cancelled, recipients: ['bob@example.net'] }]);
    assert.match(text, /^Action: failed\nStatus: 5\.0\.0$/m);
  });

  it('RFC 3886 §3.3.7: what is in the queue is delayed, until when', async () => {
    const waiting = { ...recipient('bob@example.net'), lastReply: undefined };
    const queued = { received, params: [], recipients: [waiting] } as unknown as QueueEntry;
    const text = await asked([], message(), queued);
    assert.match(text, /^Action: delayed\nStatus: 4\.0\.0\nWill-Retry-Until: Mon, 6 Jul 2026/m);
    const later = { ...queued, params: ['HOLDFOR=86400'] };
    assert.match(await asked([], message(), later), /^Will-Retry-Until: Tue, 7 Jul 2026/m);
    assert.doesNotMatch(text, /Last-Attempt-Date|Remote-MTA/);
  });

  it('RFC 3886 §3.3.3: an alias of several is expanded, and tells nobody to whom; of one it is not seen', async () => {
    const list = { original: 'list@example.org' };
    const recipients = [recipient('bob@example.net', list), recipient('eve@example.net', list)];
    const text = await asked([attempt('delivered')], message({ recipients }));
    assert.match(text, /^Final-Recipient: rfc822; list@example\.org\nAction: expanded$/m);
    assert.doesNotMatch(text, /bob|eve/);
    const one = await asked(
      [attempt('delivered')],
      message({ recipients: [recipient('bob@example.net', { original: 'b@example.org' })] }),
    );
    assert.match(one, /^Final-Recipient: rfc822; b@example\.org$/m);
    assert.doesNotMatch(one, /bob/);
  });

  it('RFC 3886 §3.3.1: the original recipient is that of ORCPT', async () => {
    const params = ['ORCPT=rfc822;b+2Bx@example.com'];
    const text = await asked(
      [],
      message({ recipients: [recipient('bob@example.net', { params })] }),
    );
    assert.match(text, /^Original-Recipient: rfc822; b\+x@example\.com$/m);
  });

  it('RFC 3885 §3.1: only for the secret, in whatever form the envelope id is written', async () => {
    const { tracking, records } = open({});
    await tracking.note(message(), mtrk);
    await tracking.note(message({ id: 'M2', params: ['ENVID=<1+2B2@example.org>'] }), mtrk);
    assert.equal((await tracking.find('1+2B2@example.org', secret)).length, 2);
    assert.equal((await tracking.find('<1+2B2@example.org>', secret)).length, 2);
    assert.deepEqual(await tracking.find('1+2B2@example.org', Buffer.from('guess')), []);
    assert.deepEqual(await tracking.find('2@example.org', secret), []);
    assert.deepEqual(await tracking.find('1+2B2@example.or', secret), []);
    assert.equal(records[0]?.expires, received + 9 * 86_400_000);
  });

  it('RFC 3885 §3.1: is known while it may be in the queue, and for a day at least', async () => {
    const { tracking, records } = open({});
    await tracking.note(message(), { ...mtrk, seconds: 1 });
    assert.equal(records[0]?.expires, received + 6 * 86_400_000);
    await tracking.note(message(), { ...mtrk, seconds: 999_999_999 });
    assert.equal(records[1]?.expires, received + 30 * 86_400_000);
    const later = message({ params: ['ENVID=1@x', `HOLDFOR=${20 * 86_400}`] });
    await tracking.note(later, { ...mtrk, seconds: 1 });
    assert.equal(records[2]?.expires, received + 26 * 86_400_000);
    const crowded = open({ full: true });
    await crowded.tracking.note(message(), mtrk);
    assert.deepEqual(crowded.records, []);
  });
});
