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
import { verifyPassword } from '../../policy/accounts/passwords.ts';
import { listed } from '../conformance/harness.ts';
import { emailId } from '../object-id.ts';
import { queueEntries } from '../queue-entries.ts';
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
  const old = Buffer.from('From: a@b\r\nSubject: =?ks_c_5601-1987?B?jGO55rCix88=?=\r\n\r\nx');
  try {
    databaseOf(
      directory,
      5,
      `
      INSERT INTO mailbox (id, address) VALUES (1, 'ann@example.org');
      INSERT INTO folder (id, mailbox, path, uid_validity, uid_next, modseq, messages, unseen, bytes)
      VALUES (7, 1, 'INBOX', 5, 3, 9, 2, 2, 99);
      INSERT INTO content (id, size, file, bytes)
      VALUES (1, 56, NULL, x'${old.toString('hex')}'), (2, 43, 'nowhere', NULL);
      INSERT INTO email (id, content, sender, subject, prefix)
      VALUES (1, 1, 'a@b', 'garbled', ''), (2, 2, 'a@b', 'garbled', '');
      UPDATE meta SET value = 2 WHERE name = 'email';
      INSERT INTO mail (folder, uid, email, modseq, flags, keywords, received, saved, size)
      VALUES (7, 1, 1, 8, 0, '', 0, 0, 56), (7, 2, 2, 9, 0, '', 0, 0, 43)`,
    );
    {
      await using stores = await open();
      const bytes = Buffer.from('From: a@b\r\nSubject: new\r\n\r\nx');
      const message = { account, folder: 'INBOX', content: { kind: 'inline' as const, bytes } };
      await stores.folders.deliver({ ...message, flags: [], received: 0, prefix: '' });
    }
    const database = new DatabaseSync(join(directory, 'postrider.db'));
    database.exec(`UPDATE email SET subject = 'kept' WHERE subject = 'new'`);
    database.close();
    await using stores = await open();
    const page = await listed(stores.folders, account);
    assert.deepEqual(
      page.map(({ subject }) => subject),
      ['똠방각하', 'garbled', 'kept'],
    );
  } finally {
    await rm(directory, { recursive: true });
  }
});

it('0007: how a recipient is delivered is told from the name of its destination', async () => {
  const directory = await temporaryDirectory();
  try {
    const queued = (key: number, destination: string) => `
      INSERT INTO message (key, id, received, sender, params, origin, prefix, size, bytes)
      VALUES (${key}, 'm${key}', 0, '', '', '{"session":"s","service":"smtp","protocol":"ESMTP"}', '', 1, x'78');
      INSERT INTO recipient (message, idx, address, params, destination, due, attempts)
      VALUES (${key}, 0, 'a@b.test', '', '${destination}', 0, 0);`;
    databaseOf(
      directory,
      6,
      ['local', 'mx:b.test', 'discard'].map((to, i) => queued(i, to)).join(''),
    );
    const clock = new FakeClock();
    await using stores = await openSqliteStores({ directory, clock, log: silentLog });
    const found: unknown[] = [];
    for await (const { recipients } of queueEntries(stores.queue))
      found.push([recipients[0]?.delivery, recipients[0]?.destination]);
    assert.deepEqual(found, [
      ['local', 'local'],
      ['relay', 'mx:b.test'],
      ['discard', 'discard'],
    ]);
  } finally {
    await rm(directory, { recursive: true });
  }
});

it('0009: the modseqs of a folder of 0.1 go on, and an account’s changes begin with what there is', async () => {
  const directory = await temporaryDirectory();
  const ann = 'ann@example.org';
  try {
    databaseOf(
      directory,
      2,
      `
      INSERT INTO mailbox (id, address) VALUES (1, '${ann}'), (2, 'bob@example.org');
      INSERT INTO folder (id, mailbox, path, uid_validity, uid_next, modseq, messages, unseen, bytes)
      VALUES (7, 1, 'INBOX', 5, 3, 9, 2, 2, 2), (8, 1, 'old', 6, 2, 40, 1, 1, 1);
      INSERT INTO content (id, size, bytes) VALUES (1, 1, x'78');
      INSERT INTO email (id, content, sender, subject, prefix) VALUES (1, 1, '', '', ''), (2, 1, '', '', '');
      UPDATE meta SET value = 1000 WHERE name = 'email';
      INSERT INTO mail (folder, uid, email, modseq, flags, keywords, received, saved, size)
      VALUES (7, 1, 1, 8, 0, '', 0, 0, 1), (7, 2, 2, 9, 0, '', 0, 0, 1), (8, 1, 1, 40, 0, '', 0, 0, 1);
      INSERT INTO expunged (folder, modseq, uid) VALUES (8, 39, 7)`,
    );
    const clock = new FakeClock();
    await using stores = await openSqliteStores({ directory, clock, log: silentLog });
    const { folders } = stores;
    const [inbox, old] = [await folders.folder(7), await folders.folder(8)];
    assert.deepEqual([inbox?.modseq, old?.modseq], [9, 40]);
    const state = await folders.accountState(ann);
    const { uids } = await folders.append(7, [
      { content: { kind: 'inline', bytes: Buffer.from('\r\n') }, flags: [], received: 0 },
    ]);
    assert.deepEqual(uids, [3]);
    const { changed, vanished, complete, folder } = (await folders.changes(7, 9))!;
    assert.deepEqual([[...changed.uid], [...vanished], complete], [[3], [], true]);
    assert.ok(folder.modseq > 40, 'above that of every folder of the account');
    assert.deepEqual([...(await folders.changes(8, 38))!.vanished], [7]);
    await folders.store(7, [2], { kind: 'add', flags: ['\\Seen'] });
    await folders.removeMessages(7, [1]);
    await folders.remove(ann, 'old');
    const { created, updated, destroyed } = await folders.changedEmails(ann, state, 9);
    const third = (await folders.index(7))!.email[1]!;
    assert.deepEqual([created, updated, destroyed], [[emailId(third)], ['m2'], ['m1']]);
    const boxes = await folders.changedFolders(ann, state, 9);
    assert.deepEqual([boxes.created, boxes.updated, boxes.destroyed], [[], ['F7'], ['F8']]);
    assert.equal((await folders.changedEmails(ann, '39', 9)).complete, false);
    assert.equal((await folders.changedEmails('bob@example.org', '1', 9)).complete, true);
  } finally {
    await rm(directory, { recursive: true });
  }
});

it('what 0.1 wrote is all there: accounts, folders with their states and rights, mail, and the queue', async () => {
  const directory = await temporaryDirectory();
  const [ann, bob] = ['ann@example.org', 'bob@example.org'];
  try {
    const written = new DatabaseSync(join(directory, 'postrider.db'));
    const dump = join(import.meta.dirname, '../../../test/written-by-0.1.sql');
    written.exec(readFileSync(dump, 'utf8'));
    written.close();
    const clock = new FakeClock();
    await using stores = await openSqliteStores({ directory, clock, log: silentLog });
    const { accounts, folders, queue } = stores;

    const account = await accounts.find('post@example.org');
    assert.deepEqual(account?.addresses, [ann, 'post@example.org']);
    const [credential] = await accounts.credentials(ann);
    assert.ok(await verifyPassword(credential!.argon2, 'correct horse battery'));

    const inbox = (await folders.find(ann, 'INBOX'))!;
    assert.deepEqual(
      [inbox.uidValidity, inbox.uidNext, inbox.modseq, inbox.messages],
      [1795990966, 5, 7, 3],
    );
    const index = (await folders.index(inbox.id))!;
    assert.deepEqual([...index.uid], [1, 3, 4]);
    const since = (await folders.changes(inbox.id, 5))!;
    assert.deepEqual([[...since.vanished], [...since.changed.uid]], [[2], [4]]);
    const work = (await folders.find(ann, 'Work/2026'))!;
    assert.deepEqual([...(await folders.acl(work.id))], [[bob, 'lr']]);
    assert.deepEqual(
      (await folders.sharedWith([bob])).map(({ path }) => path),
      ['Work/2026'],
    );
    assert.ok((await folders.subscriptions(ann)).includes('Work/2026'));

    const lines = await folders.list(inbox.id, { after: 0, limit: 9 });
    assert.deepEqual(
      lines.map(({ flags }) => [...flags].sort()),
      [['\\Flagged', '\\Seen'], ['$Forwarded'], []],
    );
    const digests = await folders.digests(inbox.id, [1, 3, 4]);
    assert.deepEqual(
      digests.map((digest) => digest?.envelope.subject),
      ['First', '=?utf-8?Q?Gr=C3=BC=C3=9Fe?=', 'delivered'],
    );
    assert.deepEqual([...(await folders.search(inbox.id, { kind: 'text', text: 'grüße' }))], [3]);
    const [content] = await folders.open(inbox.id, [3]);
    assert.match(Buffer.from(content!.bytes!).toString(), /\r\n\r\nViele Grüße\r\n$/);
    const { created } = await folders.changedEmails(ann, await folders.accountState(ann), 9);
    assert.deepEqual(created, []);

    const waiting = (await queue.get('0scp04rg9mz'))!;
    assert.equal(waiting.sender, ann);
    const [to] = waiting.recipients;
    assert.deepEqual(
      [to?.address, to?.delivery, to?.destination, to?.attempts, to?.lastReply?.code],
      ['far@example.net', 'relay', 'host:127.0.0.1:15981#0', 1, 451],
    );
  } finally {
    await rm(directory, { recursive: true });
  }
});

/** A database as the version with these migrations left it. */
function databaseOf(directory: string, version: number, rows: string): void {
  const database = new DatabaseSync(join(directory, 'postrider.db'));
  for (const { version: of, name } of migrations())
    if (of <= version)
      database.exec(readFileSync(join(import.meta.dirname, 'migrations', name), 'utf8'));
  database.exec(`PRAGMA user_version = ${version}; ${rows}`);
  database.close();
}
