// Builds the web console (console/) into dist/console/, unless what lies there was made of the same sources: `npm start`
// from a checkout calls it each time. What a server serves meanwhile is replaced at once, as a whole.

import { createHash } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  globSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');
const dist = join(root, 'dist');
const built = join(dist, 'console');
/** Which sources it was made of. */
const stampFile = 'sources.sha256';

/** Resolves to where it lies. */
export async function buildConsole(): Promise<string> {
  const stamp = stampOf(root);
  if (stampIn(built) === stamp) return built;
  process.stderr.write('building the console …\n');
  await mkdir(dist, { recursive: true });
  const made = mkdtempSync(join(dist, '.console-'));
  try {
    const { build } = await import('vite');
    await build({
      configFile: join(root, 'console/vite.config.ts'),
      logLevel: 'warn',
      build: { outDir: made, emptyOutDir: true },
    });
    writeFileSync(join(made, stampFile), stamp);
    chmodSync(made, 0o755); // mkdtemp made it for us alone, and a server may run as somebody else
    replace(built, made, stamp);
  } finally {
    rmSync(made, { recursive: true, force: true });
  }
  return built;
}

/** Of everything that goes into it: the sources, and the versions of what they are built with. */
function stampOf(folder: string): string {
  const hash = createHash('sha256');
  const files = [...globSync('console/**/*', { cwd: folder }), 'package-lock.json'].sort();
  for (const file of files.filter((name) => /\.\w+$/.test(name)))
    hash.update(`${file}\0`).update(readFileSync(join(folder, file)));
  return hash.digest('hex');
}

function stampIn(folder: string): string | undefined {
  const file = join(folder, stampFile);
  return existsSync(file) ? readFileSync(file, 'utf8') : undefined;
}

/** Somebody else may have built the same meanwhile: then theirs stays. */
function replace(place: string, made: string, stamp: string): void {
  const old = `${made}-old`;
  if (existsSync(place)) renameSync(place, old);
  try {
    renameSync(made, place);
  } catch (error) {
    if (stampIn(place) !== stamp) throw error;
  } finally {
    rmSync(old, { recursive: true, force: true });
  }
}

if (import.meta.main) await buildConsole();
