// Searches, digests and sort keys are the same whether search.db has them, has no room for them, or
// finds them in one go or in many.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { FakeClock } from '../../../base/fake-clock.ts';
import { silentLog } from '../../../base/log.ts';
import { text } from '../../conformance/harness.ts';
import { ContentError } from '../../content.ts';
import type { ContentTerm } from '../../folder-store.ts';
import type { MailQuestion } from '../../mail-question.ts';
import { openReadDatabase } from '../database.ts';
import type { ReadHead } from '../message-source.ts';
import { Reader, type ReaderOperations, readerCall } from '../reader/reader.ts';
import { openSqliteStores } from '../stores.ts';
import { temporaryDirectory } from '../test-stores.ts';
import { startSharedThread } from '../test-threads.ts';

const ann = 'ann@example.org';

const mail = (i: number): string => {
  const day = String(1 + (i % 28)).padStart(2, '0');
  const header = [
    `From: Person ${i % 7} <p${i % 7}@example.org>`,
    `Subject: ${i % 3 === 0 ? 'Re: ' : ''}Report ${i % 5}`,
    `Date: ${day} Jan 2026 10:00:00 +0000`,
    ...(i % 4 === 0 ? [`X-Loop: round ${i}`] : []),
    ...(i > 9 ? [`In-Reply-To: <${i - 9}@example.org>`] : []),
    `Message-ID: <${i}@example.org>`,
  ];
  const words = `${'filler '.repeat(200)} word${i} two words ${i % 6}, c++ ${i % 8 === 0 ? 'naïve' : ''}`;
  return `${header.join('\r\n')}\r\n\r\n${words}\r\n`;
};

const terms: readonly ContentTerm[] = [
  ...['word7', 'ord1', 'two words 3', '+', 'c++', 'NAÏVE', '', 'nowhere', 'report 4'].flatMap(
    (sought) => (['body', 'text'] as const).map((kind) => ({ kind, text: sought })),
  ),
  { kind: 'header', name: 'Subject', text: 'report 2' },
  { kind: 'header', name: 'From', text: 'P3@' },
  { kind: 'header', name: 'X-Loop', text: 'ROUND 1' },
  { kind: 'header', name: 'X-Loop', text: '' },
  { kind: 'header', name: 'In-Reply-To', text: '' },
  ...(['before', 'on', 'since'] as const).map((is) => ({ kind: 'sent' as const, is, day: 20_470 })),
];

interface World extends AsyncDisposable {
  readonly folder: number;
  append(from: number, to: number): Promise<void>;
  /** Content that is a file. */
  appendFile(content: string): Promise<void>;
  expunge(uids: readonly number[]): Promise<void>;
  /** A reader with a search.db of its own, and the connection it reads by. */
  open(
    name: string,
    readHead?: ReadHead,
  ): { reader: Reader; database: ReturnType<typeof openReadDatabase> };
}

async function openWorld(): Promise<World> {
  const directory = await temporaryDirectory();
  const clock = new FakeClock();
  const startThread = startSharedThread;
  const stores = await openSqliteStores({ directory, clock, log: silentLog, startThread });
  const { folders } = stores;
  await folders.ensure(ann);
  const folder = (await folders.find(ann, 'INBOX'))!.id;
  const opened: ReturnType<typeof openReadDatabase>[] = [];
  return {
    folder,
    async append(from, to) {
      const mails = Array.from({ length: to - from }, (_, i) => text(mail(from + i)));
      const received = 1000;
      await folders.append(
        folder,
        mails.map((content) => ({ content, flags: [], received })),
      );
    },
    async expunge(uids) {
      await folders.store(folder, uids, { kind: 'add', flags: ['\\Deleted'] });
      await folders.expunge(folder);
    },
    async appendFile(content) {
      const stored = await stores.spool.store(Buffer.from(content));
      await folders.append(folder, [{ content: stored, flags: [], received: 1000 }]);
    },
    open(name, readHead = () => assert.fail('all of it is in rows')) {
      const database = openReadDatabase(join(directory, 'postrider.db'));
      opened.push(database);
      const searchPath = name === ':memory:' ? name : join(directory, name);
      return { reader: new Reader({ database, searchPath, readHead }), database };
    },
    async [Symbol.asyncDispose]() {
      for (const database of opened) database.close();
      await stores[Symbol.asyncDispose]();
    },
  };
}

/** As the reader's thread does it, a step at a time. */
function ask(reader: Reader, operation: keyof ReaderOperations, ...args: readonly unknown[]) {
  const own = structuredClone(args);
  for (let turns = 0; ; turns += 1) {
    let steps = 0;
    const isOver = () => {
      steps += 1;
      return steps > 3;
    };
    if (reader.prepare(operation, own, isOver)) break;
    assert.ok(turns < 10_000, 'it comes to an end');
  }
  return readerCall(reader, operation, own);
}

function everything(reader: Reader, folder: number, count: number) {
  const uids = Array.from({ length: count + 1 }, (_, i) => i + 1);
  return {
    found: terms.map((term) => [...(ask(reader, 'search', folder, term) as Uint32Array)]),
    digests: ask(reader, 'digests', folder, uids),
    sorting: ask(reader, 'sortFacts', folder, undefined),
    someSorting: ask(reader, 'sortFacts', folder, [5, 40, 41, 70]),
  };
}

describe('what is derived', () => {
  it('is the same without room for it in search.db', async () => {
    await using world = await openWorld();
    await world.append(0, 40);
    const { reader, database } = world.open('small.db');
    assert.equal(ask(reader, 'search', world.folder, terms[0]!) instanceof Uint32Array, true);
    // Never less than there is: it takes no more from here on.
    database.exec('PRAGMA search.max_page_count = 1');
    await world.append(40, 240);
    const expected = everything(world.open(':memory:').reader, world.folder, 240);
    assert.deepEqual(everything(reader, world.folder, 240), expected);
    assert.ok(expected.found.filter(({ length }) => length > 0).length > terms.length / 2);
    // And once there is room it is kept again.
    database.exec('PRAGMA search.max_page_count = 100000');
    assert.deepEqual(everything(reader, world.folder, 240), expected);
    const [row] = database.prepare('SELECT count(*) AS count FROM search.facts').all();
    assert.equal(row!.count, 240);
  });

  it('what was begun with one search.db is begun anew with the next', async () => {
    await using world = await openWorld();
    await world.append(0, 30);
    const { reader } = world.open('damaged.db');
    const all = { kind: 'body', text: 'filler' } as const;
    const args = [world.folder, all] as const;
    let steps = 0;
    const afterFive = () => {
      steps += 1;
      return steps > 5;
    };
    assert.equal(reader.prepare('search', args, afterFive), false);
    let damaged = false;
    const damage = () => {
      if (damaged) return false;
      damaged = true;
      throw Object.assign(new Error('malformed'), { errcode: 11 });
    };
    assert.equal(reader.prepare('search', args, damage), true);
    assert.equal(damaged, true);
    assert.equal(reader.search(...args).length, 30);
    assert.equal((ask(reader, 'search', ...args) as Uint32Array).length, 30);
  });

  it('is the same in one go and in many', async () => {
    await using world = await openWorld();
    await world.append(0, 60);
    const { reader } = world.open(':memory:');
    const atOnce = terms.map((term) => [...reader.search(world.folder, term)]);
    assert.deepEqual(everything(world.open('steps.db').reader, world.folder, 60).found, atOnce);
    // One term, two folders: nothing of one search is left for the next.
    assert.deepEqual([...reader.search(world.folder + 1, terms[0]!)], []);
  });

  it('what could not be read when nobody waited is found once it can be, also after a restart', async () => {
    await using world = await openWorld();
    const content = mail(1);
    await world.appendFile(content);
    await world.append(2, 5);
    let isThere = false;
    const readHead: ReadHead = () => {
      if (!isThere) throw new ContentError('unreadable', 'it is not there');
      return Buffer.from(content);
    };
    const terms: MailQuestion['terms'] = [{ kind: 'text', text: 'word1', not: false }];
    const question = { account: ann, folder: undefined, terms, start: 0, limit: 9 };
    const found = (reader: Reader) =>
      (ask(reader, 'mails', question) as ReturnType<Reader['mails']>).found.messages;
    const { reader } = world.open('unread.db', readHead);
    aheadOf(reader);
    assert.equal(found(reader), 0);
    isThere = true;
    assert.equal(found(reader), 1);
    aheadOf(reader);
    isThere = false;
    const before = world.open('before.db', readHead).reader;
    aheadOf(before);
    before.close();
    isThere = true;
    const after = world.open('before.db', readHead).reader;
    aheadOf(after);
    assert.equal(found(after), 1);
  });

  it('is forgotten when the messages are gone, and what comes after them is found', async () => {
    await using world = await openWorld();
    await world.append(0, 60);
    const { reader, database } = world.open('swept.db');
    aheadOf(reader);
    for (const [at, gone] of [[2], [4, 5], [7, 8, 9, 10, 11, 12, 30, 31, 50]].entries()) {
      await world.expunge(gone);
      await world.append(60 + at, 61 + at);
      aheadOf(reader);
      const { email } = database.prepare('SELECT count(*) AS email FROM email').get()!;
      for (const table of ['facts', 'sorting', 'digest'])
        assert.equal(database.prepare(`SELECT count(*) AS n FROM search.${table}`).get()?.n, email);
      const { folder } = world;
      const fresh = world.open(`fresh-${at}.db`).reader;
      assert.deepEqual(everything(reader, folder, 63), everything(fresh, folder, 63));
    }
  });
});

/** All that is done when nobody asks. */
function aheadOf(reader: Reader): void {
  while (reader.advance(() => false));
  while (reader.merge());
  for (let from: number | undefined = 0; from !== undefined; ) from = reader.sweep(from);
}
