import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FakeClock } from '../../base/fake-clock.ts';
import { silentLog } from '../../base/log.ts';
import { SharedRoom } from '../../base/shared-room.ts';
import { parseMailbox } from '../../mail/fields/address.ts';
import { findingText } from '../../mail/finding.ts';
import { FrameReader, formatFrame, formatNumber, formatTexts } from '../../milter/frame.ts';
import { DialError } from '../../net/dialer.ts';
import type { Peer } from '../../net/peer.ts';
import { PeerTimeout } from '../../net/peer.ts';
import { parseStoredRcptParams } from '../../smtp/extensions/index.ts';
import { formatReply, reply } from '../../smtp/reply.ts';
import type { Draft, FilterAnswer, PolicyAnswer, Reservation } from '../policy.ts';
import { arrivalOf, stranger as client } from '../test-arrival.ts';
import type { FilterResult } from './filter.ts';
import { milter } from './milter.ts';
import type { MilterSettings } from './milter-client.ts';

const mailbox = (address: string) => parseMailbox(address)!;
const envelope = {
  ...{ client, sender: mailbox('eve@far.test'), params: [], recipients: [], findings: [] },
  queueId: () => 'q1',
};
const bob = {
  named: mailbox('bob@example.net'),
  params: [],
  targets: [{ address: 'bob@example.net', account: 'bob@example.net', copy: '' }],
};
const content = Buffer.from('Subject: a\r\n\r\ntext\r\n');
const draft: Draft = {
  ...{ id: 'q1', above: '', below: '' },
  arrival: arrivalOf(content),
};

type Says = Buffer | 'hangs' | 'ends';

/** What the milter says to each command, by its code; it goes on where nothing is said here. */
interface Script {
  readonly steps?: number;
  readonly says?: Readonly<Record<string, readonly Says[]>>;
}

/** A milter with a connection for each script, and the rules it has for us. */
function world(
  scripts: readonly Script[],
  settings: Partial<MilterSettings> = {},
  changesBytesMax = 10_000,
) {
  const room = new SharedRoom(1_000_000);
  const told: string[][] = [];
  const results: FilterResult[] = [];
  const clock = new FakeClock();
  const waiting = [...scripts];
  let calls = 0;
  const policy = milter({
    settings: {
      ...{ name: 'm', place: { path: '/m' }, mail: 'all', onFailure: 'tempfail' },
      ...{ connectTimeout: 1, commandTimeout: 2, messageTimeout: 3 },
      ...settings,
    },
    dialer: {
      async dial() {
        calls += 1;
        const script = waiting.shift();
        if (script === undefined) throw new DialError('connection refused', true);
        const lines: string[] = [];
        told.push(lines);
        return scripted(script, lines);
      },
    },
    reports: { log: silentLog, clock, count: (result) => results.push(result) },
    ...{
      hostname: () => 'mx.example.net',
      version: 'Postrider',
      reverseOf: async () => ({ result: 'fail' }),
    },
    changesBytesMax: () => changesBytesMax,
    room,
  });
  return { policy, room, told, results, clock, calls: () => calls };
}

function scripted({ steps = 0, says = {} }: Script, lines: string[]): Peer {
  const reader = new FrameReader();
  const pending: Says[] = [];
  const rest = new Map(Object.entries(says).map(([code, all]) => [code, [...all]]));
  let isGone = false;
  const hear = (code: string): void => {
    if (code === 'O')
      pending.push(formatFrame('O', formatNumber(6), formatNumber(0x1ff), formatNumber(steps)));
    else if (!'DAQK'.includes(code)) pending.push(rest.get(code)?.shift() ?? formatFrame('c'));
  };
  return {
    remote: client.remote,
    local: client.local,
    tls: undefined,
    async write(bytes) {
      if (isGone) throw new Error('gone');
      reader.receive(Buffer.from(bytes as Uint8Array));
      for (let frame = reader.next(); frame !== undefined; frame = reader.next()) {
        const text = frame.data.toString('latin1').replaceAll('\0', '|');
        if (frame.code !== 'D' && frame.code !== 'O') lines.push(`${frame.code} ${text}`.trim());
        hear(frame.code);
      }
    },
    async read(timeoutMs) {
      const next = pending.shift();
      if (isGone) throw new Error('gone');
      if (next === 'ends') return undefined;
      if (next === 'hangs' || next === undefined) throw new PeerTimeout(`after ${timeoutMs}`);
      return next;
    },
    async end() {
      isGone = true;
    },
    destroy() {
      isGone = true;
    },
  };
}

type World = ReturnType<typeof world>;

async function upToData({ policy }: Pick<World, 'policy'>) {
  const connected = await policy.connect!(client);
  const hello = await policy.hello!(client);
  return { connected, hello, ...(await transaction({ policy })) };
}

async function transaction({ policy }: Pick<World, 'policy'>) {
  const mail = await policy.mail!(envelope);
  const rcpt = await policy.rcpt!(envelope, bob);
  const data = await policy.data!(envelope);
  return { mail, rcpt, data };
}

const told = (answer: PolicyAnswer | undefined) => (answer?.findings ?? []).map(findingText);
const said = (answer: PolicyAnswer | undefined) =>
  answer?.objection === undefined ? undefined : formatReply(answer.objection).trimEnd();
const release = (answer: { readonly reservation?: Reservation | undefined } | undefined) =>
  answer!.reservation!.release();

describe('a milter as a policy', () => {
  it('sees a client, its transactions and its messages, and leaves with it', async () => {
    const one = world([{}]);
    const { connected, mail } = await upToData(one);
    const answer = await one.policy.filter!(envelope, draft);
    mail!.reservation!.settle!();
    release(await one.policy.mail!(envelope));
    release(connected);
    assert.deepEqual(told(answer), ['m: accepted']);
    assert.deepEqual(one.told, [
      [
        'C [192.0.2.1]|4\x12g192.0.2.1|',
        'H client.test|',
        'M <eve@far.test>|',
        'R <bob@example.net>|',
        'T',
        'L Subject|a|',
        'N',
        'B text',
        'E',
        'M <eve@far.test>|',
        'A',
        'Q',
      ],
    ]);
    assert.deepEqual(one.results, ['accepted']);
  });

  it('RFC 5321 §4.1.4: is told of another name that ended a transaction, with the next one', async () => {
    const one = world([{ says: { H: [formatFrame('c'), formatFrame('r')] } }]);
    const { connected, mail } = await upToData(one);
    assert.equal(await one.policy.hello!({ ...client, hello: 'other.test' }), undefined);
    release(mail);
    const renamed = { ...envelope, client: { ...client, hello: 'other.test' } };
    const next = await one.policy.mail!(renamed);
    assert.match(said(next)!, /^550 /);
    release(next);
    release(connected);
    assert.deepEqual(
      one.told[0]!.filter((line) => /^[HMA]/.test(line)),
      ['H client.test|', 'M <eve@far.test>|', 'A', 'H other.test|'],
    );
  });

  it('its changes are what is to be done, and are told', async () => {
    const changes = Buffer.concat([
      formatFrame('i', formatNumber(0), formatTexts('X-Top', 'one')),
      formatFrame('h', formatTexts('X-End', 'two')),
      formatFrame('m', formatNumber(1), formatTexts('Subject', '')),
      formatFrame('b', Buffer.from('new\nbody\r\n')),
      formatFrame('b', Buffer.from('more\r')),
      formatFrame('e', formatTexts('<>')),
      formatFrame('2', formatTexts('<carl@far.test>', 'notify=NEVER')),
      formatFrame('-', formatTexts('<bob@example.net>')),
      formatFrame('q', formatTexts('odd')),
      formatFrame('c'),
    ]);
    const one = world([{ says: { E: [changes] } }]);
    await upToData(one);
    const answer = (await one.policy.filter!(envelope, draft)) as FilterAnswer;
    assert.deepEqual(told(answer), [
      'm: accepted; added X-Top; added X-End; took out Subject; replaced the body; ' +
        'changed the sender to <>; added the recipient carl@far.test; ' +
        'took out the recipient bob@example.net; held: odd',
    ]);
    assert.equal(answer.above, 'X-Top: one\r\n');
    assert.deepEqual(
      answer.splices!.map(({ start, end, put }) => [start, end, Buffer.from(put).toString()]),
      [
        [0, 12, 'X-End: two\r\n'],
        [14, 20, 'new\r\nbody\r\nmore\r\n'],
      ],
    );
    assert.deepEqual(answer.sender, { sender: null, params: [] });
    const params = parseStoredRcptParams(['NOTIFY=NEVER']);
    assert.deepEqual(answer.recipients, [
      { kind: 'add', mailbox: mailbox('carl@far.test'), params },
      { kind: 'remove', mailbox: mailbox('bob@example.net') },
    ]);
    assert.equal(answer.held, true);
    assert.deepEqual(one.results, ['held']);
  });

  it('a recipient may be without a domain, and nobody is neither added nor taken out', async () => {
    const changes = Buffer.concat([
      formatFrame('+', formatTexts('postmaster')),
      formatFrame('+', formatTexts('<>')),
      formatFrame('-', formatTexts('')),
      formatFrame('c'),
    ]);
    const one = world([{ says: { E: [changes] } }]);
    await upToData(one);
    const answer = (await one.policy.filter!(envelope, draft)) as FilterAnswer;
    assert.deepEqual(answer.recipients, [
      { kind: 'add', mailbox: { local: 'postmaster', domain: '' }, params: [] },
    ]);
  });

  it('what it refuses is refused where it does so', async () => {
    const reject = formatFrame('r');
    const answers = {
      C: await upToData(world([{ says: { C: [reject] } }])),
      H: await upToData(world([{ says: { H: [formatFrame('t')] } }])),
      M: await upToData(world([{ says: { M: [formatFrame('y', formatTexts('554 No'))] } }])),
      R: await upToData(world([{ says: { R: [reject] } }])),
      T: await upToData(world([{ says: { T: [formatFrame('4')] } }])),
    };
    assert.equal(said(answers.C.connected), '550 5.7.1 The message was refused');
    assert.match(said(answers.H.hello)!, /^451 4\.7\.1 /);
    assert.equal(said(answers.M.mail), '554 5.7.1 No');
    assert.deepEqual(told(answers.R.rcpt), ['m: refused; the recipient <bob@example.net>']);
    assert.equal(said(answers.R.data), undefined, 'a recipient is not the message');
    assert.match(said(answers.T.data)!, /^421 4\.7\.1 /);
  });

  it('what it refuses in the middle of a message is not shown to its end', async () => {
    const one = world([{ says: { L: [formatFrame('r')] } }]);
    await upToData(one);
    const answer = await one.policy.filter!(envelope, draft);
    assert.equal(said(answer), '550 5.7.1 The message was refused');
    assert.deepEqual(told(answer), ['m: refused; the message']);
    assert.deepEqual(one.told[0]!.slice(-1), ['L Subject|a|']);
  });

  it('what it accepts or discards early it does not see any more', async () => {
    const accepting = world([{ says: { M: [formatFrame('a')] } }]);
    await upToData(accepting);
    assert.deepEqual(told(await accepting.policy.filter!(envelope, draft)), ['m: accepted']);
    assert.deepEqual(accepting.told[0]!.slice(2), ['M <eve@far.test>|']);
    const discarding = world([{ says: { R: [formatFrame('d')] } }]);
    await upToData(discarding);
    const answer = await discarding.policy.filter!(envelope, draft);
    assert.equal((answer as FilterAnswer).discarded, true);
    assert.deepEqual(told(answer), ['m: discarded']);
  });

  for (const [why, says] of [
    ['hangs', { E: ['hangs'] }],
    ['ends the connection', { E: ['ends'] }],
    ['makes no sense', { B: [formatFrame('?')] }],
    [
      'names an address that is none',
      { E: [Buffer.concat([formatFrame('+', formatTexts('<a b@>')), formatFrame('c')])] },
    ],
  ] as const)
    it(`one that ${why} is decided by the settings`, async () => {
      const strict = world([{ says }]);
      await upToData(strict);
      const later = await strict.policy.filter!(envelope, draft);
      assert.match(said(later)!, /^451 4\.3\.0 /);
      assert.match(told(later)[0]!, /^m: no answer: ./);
      const mild = world([{ says }], { onFailure: 'accept' });
      await upToData(mild);
      const taken = await mild.policy.filter!(envelope, draft);
      assert.equal(said(taken), undefined);
      assert.match(told(taken)[0]!, /^m: no answer, taken without it: ./);
      assert.deepEqual([...strict.results, ...mild.results], ['failed', 'failed']);
    });

  it('one that is not there is decided by the settings, at MAIL at the earliest', async () => {
    const strict = world([]);
    const { connected, hello, mail } = await upToData(strict);
    assert.deepEqual([said(connected), said(hello)], [undefined, undefined]);
    assert.match(said(mail)!, /^451 4\.3\.0 /);
    const mild = world([], { onFailure: 'accept' });
    const answers = await upToData(mild);
    assert.deepEqual([said(answers.mail), said(answers.data)], [undefined, undefined]);
    assert.deepEqual(told(await mild.policy.filter!(envelope, draft)), [
      'm: no answer, taken without it: connection refused',
    ]);
  });

  it('one that was not there is called again, but not at once', async () => {
    const one = world([]);
    await one.policy.connect!(client);
    assert.match(said(await one.policy.mail!(envelope))!, /^451/);
    assert.equal(one.calls(), 1);
    one.clock.advance(2_000);
    assert.match(said(await one.policy.mail!(envelope))!, /^451/);
    assert.equal(one.calls(), 2);
  });

  it('a connection that is gone is made anew for the next transaction, and the client told of', async () => {
    const one = world([{ says: { M: [formatFrame('c'), 'ends'] } }, {}]);
    const { mail } = await upToData(one);
    release(mail);
    assert.equal((await transaction(one)).rcpt, undefined);
    assert.deepEqual(one.told[1]!.slice(0, 3), [
      'C [192.0.2.1]|4\x12g192.0.2.1|',
      'H client.test|',
      'M <eve@far.test>|',
    ]);
  });

  it('one that hangs at MAIL is not called again for it', async () => {
    const one = world([{ says: { M: ['hangs'] } }, {}]);
    const { mail } = await upToData(one);
    assert.match(said(mail)!, /^451/);
    assert.equal(one.told.length, 1);
  });

  it('sees only whom it is for', async () => {
    const submitted = world([{}], { mail: 'submitted' });
    await upToData(submitted);
    assert.equal(await submitted.policy.filter!(envelope, draft), undefined);
    assert.deepEqual(submitted.told, []);
    const user = { ...envelope, client: { ...client, account: 'eve@far.test' } };
    assert.equal(said(await submitted.policy.mail!(user)), undefined);
    assert.equal(submitted.told.length, 1);
    const incoming = world([{}], { mail: 'incoming' });
    await incoming.policy.connect!(client);
    assert.equal(await incoming.policy.mail!(user), undefined);
  });

  it('sees lines that are no command, between transactions and in them, and may say its own no', async () => {
    const one = world([{ says: { U: [formatFrame('c'), formatFrame('t'), formatFrame('c')] } }]);
    const { policy } = one;
    assert.equal(await policy.unknown!(client, 'before it is there'), undefined);
    await policy.connect!(client);
    assert.equal(await policy.unknown!(client, 'XYZZY one'), undefined);
    const said = await policy.unknown!(client, 'XYZZY two');
    assert.equal(said?.objection?.code, 451);
    await policy.hello!(client);
    await policy.mail!(envelope);
    assert.equal(await policy.unknown!(client, 'XYZZY three'), undefined);
    await policy.rcpt!(envelope, bob);
    await policy.data!(envelope);
    assert.equal(await policy.unknown!(client, 'between chunks'), undefined);
    assert.deepEqual(
      one.told[0]!.filter((line) => line.startsWith('U')),
      ['U XYZZY one|', 'U XYZZY two|', 'U XYZZY three|'],
    );
  });

  it('a line that it fails to look at costs the transaction it was in, and nothing outside of one', async () => {
    const one = world([{ says: { U: ['hangs'] } }, { says: { U: ['hangs'] } }]);
    const { policy } = one;
    await policy.connect!(client);
    assert.equal(await policy.unknown!(client, 'XYZZY'), undefined);
    await policy.hello!(client);
    assert.equal((await policy.mail!(envelope))?.objection, undefined);
    assert.equal((await policy.unknown!(client, 'XYZZY'))?.objection?.code, 451);
    assert.equal((await policy.filter!(envelope, draft))?.objection?.code, 451);
  });

  it('learns the id once a recipient was accepted, and it is made no sooner', async () => {
    let made = 0;
    const queueId = () => {
      made += 1;
      return `q${made}`;
    };
    const one = world([{}]);
    await one.policy.connect!(client);
    await one.policy.hello!(client);
    await one.policy.mail!({ ...envelope, queueId });
    await one.policy.rcpt!({ ...envelope, queueId }, bob);
    assert.equal(made, 0);
    await one.policy.rcpt!({ ...envelope, queueId, recipients: [bob] }, bob);
    assert.equal(made, 1);
  });

  it('sees recipients that were refused, if it wants to', async () => {
    const why = reply(550, '1.1', 'No such mailbox');
    for (const [steps, shown] of [
      [0x800, 1],
      [0, 0],
    ] as const) {
      const one = world([{ steps }]);
      await one.policy.connect!(client);
      await one.policy.hello!(client);
      await one.policy.mail!(envelope);
      await one.policy.refusedRcpt!(envelope, mailbox('x@example.net'), why);
      assert.equal(one.told[0]!.filter((line) => line === 'R <x@example.net>|').length, shown);
    }
  });
});

it('large bodies in place of others are heard only as far as there is room for them', async () => {
  const body = Buffer.concat(Array(30).fill(formatFrame('b', Buffer.alloc(60_000, 'x'))));
  const one = world([{ says: { E: [body] } }], {}, 10_000_000);
  await upToData(one);
  const giveBack = await one.room.take(1_000_000);
  let isOver = false;
  const filtering = Promise.resolve(one.policy.filter!(envelope, draft)).finally(() => {
    isOver = true;
  });
  for (let i = 0; i < 20; i += 1) await new Promise(setImmediate);
  assert.ok(!isOver, 'it waits for room');
  giveBack();
  // The filter says no more than that.
  await filtering;
  (await one.room.take(1_000_000))();
});
