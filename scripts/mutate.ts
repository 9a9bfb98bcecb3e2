// Breaks, one at a time, the lines that guard durability, authority and limits, and tells which breaks no
// test notices. On demand, for it takes long: `node scripts/mutate.ts` for all, `node scripts/mutate.ts
// policy/ net/tls.ts` for some, `--lines 20-60` or `--every 5` for a part, `--jobs 1` beside other work. Survivors that
// cannot matter stand in scripts/mutation/accepted.txt with the reason; any other one fails the run, and so does a
// test that fails with nothing broken. Works in copies of the tree; the checkout is not touched.

import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type Guard, guards } from './mutation/guards.ts';
import { type Mutant, mutantsOf, mutate } from './mutation/mutants.ts';
import { runTest, type TestRunLimits, type Verdict } from './mutation/test-run.ts';

const root = join(import.meta.dirname, '..');
/** Limit: of a test with nothing broken. */
const soundTest: TestRunLimits = { processorSeconds: 120, wallMs: 600_000, idleMs: 120_000 };

interface Trial {
  readonly guard: Guard;
  readonly code: string;
  readonly mutant: Mutant;
}

const { values: options, positionals: wanted } = parseArgs({
  allowPositionals: true,
  options: {
    jobs: { type: 'string', default: String(availableParallelism()) },
    lines: { type: 'string', default: '1-' },
    every: { type: 'string', default: '1' },
  },
});

const nameOf = ({ guard, mutant }: Trial): string =>
  `${guard.file}: ${mutant.before.trim()} → ${mutant.after.trim() || '(nothing)'}`;

/** Names of survivors that cannot matter; a line that is indented is the reason for those above. */
function accepted(): Set<string> {
  const text = readFileSync(join(import.meta.dirname, 'mutation/accepted.txt'), 'utf8');
  return new Set(text.split('\n').filter((line) => /^\w/.test(line)));
}

function copyOfTree(copy: string): string {
  for (const part of ['bin', 'entry', 'scripts', 'src', 'test', 'package.json', 'tsconfig.json'])
    cpSync(join(root, part), join(copy, part), { recursive: true });
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'));
  return copy;
}

/** What each test may use when something is broken: several times what it needs when nothing is. */
async function limitsOfTests(copy: string, tests: Iterable<string>) {
  const limits = new Map<string, TestRunLimits>();
  for (const test of tests) {
    const start = performance.now();
    const verdict = await runTest(copy, test, soundTest);
    if (verdict !== 'passed') throw new Error(`${test} ${verdict} with nothing broken`);
    const wallMs = performance.now() - start;
    limits.set(test, {
      processorSeconds: 5 + Math.ceil((3 * wallMs) / 1000),
      wallMs: 20_000 + 10 * wallMs,
      idleMs: 5_000,
    });
  }
  return limits;
}

/** What the first test said that did not pass. */
async function verdictOn(copy: string, { guard, code, mutant }: Trial): Promise<Verdict> {
  const file = join(copy, 'src', guard.file);
  writeFileSync(file, mutate(code, mutant));
  try {
    for (const test of guard.tests) {
      const verdict = await runTest(copy, test, limits.get(test)!);
      if (verdict !== 'passed') return verdict;
    }
    return 'passed';
  } finally {
    writeFileSync(file, code);
  }
}

function trialsOf(guard: Guard): Trial[] {
  const [from, to] = options.lines.split('-').map(Number);
  const code = readFileSync(join(root, 'src', guard.file), 'utf8');
  return mutantsOf(code)
    .filter(({ line }) => line >= from! && line <= (to || Infinity))
    .filter((_, index) => index % Number(options.every) === 0)
    .map((mutant) => ({ guard, code, mutant }));
}

const isWhole = options.lines === '1-' && options.every === '1';

// Neither leaves a broken test running behind.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));

const chosen = guards.filter(
  ({ file }) => wanted.length === 0 || wanted.some((part) => file.includes(part)),
);
const directory = mkdtempSync(join(tmpdir(), 'mutants-'));
process.once('exit', () => rmSync(directory, { recursive: true, force: true }));
// Data of others that tests read if it lies beside the checkout.
symlinkSync(join(root, '../shared'), join(directory, 'shared'));
const copies = Array.from({ length: Number(options.jobs) }, (_, job) =>
  copyOfTree(join(directory, String(job))),
);
const limits = await limitsOfTests(copies[0]!, new Set(chosen.flatMap(({ tests }) => tests)));
const known = accepted();
const found: Record<Verdict, number> = { passed: 0, failed: 0, busy: 0, late: 0 };

/** What is said of lines that have changed since is to be read again. */
function tellOfGone({ file }: Guard, trials: readonly Trial[]): void {
  const names = new Set(trials.map(nameOf));
  for (const name of known)
    if (name.startsWith(`${file}: `) && !names.has(name)) console.log(`no longer there: ${name}`);
}

async function judge(guard: Guard): Promise<void> {
  const start = performance.now();
  const trials = trialsOf(guard);
  if (isWhole) tellOfGone(guard, trials);
  const open = trials.filter((trial) => !known.has(nameOf(trial)));
  const line = open.values();
  const work = async (copy: string) => {
    for (const trial of line) {
      const verdict = await verdictOn(copy, trial);
      found[verdict] += 1;
      const word = { passed: 'SURVIVED', late: 'ended by time', busy: '', failed: '' }[verdict];
      if (word) console.log(`${word}: ${nameOf(trial)} (line ${trial.mutant.line})`);
    }
  };
  await Promise.all(copies.map(work));
  const seconds = Math.round((performance.now() - start) / 1000);
  console.log(
    `${guard.file}: ${trials.length} mutants, ${trials.length - open.length} known, ${seconds} s`,
  );
}

for (const guard of chosen) await judge(guard);
console.log(
  `${found.passed} survived, ${found.failed} were noticed, ${found.busy} never came to an end,`,
  `${found.late} were ended by time (a test waited for what did not come)`,
);
process.exitCode = found.passed === 0 ? 0 : 1;
