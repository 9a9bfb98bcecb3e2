// entry/*.js name what src/ exports: see scripts/entry-source.ts.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { it } from 'node:test';
import { entries, entrySource } from '../scripts/entry-source.ts';

for (const entry of entries)
  it(`entry/${entry.name}.js is as node scripts/print-entry.ts prints it`, async () => {
    const file = join(import.meta.dirname, `../entry/${entry.name}.js`);
    assert.equal(readFileSync(file, 'utf8'), await entrySource(entry));
  });
