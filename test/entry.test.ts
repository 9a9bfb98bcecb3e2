// What the published package consists of: entry/*.js name what src/ exports (scripts/entry-source.ts), and all that
// package.json exports and all that runs in a thread is compiled (scripts/tsconfig.build.json).

import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { it } from 'node:test';
import { entries, entrySource } from '../scripts/entry-source.ts';

const root = join(import.meta.dirname, '..');
const json = (file: string) => JSON.parse(readFileSync(join(root, file), 'utf8'));

for (const entry of entries)
  it(`entry/${entry.name}.js is as node scripts/print-entry.ts prints it`, async () => {
    const file = join(root, `entry/${entry.name}.js`);
    assert.equal(readFileSync(file, 'utf8'), await entrySource(entry));
  });

it('package.json exports every entry point', () => {
  const { exports } = json('package.json') as { exports: Record<string, string> };
  const files = Object.values(exports).filter((file) => file.startsWith('./entry/'));
  assert.deepEqual(files.sort(), entries.map(({ name }) => `./entry/${name}.js`).sort());
});

// Nothing imports them, so the compiler finds them by name or not at all.
it('entry points and programs of threads are compiled for the package', () => {
  const { files } = json('scripts/tsconfig.build.json') as { files: string[] };
  const threads = globSync('src/**/*worker.ts', { cwd: root });
  assert.ok(threads.length >= 4);
  const roots = ['src/main.ts', ...entries.map(({ module }) => `src/${module}.ts`), ...threads];
  assert.deepEqual(files.map((file) => file.replace('../', '')).sort(), roots.sort());
});
