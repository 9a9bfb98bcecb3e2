import assert from 'node:assert/strict';
import { appendFileSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { mkdtempDisposable } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, it } from 'node:test';
import { createMessageIds } from '../../../queue/message-id.ts';
import type { AttemptResult, HistoryEvent, RefusedEvent } from '../../history.ts';
import { openHistoryDatabase } from './database.ts';
import { HistoryIndex } from './history-index.ts';
import { MessageRows } from './message-rows.ts';

const start = Date.UTC(2026, 4, 1);
let now = start;
const newId = createMessageIds({ clock: { now: () => now }, random: { fraction: () => 0 } });
beforeEach(() => {
  now = start;
});

type Received = Extract<HistoryEvent, { readonly kind: 'received' }>;

function received(given: Partial<Received> = {}): Received {
  now += 1000;
  return {
    ...{ id: newId(), at: now, kind: 'received', sender: 'ann@example.org', size: 100 },
    ...{ recipients: ['bob@example.net'], recipientCount: 1 },
    origin: { session: 's', service: 'smtp', protocol: 'ESMTP', clientAddress: '192.0.2.1' },
    ...given,
  };
}

const attempt = (
  { id }: Received,
  result: AttemptResult['result'],
  reply = '250 OK',
  address = 'bob@example.net',
): HistoryEvent => ({
  ...{ id, at: now, kind: 'attempt', destination: 'mx:example.net', durationMs: 1 },
  results: [{ address, attempt: 1, result, reply }],
});

function refused(facts: Partial<RefusedEvent['refusal']> = {}): RefusedEvent {
  now += 1000;
  const refusal = { client: '198.51.100.7', stage: 'rcpt', reason: 'listed', ...facts };
  return { id: 's1', at: now, kind: 'refused', refusal, keys: [] };
}

async function open(path = ':memory:') {
  const folder = await mkdtempDisposable(join(tmpdir(), 'postrider-index-'));
  const directory = folder.path;
  mkdirSync(join(directory, 'refused'));
  const write = (events: readonly HistoryEvent[], file = 1) => {
    for (const event of events) {
      const name = `${String(file).padStart(6, '0')}.jsonl`;
      const inside = event.kind === 'refused' ? ['refused', name] : [name];
      appendFileSync(join(directory, ...inside), `${JSON.stringify(event)}\n`);
    }
  };
  const openIndex = () =>
    new HistoryIndex({
      ...{ directory, now: () => 0 },
      path: path === ':memory:' ? path : join(directory, path),
    });
  let index = openIndex();
  const ids = (asked: object) => index.messages({ limit: 100, ...asked }).items.map(({ id }) => id);
  return {
    ...{ directory, write, ids },
    get index() {
      return index;
    },
    reopen() {
      index.close();
      index = openIndex();
    },
    async [Symbol.asyncDispose]() {
      index.close();
      await folder.remove();
    },
  };
}

describe('the index of the history', () => {
  it('has messages newest first, in pages, with what became of them', async () => {
    await using test = await open();
    const all = Array.from({ length: 5 }, () => received());
    test.write([...all, attempt(all[0]!, 'relayed'), attempt(all[1]!, 'deferred', '451 later')]);
    const first = test.index.messages({ limit: 2 });
    assert.deepEqual(
      first.items.map(({ id }) => id),
      [all[4]!.id, all[3]!.id],
    );
    const second = test.index.messages({ limit: 2, after: first.next! });
    const third = test.index.messages({ limit: 2, after: second.next! });
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
    await using test = await open();
    const two = { recipients: ['a@x.org', 'b@x.org'], recipientCount: 2 };
    const [half, mixed, gone, cancelled] = [two, two, {}, {}].map(received) as [
      ...[Received, Received, Received, Received],
    ];
    test.write([
      attempt(half, 'delivered', '250 OK', 'a@x.org'),
      attempt(mixed, 'delivered', '250 OK', 'a@x.org'),
    ]);
    test.write([half, mixed, gone, cancelled]); // too late for the attempts above: they are unknown
    test.write([
      attempt(half, 'delivered', '250 OK', 'a@x.org'),
      attempt(mixed, 'delivered', '250 OK', 'a@x.org'),
      attempt(mixed, 'failed', '550 no', 'b@x.org'),
      attempt(gone, 'expired', '451 later'),
      { id: cancelled.id, at: now, kind: 'cancelled', recipients: ['b'], silent: true },
    ]);
    const states = test.index.messages({ limit: 9 }).items.map(({ state }) => state);
    assert.deepEqual(states, ['cancelled', 'bounced', 'bounced', 'deferred']);
  });

  it('finds by every fact, exactly, and by beginnings of words', async () => {
    await using test = await open();
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
    test.write([a, b, c, attempt(c, 'deferred', '450 4.2.0 Greylisted, see http://x')]);
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
        test.ids(asked),
        found.map(({ id }) => id),
        JSON.stringify(asked),
      );
  });

  it('a later attempt is found by its own words, and no longer by those before', async () => {
    await using test = await open();
    const one = received();
    test.write([one, attempt(one, 'deferred', '451 busy')]);
    assert.deepEqual(test.ids({ text: 'busy', state: 'deferred' }), [one.id]);
    test.write([attempt(one, 'failed', '550 unknown')]);
    assert.deepEqual(test.ids({ text: 'busy' }), []);
    assert.deepEqual(test.ids({ text: 'unknown', state: 'bounced' }), [one.id]);
  });

  it('finds what was refused', async () => {
    await using test = await open();
    const guess = refused({ stage: 'auth', account: 'ann@example.org' });
    const spam = refused({
      from: 'spam@bad.example',
      to: 'ann@example.org',
      reply: '550 5.7.1 No',
    });
    test.write([guess, spam]);
    const stages = (asked: object) =>
      test.index.refusals({ limit: 10, ...asked }).items.map(({ stage }) => stage);
    assert.deepEqual(stages({}), ['rcpt', 'auth']);
    assert.deepEqual(stages({ client: '198.51.100.7', stage: 'auth' }), ['auth']);
    assert.deepEqual(stages({ recipient: '@example.org', text: 'listed' }), ['rcpt']);
    assert.deepEqual(stages({ since: spam.at }), ['rcpt']);
    const first = test.index.refusals({ limit: 1 });
    assert.equal(test.index.refusals({ limit: 1, after: first.next! }).items[0]?.stage, 'auth');
  });

  it('goes on where it was, and forgets with the files', async () => {
    await using test = await open('history.db');
    const [old, kept] = [received(), received()];
    test.write([old], 1);
    assert.equal(test.ids({}).length, 1);
    test.reopen();
    test.write([kept], 2);
    rmSync(join(test.directory, '000001.jsonl'));
    assert.deepEqual(test.ids({}), [kept.id, old.id]);
    while (test.index.sweep(0) !== undefined);
    assert.deepEqual(test.ids({}), [kept.id]);
  });

  it('is made anew where it is damaged, or its files are others', async () => {
    await using test = await open('history.db');
    const [first, second] = [received(), received()];
    test.write([first]);
    assert.deepEqual(test.ids({}), [first.id]);
    writeFileSync(join(test.directory, '000001.jsonl'), `${JSON.stringify(second)}\n{"torn`);
    rmSync(join(test.directory, '000001.jsonl'));
    test.write([second]);
    test.reopen();
    assert.deepEqual(test.ids({}), [second.id]);
    writeFileSync(join(test.directory, 'history.db'), 'no database');
    test.reopen();
    assert.deepEqual(test.ids({}), [second.id]);
  });

  it('is made anew later where it cannot be at once', async () => {
    await using test = await open('history.db');
    const [first, second] = [received(), received()];
    test.write([first]);
    assert.deepEqual(test.ids({}), [first.id]);
    const path = join(test.directory, 'history.db');
    rmSync(path);
    mkdirSync(path);
    writeFileSync(join(test.directory, '000001.jsonl'), '');
    assert.throws(() => test.ids({}));
    rmSync(path, { recursive: true });
    test.write([second]);
    assert.deepEqual(test.ids({}), [second.id]);
  });

  it('counts a slice once that could not be written at first', async () => {
    const database = openHistoryDatabase(':memory:');
    const rows = new MessageRows(database);
    const one = received({ recipients: ['a@x.org', 'b@x.org'], recipientCount: 2 });
    const slice = [one, attempt(one, 'delivered', '250 OK', 'a@x.org')];
    database.exec('PRAGMA query_only = 1');
    assert.throws(() => rows.apply(slice, 1), /readonly/);
    database.exec('PRAGMA query_only = 0');
    rows.apply(slice, 1);
    const kept = database.prepare('SELECT state, delivered FROM message').get();
    assert.deepEqual({ ...kept }, { state: 'deferred', delivered: 1 });
    database.close();
  });

  it('has all that words find, also where a page ends with the newest of them', async () => {
    await using test = await open();
    const wanted = { messageId: '<wanted@x>' };
    const [oldest, older] = [received(wanted), received(wanted)];
    const between = Array.from({ length: 1600 }, () => received());
    const newest = received(wanted);
    test.write([oldest, older, ...between, newest]);
    while (test.index.advance(() => false) !== undefined);
    const found: string[] = [];
    for (let after: string | undefined; ; ) {
      const { items, next } = test.index.messages({ text: 'wanted', limit: 1, after });
      found.push(...items.map(({ id }) => id));
      if (next === null) break;
      after = next;
    }
    assert.deepEqual(found, [newest.id, older.id, oldest.id]);
    assert.deepEqual(test.ids({ text: oldest.id }), [oldest.id]);
  });

  it('reads a line that is being written when it is complete', async () => {
    await using test = await open();
    const one = received();
    const path = join(test.directory, '000001.jsonl');
    const line = `${JSON.stringify(one)}\n`;
    appendFileSync(path, line.slice(0, 20));
    assert.deepEqual(test.ids({}), []);
    appendFileSync(path, line.slice(20));
    assert.deepEqual(test.ids({}), [one.id]);
  });

  it('a search that takes long ends, and says where to go on', async () => {
    await using test = await open();
    test.write(Array.from({ length: 450 }, () => received()));
    let at = 0;
    const slow = new HistoryIndex({
      ...{ directory: test.directory, path: ':memory:' },
      now: () => (at += 60),
    });
    while (slow.advance(() => false) !== undefined);
    const page = slow.messages({ limit: 10, sender: '@nowhere.example', until: now });
    assert.deepEqual([page.items, page.next], [[], null]); // no such word: nothing is looked at
    const rare = slow.messages({ limit: 10, sender: '@' });
    assert.deepEqual(rare.items, []);
    assert.notEqual(rare.next, null);
    slow.close();
  });
});
