import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { RecordStore } from '../../store/record-store.ts';
import { openInMemory } from '../../store/sqlite/test-stores.ts';
import { createApiToken, findApiToken, listApiTokens, revokeApiToken } from './api-tokens.ts';

it('a token is valid until it expires or is revoked, and only as it was shown', async () => {
  await using test = await openInMemory();
  const { clock } = test;
  const parts = { records: test.stores.records, clock };
  const expires = clock.now() + 1000;
  const token = await createApiToken(parts, { name: 'ci_1', allows: ['read'], expires });
  const other = await createApiToken(parts, { name: 'b', allows: ['all'], expires: undefined });
  assert.deepEqual((await findApiToken(parts, token))?.allows, ['read']);
  assert.equal((await findApiToken(parts, other))?.name, 'b');
  for (const wrong of [
    token.slice(0, -1),
    `${token}x`,
    token.replace('ci_1', 'b'),
    token.replace('ci_1', '__proto__'),
    '',
    'postrider_ci_1_',
  ])
    assert.equal(await findApiToken(parts, wrong), undefined, wrong);
  const records = await test.stores.records.list('api-token', { limit: 9 });
  assert.ok(!JSON.stringify(records).includes(token.slice(-43)), 'the secret is not kept');
  await assert.rejects(
    createApiToken(parts, { name: 'b', allows: [], expires: undefined }),
    /there is a token b/,
  );
  await assert.rejects(createApiToken(parts, { name: '../x', allows: [], expires }), /a name is/);
  await clock.advance(1000);
  assert.equal(await findApiToken(parts, token), undefined);
  assert.deepEqual(
    (await listApiTokens(parts)).map(({ name }) => name),
    ['b'],
  );
  await revokeApiToken(parts, 'b');
  assert.equal(await findApiToken(parts, other), undefined);
  await assert.rejects(revokeApiToken(parts, 'b'), /there is no token b/);
});

it('there are a thousand tokens at the most', async () => {
  const kept: unknown[] = [];
  let count = 1000;
  const records = {
    get: async () => undefined,
    count: async () => count,
    put: async (put: readonly unknown[]) => void kept.push(...put),
  } as unknown as RecordStore;
  const create = () =>
    createApiToken(
      { records, clock: { now: () => 0 } },
      { name: 'one', allows: [], expires: undefined },
    );
  await assert.rejects(create(), /too many tokens/);
  assert.equal(kept.length, 0);
  count = 999;
  await create();
  assert.equal(kept.length, 1);
});
