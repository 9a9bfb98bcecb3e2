import assert from 'node:assert/strict';
import { it } from 'node:test';
import { rulesGiven } from './account-rules.ts';

it('a vacation may begin on the day that is its last, and not end before it begins', () => {
  const given = (from: string, until: string) =>
    rulesGiven({ vacation: { text: 'Away', from, until } });
  given('2026-12-24T10:00:00Z', '2026-12-24');
  given('2026-12-24', '2026-12-24');
  for (const until of ['2026-12-23', '2026-12-24T09:00:00Z'])
    assert.throws(() => given('2026-12-24T10:00:00Z', until), /it ends before it begins/);
});
