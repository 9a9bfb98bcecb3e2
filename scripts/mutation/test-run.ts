// One test file, run by itself in a copy of the tree, until it ends, fails, or has used up what it may: processor
// time, which does not depend on what else the machine does, and, far behind it, time on the clock. One that has not
// done anything for seconds waits for what does not come. No runner stands above it: the file is the program.

import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** `busy`: it used more processor time than it may. `late`: it did not, and was ended by the clock. */
export type Verdict = 'passed' | 'failed' | 'busy' | 'late';

export interface TestRunLimits {
  readonly processorSeconds: number;
  readonly wallMs: number;
  /** How long it may do nothing, where the system tells what it does (Linux). */
  readonly idleMs: number;
}

/** What the first failure looks like in TAP; whatever follows need not be waited for. */
const failure = /^\s*not ok /m;

/** Process groups to end when this process does. */
const running = new Set<number>();
process.once('exit', () => running.forEach(endGroup));

function endGroup(group: number): void {
  try {
    process.kill(-group, 'SIGKILL'); // a loop without end does not hear SIGTERM
  } catch {} // It has ended.
}

export function runTest(copy: string, test: string, limits: TestRunLimits): Promise<Verdict> {
  const path = test.startsWith('test/') ? test : join('src', test);
  const temporary = join(copy, 't');
  mkdirSync(temporary, { recursive: true });
  const child = spawn(
    'sh',
    [
      '-c',
      `ulimit -t ${limits.processorSeconds}; exec "$@"`,
      'sh',
      process.execPath,
      '--test-reporter=tap',
      path,
    ],
    {
      cwd: copy,
      stdio: ['ignore', 'pipe', 'ignore'],
      detached: true,
      env: {
        ...process.env,
        NODE_COMPILE_CACHE: join(copy, '.compiled'),
        TMPDIR: temporary,
        // What survives has to survive again.
        POSTRIDER_TEST_SEED: process.env.POSTRIDER_TEST_SEED ?? '5321',
      },
    },
  );
  const group = child.pid!;
  running.add(group);
  let verdict: Verdict | undefined;
  const endWith = (early: Verdict) => {
    verdict ??= early;
    endGroup(group);
  };
  const late = setTimeout(endWith, limits.wallMs, 'late');
  const idle = whenIdle(group, limits.idleMs, () => endWith('late'));
  let told = '';
  child.stdout.setEncoding('latin1').on('data', (text: string) => {
    told = (told + text).slice(-text.length - 200);
    if (failure.test(told)) endWith('failed');
  });
  return new Promise((resolve) => {
    child.once('exit', (status, signal) => {
      clearTimeout(late);
      clearInterval(idle);
      endGroup(group); // what it left behind
      running.delete(group);
      const overused = signal === 'SIGKILL' || signal === 'SIGXCPU';
      resolve(verdict ?? (status === 0 ? 'passed' : overused ? 'busy' : 'failed'));
    });
  });
}

function whenIdle(process: number, idleMs: number, call: () => void): NodeJS.Timeout {
  let used: string | undefined;
  let since = performance.now();
  return setInterval(() => {
    const now = usedByProcess(process);
    if (now === undefined || now !== used) since = performance.now();
    else if (performance.now() - since > idleMs) call();
    used = now;
  }, 500);
}

/** Processor time until now, in what unit the system likes. */
function usedByProcess(process: number): string | undefined {
  try {
    const [, fields = ''] = readFileSync(`/proc/${process}/stat`, 'latin1').split(') ');
    return fields.split(' ').slice(11, 13).join();
  } catch {
    return undefined;
  }
}
