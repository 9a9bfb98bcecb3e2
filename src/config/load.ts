// Finds and reads a configuration file: TypeScript, JavaScript or JSON. Never throws for what an
// operator can get wrong; each problem says where it is and what to do. Reading again (reload) sees
// the file as it is now; modules that the file itself imports are read once.

import { readFile, stat } from 'node:fs/promises';
import { registerHooks } from 'node:module';
import { dirname, extname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { firstLineOf } from '../base/error-text.ts';
import type { Advice } from './advice.ts';
import type { Config } from './config.ts';
import { findJsonError } from './json-error.ts';
import type { NamedFile } from './named-files.ts';
import type { Problem } from './problems.ts';
import { resolveConfig } from './resolve.ts';
import { shown } from './settings/setting.ts';
import { whyUnreadable } from './why-unreadable.ts';

export const configFileNames = [
  'postrider.config.ts',
  'postrider.config.js',
  'postrider.config.json',
] as const;

export type LoadResult =
  | {
      readonly kind: 'ok';
      readonly config: Config;
      readonly path: string;
      /** What would work but is hardly meant. */
      readonly advice: readonly Advice[];
      readonly files: readonly NamedFile[];
    }
  /** `path` is undefined when no file was named and none was found. */
  | {
      readonly kind: 'problems';
      readonly path: string | undefined;
      readonly problems: readonly Problem[];
      readonly advice: readonly Advice[];
      readonly files: readonly NamedFile[];
      /** What could be read of it, if anything could. */
      readonly partial: Config | undefined;
    };

/** The file named, or the first of the usual names in `cwd`. */
export async function findConfig(
  path: string | undefined,
  cwd: string,
): Promise<string | undefined> {
  if (path !== undefined) return resolve(cwd, path);
  for (const name of configFileNames) {
    const candidate = join(cwd, name);
    const found = await stat(candidate).catch(() => undefined);
    if (found?.isFile()) return candidate;
  }
  return undefined;
}

export async function loadConfig(path: string | undefined, cwd: string): Promise<LoadResult> {
  const file = await findConfig(path, cwd);
  if (file === undefined)
    return problem(
      undefined,
      `no configuration in ${cwd}: write one with \`postrider init you@example.org\`, name one with --config, or try \`postrider dev\``,
    );
  const input = await readInput(file);
  if ('problem' in input) return problem(file, input.problem);
  try {
    return { ...resolveConfig(input.value, dirname(file)), path: file };
  } catch (error) {
    // A program may give an object whose members throw.
    return problem(file, firstLineOf(error));
  }
}

const problem = (path: string | undefined, message: string): LoadResult => ({
  kind: 'problems',
  path,
  problems: [{ path: '', message }],
  advice: [],
  files: [],
  partial: undefined,
});

type Input = { readonly value: unknown } | { readonly problem: string };

async function readInput(file: string): Promise<Input> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    return { problem: whyUnreadable(error) };
  }
  switch (extname(file)) {
    case '.json':
      return parseJson(text);
    case '.ts':
    case '.js':
    case '.mts':
    case '.mjs':
      return importModule(file);
    default:
      return { problem: 'a configuration ends in .ts, .js or .json' };
  }
}

/** JSON as it is, without comments; errors with line and column. */
export function parseJson(text: string): Input {
  try {
    return { value: JSON.parse(text) };
  } catch {
    const { offset, expected } = findJsonError(text);
    const before = text.slice(0, offset).split('\n');
    const found = offset >= text.length ? 'the end of the file' : shown(text[offset]);
    const where = `line ${before.length}, column ${before.at(-1)!.length + 1}`;
    return { problem: `${where}: expected ${expected}, found ${found}` };
  }
}

let imports = 0;

async function importModule(file: string): Promise<Input> {
  const url = pathToFileURL(file);
  imports += 1;
  url.searchParams.set('read', String(imports)); // a new address: modules are cached by it
  // A configuration may lie anywhere; `postrider` in it is this program, not what lies near it.
  const hooks = registerHooks({
    resolve: (specifier, context, next) =>
      specifier === 'postrider' || specifier.startsWith('postrider/')
        ? next(specifier, { ...context, parentURL: import.meta.url })
        : next(specifier, context),
  });
  const late = new AbortController();
  try {
    const module: { readonly default?: unknown } = await Promise.race([
      import(url.href),
      tooLate(late.signal),
    ]);
    if (module.default === undefined)
      return { problem: 'exports nothing: write `export default defineConfig({ … })`' };
    return { value: module.default };
  } catch (error) {
    return { problem: explainImport(error, file) };
  } finally {
    late.abort();
    hooks.deregister();
  }
}

/** Limit: milliseconds that a configuration may take, which may ask others for what it says. */
const importMsMax = 60_000;

/** Keeps the process: whoever waits for what never comes is to hear of it. */
const tooLate = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => {
    const timer = setTimeout(
      () =>
        reject(
          new Error('it has not said what it exports within a minute: it waits for something'),
        ),
      importMsMax,
    );
    signal.addEventListener('abort', () => clearTimeout(timer), { once: true });
  });

/** A syntax error's first line of the stack is where it is: `file:line`. */
function explainImport(error: unknown, file: string): string {
  const stack = error instanceof Error ? (error.stack ?? '') : '';
  const inFile = stack.split('\n').find((line) => line.includes(file));
  const [, line, column] =
    /:(\d+)(?::(\d+))?\)?$/.exec(inFile?.replace(/\?read=\d+/, '') ?? '') ?? [];
  const where =
    line === undefined ? '' : `line ${line}${column === undefined ? '' : `, column ${column}`}: `;
  return `${where}${firstLineOf(error)}`;
}
