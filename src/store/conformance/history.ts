// What every history must do that a server writes and is asked for: files of its own, and whatever finds things in them.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { FakeClock } from '../../base/fake-clock.ts';
import type { HistoryEvent } from '../history.ts';
import type { OpenHistory } from '../open-history.ts';
import { happenings } from './history-events.ts';

export interface TestHistory extends AsyncDisposable {
  readonly clock: FakeClock;
  readonly opened: OpenHistory;
  /** Ends the process, and opens what is left. */
  restart(): Promise<void>;
}

export type OpenTestHistory = () => Promise<TestHistory>;

const record = ({ opened }: TestHistory, events: readonly HistoryEvent[]) => {
  for (const event of events) opened.history.record(event);
};

const idsOf = async ({ opened }: TestHistory, asked: object) =>
  (await opened.search.messages({ limit: 100, ...asked })).items.map(({ id }) => id);

export function testHistory(name: string, open: OpenTestHistory): void {
  describe(`the history: ${name}`, () => {
    testSearches(open);
    testStories(open);
    testRestarts(open);
  });
}

function testSearches(open: OpenTestHistory): void {
  const made = async () => {
    const test = await open();
    return {
      test,
      ...happenings(test.clock.now()),
      [Symbol.asyncDispose]: () => test[Symbol.asyncDispose](),
    };
  };

  it('has messages newest first, in pages, with what became of them', async () => {
    await using of = await made();
    const { test, received, attempt } = of;
    const all = Array.from({ length: 5 }, () => received());
    record(test, [...all, attempt(all[0]!, 'relayed'), attempt(all[1]!, 'deferred', '451 later')]);
    const first = await test.opened.search.messages({ limit: 2 });
    assert.deepEqual(
      first.items.map(({ id }) => id),
      [all[4]!.id, all[3]!.id],
    );
    const second = await test.opened.search.messages({ limit: 2, after: first.next! });
    const third = await test.opened.search.messages({ limit: 2, after: second.next! });
    assert.deepEqual(third, { items: [third.items[0]], next: null, upToDate: true });
    assert.deepEqual(
      [second.items[1], third.items[0]].map((one) => [one!.id, one!.state, one!.lastReply]),
      [
        [all[1]!.id, 'deferred', '451 later'],
        [all[0]!.id, 'delivered', '250 OK'],
      ],
    );
  });

  it('a message is where all its recipients are', async () => {
    await using of = await made();
    const { test, received, attempt } = of;
    const two = { recipients: ['a@x.org', 'b@x.org'], recipientCount: 2 };
    const [half, mixed, gone, cancelled] = [
      received(two),
      received(two),
      received(),
      received(),
    ] as const;
    record(test, [half, mixed, gone, cancelled]);
    record(test, [
      attempt(half, 'delivered', '250 OK', 'a@x.org'),
      attempt(mixed, 'delivered', '250 OK', 'a@x.org'),
      attempt(mixed, 'failed', '550 no', 'b@x.org'),
      attempt(gone, 'expired', '451 later'),
      {
        id: cancelled.id,
        at: cancelled.at + 9000,
        kind: 'cancelled',
        recipients: ['b'],
        silent: true,
      },
    ]);
    const states = (await test.opened.search.messages({ limit: 9 })).items.map(
      ({ state }) => state,
    );
    assert.deepEqual(states, ['cancelled', 'bounced', 'bounced', 'deferred']);
  });

  it('finds by every fact, exactly, and by beginnings of words', async () => {
    await using of = await made();
    const { test, received, attempt } = of;
    const [a, b, c] = [
      received({ sender: 'Ann@Example.org', messageId: '<Hello.1@host.example>' }),
      received({ sender: 'joann@example.org.uk', recipients: ['x@sub.example.com'] }),
      received({
        sender: '',
        origin: {
          ...{ session: 's', service: 'submission', protocol: 'ESMTPSA', account: 'carl@x.org' },
          clientAddress: '2001:db8::1',
        },
      }),
    ] as const;
    record(test, [a, b, c, attempt(c, 'deferred', '450 4.2.0 Greylisted, see http://x')]);
    for (const [asked, found] of [
      [{ sender: 'ann@example.org' }, [a]],
      [{ sender: '@example.org' }, [a]],
      [{ sender: 'n@example.org' }, []],
      [{ recipient: 'BOB@example.net' }, [c, a]],
      [{ recipient: '@sub.example.com' }, [b]],
      [{ client: '2001:db8::1' }, [c]],
      [{ account: 'carl@x.org' }, [c]],
      [{ direction: 'outbound' }, [c]],
      [{ state: 'deferred' }, [c]],
      [{ state: 'queued', direction: 'inbound' }, [b, a]],
      [{ text: 'greylist' }, [c]],
      [{ text: 'hello.1' }, [a]],
      [{ text: 'example joann' }, [b]],
      [{ text: 'submission' }, []], // what older rows are not found by
      [{ text: 'uk.x' }, []], // no phrase goes from one fact into the next
      [{ text: '" OR (' }, [c, b, a]],
      [{ since: b.at }, [c, b]],
      [{ until: b.at }, [a]],
      [{ since: b.at, until: c.at, text: 'ann' }, []],
    ] as const)
      assert.deepEqual(
        await idsOf(test, asked),
        found.map(({ id }) => id),
        JSON.stringify(asked),
      );
  });

  it('a later attempt is found by its own words, and no longer by those before', async () => {
    await using of = await made();
    const { test, received, attempt } = of;
    const one = received();
    record(test, [one, attempt(one, 'deferred', '451 busy')]);
    assert.deepEqual(await idsOf(test, { text: 'busy', state: 'deferred' }), [one.id]);
    record(test, [attempt(one, 'failed', '550 unknown')]);
    assert.deepEqual(await idsOf(test, { text: 'busy' }), []);
    assert.deepEqual(await idsOf(test, { text: 'unknown', state: 'bounced' }), [one.id]);
  });

  it('finds what was refused', async () => {
    await using of = await made();
    const { test, refused } = of;
    const guess = refused({ stage: 'auth', account: 'ann@example.org' });
    const spam = refused({
      from: 'spam@bad.example',
      to: 'ann@example.org',
      reply: '550 5.7.1 No',
    });
    record(test, [guess, spam]);
    const stages = async (asked: object) =>
      (await test.opened.search.refusals({ limit: 10, ...asked })).items.map(({ stage }) => stage);
    assert.deepEqual(await stages({}), ['rcpt', 'auth']);
    assert.deepEqual(await stages({ client: '198.51.100.7', stage: 'auth' }), ['auth']);
    assert.deepEqual(await stages({ recipient: '@example.org', text: 'listed' }), ['rcpt']);
    assert.deepEqual(await stages({ since: spam.at }), ['rcpt']);
    const first = await test.opened.search.refusals({ limit: 1 });
    const second = await test.opened.search.refusals({ limit: 1, after: first.next! });
    assert.equal(second.items[0]?.stage, 'auth');
  });
}

function testStories(open: OpenTestHistory): void {
  it('has the story of a message, by its id or its Message-ID, whatever stands around that', async () => {
    await using test = await open();
    const { received, attempt } = happenings(test.clock.now());
    const [one, other, third] = [
      received({ messageId: "<It's.1@host.example>" }),
      received({ messageId: '<its.1@host.example>' }),
      received({ messageId: "<It's.1@host.example>" }),
    ] as const;
    const [later, last] = [attempt(one, 'deferred', '451 busy'), attempt(one, 'relayed')] as const;
    record(test, [one, other, later, third, last]);
    const { history } = test.opened;
    assert.deepEqual(await history.find(one.id), [one, later, last]);
    for (const messageId of ["<It's.1@host.example>", "It's.1@host.example"])
      assert.deepEqual(
        (await history.find(messageId)).filter(({ id }) => id === one.id),
        [one, later, last],
      );
    const both = await history.find("It's.1@host.example");
    assert.deepEqual(
      both.filter(({ id }) => id !== one.id),
      [third],
    );
    for (const nothing of ['', 'host.example', '06tq1vkzd2a', one.id.slice(0, -1), "' & 'x"])
      assert.deepEqual(await history.find(nothing), [], nothing);
  });

  it('has refusals, by the keys they are found by and by session, the latest last', async () => {
    await using test = await open();
    const { refused } = happenings(test.clock.now());
    const [guess, spam, again] = [
      refused({ stage: 'auth', to: 'ann@example.org' }, 'S1'),
      refused({ from: 'spam@bad.example', to: 'ann@example.org', reply: '550 5.7.1 No' }, 'S2'),
      refused({ from: 'spam@bad.example' }, ''),
    ] as const;
    record(test, [guess, spam, again]);
    const { history } = test.opened;
    assert.deepEqual(await history.findRefused('<Ann@example.org>'), [guess, spam]);
    assert.deepEqual(await history.findRefused('spam@bad.example'), [spam, again]);
    assert.deepEqual(await history.findRefused('S1'), [guess]);
    assert.deepEqual(await history.findRefused('nobody@example.org'), []);
  });
}

function testRestarts(open: OpenTestHistory): void {
  it('goes on after a restart where it was: nothing is lost, and nothing is there twice', async () => {
    await using test = await open();
    const { received, attempt, refused } = happenings(test.clock.now());
    const two = { recipients: ['a@x.org', 'b@x.org'], recipientCount: 2 };
    const [one, no] = [received(two), refused({ from: 'x@y.example' })];
    record(test, [one, no, attempt(one, 'delivered', '250 OK', 'a@x.org')]);
    const stateNow = async () => (await test.opened.search.messages({ limit: 9 })).items[0]?.state;
    assert.equal(await stateNow(), 'deferred');
    await test.restart();
    assert.equal(await stateNow(), 'deferred');
    const last = attempt(one, 'delivered', '250 OK', 'b@x.org');
    record(test, [last]);
    await test.opened.history.flush();
    await test.restart();
    assert.equal(await stateNow(), 'delivered');
    assert.equal((await test.opened.history.find(one.id)).length, 3);
    assert.equal((await test.opened.search.refusals({ limit: 9 })).items.length, 1);
  });
}
