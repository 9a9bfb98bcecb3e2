// Databases that an earlier version made are brought up to date when they are opened, with what is
// in them.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { it } from 'node:test';
import { FakeClock } from '../../base/fake-clock.ts';
import { silentLog } from '../../base/log.ts';
import { migrations } from './database.ts';
import { openSqliteStores } from './stores.ts';
import { temporaryDirectory } from './test-stores.ts';

it('are numbered from 1 without gaps', () => {
  assert.deepEqual(
    migrations().map(({ version }) => version),
    migrations().map((_, i) => i + 1),
  );
});

it('0002: a folder of 0001 knows how many of its messages have \\Deleted', async () => {
  const directory = await temporaryDirectory();
  try {
    const old = new DatabaseSync(join(directory, 'postrider.db'));
    const first = join(import.meta.dirname, 'migrations', '0001-initial.sql');
    old.exec(readFileSync(first, 'utf8'));
    old.exec(`
      PRAGMA user_version = 1;
      INSERT INTO mailbox (id, address) VALUES (1, 'ann@example.org');
      INSERT INTO folder (id, mailbox, path, uid_validity, uid_next, modseq, messages, unseen, bytes)
      VALUES (7, 1, 'INBOX', 5, 4, 9, 2, 1, 10);
      INSERT INTO mail (folder, uid, email, modseq, flags, keywords, received, saved, size)
      VALUES (7, 1, 1, 8, 9, '', 0, 0, 5), (7, 3, 2, 9, 0, 'todo', 0, 0, 5);
      INSERT INTO expunged (folder, modseq, uid) VALUES (7, 6, 2)`);
    old.close();
    const clock = new FakeClock();
    await using stores = await openSqliteStores({ directory, clock, log: silentLog });
    const folder = await stores.folders.find('ann@example.org', 'INBOX');
    assert.deepEqual([folder?.id, folder?.deleted, folder?.modseq], [7, 1, 9]);
    const changes = await stores.folders.changes(7, 5);
    assert.deepEqual([...(changes?.vanished ?? [])], [2]);
    assert.deepEqual([changes?.complete, changes?.changed.length], [true, 2]);
  } finally {
    await rm(directory, { recursive: true });
  }
});

it('0005: what a folder of 0004 has is not recent, what comes is; a new folder begins with all', async () => {
  const directory = await temporaryDirectory();
  try {
    const old = new DatabaseSync(join(directory, 'postrider.db'));
    for (const { version, name } of migrations())
      if (version < 5)
        old.exec(readFileSync(join(import.meta.dirname, 'migrations', name), 'utf8'));
    old.exec(`
      PRAGMA user_version = 4;
      INSERT INTO mailbox (id, address) VALUES (1, 'ann@example.org');
      INSERT INTO folder (id, mailbox, path, uid_validity, uid_next, modseq, messages, unseen, bytes)
      VALUES (7, 1, 'INBOX', 5, 4, 9, 1, 1, 5);
      INSERT INTO mail (folder, uid, email, modseq, flags, keywords, received, saved, size)
      VALUES (7, 3, 2, 9, 0, '', 0, 0, 5)`);
    old.close();
    const clock = new FakeClock();
    await using stores = await openSqliteStores({ directory, clock, log: silentLog });
    const { folders } = stores;
    const recent = async (id: number) => {
      const { recentFrom } = (await folders.folder(id))!;
      return [recentFrom, await folders.countFrom(id, recentFrom)];
    };
    assert.deepEqual(await recent(7), [4, 0]);
    const content = { kind: 'inline' as const, bytes: Buffer.from('\r\nx') };
    await folders.append(7, [{ content, flags: [], received: 0 }]);
    assert.deepEqual(await recent(7), [4, 1]);
    const { id } = await folders.create('ann@example.org', 'new', undefined);
    assert.deepEqual(await recent(id), [1, 0]);
  } finally {
    await rm(directory, { recursive: true });
  }
});

it('0006: what version 0.1 read of sender and subject is read again; what comes is kept', async () => {
  const directory = await temporaryDirectory();
  const open = () => openSqliteStores({ directory, clock: new FakeClock(), log: silentLog });
  const account = 'ann@example.org';
  const append = (stores: Awaited<ReturnType<typeof open>>, subject: string) => {
    const bytes = Buffer.from(`From: a@b\r\nSubject: ${subject}\r\n\r\nx`);
    const message = { account, folder: 'INBOX', content: { kind: 'inline' as const, bytes } };
    return stores.mailboxes.append({ ...message, flags: [], received: 0, prefix: '' });
  };
  const change = (sql: string) => {
    const database = new DatabaseSync(join(directory, 'postrider.db'));
    database.exec(sql);
    database.close();
  };
  try {
    {
      await using stores = await open();
      await append(stores, '=?ks_c_5601-1987?B?jGO55rCix88=?=');
      await append(stores, 'gone');
    }
    change(`
      UPDATE email SET subject = 'garbled';
      UPDATE content SET file = 'nowhere', bytes = NULL WHERE id = 2;
      DELETE FROM meta WHERE name = 'listed_by_0_1';
      PRAGMA user_version = 5`);
    {
      await using stores = await open();
      await append(stores, 'new');
    }
    change(`UPDATE email SET subject = 'kept' WHERE subject = 'new'`);
    await using stores = await open();
    const page = await stores.mailboxes.list(account, 'INBOX', { after: 0, limit: 10 });
    assert.deepEqual(
      page.map(({ subject }) => subject),
      ['똠방각하', 'garbled', 'kept'],
    );
  } finally {
    await rm(directory, { recursive: true });
  }
});
