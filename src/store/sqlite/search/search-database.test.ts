// search.db may be damaged, old, of another database, or gone: nobody who asks notices.

import assert from 'node:assert/strict';
import { copyFile, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, it } from 'node:test';
import { FakeClock } from '../../../base/fake-clock.ts';
import { silentLog } from '../../../base/log.ts';
import { text } from '../../conformance/harness.ts';
import { openReadDatabase } from '../database.ts';
import { Reader } from '../reader/reader.ts';
import { openSqliteStores } from '../stores.ts';
import { temporaryDirectory } from '../test-stores.ts';
import { startSharedThread } from '../test-threads.ts';

const ann = 'ann@example.org';

const open = (directory: string, { brief = false } = {}) =>
  openSqliteStores({
    brief,
    ...{ directory, clock: new FakeClock(), log: silentLog },
    startThread: startSharedThread,
  });

/** Opens the store, appends `bodies`, and says which messages have 'needle' in them. */
async function needles(directory: string, ...bodies: string[]): Promise<number[]> {
  await using stores = await open(directory);
  const { folders } = stores;
  await folders.ensure(ann);
  const inbox = (await folders.find(ann, 'INBOX'))!.id;
  for (const body of bodies)
    await folders.append(inbox, [{ content: text(`\r\n${body}`), flags: [], received: 0 }]);
  const [digest] = await folders.digests(inbox, [1]);
  assert.equal(digest!.envelope.subject, undefined);
  return [...(await folders.search(inbox, { kind: 'body', text: 'needle' }))];
}

function changed(directory: string, sql: string): void {
  const database = new DatabaseSync(join(directory, 'search.db'));
  database.exec(sql);
  database.close();
}

/** What is known of message 1 is made wrong, so that one can tell whether it was kept. */
const mark = `UPDATE digest SET preview = 'kept'`;

async function isKept(directory: string, how?: { readonly brief: boolean }): Promise<boolean> {
  await using stores = await open(directory, how);
  const inbox = (await stores.folders.find(ann, 'INBOX'))!.id;
  const [digest] = await stores.folders.digests(inbox, [1]);
  return digest?.preview === 'kept';
}

const folderOf = (database: DatabaseSync): number =>
  Number(database.prepare(`SELECT id FROM folder WHERE path = 'INBOX'`).get()!.id);

async function inDirectory(use: (directory: string) => Promise<void>): Promise<void> {
  const directory = await temporaryDirectory();
  try {
    await use(directory);
  } finally {
    await rm(directory, { recursive: true });
  }
}

describe('search.db', () => {
  it('is kept from one start to the next', () =>
    inDirectory(async (directory) => {
      assert.deepEqual(await needles(directory, 'needle', 'hay'), [1]);
      changed(directory, mark);
      assert.equal(await isKept(directory), true);
      assert.equal((await stat(join(directory, 'search.db'))).mode & 0o077, 0);
    }));

  it('is read, and kept, by a command between two starts', () =>
    inDirectory(async (directory) => {
      await needles(directory, 'needle');
      changed(directory, mark);
      assert.equal(await isKept(directory, { brief: true }), true);
      assert.equal(await isKept(directory), true);
    }));

  const worthless: readonly (readonly [what: string, sql: string])[] = [
    ['another version', 'UPDATE about SET version = version + 1'],
    ['another database', 'UPDATE about SET identity = identity + 1'],
    ['a later state than the mail', 'UPDATE about SET epoch = epoch + 100'],
    ['more mail than there is', 'UPDATE about SET email = email + 5000'],
    ['a machine that went down', `UPDATE about SET closed = 0, boot = 'another'`],
    ['nothing', 'DELETE FROM about'],
  ];
  for (const [what, sql] of worthless)
    it(`is made anew when it is of ${what}`, () =>
      inDirectory(async (directory) => {
        await needles(directory, 'needle');
        changed(directory, `${mark}; ${sql}`);
        assert.equal(await isKept(directory), false);
      }));

  it('is kept when only the process ended', () =>
    inDirectory(async (directory) => {
      await needles(directory, 'needle');
      changed(directory, `${mark}; UPDATE about SET closed = 0`);
      assert.equal(await isKept(directory), true);
    }));

  const another = 'UPDATE facts SET derivation = 0; UPDATE about SET derivation = 0';
  // What older versions left: IMAP's text in place of digests; of 0.1 no columns that tell by which reading
  // of messages a row came about.
  const wire = `DROP TABLE digest; CREATE TABLE wire (
    email INTEGER PRIMARY KEY, envelope TEXT NOT NULL, structure TEXT NOT NULL,
    body TEXT NOT NULL, preview TEXT NOT NULL);
    INSERT INTO wire SELECT email, '(NIL)', '(NIL)', '(NIL)', 'kept' FROM facts`;
  const fewer = ['reply_to', 'attachments', 'inlines']
    .map((column) => `ALTER TABLE facts DROP COLUMN ${column}`)
    .reduce((all, sql) => `${all}; ${sql}`, 'DROP INDEX with_attachments; DROP INDEX with_inlines');
  const third = `${fewer}; UPDATE facts SET derivation = 3; UPDATE about SET version = 3`;
  const second = `${fewer}; ${wire}; UPDATE about SET version = 2`;
  const initial = `${fewer}; ${wire}; ALTER TABLE facts DROP COLUMN derivation;
    ALTER TABLE about DROP COLUMN derivation; UPDATE about SET version = 1`;
  const form = 'UPDATE digest SET form = form + 1; UPDATE about SET derivation = 0';
  for (const [what, sql, keeps] of [
    ['by version 0.1', initial, { digest: false, facts: false }],
    ['by the version before digests', second, { digest: false, facts: true }],
    ['by the version before counts of attachments', third, { digest: true, facts: false }],
    ['by another reading of messages', another, { digest: true, facts: false }],
    ['in another form', form, { digest: false, facts: true }],
  ] as const)
    it(`what was derived ${what} is used until it has been derived anew`, () =>
      inDirectory(async (directory) => {
        await needles(directory, 'needle', 'hay');
        changed(directory, `${mark}; UPDATE facts SET subject = 'old'; ${sql}`);
        // What is not there any more is made when it is asked for.
        assert.equal(await isKept(directory), keeps.digest, 'nobody waits');
        const path = join(directory, 'postrider.db');
        const database = openReadDatabase(path);
        const searchPath = join(directory, 'search.db');
        const reader = new Reader({ database, searchPath, readHead: () => new Uint8Array(0) });
        const inbox = folderOf(database);
        const body = { kind: 'body', text: 'needle' } as const;
        assert.deepEqual([...reader.search(inbox, body)], [1]);
        // One message at a time, as when other questions come in between.
        const slices: string[] = [];
        for (;;) {
          const advanced = reader.advance(() => true);
          if (advanced === undefined) break;
          slices.push(advanced);
        }
        // The digest of the first one has been asked for already.
        const first = keeps.facts ? 'new' : 'old';
        assert.deepEqual(slices, [first, 'old'], 'from the first message on, and it says so');
        assert.doesNotMatch(reader.digests(inbox, [1, 2]).previews, /kept/);
        assert.deepEqual([...reader.search(inbox, body)], [1], 'once, not twice');
        assert.deepEqual(
          [...reader.search(inbox, { kind: 'header', name: 'subject', text: 'old' })],
          keeps.facts ? [1, 2] : [],
        );
        reader.close();
        database.close();
        assert.equal(await isKept(directory), false);
      }));

  const damages: readonly (readonly [what: string, damage: (file: string) => Promise<void>])[] = [
    ['gone', (file) => rm(file)],
    ['no database', (file) => writeFile(file, 'x'.repeat(10_000))],
    ['cut short', (file) => truncate(file, 8192)],
    [
      'overwritten behind its first page',
      async (file) => {
        const bytes = await readFile(file);
        await writeFile(file, bytes.fill(0xff, 4096));
      },
    ],
    [
      'overwritten where the facts are',
      async (file) => {
        const database = new DatabaseSync(file);
        const sql = `SELECT rootpage FROM sqlite_schema WHERE name IN ('digest', 'bodies_data')`;
        const pages = database.prepare(sql).all();
        database.close();
        const bytes = await readFile(file);
        for (const { rootpage } of pages)
          bytes.fill(0xff, (Number(rootpage) - 1) * 4096, Number(rootpage) * 4096);
        await writeFile(file, bytes);
      },
    ],
  ];
  for (const [what, damage] of damages)
    it(`is made anew when it is ${what}`, () =>
      inDirectory(async (directory) => {
        await needles(directory, 'needle', 'hay');
        await damage(join(directory, 'search.db'));
        assert.deepEqual(await needles(directory, 'needle'), [1, 3]);
      }));

  it('a backup of the mail that was put back is not searched with what came after it', () =>
    inDirectory(async (directory) => {
      await needles(directory, 'hay');
      await copyFile(join(directory, 'postrider.db'), join(directory, 'backup'));
      assert.deepEqual(await needles(directory, 'needle'), [2]);
      await copyFile(join(directory, 'backup'), join(directory, 'postrider.db'));
      assert.deepEqual(await needles(directory, 'hay'), []);
    }));
});
