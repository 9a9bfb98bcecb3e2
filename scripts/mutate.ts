// Breaks, one at a time, the lines that guard durability, authority and limits, and tells which breaks no
// test notices. On demand, for it takes long: `node scripts/mutate.ts` for all, `node scripts/mutate.ts
// policy/` for some. Survivors that cannot matter stand in scripts/mutation/accepted.txt with the reason;
// any other one fails the run. Works in copies of the tree; the checkout is not touched.

import { spawn } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Guard, guards } from './mutation/guards.ts';
import { type Mutant, mutantsOf, mutate } from './mutation/mutants.ts';

const root = join(import.meta.dirname, '..');
/** Limit: a test that has not ended by then has noticed. */
const testMsMax = 60_000;

interface Trial {
  readonly guard: Guard;
  readonly code: string;
  readonly mutant: Mutant;
}

const nameOf = ({ guard, mutant }: Trial): string =>
  `${guard.file}: ${mutant.before.trim()} → ${mutant.after.trim() || '(nothing)'}`;

/** Names of survivors that cannot matter; a line that is indented is the reason for those above. */
function accepted(): Set<string> {
  const text = readFileSync(join(import.meta.dirname, 'mutation/accepted.txt'), 'utf8');
  return new Set(text.split('\n').filter((line) => /^\w/.test(line)));
}

function copyOfTree(): string {
  const copy = mkdtempSync(join(tmpdir(), 'postrider-mutants-'));
  process.once('exit', () => rmSync(copy, { recursive: true, force: true }));
  for (const part of ['bin', 'entry', 'scripts', 'src', 'test', 'package.json', 'tsconfig.json'])
    cpSync(join(root, part), join(copy, part), { recursive: true });
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'));
  return copy;
}

/** Whether the test file passes in that copy. */
function passes(copy: string, test: string): Promise<boolean> {
  const path = test.startsWith('test/') ? test : join('src', test);
  const child = spawn(process.execPath, ['--test', '--test-concurrency=1', path], {
    cwd: copy,
    stdio: 'ignore',
    detached: true,
    env: { ...process.env, NODE_COMPILE_CACHE: join(copy, '.compiled') },
  });
  // A loop without end does not hear SIGTERM, and has processes of its own.
  const end = () => process.kill(-child.pid!, 'SIGKILL');
  const late = setTimeout(end, testMsMax);
  process.once('exit', end);
  return new Promise((resolve) => {
    child.once('exit', (status) => {
      clearTimeout(late);
      process.off('exit', end);
      resolve(status === 0);
    });
  });
}

async function survives(copy: string, { guard, code, mutant }: Trial): Promise<boolean> {
  const file = join(copy, 'src', guard.file);
  writeFileSync(file, mutate(code, mutant));
  try {
    for (const test of guard.tests) if (!(await passes(copy, test))) return false;
    return true;
  } finally {
    writeFileSync(file, code);
  }
}

// Neither leaves a broken test running behind.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));

const wanted = process.argv[2] ?? '';
const trials = guards
  .filter(({ file }) => file.includes(wanted))
  .flatMap((guard): Trial[] => {
    const code = readFileSync(join(root, 'src', guard.file), 'utf8');
    return mutantsOf(code).map((mutant) => ({ guard, code, mutant }));
  });
console.log(
  `${trials.length} mutants of ${new Set(trials.map(({ guard }) => guard.file)).size} files`,
);

const known = accepted();
const survivors: string[] = [];
const line = trials.values();
async function work(): Promise<void> {
  const copy = copyOfTree();
  for (const trial of line) {
    if (known.has(nameOf(trial)) || !(await survives(copy, trial))) continue;
    survivors.push(nameOf(trial));
    console.log(`survived: ${nameOf(trial)} (line ${trial.mutant.line})`);
  }
}
await Promise.all(Array.from({ length: availableParallelism() }, work));
console.log(
  `${survivors.length} survived, ${trials.length - survivors.length} were noticed or are known`,
);
process.exitCode = survivors.length === 0 ? 0 : 1;
