// A command as somebody calls it in a folder, run in the caller's process: what it printed, and its exit status. What only
// a process can show (signals, exit, the real stdout) is tested with one, in serve.test.ts.

import { Readable } from 'node:stream';
import '../policy/accounts/test-hashing.ts';
import { runCli } from './cli.ts';
import type { Context } from './context.ts';

export interface CommandResult {
  readonly status: number;
  readonly out: string;
  readonly err: string;
}

export interface CommandSurroundings {
  readonly input?: string;
  readonly more?: Partial<Context>;
}

export async function runCommand(
  cwd: string,
  line: string | readonly string[],
  { input = '', more = {} }: CommandSurroundings = {},
): Promise<CommandResult> {
  const out: Buffer[] = [];
  let err = '';
  const actions = {
    serve: () => {
      throw new Error('no server here');
    },
  };
  const context: Context = {
    actions,
    cwd,
    stdin: Readable.from(input === '' ? [] : [Buffer.from(input)]) as unknown as NodeJS.ReadStream,
    print: async (text) => void out.push(Buffer.from(text)),
    note: (text) => {
      err += `${text}\n`;
    },
    ...more,
  };
  const status = await runCli(typeof line === 'string' ? line.split(' ') : line, actions, context);
  return { status, out: Buffer.concat(out).toString('utf8'), err };
}
