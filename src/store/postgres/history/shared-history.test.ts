// One history of two nodes: whoever is asked knows what both have done.

import assert from 'node:assert/strict';
import { appendFileSync, cpSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { FakeClock } from '../../../base/fake-clock.ts';
import { happenings } from '../../conformance/history-events.ts';
import type { HistoryEvent } from '../../history.ts';
import { ask, testCluster, withoutPostgres } from '../test-cluster.ts';
import { eventually } from '../test-two-nodes.ts';
import { dayMs, openNodeHistory, type TestNode } from './test-history.ts';

async function openTwo() {
  const url = await (await testCluster()).database();
  const clock = new FakeClock();
  const one = await openNodeHistory(url, 'one', clock);
  const two = await openNodeHistory(url, 'two', clock);
  return {
    ...happenings(clock.now()),
    ...{ url, clock, one, two },
    async [Symbol.asyncDispose]() {
      await one[Symbol.asyncDispose]();
      await two[Symbol.asyncDispose]();
    },
  };
}

/** Recorded, and where all can see it. */
async function record({ opened }: TestNode, events: readonly HistoryEvent[]): Promise<void> {
  for (const event of events) opened.history.record(event);
  await opened.search.messages({ limit: 1 });
}

const messages = async ({ opened }: TestNode, asked: object = {}) =>
  (await opened.search.messages({ limit: 100, ...asked })).items;

const count = async (url: string, table: string): Promise<number> =>
  Number((await ask(url, `SELECT count(*) AS n FROM ${table}`)).rows[0].n);

describe('the history of two nodes', { skip: withoutPostgres() }, () => {
  it('a message that came in at one and left by the other has one story, at both', async () => {
    await using test = await openTwo();
    const { one, two, received, attempt } = test;
    const came = received({ messageId: '<m1@host.example>' });
    const [deferred, went] = [
      attempt(came, 'deferred', '451 busy'),
      { ...attempt(came, 'relayed'), at: came.at + 60_000 },
    ] as const;
    await record(one, [came, deferred]);
    await record(two, [went]);
    for (const { opened } of [one, two]) {
      assert.deepEqual(await opened.history.find(came.id), [came, deferred, went]);
      assert.deepEqual(await opened.history.find('m1@host.example'), [came, deferred, went]);
    }
    for (const node of [one, two]) {
      const [found] = await messages(node, { state: 'delivered', text: 'm1 ok' });
      assert.deepEqual([found?.id, found?.lastReply], [came.id, '250 OK']);
      assert.deepEqual(await messages(node, { state: 'deferred' }), []);
    }
  });

  it('whichever of them tells first, and whatever its clock says', async () => {
    await using test = await openTwo();
    const { one, two, received, attempt } = test;
    const two_ = { recipients: ['list@x.org', 'b@x.org'], recipientCount: 2 };
    const came = received(two_);
    const early = { ...attempt(came, 'delivered', '250 OK', 'member@y.org'), at: came.at - 300 };
    const late = { ...attempt(came, 'failed', '550 no', 'b@x.org'), at: came.at + 5 };
    await record(two, [late]);
    assert.deepEqual(await messages(two), [], 'nobody knows yet how it came in');
    await record(two, [early]);
    await record(one, [came]);
    for (const node of [one, two]) {
      const [found] = await messages(node, { recipient: 'member@y.org' });
      assert.deepEqual(
        [found?.state, found?.lastReply, found?.lastEvent, found?.recipients],
        ['bounced', '550 no', late.at, ['list@x.org', 'b@x.org', 'member@y.org']],
      );
      assert.deepEqual(await node.opened.history.find(came.id), [came, early, late]);
    }
  });

  it('refusals of both are in the order of their time', async () => {
    await using test = await openTwo();
    const { one, two, refused } = test;
    const all = [1, 2, 3, 4].map((i) => refused({ to: 'ann@example.org', reason: `no ${i}` }, ''));
    // Of one moment there may be several.
    const last = { ...refused({ to: 'ann@example.org', reason: 'no 5' }, ''), at: all[3]!.at };
    for (const [i, event] of [...all, last].entries()) await record(i % 2 ? two : one, [event]);
    for (const { opened } of [one, two]) {
      const { items } = await opened.search.refusals({ limit: 9, recipient: '@example.org' });
      const reasons = items.map(({ reason }) => reason);
      assert.deepEqual(reasons.slice(2), ['no 3', 'no 2', 'no 1']);
      assert.deepEqual(reasons.slice(0, 2).sort(), ['no 4', 'no 5']);
      assert.equal((await opened.history.findRefused('ann@example.org')).length, 5);
    }
  });

  it('what is written is copied within a second or so without being asked for', async () => {
    await using test = await openTwo();
    const { one, two, clock, url, received, attempt } = test;
    const came = received();
    one.opened.history.record(came);
    two.opened.history.record(attempt(came, 'relayed'));
    await clock.advance(50);
    await Promise.all([one, two].map(({ opened }) => opened.history.flush()));
    await clock.advance(1000);
    await eventually(async () => (await count(url, 'history_message')) === 1);
    await eventually(async () => (await count(url, 'history_event')) === 1);
  });

  it('each line is copied once, whoever copies at the same time under one name', async () => {
    await using test = await openTwo();
    const { one, url, clock, received, attempt } = test;
    await using again = await openNodeHistory(url, 'one', clock, one.directory);
    const all = Array.from({ length: 900 }, () => received({ recipientCount: 3 }));
    const text = all
      .flatMap((came) => [came, attempt(came, 'relayed')])
      .map((event) => `${JSON.stringify(event)}\n`)
      .join('');
    assert.ok(text.length > 256 * 1024, 'several slices');
    mkdirSync(one.directory, { recursive: true });
    appendFileSync(join(one.directory, '000001.jsonl'), text);
    await Promise.all([one, again, one, again].map((node) => messages(node)));
    const { rows } = await ask(
      url,
      'SELECT sum(delivered) AS n, sum(changes) AS c FROM history_message',
    );
    assert.deepEqual(rows, [{ n: '900', c: '900' }]);
  });

  it('what was copied is not copied again from another disk that it was moved to', async () => {
    await using test = await openTwo();
    const { one, url, clock, received, attempt } = test;
    const came = received({ recipients: ['a@x.org', 'b@x.org'], recipientCount: 2 });
    await record(one, [came, attempt(came, 'delivered', '250 OK', 'a@x.org')]);
    const elsewhere = `${one.directory}-moved`;
    cpSync(one.directory, elsewhere, { recursive: true });
    await using moved = await openNodeHistory(url, 'one', clock, elsewhere);
    assert.deepEqual(
      (await messages(moved)).map(({ state }) => state),
      ['deferred'],
    );
    await record(moved, [attempt(came, 'failed', '550 no', 'b@x.org')]);
    assert.deepEqual(
      (await messages(moved)).map(({ state }) => state),
      ['bounced'],
    );
  });

  it('what cannot be had of a line costs that line alone', async () => {
    await using test = await openTwo();
    const { one, received, attempt } = test;
    const [first, odd, last] = [received(), received(), received()];
    mkdirSync(one.directory, { recursive: true });
    const broken = { ...odd, recipientCount: 'many' };
    const lines = [first, broken, last, attempt(last, 'relayed')];
    appendFileSync(
      join(one.directory, '000001.jsonl'),
      lines.map((line) => `${JSON.stringify(line)}\n`).join(''),
    );
    assert.deepEqual(
      (await messages(one)).map(({ id }) => id),
      [last.id, first.id],
    );
  });

  it('days that are not kept go as a whole, and are not made again by what comes late', async () => {
    await using test = await openTwo();
    const { one, two, url, clock, received, attempt } = test;
    const old = happenings(clock.now() - 3 * dayMs).received();
    const fresh = received();
    await record(one, [old, fresh]);
    assert.equal(await tables(url), 6);
    for (const { opened } of [one, two]) opened.change({ size: 2 ** 20, keep: dayMs });
    assert.deepEqual(
      (await messages(one)).map(({ id }) => id),
      [fresh.id],
    );
    await clock.advance(600_000);
    await eventually(async () => (await tables(url)) === 3);
    await record(two, [attempt(old, 'relayed')]);
    assert.equal(await tables(url), 3);
    assert.deepEqual(await one.opened.history.find(old.id), []);
  });
});

/** Parts that there are. */
const tables = async (url: string): Promise<number> =>
  Number(
    (
      await ask(
        url,
        `SELECT count(*) AS n FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid
         WHERE relkind = 'r' AND relname LIKE 'history%'`,
      )
    ).rows[0].n,
  );
