// `npm test`: the tests, on as many processors as there are. Files of one room share a process (test/together.ts),
// but those that look at the process or at the whole machine have one each. `npm run test:peers` (`--peers`): those that
// are played with programs of others, which take half as long again. With files or folders as arguments: these alone.

import {
  chmodSync,
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  statfsSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { availableParallelism, freemem } from 'node:os';
import { join } from 'node:path';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';

const root = join(import.meta.dirname, '..');
const patterns = ['src/**/*.test.ts', 'test/**/*.test.ts', 'examples/*.test.ts'];
/** Where the files lie that have others in them. */
const cache = join(root, 'node_modules/.cache/postrider-tests');
/** Limit: what takes longer hangs. It holds for a lot, too, and one that takes two minutes takes ten where others keep the machine busy. */
const timeout = 900_000;
/** Limit: so that the last lot is not a long one. More lots load the sources, and start databases, more often. */
const filesPerLot = 24;

const execArgv = [
  ...['--require', join(root, 'test/test-of-error.cjs')],
  // Most of what a test makes is garbage when it is over: a large nursery is seldom looked through.
  ...['--min-semi-space-size=16', '--max-semi-space-size=64'],
];

/** Clients, servers and browsers as people have them, and the package as npm installs it. */
const withPeers = /^test\/(interop|console)\/|^test\/package\.test\.ts$/;
const alone = /^test\/(?!scenarios\/)|^examples\/|^src\/cli\//;
/** They wait for other programs and start many: what takes longest goes first, so that nobody waits for it at the end. As measured. */
const longest = [
  ...['test/scenarios', 'src/store', 'test/console/console.test.ts', 'test/package.test.ts'],
  ...['src/cli/serve.test.ts', 'test/activesync/life.test.ts', 'src/deliver', 'src/net'],
];

/** Files that share a process. */
interface Lot {
  readonly name: string;
  readonly files: readonly string[];
}

function lotsOf(files: readonly string[]): readonly Lot[] {
  const rooms = Map.groupBy(files, (file) => (alone.test(file) ? file : roomOf(file)));
  return [...rooms].flatMap(([name, inside]) => {
    const count = Math.ceil(inside.length / filesPerLot);
    // Neighbours are alike: dealt out, lots are, too.
    return Array.from({ length: count }, (_, lot) => ({
      name: count === 1 ? name : `${name}-${lot + 1}`,
      files: inside.filter((_, i) => i % count === lot),
    }));
  });
}

const roomOf = (file: string): string => file.split('/').slice(0, 2).join('/');

function weightOf({ files }: Lot): number {
  const place = longest.findIndex((name) => `${files[0]!}/`.startsWith(`${name}/`));
  if (place !== -1) return Number.MAX_SAFE_INTEGER - place;
  let bytes = 0;
  for (const file of files) bytes += statSync(join(root, file)).size;
  // They start servers.
  return /^test\/|^src\/cli\//.test(files[0]!) ? 3 * bytes : bytes;
}

/** A file for node:test that runs them. */
function entryOf({ name, files }: Lot): string {
  if (files.length === 1) return join(root, files[0]!);
  const entry = join(cache, `${name.replaceAll('/', '-')}.mjs`);
  const together = JSON.stringify(join(root, 'test/together.ts'));
  const paths = JSON.stringify(files.map((file) => join(root, file)));
  const lines = [`import { runTogether } from ${together};`, `await runTogether(${paths});`, ''];
  writeFileSync(entry, lines.join('\n'));
  return entry;
}

/**
 * What tests write is in memory where there is room: what has databases of seconds' life takes a fifth to a third less
 * processor time there. The name is short (sockets lie there), and whoever a peer runs as can pass through. Undefined: in TMPDIR.
 */
function inMemory(): string | undefined {
  const place = '/dev/shm';
  if (process.env.TMPDIR !== undefined || !existsSync(place)) return undefined;
  const { type, bavail, bsize } = statfsSync(place);
  const tmpfs = 0x01021994;
  if (type !== tmpfs || Math.min(bavail * bsize, freemem()) < memoryNeeded) return undefined;
  const directory = mkdtempSync(`${place}/pr-`);
  chmodSync(directory, 0o1777);
  process.once('exit', () => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** Limit: three lots of databases need a third of it. */
const memoryNeeded = 6 * 1024 ** 3;

mkdirSync(cache, { recursive: true });
const asked = process.argv.slice(2);
const isOfPeers = asked.includes('--peers');
const named = asked.filter((name) => name !== '--peers');
const found = globSync(patterns, { cwd: root }).sort();
const isIn = (file: string, name: string): boolean => `${file}/`.startsWith(join(name, '/'));
for (const name of named)
  if (!found.some((file) => isIn(file, name))) throw new Error(`no tests in ${name}`);
const wanted =
  named.length === 0
    ? found.filter((file) => withPeers.test(file) === isOfPeers)
    : found.filter((file) => named.some((name) => isIn(file, name)));
const files = lotsOf(wanted)
  .toSorted((a, b) => weightOf(b) - weightOf(a))
  .map(entryOf);
const temporary = inMemory();
if (temporary !== undefined) process.env.TMPDIR = temporary;
process.env.NODE_COMPILE_CACHE ??= join(root, 'node_modules/.cache/postrider');
// Chance is the same each time (src/base/test-properties.ts).
process.env.POSTRIDER_TEST_SEED ??= '5321';
const results = run({
  ...{ files, execArgv, timeout, cwd: root },
  concurrency: availableParallelism() + 2,
});
results.on('test:fail', ({ todo }) => {
  if (todo === undefined || todo === false) process.exitCode = 1;
});
results.compose(spec).pipe(process.stdout);
