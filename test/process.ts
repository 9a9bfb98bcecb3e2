// Postrider as a child process, as an operator starts it, in a folder of its own.

import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runCommand } from '../src/cli/test-command.ts';

const root = join(import.meta.dirname, '..');
/** With the settings of memory that go with it. */
const command = join(root, 'bin/postrider');

export interface RunningProcess extends AsyncDisposable {
  readonly child: ChildProcess;
  readonly directory: string;
  readonly configFile: string;
  /** Everything it said on stderr so far. */
  log(): string;
  /** Ends it with the signal and waits for its exit status. */
  end(signal?: NodeJS.Signals): Promise<number | null>;
  /** Starts it again on the same data. */
  restart(): Promise<RunningProcess>;
  /** Has another configuration read. */
  reload(config: ConfigObject): Promise<void>;
  /** `postrider …args --config …`, in this process: what it prints. @throws CommandFailure */
  command(...args: string[]): Promise<string>;
  /** The same with something on its standard input. */
  commandWithInput(input: string, ...args: string[]): Promise<string>;
}

/** Limit: a wait that is longer is in vain, even on a machine that others keep busy. */
const waitSecondsMax = 120;

/** A command that ended with another status than 0. */
export class CommandFailure extends Error {
  readonly stdout: string;

  constructor(args: readonly string[], stdout: string, stderr: string) {
    super(`postrider ${args.join(' ')}: ${stderr}${stdout}`);
    this.stdout = stdout;
  }
}

export type ConfigObject = Record<string, unknown>;

export async function startProcess(
  config: ConfigObject,
  directory?: string,
  within: readonly string[] = [],
): Promise<RunningProcess> {
  const home = directory ?? mkdtempSync(join(tmpdir(), 'postrider-test-'));
  const configFile = join(home, 'postrider.config.json');
  // Nobody answers there, and says so at once: no test depends on the DNS of its machine.
  const dns = { servers: ['127.0.0.1:9'] };
  const dataDirectory = join(home, 'data');
  const write = (wanted: ConfigObject) =>
    writeFileSync(configFile, JSON.stringify({ dataDirectory, dns, ...wanted }));
  write(config);
  const [program, ...args] = [...within, command, 'serve', '--config', configFile];
  const child = spawn(program!, args, {
    cwd: home,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let log = '';
  child.stderr.on('data', (chunk: Buffer) => {
    log += chunk;
  });
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
  const ready = new Promise<void>((resolve, reject) => {
    let out = '';
    child.stdout.on('data', (chunk: Buffer) => {
      out += chunk;
      if (/^ready$/m.test(out)) resolve();
    });
    void ended.then((code) => reject(new Error(`ended with ${code} before it was ready:\n${log}`)));
    const tooLate = setTimeout(() => child.kill('SIGKILL'), waitSecondsMax * 1000);
    void ended.then(() => clearTimeout(tooLate));
    child.stdout.on('data', () => clearTimeout(tooLate));
  });
  await ready.catch((error: unknown) => {
    if (directory === undefined) rmSync(home, { recursive: true, force: true });
    throw error;
  });
  const execute = async (args: string[], input?: string): Promise<string> => {
    // `send` speaks to any server and needs no configuration.
    const line = args[0] === 'send' ? args : [...args, '--config', configFile];
    const { status, out, err } = await runCommand(home, line, input === undefined ? {} : { input });
    if (status !== 0) throw new CommandFailure(args, out, err);
    return out;
  };
  const end = async (signal: NodeJS.Signals = 'SIGTERM') => {
    child.kill(signal);
    return ended;
  };
  return {
    child,
    directory: home,
    configFile,
    log: () => log,
    end,
    restart: () => startProcess(config, home, within),
    async reload(wanted) {
      write(wanted);
      await execute(['reload']);
    },
    command: (...args) => execute(args),
    commandWithInput: (input, ...args) => execute(args, input),
    async [Symbol.asyncDispose]() {
      if (child.exitCode === null && child.signalCode === null) await end('SIGKILL');
      rmSync(home, { recursive: true, force: true });
    },
  };
}

/** Asks again until it is so: for what another process does in its own time. */
export async function eventually<T>(
  question: () => Promise<T | undefined> | T | undefined,
  what: string,
): Promise<T> {
  const end = performance.now() + waitSecondsMax * 1000;
  for (;;) {
    const answer = await question();
    if (answer !== undefined) return answer;
    if (performance.now() > end) throw new Error(`waited ${waitSecondsMax} s in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** What `mail list --json` says, and the raw message of the first that matches. */
export async function mailbox(server: RunningProcess, address: string) {
  const lines = (await server.command('mail', 'list', address, '--json')).split('\n');
  return lines
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as { id: string; from: string; subject: string; size: number });
}

export const show = (server: RunningProcess, address: string, id: string): Promise<string> =>
  server.command('mail', 'show', address, id);
