// A program of others that runs for the tests of a file, with everything it writes in a folder of its own.

import { spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually } from '../process.ts';

export interface Daemon extends AsyncDisposable {
  /** Anybody may look into it, also where the program becomes somebody else. */
  readonly home: string;
}

/**
 * `command` gives the program and its arguments, and writes its settings; `isReady` is asked until it is true.
 * @throws with what the program said, when it is not ready in good time.
 */
export async function startDaemon(
  command: (home: string) => readonly [string, ...string[]],
  isReady: (home: string) => boolean | Promise<boolean>,
): Promise<Daemon> {
  const home = mkdtempSync(join(tmpdir(), 'postrider-daemon-'));
  chmodSync(home, 0o755);
  const [program, ...args] = command(home);
  const child = spawn(program, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` },
  });
  let said = '';
  const hear = (chunk: Buffer) => {
    said = (said + chunk).slice(-10_000);
  };
  child.stdout.on('data', hear);
  child.stderr.on('data', hear);
  const ended = new Promise((resolve) => {
    child.once('exit', resolve);
    child.once('error', resolve);
  });
  const daemon: Daemon = {
    home,
    async [Symbol.asyncDispose]() {
      child.kill();
      const tooLate = setTimeout(() => child.kill('SIGKILL'), 2_000);
      await ended;
      clearTimeout(tooLate);
      rmSync(home, { recursive: true, force: true });
    },
  };
  try {
    await eventually(async () => (await isReady(home)) || undefined, `${program} to be ready`);
  } catch (error) {
    await daemon[Symbol.asyncDispose]();
    throw new Error(`${program} did not start:\n${said}`, { cause: error });
  }
  return daemon;
}
