import assert from 'node:assert/strict';
import { appendFileSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { mkdtempDisposable } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { happenings } from '../../conformance/history-events.ts';
import type { HistoryEvent } from '../../history.ts';
import { openHistoryDatabase } from './database.ts';
import { HistoryIndex } from './history-index.ts';
import { MessageRows } from './message-rows.ts';

const { clock, received, attempt } = happenings();

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

  it('knows of an attempt for as many recipients as there are, and of what comes after it', async () => {
    await using test = await open();
    const [first, second] = [received(), received()];
    const one = attempt(first, 'relayed') as Extract<HistoryEvent, { kind: 'attempt' }>;
    const results = Array.from({ length: 6000 }, () => one.results[0]!);
    test.write([first, { ...one, results }, second, attempt(second, 'relayed')]);
    const { items } = test.index.messages({ limit: 9 });
    assert.deepEqual(
      items.map(({ id, state }) => [id, state]),
      [
        [second.id, 'delivered'],
        [first.id, 'delivered'],
      ],
    );
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
    const page = slow.messages({ limit: 10, sender: '@nowhere.example', until: clock.now() });
    assert.deepEqual([page.items, page.next], [[], null]); // no such word: nothing is looked at
    const rare = slow.messages({ limit: 10, sender: '@' });
    assert.deepEqual(rare.items, []);
    assert.notEqual(rare.next, null);
    slow.close();
  });
});
