import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FakeClock } from '../base/fake-clock.ts';
import { FakeResolver } from './fake-resolver.ts';
import { DnsError } from './resolver.ts';

describe('FakeResolver', () => {
  const zone = {
    'example.net': { MX: ['10 MX.example.net', '0 .'], TXT: ['v=spf1 -all'], authenticated: true },
    'mx.example.net': { A: ['192.0.2.1'], fails: { AAAA: 'servfail' } },
    'www.example.net': { CNAME: 'mx.example.net' },
    'circle.example.net': { CNAME: 'circle.example.net' },
    '_25._tcp.mx.example.net': {
      TLSA: [{ usage: 3, selector: 1, matching: 1, data: new Uint8Array(32) }],
    },
    'late.example.net': { fails: 'timeout' },
  } as const;

  it('answers from the table, with the AD bit where it says so', async () => {
    const answer = await new FakeResolver(zone).resolve('EXAMPLE.net', 'MX');
    assert.deepEqual(answer, {
      kind: 'records',
      records: [
        { preference: 10, exchange: 'mx.example.net' },
        { preference: 0, exchange: '' },
      ],
      name: 'example.net',
      authenticated: true,
    });
  });

  it('RFC 8020 §2: a name with something below it exists', async () => {
    const resolver = new FakeResolver(zone);
    assert.equal((await resolver.resolve('_tcp.mx.example.net', 'A')).kind, 'no-records');
    assert.equal((await resolver.resolve('net', 'A')).kind, 'no-records');
    assert.equal((await resolver.resolve('gone.example.net', 'A')).kind, 'no-domain');
  });

  it('follows CNAMEs, and not for ever', async () => {
    const resolver = new FakeResolver(zone);
    const answer = await resolver.resolve('www.example.net', 'A');
    assert.equal(answer.kind === 'records' && answer.name, 'mx.example.net');
    await assert.rejects(resolver.resolve('circle.example.net', 'A'), DnsError);
  });

  it('fails where told, for all types or one', async () => {
    const resolver = new FakeResolver(zone);
    await assert.rejects(resolver.resolve('mx.example.net', 'AAAA'), /SERVFAIL/);
    await assert.rejects(resolver.resolve('late.example.net', 'A'), DnsError);
    assert.equal((await resolver.resolve('mx.example.net', 'A')).kind, 'records');
  });

  it('with a clock a timeout takes its time', async () => {
    const clock = new FakeClock();
    const asking = new FakeResolver(zone, { clock, timeoutMs: 3_000 }).resolve(
      'late.example.net',
      'A',
    );
    const failed = assert.rejects(asking, DnsError);
    assert.equal(clock.nextTimer(), clock.now() + 3_000);
    await clock.advance(3_000);
    await failed;
  });

  it('can be changed, and remembers what was asked', async () => {
    const resolver = new FakeResolver();
    resolver.set('a.test', { A: ['192.0.2.1'] });
    assert.equal((await resolver.resolve('a.test', 'A')).kind, 'records');
    resolver.remove('a.test');
    assert.equal((await resolver.resolve('a.test', 'A')).kind, 'no-domain');
    assert.deepEqual(
      resolver.queries.map(({ name, type }) => `${name} ${type}`),
      ['a.test A', 'a.test A'],
    );
  });
});
