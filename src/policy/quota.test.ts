import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FakeClock } from '../base/fake-clock.ts';
import { formatReply } from '../smtp/reply.ts';
import type { AcceptedRecipient, Envelope } from './envelope.ts';
import { mailboxRoom, quotaOf } from './quota.ts';

const KiB = 1024;

function setUp(limits: { bytes?: number; messages?: number } = { bytes: 100 * KiB }) {
  const clock = new FakeClock();
  const used = new Map<string, { bytes: number; messages: number }>();
  const asked: string[] = [];
  const policy = mailboxRoom({
    quota: () => quotaOf({ bytes: limits.bytes, messages: limits.messages }),
    usage: async (account) => {
      asked.push(account);
      return used.get(account) ?? { bytes: 0, messages: 0 };
    },
    clock,
  });
  const judge = async (bytes: number, ...accounts: string[]) => {
    const targets = accounts.map((account) => ({ address: account, copy: account, account }));
    const params = bytes === 0 ? [] : [{ name: 'SIZE', bytes }];
    const recipient = { targets } as unknown as AcceptedRecipient;
    return policy.rcpt!({ params } as unknown as Envelope, recipient);
  };
  const ask = async (bytes: number, ...accounts: string[]) => {
    const objection = (await judge(bytes, ...accounts))?.objection;
    return objection === undefined ? undefined : formatReply(objection).slice(0, 9);
  };
  return { clock, used, asked, ask, judge };
}

describe('quota, as RCPT asks for it', () => {
  it('RFC 5321 §4.2.3, RFC 3463 §3.3: 452 4.2.2 when it is full, 552 5.2.2 when it never fits', async () => {
    const { ask, used } = setUp();
    used.set('ann', { bytes: 90 * KiB, messages: 1 });
    assert.equal(await ask(11 * KiB, 'ann'), '452 4.2.2');
    assert.equal(await ask(101 * KiB, 'ann'), '552 5.2.2');
    assert.equal(await ask(10 * KiB, 'ann'), undefined);
  });

  it('what fits exactly fits; where not an octet is left, nothing does', async () => {
    const { ask, used } = setUp();
    assert.equal(await ask(100 * KiB, 'bob'), undefined);
    used.set('ann', { bytes: 100 * KiB, messages: 1 });
    assert.equal(await ask(0, 'ann'), '452 4.2.2');
  });

  it('what is announced is not counted: words fill no mailbox', async () => {
    const { ask } = setUp();
    for (let i = 0; i < 100; i += 1) assert.equal(await ask(90 * KiB, 'ann'), undefined);
  });

  it('messages are counted, too', async () => {
    const { ask, used } = setUp({ messages: 2 });
    used.set('ann', { bytes: 1, messages: 1 });
    assert.equal(await ask(1, 'ann'), undefined);
    used.set('bob', { bytes: 1, messages: 2 });
    assert.equal(await ask(1, 'bob'), '452 4.2.2');
  });

  it('asks the store once in a while, so that who makes room gets mail again', async () => {
    const { ask, used, asked, clock } = setUp();
    used.set('ann', { bytes: 100 * KiB, messages: 1 });
    for (let i = 0; i < 10; i += 1) assert.equal(await ask(1, 'ann'), '452 4.2.2');
    assert.deepEqual(asked, ['ann']);
    used.set('ann', { bytes: 0, messages: 0 });
    await clock.advance(5_000);
    assert.equal(await ask(1, 'ann'), undefined);
  });

  it('an alias is refused when all it stands for are full', async () => {
    const { ask, judge, used } = setUp();
    used.set('ann', { bytes: 100 * KiB, messages: 1 });
    assert.deepEqual(await judge(1, 'ann', 'bob'), {
      findings: [{ kind: 'mailbox-full', account: 'ann' }],
    });
    assert.equal(await judge(1, 'bob', 'dan'), undefined);
    used.set('eve', { bytes: 100 * KiB, messages: 1 });
    assert.equal(await ask(1, 'ann', 'eve'), '452 4.2.2');
  });

  it('without limits nobody is asked', async () => {
    const { ask, asked } = setUp({});
    assert.equal(await ask(1, 'ann'), undefined);
    assert.equal(await ask(1), undefined);
    assert.deepEqual(asked, []);
    assert.equal(quotaOf({ bytes: undefined, messages: undefined }), undefined);
    assert.deepEqual(quotaOf({ bytes: undefined, messages: 3 }), { bytes: Infinity, messages: 3 });
  });
});
