import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FakeClock } from '../../base/fake-clock.ts';
import { addressOctets } from '../../base/ip-address.ts';
import type { Log } from '../../base/log.ts';
import { silentLog } from '../../base/log.ts';
import type { FakeZone } from '../../dns/fake-resolver.ts';
import { FakeResolver } from '../../dns/fake-resolver.ts';
import { findingText } from '../../mail/finding.ts';
import type { ClientFacts, Envelope } from '../envelope.ts';
import type { PolicyAnswer } from '../policy.ts';
import type { DnsList } from './dnsbl.ts';
import { dnsbl, listedName } from './dnsbl.ts';

function setUp(lists: readonly DnsList[], zone: FakeZone) {
  const clock = new FakeClock();
  const resolver = new FakeResolver(zone, { clock, timeoutMs: 10_000 });
  const warned: string[] = [];
  const log: Log = { ...silentLog, warn: (_, fields) => warned.push(String(fields?.problem)) };
  const policy = dnsbl({ resolver, clock, log, settings: () => ({ lists, patience: 3_000 }) });
  let sessions = 0;
  const found = async (address = '192.0.2.99') => {
    sessions += 1;
    const client = { session: `s${sessions}`, remote: { address, port: 1 } } as ClientFacts;
    const connected = policy.connect!(client) as PolicyAnswer | undefined;
    const answer = (await policy.mail!({ client } as Envelope)) as PolicyAnswer | undefined;
    connected?.reservation?.release();
    return (answer?.findings ?? []).map(findingText);
  };
  return { clock, resolver, warned, found };
}

const list = (zone: string, more: Partial<DnsList> = {}): DnsList => ({ zone, weight: 4, ...more });

describe('RFC 5782: lists in the DNS', () => {
  it('an address is asked for last to first, four numbers or 32 digits', () => {
    const name = (address: string) => listedName(addressOctets(address)!, 'list.test');
    assert.equal(name('192.0.2.99'), '99.2.0.192.list.test');
    assert.equal(
      name('2001:db8:1:2:3:4:567:89ab'),
      'b.a.9.8.7.6.5.0.4.0.0.0.3.0.0.0.2.0.0.0.1.0.0.0.8.b.d.0.1.0.0.2.list.test',
    );
    assert.equal(name('::ffff:192.0.2.99'), '99.2.0.192.list.test');
  });

  it('all are asked at once, each has its points, and a list to trust has fewer than none', async () => {
    const { found } = setUp(
      [list('a.test'), list('b.test', { weight: 1 }), list('white.test', { weight: -3 })],
      {
        '99.2.0.192.a.test': { A: ['127.0.0.2', '127.0.0.4'] },
        '99.2.0.192.white.test': { A: ['127.0.5.1'] },
      },
    );
    assert.deepEqual(await found(), [
      '4 points: listed by a.test (127.0.0.2, 127.0.0.4)',
      '-3 points: listed by white.test (127.0.5.1)',
    ]);
    assert.deepEqual(await found('192.0.2.1'), []);
    assert.deepEqual(await found('a socket'), []);
  });

  it('only the answers that count are listings; 127.0.0.1 is none', async () => {
    const { found } = setUp([list('a.test', { replies: ['127.0.0.8/29'] }), list('one.test')], {
      '99.2.0.192.a.test': { A: ['127.0.0.2'] },
      '98.2.0.192.a.test': { A: ['127.0.0.2', '127.0.0.10'] },
      '99.2.0.192.one.test': { A: ['127.0.0.1'] },
    });
    assert.deepEqual(await found(), []);
    assert.deepEqual(await found('192.0.2.98'), ['4 points: listed by a.test (127.0.0.10)']);
  });

  it('what says "not you" or is no list lists nobody, and is left alone for an hour', async () => {
    const { found, warned, resolver, clock } = setUp([list('a.test'), list('parked.test')], {
      '99.2.0.192.a.test': { A: ['127.255.255.254'] },
      '99.2.0.192.parked.test': { A: ['203.0.113.80'] },
    });
    assert.deepEqual(await found(), []);
    assert.deepEqual(warned, [
      'it answers 127.255.255.254, which is no listing',
      'it answers 203.0.113.80, which is no listing',
    ]);
    await found();
    assert.equal(resolver.queries.length, 2, 'asked no more');
    await clock.advance(60 * 60_000);
    await found();
    assert.equal(resolver.queries.length, 4);
  });

  it('one that is silent costs one bounded wait, then nothing; the others are heard', async () => {
    const { found, clock, warned } = setUp([list('silent.test'), list('a.test')], {
      '99.2.0.192.silent.test': { fails: 'timeout' },
      '99.2.0.192.a.test': { A: ['127.0.0.2'] },
    });
    const first = found();
    const second = found();
    await clock.advance(3_000);
    for (const one of [await first, await second, await found()])
      assert.deepEqual(one, ['4 points: listed by a.test (127.0.0.2)']);
    assert.deepEqual(warned, ['no answer in time'], 'told once');
  });

  it('a DNS that fails lists nobody', async () => {
    const { found } = setUp([list('a.test')], { '99.2.0.192.a.test': { fails: 'servfail' } });
    assert.deepEqual(await found(), []);
  });
});
