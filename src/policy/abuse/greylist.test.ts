import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FakeClock } from '../../base/fake-clock.ts';
import { silentLog } from '../../base/log.ts';
import { FakeResolver } from '../../dns/fake-resolver.ts';
import { parseMailbox } from '../../mail/fields/address.ts';
import type { Finding } from '../../mail/finding.ts';
import { formatReply } from '../../smtp/reply.ts';
import { openStores } from '../../store/open-stores.ts';
import type { RecordStore } from '../../store/record-store.ts';
import type { Envelope } from '../envelope.ts';
import type { PolicyAnswer } from '../policy.ts';
import type { GreylistSettings } from './greylist.ts';
import { correspondents, greylist } from './greylist.ts';
import { GreylistMemory, recordsMax } from './greylist-memory.ts';

const minute = 60_000;
const day = 24 * 60 * minute;
const ann = { address: 'ann@example.org', account: 'ann@example.org', copy: 'ann@example.org' };

interface Attempt {
  readonly address?: string;
  readonly from?: string;
  readonly to?: readonly string[];
  readonly findings?: readonly Finding[];
}

async function setUp(
  more: Partial<GreylistSettings> = {},
  change: (records: RecordStore) => RecordStore = (records) => records,
) {
  const clock = new FakeClock();
  const stores = await openStores({ directory: ':memory:', log: silentLog, clock });
  const resolver = new FakeResolver({
    'big.test': { TXT: ['v=spf1 ip4:192.0.2.0/24 ip4:198.51.100.0/24 -all'] },
    'friend.test': { TXT: ['v=spf1 ip4:203.0.113.0/24 ?all'] },
  });
  const settings = (): GreylistSettings => ({
    ...{ clients: 'all', wait: minute, retryWithin: day, rememberFor: 35 * day },
    ...more,
  });
  const records = change(stores.records);
  const make = () => {
    const memory = new GreylistMemory({ records, clock });
    const thresholds = () => ({ greylistAt: 5 });
    const hostname = () => 'mx.example.org';
    return {
      policy: greylist({ memory, resolver, clock, hostname, settings, thresholds }),
      learn: correspondents({ memory, settings }),
    };
  };
  let { policy, learn } = make();
  return {
    clock,
    restart: () => {
      ({ policy, learn } = make());
    },
    writes: (to: string) => {
      const envelope = {
        client: { account: 'ann@example.org' },
        recipients: [{ targets: [{ address: to }] }],
      } as unknown as Envelope;
      (learn.message!(envelope, {} as never) as PolicyAnswer).reservation!.settle!();
      return new Promise((resolve) => setTimeout(resolve, 20));
    },
    /** One transaction: what each RCPT hears, `ok` for nothing; and what was noted. */
    async attempt({
      address = '192.0.2.1',
      from = 'bob@x.test',
      to = ['ann@example.org'],
      findings = [],
    }: Attempt = {}) {
      const sender = from === '' ? null : parseMailbox(from)!;
      const client = { remote: { address, port: 1 }, hello: 'client.test' };
      const envelope = { client, sender, recipients: [], findings } as unknown as Envelope;
      const heard: string[] = [];
      for (const one of to) {
        const recipient = { named: parseMailbox(one)!, params: [], targets: [ann] };
        const answer = (await policy.rcpt!(envelope, recipient)) as PolicyAnswer | undefined;
        const { objection, findings: found = [] } = answer ?? {};
        heard.push(objection === undefined ? 'ok' : formatReply(objection).trimEnd());
        for (const note of found) if (note.kind === 'note') heard.push(note.text);
      }
      return heard.join('; ');
    },
  };
}

describe('RFC 6647: greylisting', () => {
  it('sends a first attempt away and says for how long; who comes back is believed, with its network', async () => {
    const { attempt, clock, restart } = await setUp();
    assert.equal(await attempt(), '450 4.7.1 Greylisted: try again in 60 s');
    await clock.advance(20_000);
    assert.equal(await attempt(), '450 4.7.1 Greylisted: try again in 40 s');
    restart();
    await clock.advance(40_000);
    assert.equal(await attempt(), 'ok; came back after 60 s');
    assert.equal(await attempt({ address: '192.0.2.200', from: 'zoe@y.test' }), 'ok');
    assert.match(await attempt({ address: '192.0.3.1' }), /^450 /);
    await clock.advance(34 * day);
    assert.equal(await attempt(), 'ok', 'which counts anew from its last mail');
    await clock.advance(34 * day);
    assert.equal(await attempt(), 'ok');
    await clock.advance(36 * day);
    assert.match(await attempt(), /^450 /);
  });

  it('what is remembered for a day only counts anew from its last mail, too', async () => {
    const { attempt, clock } = await setUp({ rememberFor: day });
    await attempt();
    await clock.advance(minute);
    await attempt();
    for (let i = 0; i < 4; i += 1) {
      await clock.advance(0.9 * day);
      assert.equal(await attempt(), 'ok');
    }
  });

  it('a retry after the end of the range is a first attempt', async () => {
    const { attempt, clock } = await setUp();
    await attempt();
    await clock.advance(day + 1_000);
    assert.equal(await attempt(), '450 4.7.1 Greylisted: try again in 60 s');
  });

  it('the first recipient decides for the transaction', async () => {
    const { attempt, clock } = await setUp();
    const to = ['ann@example.org', 'second@example.org'];
    assert.match(await attempt({ to }), /^450 .*; 450 /);
    await clock.advance(minute);
    assert.equal(await attempt({ to }), 'ok; came back after 60 s; ok');
  });

  it('a domain that sends from everywhere waits once, by its SPF', async () => {
    const { attempt, clock } = await setUp();
    const from = 'news@big.test';
    assert.match(await attempt({ from }), /^450 /);
    await clock.advance(minute);
    assert.match(await attempt({ from }), /^ok/);
    const elsewhere = await attempt({ from, address: '198.51.100.7' });
    assert.equal(elsewhere, 'ok; not sent away: big.test came back before, and sends from there');
    assert.match(await attempt({ from, address: '203.0.113.9' }), /^450 /, 'not from there');
  });

  it('whom people here have written to may answer; tags of a day do not matter', async () => {
    const { attempt, writes } = await setUp();
    await writes('joe@friend.test');
    const from = 'prvs=4711aaff=joe@friend.test';
    assert.equal(await attempt({ from }), 'ok; not sent away: ann@example.org has written to it');
    assert.match(await attempt({ from: 'other@friend.test' }), /^450 /);
  });

  it('the suspicious alone, if one wants; a list of clients to trust spares everybody', async () => {
    const { attempt } = await setUp({ clients: 'suspicious' });
    const sign = (points: number): Finding => ({
      ...{ kind: 'suspicion', points, policy: 'x', text: 'x' },
    });
    assert.equal(await attempt(), 'ok');
    assert.equal(await attempt({ findings: [sign(4)] }), 'ok');
    assert.match(await attempt({ findings: [sign(4), sign(1)] }), /^450 /);
    const all = await setUp();
    assert.equal(await all.attempt({ findings: [sign(-1)] }), 'ok');
    const none = await setUp({ clients: 'none' });
    assert.equal(await none.attempt(), 'ok');
  });

  it('with no room to remember it, nobody is sent away', async () => {
    const full = await setUp({}, (records) => ({
      get: (kind, key) => records.get(kind, key),
      put: () => assert.fail('nothing more is written'),
      replace: () => assert.fail('nothing more is written'),
      remove: (kind, keys) => records.remove(kind, keys),
      list: (kind, page) => records.list(kind, page),
      count: async () => recordsMax,
      watch: (kind, listener) => records.watch(kind, listener),
    }));
    assert.equal(await full.attempt(), 'ok');
  });
});
