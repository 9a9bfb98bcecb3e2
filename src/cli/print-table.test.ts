import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Context } from './context.ts';
import { printTable } from './print-table.ts';
import { fitted } from './table.ts';

const columns = {
  head: ['account', 'messages', ''],
  row: ({ name, n }: { name: string; n: number }) => [name, n, 'x'.repeat(50)],
};

/** As in a terminal of that width, or in none. */
async function inTerminal<T>(width: number | undefined, work: () => T | Promise<T>): Promise<T> {
  const before = Object.getOwnPropertyDescriptor(process.stdout, 'columns');
  Object.defineProperty(process.stdout, 'columns', { value: width, configurable: true });
  try {
    return await work();
  } finally {
    if (before === undefined) delete (process.stdout as Partial<typeof process.stdout>).columns;
    else Object.defineProperty(process.stdout, 'columns', before);
  }
}

async function printed(
  lines: readonly { name: string; n: number }[],
  json = false,
  width?: number,
) {
  let text = '';
  const print = async (more: string) => {
    text += more;
  };
  const context = { print } as unknown as Context;
  const count = await inTerminal(width, () => printTable(context, lines, json, columns));
  assert.equal(count, lines.length);
  return text;
}

describe('lists', () => {
  const two = [
    { name: 'ann@example.org', n: 12 },
    { name: 'bob@example.org', n: 3 },
  ];

  it('fit the terminal, under what their columns are', async () => {
    const lines = (await printed(two, false, 40)).split('\n');
    assert.deepEqual(lines, [
      'account          messages',
      `ann@example.org        12  ${'x'.repeat(12)}…`,
      `bob@example.org         3  ${'x'.repeat(12)}…`,
      '',
    ]);
  });

  it('that are no columns are cut off where the terminal ends, each line by itself', async () => {
    const lines = 'a short one\n    to bob@example.org: deferred';
    assert.equal(await inTerminal(16, () => fitted(lines)), 'a short one\n    to bob@exam…');
    assert.equal(await inTerminal(undefined, () => fitted(lines)), lines);
  });

  it('are whole, and nothing but rows, for a program that reads them', async () => {
    const text = await printed(two);
    assert.match(text, /^ann@example\.org +12 {2}x{50}\nbob@example\.org +3 {2}x{50}\n$/);
    const many = Array.from({ length: 450 }, (_, n) => ({ name: `u${n}`, n }));
    assert.equal((await printed(many)).match(/\n/g)!.length, 450);
    assert.equal((await printed(many, false, 80)).match(/account/g)!.length, 1);
    assert.equal(await printed([]), '');
    assert.equal(await printed(two.slice(0, 1), true), '{"name":"ann@example.org","n":12}\n');
  });
});
