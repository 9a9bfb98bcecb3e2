// Which configuration a command works with: the file named or found, or that of `postrider dev`
// where there is no file. So the lines that `dev` prints work as they are.

import { existsSync, readFileSync } from 'node:fs';
import { basename, dirname, relative, resolve } from 'node:path';
import type { Command } from 'commander';
import type { RemoteOperations } from '../admin/control-client.ts';
import { connectControl } from '../admin/control-client.ts';
import type { Config } from '../config/config.ts';
import { devConfig, devDataDirectory } from '../config/dev.ts';
import type { LoadResult } from '../config/load.ts';
import { findConfig, loadConfig } from '../config/load.ts';
import type { Problem } from '../config/problems.ts';
import { formatProblem } from '../config/problems.ts';
import type { Context } from './context.ts';
import { CliError, printable } from './context.ts';

export interface CommonOptions {
  readonly config?: string;
  readonly json?: boolean;
  readonly data?: string;
}

export function withCommonOptions(command: Command): Command {
  return withConfigOptions(command).option(
    '--data <directory>',
    'instead of a configuration: a data directory, as that of `postrider dev --data`',
  );
}

/** For commands that have no use for a data directory without a configuration. */
export function withConfigOptions(command: Command): Command {
  return command
    .option('--config <file>', 'configuration; default: postrider.config.ts, .js or .json here')
    .option('--json', 'machine-readable output');
}

export function problemsError(
  path: string | undefined,
  problems: readonly Problem[],
  cwd: string,
): CliError {
  const [first] = problems;
  if (path === undefined) return new CliError(2, first!.message);
  const within = relative(cwd, path);
  const name = within === '' || within.startsWith('..') ? path : within;
  if (problems.length === 1) return new CliError(2, `${name}: ${formatProblem(first!)}`);
  const lines = problems.map((problem) => `  ${formatProblem(problem)}`);
  return new CliError(2, `${name} has ${problems.length} problems:\n${lines.join('\n')}`);
}

/** @throws CliError with every problem. */
export async function loadOrFail(
  path: string | undefined,
  cwd: string,
): Promise<Extract<LoadResult, { readonly kind: 'ok' }>> {
  const result = await loadConfig(path, cwd);
  if (result.kind === 'problems') throw problemsError(result.path, result.problems, cwd);
  return result;
}

export interface Reached extends AsyncDisposable {
  readonly dataDirectory: string;
  /** What runs there, if anything does: it has a configuration of its own. */
  readonly server: RemoteOperations | undefined;
  readonly config: Config | undefined;
}

/**
 * The server that a command speaks to, or where its stores are. A running server answers also when
 * the configuration has been broken since it started. @throws CliError
 */
export async function reach(options: CommonOptions, context: Context): Promise<Reached> {
  const { cwd } = context;
  if (options.data !== undefined) {
    const dataDirectory = resolve(cwd, options.data);
    // What is mistyped is not to be made.
    if (options.data === '') throw new CliError(2, '--data: names no directory');
    if (!existsSync(dataDirectory))
      throw new CliError(2, `--data: there is no directory ${printable(dataDirectory)}`);
    return at(devConfig(cwd, { dataDirectory }), context);
  }
  const file = await findConfig(options.config, cwd);
  if (file === undefined && existsSync(devDataDirectory(cwd))) return at(devConfig(cwd), context);
  const loaded = await loadConfig(options.config, cwd);
  if (loaded.kind === 'ok') return at(loaded.config, context);
  for (const dataDirectory of likelyDirectories(loaded)) {
    const server = await serverOf(dataDirectory, context);
    if (server === undefined) continue;
    context.note(`postrider: ${basename(loaded.path!)} has problems; the running server is asked`);
    return { dataDirectory, server, config: undefined, ...disposing(server) };
  }
  throw problemsError(loaded.path, loaded.problems, cwd);
}

async function at(config: Config, context: Context): Promise<Reached> {
  const { dataDirectory } = config;
  const server = await serverOf(dataDirectory, context);
  return { dataDirectory, server, config, ...disposing(server) };
}

/** The server that runs there, of whom nobody who is called from here waits without a word. */
export function serverOf(
  dataDirectory: string,
  context: Context,
): Promise<RemoteOperations | undefined> {
  let isTold = false;
  return connectControl(dataDirectory, () => {
    if (!isTold)
      context.note(
        'postrider: the server has not answered for a while: it has much to do, or stands still. It is waited for; Ctrl-C ends that, and what was asked may be done all the same',
      );
    isTold = true;
  });
}

const disposing = (server: RemoteOperations | undefined): AsyncDisposable => ({
  [Symbol.asyncDispose]: async () => server?.[Symbol.asyncDispose](),
});

/** What the configuration says, or seems to say where it cannot even be read as a program. */
function likelyDirectories({
  path,
  partial,
}: Extract<LoadResult, { readonly kind: 'problems' }>): readonly string[] {
  if (path === undefined) return [];
  let text: string;
  try {
    text = readFileSync(path, 'latin1');
  } catch {
    return []; // the problems say why
  }
  const [, , written = 'postrider-data'] =
    /\bdataDirectory['"]?\s*:\s*(['"`])((?:(?!\1)[^\r\n\\$])+)\1/.exec(text) ?? [];
  const guessed = resolve(dirname(path), Buffer.from(written, 'latin1').toString('utf8'));
  return [...new Set([partial?.dataDirectory ?? guessed, guessed])];
}
