import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { openDatabase } from './database.ts';
import { SpamTable } from './spam-table.ts';

const account = 'ann@example.org';

describe('SpamTable', () => {
  it('keeps as many words as it may: those seen once go first, the oldest before others', () => {
    const table = new SpamTable(openDatabase({ path: ':memory:' }));
    const limits = { words: 4, lessons: 10 };
    const learn = (email: string, words: readonly string[]) =>
      table.learnSpam({ account, email, is: 'spam', words }, limits);
    learn('E1', ['often', 'once']);
    learn('E2', ['often']);
    learn('E3', ['often', 'n1', 'n2', 'n3']);
    const known = () => [...table.spamCounts(account, ['often', 'once', 'n1', 'n2', 'n3']).keys()];
    assert.deepEqual(known(), ['often', 'n1', 'n2', 'n3']);
    learn('E4', ['n1', 'n2', 'n3']);
    learn('E5', ['once']);
    assert.deepEqual(known(), ['often', 'n1', 'n2', 'n3'], 'there is no room for new ones');
  });

  it('remembers of as many messages what they were called', () => {
    const table = new SpamTable(openDatabase({ path: ':memory:' }));
    const learn = (email: string) =>
      table.learnSpam({ account, email, is: 'ham', words: ['a'] }, { words: 9, lessons: 2 });
    assert.deepEqual(['E1', 'E2', 'E2', 'E3', 'E1'].map(learn), [true, true, false, true, true]);
  });
});
