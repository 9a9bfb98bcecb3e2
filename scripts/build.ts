// Compiles src/ to dist/ for the npm package: JavaScript and type declarations of what the entry
// points reach, so no test ever gets in; and the console. From a checkout nothing needs it; Node does not strip types
// under node_modules, so the package does. `npm pack` runs it (prepack).

import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, globSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { buildConsole } from './build-console.ts';

const root = join(import.meta.dirname, '..');
const dist = join(root, 'dist');

// The console looks itself whether it has to be made anew, and a server may be serving it.
for (const name of existsSync(dist) ? readdirSync(dist) : [])
  if (!name.includes('console')) rmSync(join(dist, name), { recursive: true, force: true });
await buildConsole();
execFileSync(
  join(root, 'node_modules/.bin/tsc'),
  // One thread: several take twice the processor time. `npm run check` has looked at the types, with the tests.
  ['--singleThreaded', '--noCheck', '-p', join(root, 'scripts/tsconfig.build.json')],
  {
    stdio: ['ignore', 2, 2], // what `npm pack --json` prints is for its reader alone
    // It is a Go program: rare collections, for it ends soon.
    env: { GOGC: '400', ...process.env },
  },
);
// Files that are read at run time, beside the code that reads them.
for (const file of globSync('**/*.{sql,html,css}', { cwd: join(root, 'src') }))
  cpSync(join(root, 'src', file), join(dist, file));
// Of this package nothing but its data is wanted at run time, and its licence goes along.
const support = join(root, 'node_modules/caniemail');
cpSync(join(support, 'data/caniemail.json'), join(dist, 'inbox/checks/caniemail.json'));
cpSync(join(support, 'LICENSE'), join(dist, 'inbox/checks/caniemail.LICENSE'));
