// Versions one apart share a database while nodes are upgraded one after the other. What a migration may do to those that
// are at work; that this version works on tables that the next one has widened; and that it ends where it must not.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FakeClock } from '../../base/fake-clock.ts';
import { silentLog } from '../../base/log.ts';
import { testAccountStore } from '../conformance/account-store.ts';
import { testFolderStore } from '../conformance/folder-store.ts';
import { delivered, message, settlement } from '../conformance/harness.ts';
import { due, everything } from '../conformance/queue-harness.ts';
import { testQueueStore } from '../conformance/queue-store.ts';
import { testRecordStore } from '../conformance/record-store.ts';
import { testSpamStore } from '../conformance/spam-store.ts';
import { migrations, newestVersion } from './migrations.ts';
import { openPostgresStores } from './stores.ts';
import { ask, testCluster, withoutPostgres } from './test-cluster.ts';
import { openIn, openNode } from './test-stores.ts';
import { eventually, openTwo } from './test-two-nodes.ts';

/** What nodes of the version before do not notice. */
const widening: readonly RegExp[] = [
  /^CREATE (UNLOGGED )?TABLE \w+ \(/,
  /^CREATE INDEX /,
  /^CREATE SEQUENCE /,
  // Under a name of its own: what is replaced, nodes of the version before call.
  /^CREATE FUNCTION /,
  /^INSERT INTO /,
  // They do not fill it.
  /^ALTER TABLE \w+ ADD COLUMN (?!.*\b(UNIQUE|PRIMARY KEY|REFERENCES|CHECK)\b)(?!.*NOT NULL(?!.*DEFAULT)).*(?<!,)$/,
  /^ALTER TABLE \w+ ALTER COLUMN \w+ SET STORAGE \w+$/,
  /^ALTER TABLE \w+ SET \([^)]*\)$/,
];

/** The statements that may break a node of the version before; none where they say from which version on they are understood. */
function narrowing(sql: string): readonly string[] {
  const statements = sql
    .replaceAll(/--.*$/gm, '')
    .replaceAll(/\$\$[\s\S]*?\$\$/g, '$$$$')
    .split(';')
    .map((one) => one.trim().replaceAll(/\s+/g, ' '))
    .filter((one) => one !== '');
  if (statements.some((one) => /^UPDATE schema_version SET oldest = \d+$/.test(one))) return [];
  const made = new Set(statements.flatMap((one) => /^CREATE TABLE (\w+)/.exec(one)?.[1] ?? []));
  return statements.filter((one) => {
    const unique = /^CREATE UNIQUE INDEX .* ON (\w+)/.exec(one)?.[1];
    if (unique !== undefined) return !made.has(unique);
    return !widening.some((allowed) => allowed.test(one));
  });
}

/** As the version after this one may: whatever `narrowing` lets through, everywhere. */
async function widen(url: string): Promise<void> {
  await ask(
    url,
    `DO $$ DECLARE t text; BEGIN
       FOR t IN SELECT c.relname FROM pg_class c
         WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
           AND c.relname <> 'schema_version' LOOP
         EXECUTE format('ALTER TABLE %I ADD COLUMN next_known text', t);
         EXECUTE format('ALTER TABLE %I ADD COLUMN next_counted bigint NOT NULL DEFAULT 0', t);
         EXECUTE format('CREATE INDEX ON %I (next_counted)', t);
       END LOOP;
       CREATE TABLE next_things (id bigint PRIMARY KEY);
       INSERT INTO meta (name, value) VALUES ('records next-things', 0);
       UPDATE schema_version SET version = ${newestVersion() + 1}, oldest = ${newestVersion()};
     END $$`,
  );
}

let template: Promise<string> | undefined;
let databases = 0;

async function makeTemplate(): Promise<string> {
  const url = await (await testCluster()).database();
  await widen(url);
  return url;
}

const nameOf = (url: string): string => /\/(\w+)\?/.exec(url)![1]!;

/** Widened once, and copied for each test. */
const widened = openIn(async () => {
  template ??= makeTemplate();
  const from = await template;
  databases += 1;
  const name = `widened_${databases}`;
  const { url } = await testCluster();
  await ask(url, `CREATE DATABASE ${name} TEMPLATE ${nameOf(from)} STRATEGY wal_log`);
  return from.replace(nameOf(from), name);
});

/** Looked at, and found to be of what its own file makes: indexes that not every server can make. */
const known: ReadonlyMap<number, readonly string[]> = new Map([[3, ['DO $$']]]);

describe('migrations leave the version before at work', () => {
  it('each only adds, or says that it does more', () => {
    // Before the first there was nobody.
    for (const { version, sql } of migrations().slice(1))
      assert.deepEqual(narrowing(sql), known.get(version) ?? [], `migration ${version}`);
  });

  it('what would break it is known', () => {
    for (const sql of [
      'DROP TABLE counted',
      'ALTER TABLE node DROP COLUMN members',
      'ALTER TABLE node RENAME COLUMN members TO parts',
      'ALTER TABLE node ADD COLUMN place text NOT NULL',
      'ALTER TABLE node ADD COLUMN place text UNIQUE',
      'ALTER TABLE node ALTER COLUMN name TYPE bytea',
      'ALTER TABLE node ALTER COLUMN members SET NOT NULL',
      'CREATE UNIQUE INDEX one_only ON node (name)',
      'CREATE OR REPLACE FUNCTION queue_leave() RETURNS void LANGUAGE sql AS $$ SELECT 1; $$',
      'CREATE TRIGGER t BEFORE INSERT ON node EXECUTE FUNCTION f()',
      'UPDATE recipient SET at = 0',
    ]) {
      assert.equal(narrowing(`-- Why.\n${sql};\n`).length, 1, sql);
      assert.deepEqual(narrowing(`${sql};\nUPDATE schema_version SET oldest = 12;`), []);
    }
    assert.deepEqual(narrowing('CREATE TABLE a (b int); CREATE UNIQUE INDEX c ON a (b);'), []);
    assert.deepEqual(narrowing('ALTER TABLE a ADD COLUMN b int NOT NULL DEFAULT 0;'), []);
  });
});

describe('tables of the next version', { skip: withoutPostgres() }, () => {
  testQueueStore('tables of the next version', widened);
  testFolderStore('tables of the next version', widened);
  testAccountStore('tables of the next version', widened);
  testRecordStore('tables of the next version', widened);
  testSpamStore('tables of the next version', widened);
});

describe('nodes of two versions', { skip: withoutPostgres() }, () => {
  it('tables are widened under a node at work: its claims and connections go on, and it starts again', async () => {
    await using test = await openTwo();
    const { one, two, clock, url } = test;
    for (const id of ['m1', 'm2', 'm3']) await one.queue.enqueue(message(id), due);
    const claim = async ({ queue }: typeof one) => {
      const [lease] = await queue.claim({ ...everything, now: clock.now(), limit: 1 });
      return lease!;
    };
    const [first, second] = [await claim(one), await claim(two)];
    await widen(url);
    assert.equal(await one.queue.settle(settlement(first, delivered)), true);
    assert.equal(await two.queue.settle(settlement(second, delivered)), true);
    await using again = await openNode(url, 'three', clock);
    assert.equal(await again.queue.settle(settlement(await claim(again), delivered)), true);
    assert.equal((await one.queue.totals({})).messages, 0);
    const listed = await again.nodes.list();
    assert.deepEqual(
      listed.map(({ state }) => state),
      ['active', 'active', 'active'],
    );
  });

  it('a node whose version the tables have left behind ends, and does not start again', async () => {
    const url = await (await testCluster()).database();
    const clock = new FakeClock();
    const failures: string[] = [];
    const open = (node: string) =>
      openPostgresStores({
        ...{ url, node, clock, log: silentLog },
        onFailure: ({ message: said }) => failures.push(said),
      });
    const newer = newestVersion() + 1;
    {
      await using _ = await open('older');
      await ask(url, `UPDATE schema_version SET version = ${newer}, oldest = ${newer}`);
      await eventually(async () => {
        await clock.advance(1000);
        return failures.length > 0;
      });
      await clock.advance(60_000);
    }
    assert.equal(failures.length, 1);
    assert.match(failures[0]!, /changed by a newer Postrider .* install that version here, too/);
    await assert.rejects(open('older'), /changed by a newer Postrider/);
  });
});
