// Test files that share a process: to start one, and to load the sources into it, takes longer than most of them do. Each
// is a suite by its name, so that a failure says whose it is; what it changed of the process fails it, not its
// neighbours; and when one never gives the turn back, or ends the process for all, its name is said.

import assert from 'node:assert/strict';
import { writeSync } from 'node:fs';
import { relative } from 'node:path';
import { after, before, describe } from 'node:test';
import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import '../src/policy/accounts/test-hashing.ts';

/** Limit: nothing of ours keeps the event loop for so long. */
const stuckAfterMs = 120_000;

/** Runs them one after the other. Paths are absolute. */
export async function runTogether(files: readonly string[]): Promise<void> {
  const watch = watchLoop();
  for (const file of files) {
    const name = relative(process.cwd(), file);
    // The promise says that it is known, not that it is over.
    await describe(name, async () => {
      let found: ReturnType<typeof surroundings>;
      before(() => {
        watch.enter(name);
        found = surroundings();
      });
      const end = () => file === files.at(-1) && watch.end();
      await import(pathToFileURL(file).href).catch((error: unknown) => {
        end();
        throw error;
      });
      after(() => {
        end();
        assert.deepEqual(surroundings(), found, `${name} leaves the process as it was`);
      });
    });
  }
}

/** What one file could leave behind for the next. */
function surroundings() {
  const { Date: date, setTimeout: timer, setImmediate: immediate, fetch: asked } = globalThis;
  const { now } = Date;
  const { env, exit, exitCode, stdout, stderr } = process;
  return {
    globals: { date, timer, immediate, asked, now, random: Math.random },
    exit,
    exitCode,
    writes: [stdout.write, stderr.write],
    directory: process.cwd(),
    environment: { ...env },
  };
}

/** Another thread, which sees that this one has not come back. */
function watchLoop() {
  const worker = new Worker(watcher, {
    eval: true,
    workerData: { stuckAfterMs, pid: process.pid },
  });
  worker.unref();
  // While it beats, the process does not end for want of anything else to wait for: what comes next is to run.
  const beat = setInterval(() => worker.postMessage(''), stuckAfterMs / 4);
  let running = '';
  // The runner takes what came until then for everything there was.
  const onExit = () => {
    writeSync(2, `${running} ends the process: what comes after it is not run\n`);
    process.exitCode = 1;
  };
  process.once('exit', onExit);
  return {
    enter(name: string): void {
      running = name;
      worker.postMessage(name);
    },
    end(): void {
      clearInterval(beat);
      process.off('exit', onExit);
    },
  };
}

const watcher = `
  const { parentPort, workerData } = require('node:worker_threads');
  let name = '';
  let timer;
  parentPort.on('message', (entered) => {
    name = entered || name;
    clearTimeout(timer);
    timer = setTimeout(() => {
      require('node:fs').writeSync(2, name + ' is stuck: it keeps the event loop\\n');
      process.kill(workerData.pid, 'SIGKILL');
    }, workerData.stuckAfterMs);
  });
`;
