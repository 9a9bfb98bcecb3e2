import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FakeClock } from '../../base/fake-clock.ts';
import { silentLog } from '../../base/log.ts';
import { findingText } from '../../mail/finding.ts';
import { DialError } from '../../net/dialer.ts';
import { MemoryPeer } from '../../net/memory-peer.ts';
import { formatReply } from '../../smtp/reply.ts';
import type { Draft } from '../policy.ts';
import { arrivalOf, stranger as client } from '../test-arrival.ts';
import type { ClamdSettings } from './clamd.ts';
import { clamd } from './clamd.ts';

const envelope = {
  ...{ client, sender: null, params: [], recipients: [], findings: [] },
  queueId: () => 'q1',
};
const content = Buffer.from('Subject: a\r\n\r\ntext\r\n');
const draft: Draft = {
  ...{ id: 'q1', above: 'A: 1\r\n', below: '' },
  arrival: arrivalOf(content),
};

function clamdAt(
  dial: () => Promise<MemoryPeer>,
  settings: Partial<ClamdSettings>,
  clock = new FakeClock(),
) {
  const results: string[] = [];
  const policy = clamd({
    settings: {
      ...{ name: 'c', place: { path: '/c' }, mail: 'all', onFailure: 'tempfail' },
      ...{ connectTimeout: 1, messageTimeout: 2, largest: 1000 },
      ...settings,
    },
    dialer: { dial },
    reports: { log: silentLog, clock, count: (result) => results.push(result) },
    clock,
  });
  return { results, filter: async () => policy.filter!(envelope, draft) };
}

/** What comes of a message when clamd says this, or nothing at all. */
async function asked(says: string | undefined, settings: Partial<ClamdSettings> = {}) {
  const peer = new MemoryPeer();
  const clock = new FakeClock();
  const { filter, results } = clamdAt(async () => peer, settings, clock);
  const pending = filter();
  let sent = '';
  if ((settings.largest ?? 1000) >= content.length) {
    sent = says === undefined ? await peer.endInput() : await peer.say(says);
    if (says === 'trickles') clock.advance(2);
  }
  const answer = await pending;
  const { objection } = answer ?? {};
  return {
    ...{ sent, results, destroyed: peer.destroyed },
    said: objection && formatReply(objection).trimEnd(),
    told: answer?.findings?.map(findingText),
  };
}

describe('clamd', () => {
  it('gets the message in pieces, each with its length, and the end', async () => {
    const { sent, told, results, destroyed } = await asked('stream: OK\0');
    const frame = (text: string) => `\0\0\0${String.fromCharCode(text.length)}${text}`;
    assert.equal(sent, `zINSTREAM\0${frame('A: 1\r\n')}${frame(content.toString())}${frame('')}`);
    assert.deepEqual([told, results, destroyed], [['c: clean'], ['accepted'], true]);
  });

  it('what it finds is refused by its name', async () => {
    const { said, told } = await asked('stream: Some.Worm-1 FOUND\0');
    assert.equal(said, '550 5.7.1 The message was refused: Some.Worm-1');
    assert.deepEqual(told, ['c: refused; Some.Worm-1']);
  });

  for (const [why, says] of [
    ['an error', 'INSTREAM size limit exceeded. ERROR\0'],
    ['nothing', undefined],
    ['more than anybody reads', 'x'.repeat(5000)],
    ['only the beginning of it, for too long', 'trickles'],
  ] as const)
    it(`${why} for an answer is decided by the settings`, async () => {
      const strict = await asked(says);
      assert.match(strict.said!, /^451 4\.3\.0 /);
      const mild = await asked(says, { onFailure: 'accept' });
      assert.equal(mild.said, undefined);
      assert.match(mild.told![0]!, /^c: no answer, taken without it: ./);
      assert.deepEqual(mild.results, ['failed']);
    });

  it('what is too large for it is taken without, and told', async () => {
    const { said, told, sent } = await asked('never said', { largest: 10 });
    assert.deepEqual([said, told, sent], [undefined, ['c: not looked at; too large'], '']);
  });

  it('one that says nothing while it is still being shown the message is decided by the settings', async () => {
    const peer = new MemoryPeer();
    peer.stick();
    const clock = new FakeClock();
    const { filter } = clamdAt(async () => peer, { onFailure: 'accept' }, clock);
    const pending = filter();
    await peer.hear();
    const over = peer.timeOut();
    await new Promise((resolve) => setImmediate(resolve));
    clock.advance(2);
    const [answer] = await Promise.all([pending, over]);
    assert.deepEqual(answer?.findings?.map(findingText), [
      'c: no answer, taken without it: silent',
    ]);
  });

  it('one that is not there is decided by the settings', async () => {
    const gone = async () => {
      throw new DialError('no such file', false);
    };
    const answer = await clamdAt(gone, { onFailure: 'accept' }).filter();
    assert.deepEqual(answer?.findings?.map(findingText), [
      'c: no answer, taken without it: no such file',
    ]);
  });
});
