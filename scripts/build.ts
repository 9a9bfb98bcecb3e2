// Compiles src/ to dist/ for the npm package: JavaScript and type declarations. From a checkout
// nothing needs it; Node does not strip types under node_modules, so the package does.

import { execFileSync } from 'node:child_process';
import { cpSync, globSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const root = join(import.meta.dirname, '..');
const config = join(root, 'tsconfig.build.json');

rmSync(join(root, 'dist'), { recursive: true, force: true });
writeFileSync(
  config,
  JSON.stringify({
    extends: './tsconfig.json',
    compilerOptions: {
      noEmit: false,
      declaration: true,
      outDir: 'dist',
      rootDir: 'src',
      rewriteRelativeImportExtensions: true,
    },
    include: ['src/**/*.ts'],
    exclude: ['src/**/*.test.ts', 'src/store/conformance/**', 'src/**/transcript.ts'],
  }),
);
try {
  execFileSync(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', config], {
    stdio: 'inherit',
  });
} finally {
  rmSync(config);
}
// Files that are read at run time, beside the code that reads them.
for (const file of globSync('**/*.{sql,html,css}', { cwd: join(root, 'src') })) {
  const target = join(root, 'dist', file);
  mkdirSync(dirname(target), { recursive: true });
  cpSync(join(root, 'src', file), target);
}
