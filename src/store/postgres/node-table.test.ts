import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { PostgresNodeTableParts } from './node-table.ts';
import { PostgresNodeTable } from './node-table.ts';

it('what dead nodes had claimed is told of when that is committed, and only where there was any', async () => {
  const happened: string[] = [];
  let claimed = 2;
  const transaction = {
    rows: async () => [{ name: 'mx1', session: 7 }],
    run: async () => 1,
  };
  const database = {
    transaction: async <T>(work: (given: typeof transaction) => Promise<T>): Promise<T> => {
      const result = await work(transaction);
      happened.push('committed');
      return result;
    },
  };
  const table = new PostgresNodeTable({
    ...{ database, beats: database, timeoutMs: 15_000 },
    giveBack: async () => claimed,
    onGivenBack: () => happened.push('told'),
  } as unknown as PostgresNodeTableParts);
  assert.deepEqual(await table.bury(), [{ node: 'mx1', recipients: 2 }]);
  assert.equal(await table.remove('mx1'), true);
  await table.leave(7);
  assert.deepEqual(happened, ['committed', 'told', 'committed', 'told', 'committed', 'told']);
  happened.length = 0;
  claimed = 0;
  await table.bury();
  assert.deepEqual(happened, ['committed']);
});
