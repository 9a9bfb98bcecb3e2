import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FakeClock } from '../base/fake-clock.ts';
import { formatReply } from '../smtp/reply.ts';
import { createQuotaRule } from './quota.ts';

const KiB = 1024;

function setUp(limits: { bytes?: number; messages?: number } = { bytes: 100 * KiB }) {
  const clock = new FakeClock();
  const used = new Map<string, { bytes: number; messages: number }>();
  const asked: string[] = [];
  const rule = createQuotaRule({
    limits: () => ({ bytes: limits.bytes, messages: limits.messages }),
    usage: async (account) => {
      asked.push(account);
      return used.get(account) ?? { bytes: 0, messages: 0 };
    },
    clock,
  });
  const ask = async (bytes: number, ...accounts: string[]) => {
    const objection = await rule.objection(accounts, bytes);
    return objection === undefined ? undefined : formatReply(objection).slice(0, 9);
  };
  return { clock, used, asked, ask, rule };
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
    const { ask, used } = setUp();
    used.set('ann', { bytes: 100 * KiB, messages: 1 });
    assert.equal(await ask(1, 'ann', 'bob'), undefined);
    used.set('eve', { bytes: 100 * KiB, messages: 1 });
    assert.equal(await ask(1, 'ann', 'eve'), '452 4.2.2');
  });

  it('without limits nobody is asked', async () => {
    const { ask, asked, rule } = setUp({});
    assert.equal(await ask(1, 'ann'), undefined);
    assert.equal(await ask(1), undefined);
    assert.deepEqual([asked, rule.quota()], [[], undefined]);
    assert.deepEqual(setUp({ messages: 3 }).rule.quota(), { bytes: Infinity, messages: 3 });
  });
});
