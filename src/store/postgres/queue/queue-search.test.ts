// What is looked for in the queue by several statements, while others deliver what the first one has found.

import assert from 'node:assert/strict';
import { it } from 'node:test';
import { QueueSearch } from './queue-search.ts';

it('goes on behind a page whose messages have all left the queue meanwhile', async () => {
  const search = new QueueSearch({
    rows: async (sql) =>
      sql.startsWith('SELECT m.key, m.id FROM message m WHERE')
        ? [1, 2, 3].map((key) => ({ key, id: `m${key}` }))
        : [],
    run: async () => 0,
  });
  assert.deepEqual(await search.search({}, { limit: 2 }), { entries: [], next: 'm2' });
});
