import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Answers } from '../policy/answers.ts';
import type { ClientFacts } from '../policy/envelope.ts';
import type { HeadChange } from '../policy/policy.ts';
import { arrivalOf, stranger } from '../policy/test-arrival.ts';
import { takingOf } from './taking.ts';

const client: ClientFacts = {
  ...stranger,
  remote: { address: '2001:db8::1', port: 40_000 },
};
const bytes = Buffer.from('Subject: Hello\r\n\r\n');
const arrival = arrivalOf(bytes);

function taken(of: Partial<ClientFacts>, changes: readonly HeadChange[] = []) {
  const answers = new Answers({ error: () => {} });
  for (const head of changes) void answers.ask([head], () => ({ head }));
  const sender = { local: 'ann', domain: 'client.test' };
  const envelope = {
    client: { ...client, ...of },
    sender,
    params: [],
    recipients: [],
    findings: [],
    queueId: () => 'q1',
  };
  const transaction = { envelope, answers, extended: true, began: 0, recipients: [] };
  const facts = { id: '1a2b', now: 0, hostname: 'mx.example.org' };
  return takingOf(transaction, arrival, facts);
}

describe('takingOf', () => {
  it('RFC 6409 §8: mends submissions, and nothing else', () => {
    const mended = taken({ service: 'submission', account: 'ann.lee@client.test' }).draft;
    assert.match(
      mended.below,
      /^Date: .*\r\nMessage-ID: <1a2b@mx\.example\.org>\r\nFrom: ann@client\.test\r\n$/,
    );
    assert.equal(taken({ trusted: true }).draft.below, '');
    assert.equal(taken({ service: 'lmtp' }).draft.below, '');
  });

  it('what policies put in front stands above our Received, the last of it first', () => {
    const { draft, held, discarded } = taken({}, [{ front: 'A: 1\r\n' }, { front: 'B: 2\r\n' }]);
    assert.equal(draft.above, 'B: 2\r\nA: 1\r\n');
    assert.deepEqual([held, discarded], [false, false], 'no filter has seen it');
  });
});
