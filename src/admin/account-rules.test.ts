import assert from 'node:assert/strict';
import { it } from 'node:test';
import { accountRulesOperations, rulesGiven } from './account-rules.ts';
import type { OperationParts } from './operation-parts.ts';

it('a filter names a folder that the owner can find, in whatever form it is written', async () => {
  const set = (folder: string) =>
    accountRulesOperations.accountRulesSet.run(
      {
        accounts: { find: async () => ({ address: 'ann@example.org' }) },
        rules: { set: async () => {} },
      } as unknown as OperationParts,
      {
        address: 'ann@example.org',
        rules: rulesGiven({ filters: [{ name: 'lists', when: {}, do: { folder } }] }),
      },
    );
  await set('inbox/Lists');
  for (const folder of ['Other Users/bob', 'a/../b', Array(40).fill('x').join('/')])
    await assert.rejects(set(folder), /the filter lists: .* can be no folder .*; name another/);
});

it('a vacation may begin on the day that is its last, and not end before it begins', () => {
  const given = (from: string, until: string) =>
    rulesGiven({ vacation: { text: 'Away', from, until } });
  given('2026-12-24T10:00:00Z', '2026-12-24');
  given('2026-12-24', '2026-12-24');
  for (const until of ['2026-12-23', '2026-12-24T09:00:00Z'])
    assert.throws(() => given('2026-12-24T10:00:00Z', until), /it ends before it begins/);
});
