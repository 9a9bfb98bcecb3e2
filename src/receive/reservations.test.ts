// Whatever way a transaction ends, what policies hold for it ends with it: told by a reception over a
// connection in memory, one way out after the other.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FakeClock } from '../base/fake-clock.ts';
import { silentLog } from '../base/log.ts';
import { seededRandom } from '../base/random.ts';
import { MemoryPeer } from '../net/memory-peer.ts';
import { createConnectionLimits } from '../policy/connection-limits.ts';
import type { Policy } from '../policy/policy.ts';
import { byStage } from '../policy/policy.ts';
import { defaultLimits } from '../smtp/limits.ts';
import { reply } from '../smtp/reply.ts';
import { StorageError } from '../smtp/smtp-error.ts';
import { MemorySpool } from '../store/files/memory-spool.ts';
import type { HandIn } from './hand-in.ts';
import { handIn } from './hand-in.ts';
import type { SmtpServiceParts } from './smtp-service.ts';
import { createSmtpService } from './smtp-service.ts';

type Ended = 'held' | 'settled' | 'released';

/** Reserves at each stage, and says no where the client asks for it. */
function reserving() {
  const held: { readonly stage: string; ended: Ended; times: number }[] = [];
  const hold = (stage: string) => {
    const one = { stage, ended: 'held' as Ended, times: 0 };
    held.push(one);
    const end = (ended: Ended) => () => {
      one.ended = ended;
      one.times += 1;
    };
    return { reservation: { settle: end('settled'), release: end('released') } };
  };
  const objection = reply(550, '7.1', 'No');
  const holds: Policy = {
    name: 'holds',
    connect: () => hold('connect'),
    hello: () => hold('hello'),
    secure: async () => hold('secure'),
    mail: async () => hold('mail'),
    rcpt: () => hold('rcpt'),
    data: async () => hold('data'),
    message: async () => hold('message'),
    messageFor: () => hold('messageFor'),
    filter: () => hold('filter'),
  };
  const objects: Policy = {
    name: 'objects',
    mail: ({ sender }) => (sender?.local === 'eve' ? { objection } : undefined),
    rcpt: async (_, { named }) => (named.local === 'full' ? { objection } : undefined),
    message: (_, { header }) => (header.messageId === '<bad>' ? { objection } : undefined),
    messageFor: (_, __, { named }) => (named.local === 'later' ? { objection } : undefined),
    data: ({ recipients }) => (recipients[0]?.named.local === 'data' ? { objection } : undefined),
    filter(_, { arrival }) {
      const { messageId } = arrival.header;
      if (messageId === '<bug>') throw new Error('bug');
      return messageId === '<filtered>' ? { objection } : undefined;
    },
  };
  return { held, policies: byStage([holds, objects]) };
}

interface Setting {
  readonly submit?: SmtpServiceParts['submit'];
  readonly lmtp?: boolean;
  readonly spool?: MemorySpool;
  readonly proxied?: boolean;
}

const ofConnection: ReadonlySet<string> = new Set(['connect', 'secure', 'hello']);

function start(setting: Setting) {
  const { held, service } = serviceOf(setting);
  const peer = new MemoryPeer();
  service.accept(peer);
  return { held, peer, service };
}

function serviceOf(setting: Setting) {
  const { held, parts } = partsOf(setting);
  return { held, service: createSmtpService(parts) };
}

function partsOf(setting: Setting) {
  const { submit = async () => {}, lmtp = false, spool = new MemorySpool() } = setting;
  const { held, policies } = reserving();
  const limits = { ...defaultLimits, messageSize: 1_000 };
  const clock = new FakeClock();
  const resolved = (local: string) => ({ address: `${local}@a.test`, copy: local, account: local });
  const parts: SmtpServiceParts = {
    settings: () => ({
      ...{ hostname: 'mx.a.test', service: lmtp ? 'lmtp' : 'smtp', startTls: true },
      ...{ bareNewlines: 'refuse', authRequired: false, limits },
      ...{ isTrusted: () => false, mechanisms: () => [], login: () => assert.fail('no login') },
      addressMap: {
        resolve: async ({ local }) => ({ kind: 'accept', recipients: [resolved(local)] }),
      },
      ...{ wayOf: () => ({ delivery: 'local', destination: 'local' }), vrfy: 'no', policies },
      quota: () => ({ bytes: 1e6, messages: 5 }),
      proxies: { has: () => setting.proxied === true, accountOf: async () => undefined },
    }),
    connections: createConnectionLimits({ connections: 10, connectionsPerClient: 10 }),
    startTls: async (peer) => Object.assign(peer, { tls: { protocol: 'TLSv1.3', cipher: 'X' } }),
    ...{ spool, submit, messageId: () => 'id', clock, log: silentLog },
    startQueue: async () => reply(459, '7.1', 'No'),
    random: seededRandom(1),
  };
  return { held, parts };
}

const hello = 'EHLO c.test\r\n';
const mail = 'MAIL FROM:<ann@c.test>\r\n';
const rcpt = 'RCPT TO:<bob@a.test>\r\n';
const whole = `${mail}${rcpt}DATA\r\nHi\r\n.\r\n`;
const called = (id: string) => `${mail}${rcpt}DATA\r\nMessage-ID: <${id}>\r\n\r\n.\r\n`;

const fail = () => Promise.reject(new StorageError('full'));

type World = ReturnType<typeof start>;
const say = (text: string) => (world: World) => world.peer.say(text);

/** What is said, and what of the reservations of the transaction is settled. */
const ways: readonly (readonly [name: string, end: (world: World) => unknown, Setting?])[] = [
  ['RSET', say(`${mail}${rcpt}RSET\r\n`)],
  ['EHLO', say(`${mail}${rcpt}${hello}`)],
  ['HELO', say(`${mail}${rcpt}HELO c.test\r\n`)],
  ['STARTTLS', say(`${mail}${rcpt}STARTTLS\r\n`)],
  ['a refused sender', say('MAIL FROM:<eve@c.test>\r\n')],
  ['another MAIL after a refused one', say(`MAIL FROM:<eve@c.test>\r\n${mail}RSET\r\n`)],
  [
    'a refused recipient, and the next transaction',
    say(`${mail}RCPT TO:<full@a.test>\r\nRSET\r\n`),
  ],
  ['a refused DATA', say(`${mail}RCPT TO:<data@a.test>\r\nDATA\r\nRSET\r\n`)],
  ['refused content', say(called('bad'))],
  ['a filter that refuses', say(called('filtered'))],
  ['a filter that fails', say(called('bug'))],
  ['content that is too much', say(`${mail}${rcpt}DATA\r\n${'x\r\n'.repeat(999)}.\r\n`)],
  ['a bare LF in the content', say(`${mail}${rcpt}DATA\r\na\nb\r\n.\r\n`)],
  ['a store that fails', say(whole), { submit: () => Promise.reject(new StorageError('full')) }],
  ['a bug of ours', say(whole), { submit: () => Promise.reject(new Error('bug')) }],
  ['a full mailbox', say(whole), { submit: async () => [0] }],
  ['QUIT', say(`${mail}${rcpt}QUIT\r\n`)],
  ['a client that is gone', ({ peer }) => peer.say(mail + rcpt).then(() => peer.endInput())],
  ['a connection that breaks', ({ peer }) => peer.say(mail + rcpt).then(() => peer.fail())],
  [
    'a connection that breaks in the content',
    ({ peer }) => peer.say(`${mail}${rcpt}DATA\r\nHi`).then(() => peer.fail()),
  ],
  ['silence', ({ peer }) => peer.say(mail + rcpt).then(() => peer.timeOut())],
  [
    'the end of the server',
    async ({ peer, service }) => {
      await peer.say(mail + rcpt);
      service.destroy();
      await service.shutdown();
    },
  ],
];

describe('reservations of a transaction', () => {
  for (const [name, end, setting = {}] of ways)
    it(`are released by ${name}`, async () => {
      const world = start(setting);
      await world.peer.say(hello);
      await end(world);
      for (let i = 0; i < 5; i += 1) await new Promise((resolve) => setImmediate(resolve));
      const { held } = world;
      const own = held.filter(({ stage }) => !ofConnection.has(stage));
      assert.ok(own.length > 0);
      for (const { stage, ended, times } of own)
        assert.deepEqual([stage, ended, times], [stage, 'released', 1]);
    });

  it('are settled when the message is queued; those of the connection stay until it ends', async () => {
    const { held, peer } = start({});
    await peer.say(hello);
    assert.match(await peer.say(whole), /^250 2\.6\.0 /m);
    const ended = () => held.map((one) => `${one.stage} ${one.ended}`);
    const settled = ['mail', 'rcpt', 'data', 'message', 'filter'].map(
      (stage) => `${stage} settled`,
    );
    assert.deepEqual(ended(), ['connect held', 'hello held', ...settled]);
    await peer.say('QUIT\r\n');
    await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual(ended(), ['connect released', 'hello released', ...settled]);
    assert.deepEqual(new Set(held.map(({ times }) => times)), new Set([1]));
  });

  it('those of a client end when a proxy tells that it is another', async () => {
    const { held, peer } = start({ proxied: true });
    await peer.say(`${hello}XCLIENT ADDR=192.0.2.9\r\n${hello}`);
    const ended = () => held.map(({ stage, ended, times }) => `${stage} ${ended} ${times}`);
    const first = ['connect released 1', 'hello released 1'];
    assert.deepEqual(ended(), [...first, 'connect held 0', 'hello held 0']);
    await peer.fail();
    await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual(ended(), [...first, ...first]);
  });

  it('those of TLS belong to the connection', async () => {
    const { held, peer } = start({});
    await peer.say(`${hello}STARTTLS\r\n`);
    await peer.say(`${hello + mail + rcpt}RSET\r\n`);
    assert.equal(held.find(({ stage }) => stage === 'secure')?.ended, 'held');
    await peer.fail();
    await new Promise((resolve) => setImmediate(resolve));
    for (const { times } of held) assert.equal(times, 1);
  });

  describe('that a program hands in', () => {
    const message: HandIn = {
      ...{ account: 'ann@c.test', client: '', content: Buffer.from('Hi\n') },
      sender: { local: 'ann', domain: 'c.test' },
      recipients: [{ local: 'bob', domain: 'a.test' }],
    };
    const notEnded = ({ held }: Pick<World, 'held'>) =>
      held.flatMap(({ stage, ended, times }) => (times === 1 ? [] : [`${stage} ${ended}`]));

    it('are settled when it is queued, and end with it', async () => {
      const { held, parts } = partsOf({});
      await handIn(parts, 's', message);
      const ends = held.map(({ stage, ended }) => `${stage} ${ended}`);
      const settled = ['mail', 'rcpt', 'data', 'message', 'filter'];
      assert.deepEqual(ends, ['hello released', ...settled.map((stage) => `${stage} settled`)]);
      assert.deepEqual(notEnded({ held }), []);
    });

    it('are released when it is refused, and where nothing can be written or removed', async (t) => {
      const eve = { ...message, sender: { local: 'eve', domain: 'c.test' } };
      const spool = new MemorySpool();
      t.mock.method(spool, 'create', () => ({
        ...{ size: 0, write: fail, commit: fail, abort: fail, release() {} },
      }));
      for (const [one, setting] of [
        [eve, {}],
        [message, { submit: fail }],
        [message, { spool }],
      ] as const) {
        const { held, parts } = partsOf(setting);
        await assert.rejects(handIn(parts, 's', one));
        assert.ok(held.length > 0);
        assert.deepEqual(notEnded({ held }), []);
        assert.ok(held.every(({ ended }) => ended === 'released'));
      }
    });
  });

  it('RFC 2033 §4.2: in LMTP those of a refused recipient alone are released', async () => {
    const { held, peer } = start({ lmtp: true });
    await peer.say('LHLO c.test\r\n');
    await peer.say(`${mail}${rcpt}RCPT TO:<later@a.test>\r\nDATA\r\nHi\r\n.\r\n`);
    assert.deepEqual(
      held.filter(({ stage }) => stage === 'messageFor').map(({ ended }) => ended),
      ['settled', 'released'],
    );
  });
});
