import assert from 'node:assert/strict';
import { it } from 'node:test';
import { FakeClock } from '../../base/fake-clock.ts';
import { silentLog } from '../../base/log.ts';
import type { StoredRecord } from '../../store/record-store.ts';
import { openInMemory } from '../../store/sqlite/test-stores.ts';
import { AuditLog, withoutSecrets } from './audit-log.ts';

const entry = { who: 'token a', client: '', outcome: 'done', input: {} };

it('tells what was done, the latest first, a page at a time', async () => {
  await using test = await openInMemory();
  const { clock } = test;
  const audit = new AuditLog({ records: test.stores.records, clock, log: silentLog });
  for (const what of ['one', 'two', 'three', 'four']) {
    audit.note({ ...entry, what });
    if (what === 'two') await clock.advance(1);
  }
  const first = await audit.page({ limit: 3 });
  assert.deepEqual(
    first.map(({ what }) => what),
    ['four', 'three', 'two'],
  );
  const second = await audit.page({ before: first.at(-1)!.cursor, limit: 3 });
  assert.deepEqual(
    second.map(({ what, at }) => [what, at]),
    [['one', clock.now() - 1]],
  );
});

it('keeps the latest lines and no more, and those of operators whatever accounts do', async () => {
  const kept = new Map<string, StoredRecord>();
  const records = {
    get: async () => undefined,
    put: async (given: readonly StoredRecord[]) => {
      for (const one of given) kept.set(one.key, one);
    },
    remove: async (_: string, keys: readonly string[]) => {
      for (const key of keys) kept.delete(key);
    },
    list: async (kind: string, { after = '', limit }: { after?: string; limit: number }) =>
      [...kept.values()]
        .toSorted((a, b) => (a.key < b.key ? -1 : 1))
        .filter((one) => one.kind === kind && one.key > after)
        .slice(0, limit),
    count: async (kind: string) => [...kept.values()].filter((one) => one.kind === kind).length,
    replace: () => assert.fail('lines are not changed'),
    watch: () => () => {},
  };
  const clock = new FakeClock();
  const audit = new AuditLog({ records, clock, log: silentLog, entriesMax: 200 });
  for (let i = 0; i < 300; i += 1) audit.note({ ...entry, what: `${i}` });
  const [latest] = await audit.page({ limit: 1 });
  assert.equal(latest?.what, '299');
  assert.ok(kept.size <= 205 && kept.size >= 200, `${kept.size}`);
  const oldest = [...kept.values()].toSorted((a, b) => (a.key < b.key ? 1 : -1))[0]!;
  assert.ok(Number(JSON.parse(oldest.value).what) >= 94);
  const operators = kept.size;
  for (let i = 0; i < 300; i += 1) audit.note({ ...entry, who: 'account ann@b', what: 'own' });
  audit.note({ ...entry, what: 'last' });
  const [last, before] = await audit.page({ limit: 2 });
  assert.deepEqual([last?.what, before?.what], ['last', 'own']);
  assert.equal((await audit.page({ limit: 1000 })).length, kept.size);
  assert.ok(kept.size <= operators + 206, `${kept.size}`);
  assert.ok(kept.has(oldest.key));
});

it('a store that fails is told of in the log, and stops nothing', async () => {
  const errors: string[] = [];
  const records = { put: () => Promise.reject(new Error('disk full')) } as never;
  const log = { ...silentLog, error: (event: string) => errors.push(event) };
  const audit = new AuditLog({ records, clock: new FakeClock(), log });
  audit.note({ ...entry, what: 'x' });
  await audit.flush();
  assert.deepEqual(errors, ['audit log']);
});

it('no secret is in it, and nothing endless', () => {
  const told = withoutSecrets({
    ...{ address: 'a@b', password: 'p1', newPassword: 'p2', code: '123456', secret: 's' },
    nested: { apiToken: 't', list: Array.from({ length: 30 }, (_, i) => i) },
    text: 'x'.repeat(1000),
    octets: new Uint8Array(5),
    deep: { a: { b: { c: { d: 1 } } } },
  });
  const text = JSON.stringify(told);
  for (const secret of ['p1', 'p2', '123456', '"s"', '"t"']) assert.ok(!text.includes(secret));
  assert.ok(text.length < 600, text);
  assert.match(text, /a@b.*5 octets/);
});
