// The version of Postrider, as package.json has it: two folders up from here, in a checkout as well
// as in the published package.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export const version: string = (
  JSON.parse(readFileSync(join(import.meta.dirname, '../../package.json'), 'utf8')) as {
    readonly version: string;
  }
).version;
