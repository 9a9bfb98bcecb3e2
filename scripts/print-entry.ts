// Writes entry/*.js, which name every value that the library exports. A test compares the two.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { entries, entrySource } from './entry-source.ts';

for (const entry of entries)
  writeFileSync(join(import.meta.dirname, `../entry/${entry.name}.js`), await entrySource(entry));
