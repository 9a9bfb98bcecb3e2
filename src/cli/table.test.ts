import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { table } from './table.ts';

const head = ['source', 'messages', 'from'];
const source = '2001:db8:1234:5678:9abc:def0:1234:5678.a-host-with-a-name-of-its-own.example.net';
const rows = [
  [source, 1_234_567, 'example.org and more'],
  ['192.0.2.1', 5, 'x'],
];

describe('a table', () => {
  it('is no wider than the terminal: texts give room, the widest first, and numbers stay whole', () => {
    for (const width of [40, 60, 80, 200]) {
      const lines = table(head, rows, width, 2).split('\n');
      for (const line of lines) assert.ok(line.length <= width, `${line.length} at ${width}`);
      assert.match(lines[1]!, / 1234567 /);
    }
    assert.match(table(head, rows, 200), /example\.org and more/);
  });

  it('has everything where there is no terminal', () => {
    const lines = table(head, rows, Number.POSITIVE_INFINITY).split('\n');
    assert.equal(lines[1], `${source}   1234567  example.org and more`);
    assert.equal(lines[2]!.indexOf('x'), lines[1]!.indexOf('example.org and more'));
  });
});
