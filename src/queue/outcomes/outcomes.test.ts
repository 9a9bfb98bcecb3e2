// What an attempt comes to, at the exact moments and for every kind of result.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { reply } from '../../smtp/reply.ts';
import type { Lease, LeasedRecipient } from '../../store/queue-store.ts';
import type { RecipientResult, Skipped } from '../delivery.ts';
import { outcomesOf } from './outcomes.ts';

const hour = 3_600_000;
const received = 1_000_000;
const settings = { retryAfter: [hour, 2 * hour], warnAfter: 4 * hour, expireAfter: 48 * hour };
const random = { fraction: () => 0.5 };

const said = {
  ok: reply(250, '0.0', 'Taken'),
  later: reply(450, '2.0', 'Busy'),
  no: reply(550, '1.1', 'Nobody'),
};
const facts = {
  ...{ host: 'mx.example.net', address: '192.0.2.1', port: 25 },
  ...{ tls: { protocol: 'TLSv1.3' }, tried: ['mx1.example.net'] },
};
const results = {
  delivered: { kind: 'delivered', reply: said.ok },
  relayed: { kind: 'relayed', reply: said.ok, dsn: false, facts },
  deferred: { kind: 'deferred', reply: said.later, remote: true, facts },
  failed: { kind: 'failed', reply: said.no, remote: true, facts },
  skipped: { kind: 'skipped', reply: said.later, facts },
} as unknown as Record<string, RecipientResult | Skipped>;

interface Given extends Partial<LeasedRecipient> {
  readonly sender?: string;
  /** Parameters of MAIL. */
  readonly envelope?: readonly string[];
}

function conclude(
  given: readonly (RecipientResult | Skipped | undefined)[],
  age: number,
  { sender = 'ann@example.org', envelope = [], ...more }: Given = {},
) {
  const recipients = given.map((_, index) => ({
    ...{ address: `r${index}@example.net`, params: [], index, fence: 9, attempt: 1, warned: false },
    ...more,
  }));
  const lease = { message: { received, sender, params: envelope }, recipients } as unknown as Lease;
  const all = given.map((one) => one!);
  const context = { now: received + age, settings, random };
  return outcomesOf(lease, given.includes(undefined) ? [] : all, context);
}

/** Of one recipient: outcome, what is recorded, what is reported. */
function of(name: string, age: number, more: Given = {}): string {
  const { outcomes, results: recorded, reports } = conclude([results[name]], age, more);
  const [{ outcome }] = outcomes as [(typeof outcomes)[0]];
  const due = 'until' in outcome ? ` +${(outcome.until - received - age) / hour}h` : '';
  const warned = 'warned' in outcome && outcome.warned ? ' warned' : '';
  const told = reports.map(({ action }) => ` ${action}`).join('');
  return `${outcome.kind}${due}${warned} ${recorded[0]?.result}${told}`;
}

const never = { params: ['NOTIFY=NEVER'] };
const onSuccess = { params: ['NOTIFY=SUCCESS'] };

describe('outcomes', () => {
  for (const [name, age, more, expected] of [
    ['delivered', 0, {}, 'delivered delivered'],
    ['delivered', 0, onSuccess, 'delivered delivered delivered'],
    ['relayed', 0, onSuccess, 'delivered relayed relayed'],
    ['failed', 0, {}, 'failed failed failed'],
    ['failed', 0, never, 'failed failed'],
    ['failed', 0, { sender: '' }, 'failed failed'],
    ['deferred', 0, {}, 'deferred +1h deferred'],
    ['deferred', 0, { attempt: 2 }, 'deferred +2h deferred'],
    ['deferred', 4 * hour - 1, {}, 'deferred +1h deferred'],
    ['deferred', 4 * hour, {}, 'deferred +1h warned deferred delayed'],
    ['deferred', 4 * hour, { warned: true }, 'deferred +1h deferred'],
    ['deferred', 47.5 * hour, { warned: true }, 'deferred +0.5h deferred'],
    ['deferred', 48 * hour, {}, 'failed expired failed'],
    ['skipped', 0, {}, 'skipped +1h skipped'],
    ['skipped', 0, { attempt: 2 }, 'skipped +2h skipped'],
    ['skipped', 20 * hour, { warned: true }, 'skipped +2h skipped'],
    ['skipped', 4 * hour, {}, 'skipped +2h warned skipped delayed'],
    ['skipped', 48 * hour, {}, 'failed expired failed'],
  ] as const)
    it(`${name} after ${age / hour} h ${JSON.stringify(more)}: ${expected}`, () =>
      assert.equal(of(name, age, more), expected));

  it('a failure that does not say 5yz is a mistake of ours, and delays', () => {
    const odd: RecipientResult = { kind: 'failed', reply: said.later, remote: true };
    const { outcomes, reports } = conclude([odd], 0);
    const { outcome } = outcomes[0]!;
    assert.ok(outcome.kind === 'deferred' && outcome.reply.code === 451);
    assert.equal(reports.length, 0);
  });

  it('what a delivery says nothing of is tried again', () => {
    const { outcomes } = conclude([undefined, undefined], 0);
    assert.deepEqual(
      outcomes.map(({ index, fence, outcome }) => [index, fence, outcome.kind]),
      [
        [0, 9, 'deferred'],
        [1, 9, 'deferred'],
      ],
    );
  });

  it('RFC 3461 §5.2.2: the next hop that reports itself is left to', () => {
    const handed = { ...results.relayed, dsn: true } as RecipientResult;
    assert.deepEqual(conclude([handed], 0, onSuccess).reports, []);
  });

  it('one report for each kind, with those it is about, and whose words they are', () => {
    const { deferred, failed, delivered, relayed } = results;
    const given = [failed, deferred, delivered, failed, relayed];
    const params = ['NOTIFY=SUCCESS,FAILURE,DELAY'];
    const { reports, untold } = conclude(given, 5 * hour, { params });
    assert.deepEqual(
      reports.map(({ action, recipients, retryUntil }) => [
        action,
        recipients.map(({ recipient, remote }) => [recipient.address.slice(0, 2), remote]),
        retryUntil,
      ]),
      [
        [
          'failed',
          [
            ['r0', true],
            ['r3', true],
          ],
          undefined,
        ],
        ['delayed', [['r1', true]], received + 48 * hour],
        ['delivered', [['r2', false]], undefined],
        ['relayed', [['r4', true]], undefined],
      ],
    );
    assert.equal(untold, undefined);
    const ours: RecipientResult = { kind: 'failed', reply: said.no, remote: false };
    assert.equal(conclude([ours], 0).reports[0]?.recipients[0]?.remote, false);
  });

  it('RFC 3463 §3.5: what expired is 4.4.7, what failed says its own', () => {
    for (const [name, age, status] of [
      ['deferred', 48 * hour, '4.4.7'],
      ['failed', 0, undefined],
    ] as const) {
      const [one] = conclude([results[name]], age).reports[0]!.recipients;
      assert.deepEqual([one?.expired, one?.status], [status !== undefined, status]);
    }
  });

  it('says why nobody is told of a failure; of a delay nothing', () => {
    assert.equal(conclude([results.failed], 0, never).untold, 'not-wanted');
    assert.equal(conclude([results.deferred], 5 * hour, never).untold, undefined);
  });

  it('the next attempt is due with the first of them', () => {
    const { skipped, deferred, delivered } = results;
    const { nextDue } = conclude([skipped, deferred, delivered], 20 * hour, { warned: true });
    assert.equal(nextDue, received + 21 * hour);
    assert.equal(conclude([deferred, skipped], 20 * hour, { warned: true }).nextDue, nextDue);
    assert.equal(conclude([delivered], 0).nextDue, undefined);
  });

  it('what was skipped counts no attempt and spoke to nobody', () => {
    const { results: recorded } = conclude([results.deferred, results.skipped], 0, { attempt: 3 });
    assert.deepEqual(
      recorded.map(({ attempt, host, tls, tried }) => [attempt, host, tls, tried]),
      [
        [3, 'mx.example.net [192.0.2.1]:25', facts.tls, facts.tried],
        [2, undefined, undefined, undefined],
      ],
    );
  });

  it('effects of all recipients go into the settlement, in order', () => {
    const effect = (id: number) => ({ kind: 'remember', id }) as never;
    const delivered = (...ids: number[]): RecipientResult =>
      ({ kind: 'delivered', reply: said.ok, effects: ids.map(effect) }) as RecipientResult;
    const given = [delivered(1), results.delivered, delivered(2, 3)];
    assert.deepEqual(conclude(given, 0).effects, [1, 2, 3].map(effect));
  });

  it('names the other end by what is known of it', () => {
    const at = (known: object) => {
      const one = { kind: 'deferred', reply: said.later, facts: known } as RecipientResult;
      return conclude([one], 0).results[0]?.host;
    };
    assert.equal(at({ host: '/run/lmtp.sock' }), '/run/lmtp.sock');
    assert.equal(at({ host: 'mx.test', port: 25 }), 'mx.test:25');
    assert.equal(at({ address: '192.0.2.1' }), '[192.0.2.1]');
    assert.equal(at({ host: '192.0.2.1', address: '192.0.2.1', port: 25 }), '[192.0.2.1]:25');
    assert.equal(at({ host: 'mx.test', address: '192.0.2.1' }), 'mx.test [192.0.2.1]');
  });
});
