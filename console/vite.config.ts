// How the console is built, and served with `npm run console` while somebody works on it: then what it
// asks for comes from a server on this machine, `npm start` for one.

import { join } from 'node:path';
import { defineConfig } from 'vite';

const server = process.env.POSTRIDER_URL ?? 'http://127.0.0.1:8025';

// Vite reads the default export.
export default defineConfig({
  root: import.meta.dirname,
  // Beside what the server answers at fixed places: src/web/console.ts.
  base: '/console/',
  publicDir: false,
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: {
    outDir: join(import.meta.dirname, '../dist/console'),
    assetsDir: '',
    // The content security policy has no `data:` for scripts and fonts.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    target: 'es2024',
    license: false,
  },
  server: {
    host: '127.0.0.1',
    proxy: Object.fromEntries(
      ['/postrider', '/api', '/view', '/metrics', '/readyz'].map((path) => [path, server]),
    ),
  },
});
