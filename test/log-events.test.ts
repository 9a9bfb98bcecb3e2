// docs/events.md is true: the compiler knows that the code logs no other events, this test that it logs each of them.

import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { it } from 'node:test';
import { eventsPage } from '../scripts/print-events.ts';
import { logEvents } from '../src/base/log-events.ts';

const root = join(import.meta.dirname, '..');

it('docs/events.md is what `node scripts/print-events.ts` writes', () => {
  assert.equal(readFileSync(join(root, 'docs/events.md'), 'utf8'), eventsPage());
});

it('every event in it is logged somewhere, and has one name', () => {
  const files = globSync('src/**/*.ts', { cwd: root, exclude: ['**/*.test.ts'] });
  const source = files
    .filter((file) => !file.endsWith('base/log-events.ts'))
    .map((file) => readFileSync(join(root, file), 'utf8'))
    .join('\n');
  const names = logEvents.map(({ name }) => name);
  assert.deepEqual(
    names.filter((name) => !source.includes(`'${name}'`)),
    [],
  );
  assert.equal(new Set(names).size, names.length);
});

it('each is explained in a sentence', () => {
  for (const { name, about } of logEvents) assert.match(about, /^[A-Z].+\.$/, name);
});
