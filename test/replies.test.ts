// docs/replies.md is what scripts/print-replies.ts finds in the source.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { it } from 'node:test';
import { repliesDocs } from '../scripts/print-replies.ts';

it('docs/replies.md lists every reply; else run `node scripts/print-replies.ts`', () => {
  const page = readFileSync(join(import.meta.dirname, '../docs/replies.md'), 'utf8');
  assert.ok(page === repliesDocs(), 'the page is not what the source says');
});
