import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { FakeClock } from '../../base/fake-clock.ts';
import { silentLog } from '../../base/log.ts';
import {
  collected,
  deferred,
  delivered,
  message,
  settlement,
  text,
} from '../conformance/harness.ts';
import { openMoveSource, openMoveTarget } from '../open-move.ts';
import { openStores } from '../open-stores.ts';
import { startObjectStore } from '../postgres/content/test-object-store.ts';
import { ask, testCluster, withoutPostgres } from '../postgres/test-cluster.ts';
import { queueEntries } from '../queue-entries.ts';
import type { ObjectSettings, StoreSettings, Stores } from '../stores.ts';
import { withoutPassword } from './marks.ts';
import type { MoveResult } from './move.ts';
import { moveStore } from './move.ts';
import { movedTables } from './moved-tables.ts';
import type { MoveSource, MoveTarget } from './places.ts';

const root = mkdtempSync(join(tmpdir(), 'postrider-move-'));
after(() => rmSync(root, { recursive: true }));
let made = 0;
const clock = new FakeClock();

interface Place {
  readonly store: StoreSettings;
  readonly directory: string;
}

const inDirectory = (): Place => {
  made += 1;
  return { store: { kind: 'sqlite' }, directory: join(root, `p${made}`) };
};

const inPostgres = async (s3?: ObjectSettings): Promise<Place> => {
  const url = await (await testCluster()).database();
  const own = {
    node: 'mx1',
    connections: 4,
    nodeTimeout: 15_000,
    notify: true,
    content: s3 && { s3 },
  };
  return { store: { kind: 'postgres', url, ...own }, directory: inDirectory().directory };
};

const open = (place: Place, brief = true): Promise<Stores> =>
  openStores({ ...place, clock, log: silentLog, brief });

const ann = 'ann@example.org';
const scram = {
  iterations: 4096,
  salt: Buffer.from('salt'),
  storedKey: Buffer.alloc(32, 1),
  serverKey: Buffer.alloc(32, 2),
};
const large = Buffer.from(`From: bob@example.net\r\nSubject: Large\r\n\r\n${'x'.repeat(300_000)}`);
const largeQueued = Buffer.alloc(400_000, 'q');

/** Something of everything that a store can have. */
async function fill({ accounts, folders, queue, records, spam, spool }: Stores): Promise<void> {
  await accounts.add(ann, { name: '', argon2: '$argon2id$', scram, created: 5 }, 1);
  await accounts.addAddress(ann, 'anna@example.org');
  await accounts.secret();
  await records.put([
    { kind: 'greylist', key: 'a\0b', value: 'seen\0', expires: clock.now() + 10 ** 9 },
    { kind: 'policy', key: 'example.net', value: '{}' },
  ]);
  await spam.learn({ account: ann, email: 'm1', is: 'spam', words: ['viagra', 'n\0l'] });
  await folders.ensure(ann);
  const inbox = await inboxIn(folders);
  const { id: work } = await folders.create(ann, 'Work/2026', undefined);
  await folders.create(ann, 'Gone', undefined);
  await folders.remove(ann, 'Gone');
  await folders.setAcl(work, 'bob@example.org', 'lr');
  await folders.annotate(ann, work, new Map([['/private/comment', Buffer.from('hm')]]));
  const subject = 'From: a@example.net\r\nSubject: =?utf-8?q?gr=C3=BC=C3=9Fe?=\r\n\r\nOne\r\n';
  await folders.append(inbox, [
    { content: text(subject), flags: ['\\Seen'], received: 1000 },
    { content: await spool.store(large), flags: ['\\Flagged', 'work'], received: 2000 },
    { content: text('Subject: gone\r\n\r\n'), flags: ['\\Deleted'], received: 3000 },
  ]);
  await folders.expunge(inbox, [3]);
  await folders.copy(inbox, [1], work);
  await queue.enqueue(message('m1'), { leaseUntil: undefined });
  const file = await spool.store(largeQueued);
  await queue.enqueue(message('m2', { content: file, held: true }), { leaseUntil: undefined });
  const leaseUntil = clock.now() + 60_000;
  const [late] = await queue.enqueue(message('m3'), { leaseUntil });
  await queue.settle(settlement(late!, deferred(clock.now() + 300_000, true)));
  const [done] = await queue.enqueue(message('m4'), { leaseUntil });
  const until = clock.now() + 10 ** 9;
  const remember = { kind: 'remember', account: ann, key: 'bob@example.net', until } as const;
  await queue.settle(settlement(done!, delivered, { effects: [remember] }));
}

const inboxIn = async (folders: Stores['folders']) => (await folders.find(ann, 'INBOX'))!.id;

/** All that anybody can see of it. */
async function seen({ accounts, folders, queue, records, spam }: Stores): Promise<unknown> {
  const boxes = [];
  for (const folder of await folders.folders(ann)) {
    const { messages } = (await folders.snapshot(folder.id))!;
    const uids = [...messages.uid];
    const octets = [];
    for (const content of await folders.open(folder.id, uids))
      octets.push(Buffer.concat(await collected(content!.read())));
    const told = await folders.list(folder.id, { after: 0, limit: 100 });
    const [rights, notes] = [
      await folders.acl(folder.id),
      await folders.annotations(ann, folder.id),
    ];
    const changes = await folders.changes(folder.id, 1);
    boxes.push({ folder, messages, octets, told, rights, notes, changes });
  }
  const queued = [];
  for (const entry of await collected(queueEntries(queue))) {
    const { content, prefix } = (await queue.open(entry.id))!;
    queued.push({ entry, prefix, octets: Buffer.concat(await collected(content.read())) });
  }
  const state = await folders.accountState(ann);
  // Octets of one kind, whoever read them.
  return structuredClone({
    ...{ boxes, queued, state, changed: await folders.changedEmails(ann, '0', 100) },
    ...{ accounts: await accounts.list(), credentials: await accounts.credentials(ann) },
    ...{ secret: await accounts.secret(), subscriptions: await folders.subscriptions(ann) },
    records: [
      await records.list('greylist', { limit: 9 }),
      await records.list('policy', { limit: 9 }),
    ],
    words: await spam.counts(ann, ['viagra', 'n\0l', 'other']),
    learnt: await spam.learnt(ann),
    remembered: await queue.remembered(ann, 'bob@example.net'),
  });
}

type Changed = Partial<{
  readonly source: (source: MoveSource) => MoveSource;
  readonly target: (target: MoveTarget) => MoveTarget;
  readonly stopServers: () => Promise<void>;
}> & { readonly replace?: boolean };

async function moved(from: Place, to: Place, changed: Changed = {}): Promise<MoveResult> {
  await using source = await openMoveSource({ ...from, clock });
  await using target = await openMoveTarget({ ...to, clock, replace: changed.replace ?? false });
  return await moveStore({
    source: changed.source?.(source) ?? source,
    target: changed.target?.(target) ?? target,
    clock,
    stopServers: changed.stopServers ?? (async () => assert.fail('no server is at work')),
  });
}

async function filled(place: Place): Promise<unknown> {
  await using stores = await open(place);
  await fill(stores);
  return await seen(stores);
}

async function seenIn(place: Place): Promise<unknown> {
  await using stores = await open(place);
  return await seen(stores);
}

/** The same object with one method done otherwise. */
const but = <T extends object, K extends keyof T>(object: T, name: K, does: T[K]): T =>
  new Proxy(object, {
    get: (of, asked) => {
      const value = asked === name ? does : Reflect.get(of, asked, of);
      return typeof value === 'function' ? value.bind(of) : value;
    },
  });

it('an address is told without a password, wherever it stands', () => {
  for (const [url, told] of [
    ['postgres://u:p@h/d', 'postgres://u@h/d'],
    ['postgres://u:p@ss@h/d', 'postgres://u@h/d'],
    ['postgres://u@h/d?password=p&port=5', 'postgres://u@h/d?port=5'],
    ['postgres://h/d?user=u&password=p', 'postgres://h/d?user=u'],
    ['postgres://u@a,b:5433/d', 'postgres://u@a,b:5433/d'],
    ['postgres://h:5432/d?user=u@x', 'postgres://h:5432/d?user=u@x'],
  ] as const)
    assert.equal(withoutPassword(url), told);
});

describe('a store that moves to one of another kind', { skip: withoutPostgres() }, () => {
  it('is the same there and back again: numbers, flags, states, content, queue, all of it', async () => {
    const [here, there, back] = [inDirectory(), await inPostgres(), inDirectory()];
    const before = await filled(here);
    await using source = await openMoveSource({ ...here, clock });
    for (const table of movedTables)
      assert.ok((await source.count(table)) > 0, `the test has no ${table.what}`);
    await moved(here, there);
    assert.deepEqual(await seenIn(there), before);
    const result = await moved(there, back);
    assert.deepEqual(await seenIn(back), before);
    const count = (what: string) => result.rows.find((one) => one.what === what)?.rows;
    assert.deepEqual(
      [count('messages in folders'), count('messages in the queue'), result.contents],
      [3, 3, 3],
    );
  });

  it('gives no number again that was given before, there or back', async () => {
    const [here, there, back] = [inDirectory(), await inPostgres(), inDirectory()];
    await filled(here);
    const made: { readonly id: number; readonly uidValidity: number }[] = [];
    const use = async (place: Place) => {
      await using stores = await open(place);
      const folder = await stores.folders.create(ann, 'New', undefined);
      const [uid] = [
        await stores.folders.append(folder.id, [{ content: text('x'), flags: [], received: 1 }]),
      ];
      made.push(folder);
      await stores.folders.remove(ann, 'New');
      return uid;
    };
    await use(here);
    await moved(here, there);
    await use(there);
    await moved(there, back);
    await use(back);
    const ids = made.map(({ id }) => id);
    const validities = made.map(({ uidValidity }) => uidValidity);
    assert.deepEqual(
      ids,
      [...new Set(ids)].sort((a, b) => a - b),
    );
    assert.deepEqual(
      validities,
      [...new Set(validities)].sort((a, b) => a - b),
    );
  });

  it('has its large content in a bucket where one is configured', async () => {
    await using bucket = await startObjectStore();
    const [here, there, back] = [inDirectory(), await inPostgres(bucket.settings), inDirectory()];
    const before = await filled(here);
    await moved(here, there);
    assert.equal(bucket.objects.size, 2);
    assert.deepEqual(await seenIn(there), before);
    await moved(there, back);
    assert.deepEqual(await seenIn(back), before);
  });

  const ways = [
    ['SQLite', async () => [inDirectory(), await inPostgres()]],
    ['PostgreSQL', async () => [await inPostgres(), inDirectory()]],
  ] as const;
  for (const [kind, places] of ways)
    it(`takes along what changes while it moves from ${kind}`, async () => {
      const [here, there] = (await places()) as [Place, Place];
      await filled(here);
      await using stores = await open(here);
      let asked = 0;
      await moved(here, there, {
        // Between the copy of a table and the look at what changed.
        source: (source) =>
          but(source, 'changes', async (limit) => {
            asked += 1;
            if (asked === 1) await change(stores);
            return source.changes(limit);
          }),
        stopServers: async () => stores[Symbol.asyncDispose](),
      });
      await using opened = await open(there);
      const folders = await opened.folders.folders(ann);
      assert.ok(folders.some(({ path }) => path === 'Renamed'));
      const inbox = await inboxIn(opened.folders);
      assert.deepEqual([...(await opened.folders.snapshot(inbox))!.messages.uid], [2, 4]);
      assert.deepEqual(
        (await collected(queueEntries(opened.queue))).map(({ id }) => id),
        ['m1', 'm3', 'm5'],
      );
      const changed = await opened.records.list('policy', { limit: 9 });
      assert.deepEqual(
        changed.map(({ key, value }) => [key, value]),
        [['example.org', '{"new":1}']],
      );
    });

  it('compares again while servers work, until little is left for when nobody does', async () => {
    const [here, there] = [inDirectory(), await inPostgres()];
    await filled(here);
    await using stores = await open(here);
    const pages: string[] = [];
    let [isComparing, wasChanged] = [false, false];
    await moved(here, there, {
      source(source) {
        const paged = but(source, 'page', async (table, after, range) => {
          pages.push(table.name);
          if (isComparing && table.name === 'recipient') {
            isComparing = false;
            wasChanged = true;
            // It takes long, and meanwhile mail comes.
            await clock.advance(10_000);
            await change(stores);
          }
          return source.page(table, after, range);
        });
        const counted = but(paged, 'changes', async (limit) => {
          isComparing = !wasChanged;
          return source.changes(limit);
        });
        return but(counted, 'quiet', async () => {
          pages.length = 0;
          return source.quiet();
        });
      },
      stopServers: async () => stores[Symbol.asyncDispose](),
    });
    assert.deepEqual(pages, [], 'what had changed was compared before');
    await using opened = await open(there);
    const inbox = await inboxIn(opened.folders);
    assert.deepEqual([...(await opened.folders.snapshot(inbox))!.messages.uid], [2, 4]);
  });

  async function change({ folders, queue, records, spool }: Stores): Promise<void> {
    const inbox = await inboxIn(folders);
    await folders.removeMessages(inbox, [1]);
    await folders.append(inbox, [{ content: await spool.store(large), flags: [], received: 4000 }]);
    await folders.rename(ann, 'Work/2026', 'Renamed');
    await records.remove('policy', ['example.net']);
    await records.put([{ kind: 'policy', key: 'example.org', value: '{"new":1}' }]);
    await queue.enqueue(message('m5'), { leaseUntil: undefined });
    const [lease] = await queue.take('m2', { now: clock.now(), leaseMs: 1000 });
    await queue.settle(settlement(lease!, delivered));
  }

  it('goes on where it was, wherever it was broken off, and has nothing twice', async () => {
    const [here, there] = [inDirectory(), await inPostgres()];
    const before = await filled(here);
    const killed = async (changed: Changed) =>
      assert.rejects(moved(here, there, changed), { message: 'killed' });
    for (const name of ['write', 'putSmall', 'putLarge', 'verified', 'sweep'] as const)
      for (const nth of name === 'write' ? [1, 4, 9, 9] : [1])
        for (const when of ['before', 'after'] as const)
          await killed({
            target: (target) => dying(target, name, { nth, when }),
            source: (source) => dying(source, 'leave', { nth: 1, when: 'before' }),
          });
    await killed({ source: (source) => dying(source, 'leave', { nth: 1, when: 'after' }) });
    for (const place of [here, there])
      await assert.rejects(open(place), {
        name: 'StoreOpenError',
        message: /was moved|not finished/,
      });
    await killed({ target: (target) => dying(target, 'finish', { nth: 1, when: 'before' }) });
    // What is not whole is nothing to move from: the old store would make room for it.
    await assert.rejects(moved(there, here, { replace: true }), /a move to .* is not finished/);
    await moved(here, there);
    assert.deepEqual(await seenIn(there), before);
    await assert.rejects(moved(here, there), /was moved to .* already/);
    await assert.rejects(open(here), /put that store into the configuration/);
  });

  it('is finished where it all went, not where half of it had gone before', async () => {
    const [here, half, there] = [inDirectory(), await inPostgres(), await inPostgres()];
    const before = await filled(here);
    const killed = async (to: Place, changed: Changed) =>
      assert.rejects(moved(here, to, changed), { message: 'killed' });
    await killed(half, { target: (target) => dying(target, 'write', { nth: 4, when: 'after' }) });
    await killed(there, { source: (source) => dying(source, 'leave', { nth: 1, when: 'after' }) });
    await assert.rejects(moved(here, half), /was moved to .* already/);
    await assert.rejects(open(half), /not finished/);
    await moved(here, there);
    assert.deepEqual(await seenIn(there), before);
  });

  it('comes from no half of one: what it was moved from is not emptied for it', async () => {
    const [here, there] = [await inPostgres(), inDirectory()];
    const before = await filled(here);
    const finish = (target: MoveTarget) => dying(target, 'finish', { nth: 1, when: 'before' });
    await assert.rejects(moved(here, there, { target: finish }), { message: 'killed' });
    await assert.rejects(moved(there, here, { replace: true }), /a move to .* is not finished/);
    await moved(here, there);
    assert.deepEqual(await seenIn(there), before);
  });

  it('finds what is not the same, names it, and leaves the old store as it was', async () => {
    const [here, there] = [inDirectory(), await inPostgres()];
    const before = await filled(here);
    const { url } = there.store as { readonly url: string };
    const spoiled = (sql: string) => ({
      source: (source: MoveSource) =>
        but(source, 'changes', async (limit) => {
          await ask(url, sql);
          return source.changes(limit);
        }),
    });
    await assert.rejects(
      moved(here, there, spoiled('UPDATE mail SET flags = 5 WHERE uid = 2')),
      /messages in folders of ann@example\.org in INBOX: 2 there, 2 here, not the same/,
    );
    await assert.rejects(open(there), /not finished/);
    assert.deepEqual(await seenIn(here), before);
  });

  it('reads content again, and finds an octet that is another', async () => {
    const [here, there] = [inDirectory(), await inPostgres()];
    await filled(here);
    const target = (one: MoveTarget) =>
      but(one, 'unverified', async (after, limit) => {
        const { url } = there.store as { readonly url: string };
        await ask(url, `UPDATE content_piece SET bytes = set_byte(bytes, 7, 1) WHERE number = 1`);
        return one.unverified(after, limit);
      });
    await assert.rejects(moved(here, there, { target }), /content \d+ is not the same/);
  });

  it('is stopped by content that is missing, and says what to do', async () => {
    const [here, there] = [inDirectory(), await inPostgres()];
    await filled(here);
    const spool = join(here.directory, 'spool');
    rmSync(join(spool, readdirSync(spool)[0]!));
    await assert.rejects(moved(here, there), /verify --repair/);
    assert.ok(await open(here).then((stores) => stores[Symbol.asyncDispose]().then(() => true)));
  });

  it('is written to by no node that begins or thaws while it is left, or later', async () => {
    const [here, there] = [await inPostgres(), inDirectory()];
    await filled(here);
    const frozen = await open(here);
    let begins: Promise<unknown> | undefined;
    await moved(here, there, {
      source: (source) =>
        but(source, 'counters', async () => {
          begins = open(here, false).catch((error: Error) => error);
          const counters = await source.counters();
          // It waits in line by now: for the table of nodes.
          const { url } = here.store as { readonly url: string };
          const waits = `SELECT 1 FROM pg_locks WHERE NOT granted AND relation = 'node'::regclass`;
          while ((await ask(url, waits)).rowCount === 0);
          return counters;
        }),
    });
    assert.match(String(await begins), /everything was moved to another store/);
    const late = frozen.folders.create(ann, 'Late', undefined);
    await assert.rejects(late, /everything was moved to another store/);
    await frozen[Symbol.asyncDispose]();
  });

  it('goes to an empty store only, and puts aside one that was moved from when told to', async () => {
    const [here, there] = [inDirectory(), await inPostgres()];
    const before = await filled(here);
    const other = inDirectory();
    await filled(other);
    await moved(here, there);
    await assert.rejects(moved(there, other), /has a store with mail or accounts already/);
    const { url } = there.store as { readonly url: string };
    const notes = await ask(url, `SELECT to_regclass('move_change') IS NULL AS none`);
    assert.equal(notes.rows[0]?.none, true, 'nothing is noted that nobody takes');
    await assert.rejects(moved(there, here), /call this with --replace/);
    await moved(there, here, { replace: true });
    assert.deepEqual(await seenIn(here), before);
    const aside = readdirSync(here.directory).find((name) => name.startsWith('moved-'))!;
    assert.ok(existsSync(join(here.directory, aside, 'postrider.db')));
    await assert.rejects(moved(here, there), /call this with --replace to empty it/);
    await moved(here, there, { replace: true });
    assert.deepEqual(await seenIn(there), before);
  });

  it('is given up without a trace', async () => {
    const [here, there] = [inDirectory(), await inPostgres()];
    const before = await filled(here);
    const dies = (target: MoveTarget) => dying(target, 'sweep', { nth: 1, when: 'before' });
    await assert.rejects(moved(here, there, { target: dies }), { message: 'killed' });
    {
      await using source = await openMoveSource({ ...here, clock });
      await source.unwatch();
      await using target = await openMoveTarget({ ...there, clock, replace: false });
      await target.abandon();
    }
    assert.deepEqual(await seenIn(here), before);
    await using stores = await open(there);
    assert.deepEqual(await stores.accounts.list(), []);
  });
});

/** The process ends before or after the nth call. */
function dying<T extends object, K extends keyof T>(
  object: T,
  name: K,
  { nth, when }: { readonly nth: number; readonly when: 'before' | 'after' },
): T {
  let calls = 0;
  const does = object[name] as (...given: unknown[]) => Promise<unknown>;
  const dies = async (...given: unknown[]) => {
    calls += 1;
    if (calls === nth && when === 'before') throw new Error('killed');
    const done = await does.apply(object, given);
    if (calls === nth) throw new Error('killed');
    return done;
  };
  return but(object, name, dies as T[K]);
}
