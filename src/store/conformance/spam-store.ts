// What every SpamStore must do. The implementations' own tests call this.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { OpenTestStores } from './harness.ts';

const account = 'ann@example.org';

export function testSpamStore(name: string, open: OpenTestStores): void {
  describe(`SpamStore: ${name}`, () => {
    it('counts words by kind, each account for itself, over a restart', async () => {
      await using test = await open();
      const { spam } = test.stores;
      assert(await spam.learn({ account, email: 'E1', is: 'spam', words: ['pills', 'hello'] }));
      assert(await spam.learn({ account, email: 'E2', is: 'ham', words: ['hello'] }));
      assert(await spam.learn({ account: 'bob', email: 'E1', is: 'ham', words: ['pills'] }));
      await test.restart();
      const again = test.stores.spam;
      assert.deepEqual(await again.learnt(account), { spam: 1, ham: 1 });
      assert.deepEqual(
        await again.counts(account, ['pills', 'hello', 'other']),
        new Map([
          ['pills', { spam: 1, ham: 0 }],
          ['hello', { spam: 1, ham: 1 }],
        ]),
      );
      assert.deepEqual(await again.learnt('nobody'), { spam: 0, ham: 0 });
      assert.deepEqual(await again.counts('nobody', ['pills']), new Map());
    });

    it('learns nothing twice, and takes back what is called otherwise', async () => {
      await using test = await open();
      const { spam } = test.stores;
      const lesson = { account, email: 'E1', words: ['a', 'b'] };
      assert(await spam.learn({ ...lesson, is: 'spam' }));
      assert(!(await spam.learn({ ...lesson, is: 'spam' })));
      assert.deepEqual(await spam.learnt(account), { spam: 1, ham: 0 });
      assert(await spam.learn({ ...lesson, is: 'ham' }));
      assert.deepEqual(await spam.learnt(account), { spam: 0, ham: 1 });
      assert.deepEqual((await spam.counts(account, ['a'])).get('a'), { spam: 0, ham: 1 });
    });

    it('takes back nothing of a message whose words were not counted', async () => {
      await using test = await open();
      const { spam } = test.stores;
      assert(await spam.learn({ account, email: 'E1', is: 'ham', words: ['a'] }));
      assert(await spam.learn({ account, email: 'E2', is: 'ham', words: [] }));
      assert(await spam.learn({ account, email: 'E2', is: 'spam', words: ['a'] }));
      assert.deepEqual(await spam.learnt(account), { spam: 1, ham: 1 });
      assert.deepEqual((await spam.counts(account, ['a'])).get('a'), { spam: 1, ham: 1 });
    });

    it('is gone with the account', async () => {
      await using test = await open();
      const { spam, accounts } = test.stores;
      await accounts.add(account, undefined, 0);
      assert(await spam.learn({ account, email: 'E1', is: 'spam', words: ['a'] }));
      await accounts.remove(account);
      assert.deepEqual(await spam.learnt(account), { spam: 0, ham: 0 });
      assert(await spam.learn({ account, email: 'E1', is: 'spam', words: ['b'] }));
      assert.deepEqual(
        await spam.counts(account, ['a', 'b']),
        new Map([['b', { spam: 1, ham: 0 }]]),
      );
    });
  });
}
