// A file that the caller of a command names. What is wrong with it is said in our words: those of the system repeat the
// path, and those of JSON.parse what is in the file, which may be a password.

import { readFile } from 'node:fs/promises';
import { parseJson } from '../config/load.ts';
import { whyUnreadable } from '../config/why-unreadable.ts';
import { CliError } from './context.ts';

/** `what` is how the file is called in the error. @throws CliError */
export const textOfFile = (path: string, what: string): Promise<string> =>
  readFile(path, 'utf8').catch((error: unknown) => {
    throw new CliError(2, `${what}: ${whyUnreadable(error)}`);
  });

/** @throws CliError */
export function jsonFrom(text: string, what: string): unknown {
  const parsed = parseJson(text);
  if ('problem' in parsed) throw new CliError(2, `${what}: ${parsed.problem}`);
  return parsed.value;
}
