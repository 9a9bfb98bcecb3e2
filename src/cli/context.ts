// What every command has: where it was called, what it may print, what only the program's
// composition root can do, and the one way to fail.

import type { RunningServer as Server } from '../compose/running-server.ts';
import type { ServerOptions } from '../compose/server.ts';

/** Exit status: 1 it failed, 2 the call or the configuration is wrong. */
export class CliError extends Error {
  override readonly name = 'CliError';
  readonly status: 1 | 2;

  constructor(status: 1 | 2, message: string) {
    super(message);
    this.status = status;
  }
}

export type ServeOptions = Pick<
  ServerOptions,
  'config' | 'log' | 'dropPrivileges' | 'reload' | 'end'
>;

/** What a command needs of a server that runs in this process. */
export type RunningServer = Pick<
  Server,
  'audit' | 'listeners' | 'history' | 'operations' | 'reload' | 'stop' | 'stores'
>;

export interface Actions {
  serve(options: ServeOptions): Promise<RunningServer>;
}

export interface Context {
  readonly actions: Actions;
  readonly cwd: string;
  readonly stdin: NodeJS.ReadStream;
  /** Waits while the reader is slow; a reader that has gone (`| head`) ends the command. */
  print(text: string | Uint8Array): Promise<void>;
  /** To stderr: hints and results that are not the data asked for. */
  note(text: string): void;
}

/** The reader of our output has gone: nothing more to do. */
export class OutputClosed extends Error {
  override readonly name = 'OutputClosed';

  constructor() {
    super('nobody reads it any more');
  }
}

export function processContext(actions: Actions): Context {
  const { stdin, stdout, stderr } = process;
  let failure: NodeJS.ErrnoException | undefined;
  stdout.on('error', (error) => {
    failure ??= error;
  });
  stderr.on('error', () => {});
  return {
    actions,
    cwd: process.cwd(),
    stdin,
    async print(text) {
      if (failure !== undefined) throw notPrinted(failure);
      await new Promise<void>((resolve, reject) => {
        stdout.write(text, (error) =>
          error == null ? resolve() : reject(notPrinted(failure ?? error)),
        );
      });
    },
    note(text) {
      stderr.write(`${text}\n`);
    },
  };
}

/** A reader that has gone has seen enough; a disk that is full has not got it all. */
function notPrinted(error: NodeJS.ErrnoException): Error {
  if (error.code === 'EPIPE' || error.code === 'ERR_STREAM_DESTROYED') return new OutputClosed();
  const why = error.code === 'ENOSPC' ? 'no space is left where it goes' : error.message;
  return new CliError(1, `the output could not be written: ${why}`);
}

/** One JSON object a line, or lines for people. */
export async function printLines<T>(
  context: Context,
  lines: AsyncIterable<T> | Iterable<T>,
  json: boolean,
  format: (line: T) => string,
): Promise<number> {
  let count = 0;
  let page = '';
  for await (const line of lines) {
    count += 1;
    page += `${json ? JSON.stringify(line) : format(line)}\n`;
    if (page.length < 16_384) continue;
    await context.print(page);
    page = '';
  }
  if (page !== '') await context.print(page);
  return count;
}

/** What came from a peer must not move the cursor of a terminal. */
export const printable = (text: string): string =>
  text.replace(/[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g, '?');
