// Mailboxes that two nodes share: one order of UIDs and changes, and each hears of what the other one did.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { systemClock } from '../../../base/clock.ts';
import { silentLog } from '../../../base/log.ts';
import { text } from '../../conformance/harness.ts';
import type { FolderStore, MailboxEvent, MailColumns, NewMail } from '../../folder-store.ts';
import type { Stores } from '../../stores.ts';
import { openPostgresStores } from '../stores.ts';
import { ask, testCluster, withoutPostgres } from '../test-cluster.ts';

const ann = 'ann@example.org';

const mail = (subject = 'x'): NewMail => ({
  ...{ content: text(`Subject: ${subject}\r\n\r\nbody`), flags: [], received: 0 },
});

async function openTwo() {
  const url = await (await testCluster()).database();
  const opened: Stores[] = [];
  for (const node of ['one', 'two'])
    opened.push(await openPostgresStores({ url, node, clock: systemClock(), log: silentLog }));
  const [one, two] = opened.map(({ folders }) => folders) as [FolderStore, FolderStore];
  await one.ensure(ann);
  return {
    ...{ url, one, two, inbox: (await two.find(ann, 'INBOX'))!.id },
    async [Symbol.asyncDispose]() {
      for (const stores of opened) await stores[Symbol.asyncDispose]();
    },
  };
}

const placesOf = ({ uid, modseq }: MailColumns) =>
  Array.from(uid, (one, i) => [one, modseq[i]!] as const);

/** The next event that is as wanted. */
function heard(folders: FolderStore, isWanted: (event: MailboxEvent) => boolean): Promise<void> {
  return new Promise((resolve) => {
    const stop = folders.watch((event) => {
      if (!isWanted(event)) return;
      stop();
      resolve();
    });
  });
}

describe('mailboxes on two nodes', { skip: withoutPostgres() }, () => {
  it('UIDs are given once, and modseqs are in the order in which they can be seen', async () => {
    await using test = await openTwo();
    const { one, two, inbox } = test;
    const told: (readonly [uid: number, modseq: number])[] = [];
    let isOver = false;
    // Whoever looks again and again for what is new misses nothing.
    const reader = (async () => {
      for (let since = 0, last = false; !last; last = isOver) {
        const { folder, changed } = (await two.changes(inbox, since))!;
        told.push(...placesOf(changed));
        since = folder.modseq;
      }
      const { changed } = (await two.changes(inbox, told.at(-1)?.[1] ?? 0))!;
      told.push(...placesOf(changed));
    })();
    const writers = [one, two, one, two].map(async (folders) => {
      const given: number[] = [];
      for (let i = 0; i < 10; i += 1)
        given.push(...(await folders.append(inbox, [mail(), mail()])).uids);
      return given;
    });
    const given = (await Promise.all(writers)).flat();
    isOver = true;
    await reader;
    const all = Array.from({ length: 80 }, (_, i) => i + 1);
    assert.deepEqual(
      given.toSorted((a, b) => a - b),
      all,
    );
    assert.deepEqual(
      told.map(([uid]) => uid),
      all,
    );
  });

  it('two that move each other’s mail to and fro wait for nobody for ever', async () => {
    await using test = await openTwo();
    const { one, two, inbox } = test;
    const bob = 'bob@example.org';
    await two.ensure(bob);
    const other = (await two.find(bob, 'INBOX'))!.id;
    await one.append(inbox, [mail(), mail(), mail()]);
    await two.append(other, [mail(), mail(), mail()]);
    const uids = Array.from({ length: 40 }, (_, i) => i + 1);
    await Promise.all(
      [0, 1, 2, 3, 4].flatMap(() => [
        one.move(inbox, uids, other),
        two.move(other, uids, inbox),
        one.store(other, uids, { kind: 'add', flags: ['\\Seen'] }),
      ]),
    );
    const counts = await Promise.all([one.usage(ann), two.usage(bob)]);
    assert.equal(counts[0]!.messages + counts[1]!.messages, 6);
    const { rows } = await ask(test.url, 'SELECT count(*)::int AS n FROM email');
    assert.equal(rows[0].n, 6);
  });

  it('the last two copies that go at once, on two nodes, take the email and its content with them', async () => {
    await using test = await openTwo();
    const { one, two, inbox } = test;
    const bob = 'bob@example.org';
    await two.ensure(bob);
    const other = (await two.find(bob, 'INBOX'))!.id;
    for (let round = 0; round < 10; round += 1) {
      const { uids } = await one.append(inbox, [mail()]);
      const { target } = await one.copy(inbox, uids, other);
      await Promise.all([one.removeMessages(inbox, uids), two.removeMessages(other, target)]);
    }
    for (const table of ['email', 'content']) {
      const { rows } = await ask(test.url, `SELECT count(*)::int AS n FROM ${table}`);
      assert.equal(rows[0].n, 0, table);
    }
  });

  it('what one node changed is heard at the other', async () => {
    await using test = await openTwo();
    const { one, two, inbox } = test;
    const messages = heard(two, (event) => event.kind === 'messages' && event.folder === inbox);
    await one.append(inbox, [mail()]);
    await messages;
    const folders = heard(two, (event) => event.kind === 'folders' && event.account === ann);
    await one.create(ann, 'new', undefined);
    await folders;
  });

  it('also where no signal comes', async () => {
    await using test = await openTwo();
    const { one, two, inbox } = test;
    const first = heard(two, ({ kind }) => kind !== 'unknown');
    // The connections that listen are cut, and those that notify do nothing.
    const { rows } = await ask(test.url, 'SELECT current_database() AS name');
    await ask(
      test.url,
      `CREATE SCHEMA deaf; CREATE FUNCTION deaf.pg_notify(text, text) RETURNS void LANGUAGE sql AS 'SELECT';
       ALTER DATABASE ${rows[0].name} SET search_path = deaf, pg_catalog, public`,
    );
    await ask(
      test.url,
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
       WHERE datname = current_database() AND pid <> pg_backend_pid()`,
    );
    while ((await one.append(inbox, [mail()]).catch(() => undefined)) === undefined);
    await first;
  });

  it('what was derived by an older reading of messages is derived again', async () => {
    await using test = await openTwo();
    const { one, two, inbox } = test;
    await one.append(inbox, [mail('apples')]);
    const apples = { kind: 'header', name: 'subject', text: 'apples' } as const;
    assert.deepEqual([...(await one.search(inbox, apples))], [1]);
    await ask(test.url, `UPDATE derived SET derivation = derivation - 1, subject = 'pears'`);
    assert.deepEqual([...(await two.search(inbox, apples))], [1]);
  });
});
