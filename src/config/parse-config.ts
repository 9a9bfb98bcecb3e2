// A configuration from a program instead of a file: checked as a file is, all problems at once.

import type { Config, ConfigInput } from './config.ts';
import type { Problem } from './problems.ts';
import { formatProblem } from './problems.ts';
import { resolveConfig } from './resolve.ts';

export class ConfigError extends TypeError {
  override readonly name = 'ConfigError';
  readonly code = 'INVALID_CONFIG';
  readonly problems: readonly Pick<Problem, 'path' | 'message'>[];

  constructor(problems: readonly Problem[]) {
    super(problems.map(formatProblem).join('\n'));
    this.problems = problems.map(({ path, message }) => ({ path, message }));
  }
}

/**
 * What startServer() takes. Relative paths in it are relative to `directory`.
 * @throws ConfigError with every problem.
 */
export function parseConfig(input: ConfigInput, directory: string = process.cwd()): Config {
  const resolution = resolveConfig(input, directory);
  if (resolution.kind === 'problems') throw new ConfigError(resolution.problems);
  return resolution.config;
}
