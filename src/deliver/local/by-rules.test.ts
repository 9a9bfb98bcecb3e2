import assert from 'node:assert/strict';
import { it } from 'node:test';
import { FakeClock } from '../../base/fake-clock.ts';
import { parseHeader } from '../../mail/header/header.ts';
import type { AccountRules } from '../../policy/rules/account-rules.ts';
import { noRules } from '../../policy/rules/account-rules.ts';
import type { RulesParts } from './by-rules.ts';
import { byRules } from './by-rules.ts';
import type { RuledMail } from './ruled-mail.ts';

async function folderFor(folder: string): Promise<string | undefined> {
  const filters: AccountRules['filters'] = [
    { name: 'all', when: { match: 'all' }, do: { folder }, stop: false },
  ];
  const parts = { rules: { of: async () => ({ ...noRules, filters }) }, clock: new FakeClock() };
  const head = Buffer.from('From: bob@example.org\r\nSubject: x\r\n\r\n');
  assert.equal(parseHeader(head).length, 2);
  const mail = {
    ...{ account: 'ann@example.org', recipient: { address: 'ann@example.org' }, head },
    message: { id: '1', sender: 'bob@example.org', content: { size: 1 }, origin: {} },
  };
  const ruled = await byRules(parts as unknown as RulesParts)(mail as unknown as RuledMail);
  return ruled?.folder;
}

it('RFC 9051 §5.1: a filter puts mail where mail programs look for that name', async () => {
  assert.equal(await folderFor('Lists/Work'), 'Lists/Work');
  assert.equal(await folderFor('inbox/Lists'), 'INBOX/Lists');
  assert.equal(await folderFor('Re\u0301sume\u0301'), 'R\u00e9sum\u00e9');
});

it('what nobody could find in its folder is in INBOX', async () => {
  for (const folder of ['Other Users/bob@example.org/x', 'a/../b', 'Other Users', 'a\u2028b'])
    assert.equal(await folderFor(folder), undefined, folder);
});
