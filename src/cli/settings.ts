// Which configuration a command works with: the file named or found, or that of `postrider dev`
// where there is no file. So the lines that `dev` prints work as they are.

import { existsSync } from 'node:fs';
import { relative, resolve } from 'node:path';
import type { Command } from 'commander';
import type { Config } from '../config/config.ts';
import { devConfig, devDataDirectory } from '../config/dev.ts';
import type { LoadResult } from '../config/load.ts';
import { findConfig, loadConfig } from '../config/load.ts';
import type { Problem } from '../config/problems.ts';
import { formatProblem } from '../config/problems.ts';
import type { Context } from './context.ts';
import { CliError } from './context.ts';

export interface CommonOptions {
  readonly config?: string;
  readonly json?: boolean;
  readonly data?: string;
}

export function withCommonOptions(command: Command): Command {
  return withConfigOptions(command).option(
    '--data <directory>',
    'the data directory of a `postrider dev --data`, instead',
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
  const name = relative(cwd, path).startsWith('..') ? path : relative(cwd, path);
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

/** @throws CliError */
export async function settingsOf(options: CommonOptions, { cwd }: Context): Promise<Config> {
  if (options.data !== undefined)
    return devConfig(cwd, { dataDirectory: resolve(cwd, options.data) });
  const file = await findConfig(options.config, cwd);
  if (file === undefined && existsSync(devDataDirectory(cwd))) return devConfig(cwd);
  return (await loadOrFail(options.config, cwd)).config;
}
