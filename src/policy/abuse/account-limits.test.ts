import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FakeClock } from '../../base/fake-clock.ts';
import { silentLog } from '../../base/log.ts';
import type { Rate } from '../../base/token-buckets.ts';
import { formatReply } from '../../smtp/reply.ts';
import type { Told } from '../../store/nodes.ts';
import { openStores } from '../../store/open-stores.ts';
import type { Envelope } from '../envelope.ts';
import type { PolicyAnswer } from '../policy.ts';
import type { AccountHold } from './account-holds.ts';
import { AccountHolds, heldAccounts, releaseAccount } from './account-holds.ts';
import type { AccountLimitsParts } from './account-limits.ts';
import { accountLimits } from './account-limits.ts';

const ann = 'ann@example.org';
const envelope = (account: string | undefined) => ({ client: { account } }) as unknown as Envelope;

async function setUp(
  unlimitedAccounts: readonly string[] = [],
  messagesPerAccount: readonly Rate[] = [],
) {
  const clock = new FakeClock();
  const stores = await openStores({ directory: ':memory:', log: silentLog, clock });
  const told: AccountHold[] = [];
  const make = (others: Pick<AccountLimitsParts, 'tellOthers' | 'watchHeld'> = {}) =>
    accountLimits({
      ...others,
      clock,
      holds: new AccountHolds({ records: stores.records, clock }),
      rates: () => ({
        messagesPerAccount,
        recipientsPerAccount: [{ count: 3, perMs: 3_600_000 }],
        unlimitedAccounts,
        holdFor: 3_600_000,
      }),
      onHold: (hold) => told.push(hold),
    });
  const policy = make();
  const said = async (asked: unknown) => {
    const answer = (await asked) as PolicyAnswer | undefined;
    return answer?.objection && formatReply(answer.objection).trimEnd();
  };
  const mail = (account?: string, by = policy) => said(by.mail!(envelope(account)));
  const rcpt = (account?: string) => said(policy.rcpt!(envelope(account), {} as never));
  return { clock, stores, told, make, policy, mail, rcpt };
}

describe('an account that sends to too many', () => {
  it('is stopped with 450 until later, also after a restart; people are told once', async () => {
    await using all = await setUp().then((made) =>
      Object.assign(made, { [Symbol.asyncDispose]: () => made.stores[Symbol.asyncDispose]() }),
    );
    const { clock, told, mail, rcpt, make, stores } = all;
    assert.equal(await mail(ann), undefined);
    for (let i = 0; i < 3; i += 1) assert.equal(await rcpt(ann), undefined);
    const refused = await Promise.all([rcpt(ann), rcpt(ann), rcpt(ann)]);
    for (const one of refused)
      assert.match(
        one!,
        /^450 4\.7\.1 Sending by this account is stopped until .*: it sent more than 3 recipients in 1h\. /,
      );
    assert.match((await mail(ann))!, /^450 /);
    assert.match((await mail(ann, make()))!, /^450 /, 'after a restart');
    assert.deepEqual(
      told.map(({ account, reason }) => [account, reason]),
      [[ann, 'more than 3 recipients in 1h']],
    );
    assert.equal(await mail('bob@example.org'), undefined);
    assert.equal(await mail(undefined), undefined);
    assert.deepEqual([...(await heldAccounts(stores.records)).keys()], [ann]);
    await clock.advance(3_600_000);
    assert.equal(await mail(ann), undefined, 'the time is over');
  });

  it('is free at every node when it is free, wherever it was stopped', async () => {
    await using all = await setUp([], [{ count: 3, perMs: 86_400_000 }]).then((made) =>
      Object.assign(made, { [Symbol.asyncDispose]: () => made.stores[Symbol.asyncDispose]() }),
    );
    const { mail, make, stores, told } = all;
    const topics: Map<string, Told>[] = [new Map(), new Map()];
    const tell = () => {
      for (const [topic, { say }] of topics[0]!) {
        const said = say();
        if (said !== undefined) topics[1]!.get(topic)!.hear(said);
      }
    };
    let changed = (_: Iterable<string>) => {};
    const one = make({ tellOthers: (topic, it) => topics[0]!.set(topic, it) });
    const two = make({
      tellOthers: (topic, it) => topics[1]!.set(topic, it),
      watchHeld: (listener) => {
        changed = listener;
      },
    });
    tell(); // from now on
    for (let i = 0; i < 3; i += 1) assert.equal(await mail(ann, one), undefined);
    tell();
    assert.match((await mail(ann, one))!, /^450 /);
    changed((await heldAccounts(stores.records)).keys());
    assert.equal(await releaseAccount(stores.records, ann), true);
    for (const node of [one, two]) assert.equal(await mail(ann, node), undefined);
    assert.equal(told.length, 1);
  });

  it('that is released may send at once, and begins anew', async () => {
    const { mail, rcpt, stores } = await setUp();
    for (let i = 0; i < 4; i += 1) await rcpt(ann);
    assert.match((await mail(ann))!, /^450 /);
    assert.equal(await releaseAccount(stores.records, ann), true);
    assert.equal(await releaseAccount(stores.records, ann), false);
    assert.equal(await mail(ann), undefined);
    for (let i = 0; i < 3; i += 1) assert.equal(await rcpt(ann), undefined);
    assert.match((await rcpt(ann))!, /^450 /);
    await stores[Symbol.asyncDispose]();
  });

  it('messages are counted as recipients are, and begin anew with them', async () => {
    const { mail, told, stores } = await setUp([], [{ count: 2, perMs: 3_600_000 }]);
    const sendThree = async () => {
      for (let i = 0; i < 2; i += 1) assert.equal(await mail(ann), undefined);
      assert.match((await mail(ann))!, /^450 .*: it sent more than 2 messages in 1h\. /);
    };
    await sendThree();
    await releaseAccount(stores.records, ann);
    await sendThree();
    assert.equal(told.length, 2);
    await stores[Symbol.asyncDispose]();
  });

  it('recipients of a message that came to nothing do not count; nor do those of unlimited ones', async () => {
    const { policy, rcpt, stores } = await setUp(['News@EXAMPLE.org']);
    for (let i = 0; i < 20; i += 1) {
      const taken = policy.rcpt!(envelope(ann), {} as never) as PolicyAnswer;
      taken.reservation!.release();
      assert.equal(await rcpt('news@example.org'), undefined);
    }
    assert.equal(await rcpt(ann), undefined);
    await stores[Symbol.asyncDispose]();
  });
});
