import assert from 'node:assert/strict';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { FakeClock } from '../../base/fake-clock.ts';
import { silentLog } from '../../base/log.ts';
import { inspectStore } from '../at-rest.ts';
import { collected, message, removed } from '../conformance/harness.ts';
import { recordSyncs } from '../files/test-syncs.ts';
import { queueEntries } from '../queue-entries.ts';
import { openSqliteStores } from '../sqlite/stores.ts';
import { startSharedThread } from '../sqlite/test-threads.ts';
import { backUp } from './backup.ts';
import { BackupError, manifestFile } from './manifest.ts';
import { restoreBackup } from './restore.ts';
import { verifyBackup } from './verify.ts';

const root = mkdtempSync(join(tmpdir(), 'postrider-backup-'));
after(() => rmSync(root, { recursive: true }));
let made = 0;
const place = () => join(root, `p${made++}`);

const ann = 'ann@example.org';
const large = Buffer.from(`From: bob@example.net\r\nSubject: Large\r\n\r\n${'x'.repeat(300_000)}`);
const small = Buffer.from('Subject: Small\r\n\r\nHello\r\n');

const open = (directory: string) =>
  openSqliteStores({
    ...{ directory, clock: new FakeClock(), log: silentLog, journal: { prepare: true } },
    startThread: startSharedThread,
  });

/** A data directory in use, with a small and a large message in INBOX, the large one flagged. */
async function inUse() {
  const directory = place();
  const stores = await open(directory);
  const { folders, spool } = stores;
  await folders.ensure(ann);
  const { id: inbox } = (await folders.find(ann, 'INBOX'))!;
  const content = await spool.store(large);
  assert.ok(content.kind === 'file');
  await folders.append(inbox, [
    { content: { kind: 'inline', bytes: small }, flags: [], received: 1000 },
    { content, flags: ['\\Flagged', 'work'], received: 2000 },
  ]);
  mkdirSync(join(directory, 'tls'), { mode: 0o700 });
  writeFileSync(join(directory, 'tls/self-signed.pem'), 'key', { mode: 0o600 });
  mkdirSync(join(directory, 'history'));
  writeFileSync(join(directory, 'history/000001.jsonl'), '{}\n', { mode: 0o644 });
  return { directory, stores, inbox, file: join(directory, 'spool', content.key) };
}

async function backedUp({ directory, stores }: Awaited<ReturnType<typeof inUse>>) {
  const to = place();
  const release = await stores.maintenance.hold();
  const result = await backUp({ from: directory, to, version: '0', now: 0 });
  release();
  return { to, result };
}

const restored = async (from: string) => {
  const to = place();
  await restoreBackup({ from, to });
  return to;
};

describe('backup', () => {
  it('a store in use comes back whole: mailboxes, files, history, keys, for its owner alone', async () => {
    const used = await inUse();
    await using stores = used.stores;
    const { to, result } = await backedUp(used);
    assert.deepEqual([result.faults, result.leftOut], [[], []]);
    const counts = { accounts: 0, folders: 6, messages: 2, queued: 0, files: 1 };
    assert.deepEqual(result.counts, counts);
    for (const path of readdirSync(to, { recursive: true, encoding: 'utf8' })) {
      const { mode } = statSync(join(to, path));
      assert.equal(mode & 0o077, 0, path);
    }
    const back = await restored(to);
    await using again = await open(back);
    const { id } = (await again.folders.find(ann, 'INBOX'))!;
    const [one, two] = await again.folders.open(id, [1, 2]);
    assert.deepEqual(Buffer.concat(await collected(one!.read())), small);
    assert.deepEqual(Buffer.concat(await collected(two!.read())), large);
    assert.deepEqual(await again.folders.snapshot(id), await stores.folders.snapshot(used.inbox));
    for (const path of ['tls/self-signed.pem', 'history/000001.jsonl'])
      assert.deepEqual(readFileSync(join(back, path)), readFileSync(join(used.directory, path)));
  });

  it('what was accepted before it began is in it, also what lies in the journal alone', async () => {
    const used = await inUse();
    await using stores = used.stores;
    const bytes = Buffer.alloc(500_000, 'y'); // too large for a row
    await stores.queue.enqueue(message('m1'), { leaseUntil: 10 ** 12 });
    await stores.queue.enqueue(message('m2', { content: { kind: 'inline', bytes } }), {
      leaseUntil: 10 ** 12,
    });
    const { to, result } = await backedUp(used);
    assert.equal(result.counts.queued, 2);
    await using again = await open(await restored(to));
    const entries = await collected(queueEntries(again.queue));
    assert.deepEqual(
      entries.map(({ id, recipients }) => [id, recipients[0]?.state]),
      [
        ['m1', 'queued'],
        ['m2', 'queued'],
      ],
    );
    assert.deepEqual(
      Buffer.concat(await collected((await again.queue.open('m2'))!.content.read())),
      bytes,
    );
  });

  it('content that is deleted meanwhile stays until it is copied', async () => {
    const used = await inUse();
    await using stores = used.stores;
    const release = await stores.maintenance.hold();
    await removed(stores.folders, ann, [2]);
    assert.ok(existsSync(used.file));
    release();
    while (existsSync(used.file)) await new Promise((resolve) => setImmediate(resolve));
  });

  const skip = process.platform !== 'linux' && 'the kernel does not say what was flushed';
  it('is on the disk when it is called a backup, and so is what is restored', {
    skip,
  }, async (t) => {
    const used = await inUse();
    await using _stores = used.stores;
    const synced = new Set<string>();
    const inside = (directory: string) =>
      readdirSync(directory, { recursive: true, encoding: 'utf8' })
        .map((name) => join(directory, name))
        .filter((path) => !path.endsWith(manifestFile));
    const seen = await recordSyncs(t);
    const { to } = await backedUp(used);
    const back = await restored(to);
    for (const path of seen) synced.add(path.replace(/\.restoring$/, ''));
    for (const path of [to, `${to}/${manifestFile}.new`, ...inside(to), back, ...inside(back)])
      assert.ok(synced.has(path), path);
  });

  it('follows no links, waits for no pipes, and says what it left out', async () => {
    const used = await inUse();
    await using _stores = used.stores;
    const secret = place();
    writeFileSync(secret, 'secret');
    symlinkSync(secret, join(used.directory, 'tls/link.pem'));
    symlinkSync(root, join(used.directory, 'elsewhere'));
    const { to, result } = await backedUp(used);
    assert.equal(result.leftOut.length, 2);
    assert.ok(!existsSync(join(to, 'tls/link.pem')));
    assert.ok(!existsSync(join(to, 'elsewhere')));
  });

  it('goes into an empty directory, and comes out into one, only', async () => {
    const used = await inUse();
    await using _stores = used.stores;
    const { to } = await backedUp(used);
    const again = backUp({ from: used.directory, to, version: '0', now: 0 });
    await assert.rejects(again, /is not empty/);
    const within = { from: used.directory, to: join(used.directory, 'copy'), version: '0', now: 0 };
    await assert.rejects(backUp(within), /within the data directory/);
    await assert.rejects(restoreBackup({ from: to, to: used.directory }), /is not empty/);
  });

  it('names the messages whose content the original has lost, and has the others', async () => {
    const used = await inUse();
    await using _stores = used.stores;
    rmSync(used.file);
    const { to, result } = await backedUp(used);
    const [fault] = result.faults;
    assert.ok(fault?.kind === 'content');
    assert.deepEqual(fault.mails, [{ account: ann, folder: 'INBOX', uid: 2, id: 'm2' }]);
    assert.ok(existsSync(join(await restored(to), 'postrider.db')));
  });

  const spoiled: Readonly<Record<string, (directory: string) => void>> = {
    'an octet is another': (directory) => {
      const [name = ''] = readdirSync(join(directory, 'spool'));
      const bytes = readFileSync(join(directory, 'spool', name));
      bytes[1000]! ^= 1;
      writeFileSync(join(directory, 'spool', name), bytes);
    },
    'a file is missing': (directory) => rmSync(join(directory, 'tls/self-signed.pem')),
    'the database is cut off': (directory) => truncateSync(join(directory, 'postrider.db'), 8192),
    'the manifest breaks off': (directory) => {
      const path = join(directory, manifestFile);
      truncateSync(path, statSync(path).size - 5);
    },
    'there is no manifest': (directory) => rmSync(join(directory, manifestFile)),
    'the manifest leads out of it': (directory) => {
      const path = join(directory, manifestFile);
      writeFileSync(path, readFileSync(path, 'utf8').replace('"tls/', '"../'));
    },
  };
  for (const [what, spoil] of Object.entries(spoiled))
    it(`is found to be damaged when ${what}, and nothing is restored`, async () => {
      const used = await inUse();
      await using _stores = used.stores;
      const { to } = await backedUp(used);
      assert.deepEqual((await verifyBackup(to)).faults, []);
      spoil(to);
      const faults = await verifyBackup(to).then(
        (found) => found.faults.length,
        (error: unknown) => {
          assert.ok(error instanceof BackupError, String(error));
          return 1;
        },
      );
      assert.ok(faults > 0);
      const target = place();
      await assert.rejects(restoreBackup({ from: to, to: target }), BackupError);
      assert.equal(existsSync(target), false);
    });
});

describe('inspection and repair', () => {
  it('names damage to the database and to the journal', async () => {
    const used = await inUse();
    const { directory, stores } = used;
    await stores.queue.enqueue(message('m1'), { leaseUntil: 10 ** 12 });
    await stores[Symbol.asyncDispose]();
    const [segment = ''] = readdirSync(join(directory, 'journal'));
    writeFileSync(join(directory, 'journal', segment), Buffer.alloc(8192, 'x'));
    writeFileSync(
      join(directory, 'postrider.db'),
      'no database, but as long as the header of one '.repeat(200),
    );
    const { faults } = (await inspectStore({ directory, depth: 'all', atRest: true }))!;
    assert.deepEqual(
      faults.map(({ kind }) => kind),
      ['database', 'journal'],
    );
    assert.match(faults[1]!.text, /its beginning cannot be read/);
  });

  it('RFC 9051 §2.3.1.1: lost content is given up under a new UID, flags and date stay', async () => {
    const used = await inUse();
    await using stores = used.stores;
    truncateSync(used.file, 1000);
    const { faults } = (await inspectStore({ directory: used.directory, depth: 'names' }))!;
    assert.ok(faults[0]?.kind === 'content');
    const mended = await stores.maintenance.mend(faults[0].content);
    assert.equal(mended?.messages, 1);
    assert.equal(readFileSync(mended.aside!).length, 1000, 'what was left is kept');
    const { messages } = (await stores.folders.snapshot(used.inbox))!;
    assert.deepEqual([...messages.uid], [1, 3]);
    assert.deepEqual([messages.flags[1], messages.keywordSets[messages.keywords[1]!]], [4, 'work']);
    assert.equal(messages.received[1], 2000);
    const [mail] = await stores.folders.open(used.inbox, [3]);
    const text = Buffer.concat(await collected(mail!.read())).toString();
    assert.match(text, /^From: bob@example\.net\r\nSubject: Large\r\nDate: .*lost on the server/s);
    assert.equal(await stores.maintenance.mend(faults[0].content), undefined, 'once');
    assert.deepEqual((await inspectStore({ directory: used.directory, depth: 'all' }))!.faults, []);
  });

  it('RFC 5322 §3.3: of any date that APPEND took', async () => {
    await using stores = (await inUse()).stores;
    const { folders, spool, maintenance } = stores;
    const { id: inbox } = (await folders.find(ann, 'INBOX'))!;
    const content = await spool.store(large);
    const received = Date.UTC(1601, 0, 1);
    await folders.append(inbox, [{ content, flags: [], received }]);
    assert.ok(content.kind === 'file');
    await spool.remove(content.key);
    assert.equal((await maintenance.mend(3))?.messages, 1);
    const { messages } = (await folders.snapshot(inbox))!;
    assert.deepEqual([messages.uid[2], messages.received[2]], [4, received]);
  });

  it('leaves alone what is fine, or what only cannot be read', async () => {
    const used = await inUse();
    await using stores = used.stores;
    assert.equal(await stores.maintenance.mend(2), undefined);
    if (process.getuid?.() === 0) return; // root can read everything
    chmodSync(used.file, 0);
    await assert.rejects(stores.maintenance.mend(2), /cannot be read/);
  });
});
