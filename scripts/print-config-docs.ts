// Writes docs/config.md from the schema. A test compares the two.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { configDocs } from '../src/config/config-docs.ts';

writeFileSync(join(import.meta.dirname, '../docs/config.md'), configDocs());
