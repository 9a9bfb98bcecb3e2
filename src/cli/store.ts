// `postrider store migrate`: everything moves to the store of another configuration, while the server runs or not.

import {
  closeSync,
  copyFileSync,
  existsSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  readFileSync,
  statSync,
  writeSync,
} from 'node:fs';
import { dirname, relative } from 'node:path';
import { Command } from 'commander';
import { systemClock } from '../base/clock.ts';
import { firstLineOf } from '../base/error-text.ts';
import type { Config } from '../config/config.ts';
import { becomeOwner, becomeUser } from '../net/privileges.ts';
import { withoutPassword } from '../store/moving/marks.ts';
import { type MoveResult, moveStore } from '../store/moving/move.ts';
import { movedTables } from '../store/moving/moved-tables.ts';
import { differencesOf } from '../store/moving/verification.ts';
import { openMoveSource, openMoveTarget } from '../store/open-move.ts';
import type { Context } from './context.ts';
import { CliError, printable } from './context.ts';
import { createProgress } from './progress.ts';
import type { CommonOptions } from './settings.ts';
import { loadOrFail, reach, withConfigOptions } from './settings.ts';

interface MigrateOptions extends CommonOptions {
  readonly to: string;
  readonly dryRun?: boolean;
  readonly verify?: boolean;
  readonly restart?: boolean;
  readonly replace?: boolean;
  readonly abandon?: boolean;
  readonly write?: boolean;
}

interface Configured {
  readonly config: Config;
  readonly path: string;
}

/** From where to where. */
interface Ways {
  readonly from: Configured;
  readonly to: Configured;
  /** Puts the one configuration in the place of the other. */
  readonly write: (() => void) | undefined;
}

export function storeCommand(context: Context): Command {
  return new Command('store').description('where mail is kept').addCommand(migrate(context));
}

const migrate = (context: Context) =>
  withConfigOptions(new Command('migrate'))
    .description('move everything to the store of another configuration, while the server runs')
    .requiredOption('--to <file>', 'that configuration: the same but for `store`')
    .option('--dry-run', 'say what there is to be moved, and change nothing')
    .option('--verify', 'compare both stores, every message, and change nothing')
    .option('--write', 'put that configuration in the place of the one in force when all is there')
    .option('--replace', 'a store there that everything was moved from makes room')
    .option('--restart', 'throw away what a move that broke off has copied, and begin again')
    .option('--abandon', 'give up a move that is not finished: both stores are as before')
    .action(async (options: MigrateOptions) => {
      const ways = await waysOf(context, options);
      if (options.dryRun) return survey(context, ways, options);
      if (options.abandon) return abandon(context, ways);
      if (options.verify) return verify(context, ways, options);
      return move(context, ways, options);
    });

/** @throws CliError */
async function waysOf(context: Context, options: MigrateOptions): Promise<Ways> {
  const from = await loadOrFail(options.config, context.cwd);
  const to = await loadOrFail(options.to, context.cwd);
  const [here, there] = [from.config.store.kind, to.config.store.kind];
  if (here === there) {
    const other =
      here === 'sqlite'
        ? 'both configurations have a store of SQLite: `postrider backup` and `restore` copy one'
        : 'both configurations have a PostgreSQL: pg_dump copies one, and `store.url` names it';
    const before = `${from.path}.before`;
    const on = existsSync(before) ? `; a move that broke off goes on with --config ${before}` : '';
    throw new CliError(2, other + on);
  }
  if (options.write && dirname(from.path) !== dirname(to.path))
    throw new CliError(2, '--write is for two configurations in one directory');
  const write = options.write === true ? replacing(from, to) : undefined;
  const { user, dataDirectory } = from.config;
  // Files that root makes here would be closed to the server.
  if (user === undefined) becomeOwner(dataDirectory);
  else becomeUser(user, dataDirectory);
  process.umask(0o077);
  if (dataDirectory !== to.config.dataDirectory)
    context.note(
      `history and keys stay in ${dataDirectory}: copy them to ${to.config.dataDirectory}, or keep the same dataDirectory`,
    );
  return { from, to, write };
}

const placeOf = ({ config: { store, dataDirectory } }: Configured) => ({
  ...{ store, directory: dataDirectory, clock: systemClock() },
});

async function move(context: Context, ways: Ways, options: MigrateOptions): Promise<void> {
  const { from, to } = ways;
  await using source = await openMoveSource(placeOf(from));
  const isLeft = (await source.left()) !== undefined;
  // Where this is only to be finished, nothing has to make room any more.
  const replace = options.replace === true && !isLeft;
  await using target = await openMoveTarget({ ...placeOf(to), replace });
  if (options.restart) {
    if (isLeft) throw new CliError(1, 'nothing is left to be copied: call this without --restart');
    await target.abandon();
  }
  const result = await moveStore({
    ...{ source, target, clock: systemClock() },
    onProgress: createProgress(context, options),
    stopServers: () => endServer(context, from),
    onVerified: async () => ways.write?.(),
  });
  await report(context, { ways, result, options });
}

/** @throws CliError */
async function endServer(context: Context, { path, config }: Configured): Promise<void> {
  await using reached = await reach({ config: path }, context);
  if (reached.server === undefined)
    throw new CliError(
      1,
      `a server has ${config.dataDirectory} and does not answer: stop it, and call this again`,
    );
  await reached.server.serverEnd();
}

/**
 * Opened while we may (it is root's, as a rule), written when all is there. The old one is kept beside it. @throws CliError
 */
function replacing(from: Configured, to: Configured): () => void {
  const [before, bytes] = [readFileSync(from.path), readFileSync(to.path)];
  // It may have a password in it.
  if (isReadByAll(from.path) && !isReadByAll(to.path))
    throw new CliError(
      1,
      `everybody may read ${from.path}, but not ${to.path}: \`chmod o-r\` the first one, or call this without --write`,
    );
  let file: number;
  try {
    copyFileSync(from.path, `${from.path}.before`);
    file = openSync(from.path, 'r+');
  } catch (error) {
    throw new CliError(1, `${firstLineOf(error)}: call this without --write, or as root`);
  }
  return () => {
    try {
      overwrite(file, bytes);
    } catch (error) {
      overwrite(file, before);
      throw new CliError(1, `${from.path} cannot be written: ${firstLineOf(error)}`);
    } finally {
      closeSync(file);
    }
  };
}

const isReadByAll = (path: string): boolean => (statSync(path).mode & 0o004) !== 0;

/** What was in it needs no more room than it has: on a full disk it can be put back. */
function overwrite(file: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at, bytes.length - at, at);
  ftruncateSync(file, bytes.length);
  fsyncSync(file);
}

interface Outcome {
  readonly ways: Ways;
  readonly result: MoveResult;
  readonly options: MigrateOptions;
}

async function report(context: Context, { ways, result, options }: Outcome): Promise<void> {
  const { rows, contents, bytes, switchMs } = result;
  if (options.json)
    return context.print(`${JSON.stringify({ ...result, switchMs: switchMs ?? null })}\n`);
  const told = rows.map((one) => `${one.what} ${one.rows}`).join(', ');
  await context.print(`moved and compared: ${told}; ${contents} contents, ${bytes} octets\n`);
  if (switchMs !== undefined)
    await context.print(`no server was at work for ${(switchMs / 1000).toFixed(1)} s until then\n`);
  const name = relative(context.cwd, ways.from.path);
  await context.print(
    options.write
      ? `${name} has the new store, ${name}.before the old one: a service manager has started the server again, or start it now\n`
      : `start the server with it: put ${relative(context.cwd, ways.to.path)} in the place of ${name}, or into it ${storeLine(ways.to.config)}\n`,
  );
}

const storeLine = ({ store }: Config): string =>
  store.kind === 'sqlite'
    ? `store: { kind: 'sqlite' },`
    : `store: { kind: 'postgres', url: '${withoutPassword(store.url)}', node: '${store.node}' },`;

async function survey(
  context: Context,
  { from, to }: Ways,
  { json }: MigrateOptions,
): Promise<void> {
  await using source = await openMoveSource(placeOf(from));
  const rows: { readonly what: string; readonly rows: number }[] = [];
  for (const table of movedTables) rows.push({ what: table.what, rows: await source.count(table) });
  const left = await source.left();
  const servers = await source.servers();
  if (json)
    return context.print(`${JSON.stringify({ rows, servers, movedTo: left?.to ?? null })}\n`);
  for (const one of rows) if (one.rows > 0) await context.print(`${one.what}: ${one.rows}\n`);
  const where = to.config.store.kind === 'sqlite' ? to.config.dataDirectory : 'PostgreSQL';
  if (left !== undefined) await context.print(`all of it was moved to ${left.to} already\n`);
  else
    await context.print(
      `from ${source.name} to ${where}; ${servers.length === 0 ? 'no server is at work' : `at work: ${servers.join(', ')}`}\n`,
    );
}

async function verify(
  context: Context,
  { from, to }: Ways,
  options: MigrateOptions,
): Promise<void> {
  await using source = await openMoveSource(placeOf(from));
  await using target = await openMoveTarget({ ...placeOf(to), replace: false });
  const found = await differencesOf(source, target, createProgress(context, options));
  if (options.json) await context.print(`${JSON.stringify(found)}\n`);
  else for (const line of found.differences) await context.print(`${printable(line)}\n`);
  if (found.differences.length > 0)
    throw new CliError(1, 'the stores are not the same; where a server is at work, they cannot be');
  if (!options.json)
    await context.print(
      `the same: ${found.messages} messages in folders, ${found.contents} contents, each read on both sides\n`,
    );
}

async function abandon(context: Context, { from, to }: Ways): Promise<void> {
  await using source = await openMoveSource(placeOf(from));
  const left = await source.left();
  if (left !== undefined)
    throw new CliError(1, `everything was moved to ${left.to}: \`store migrate\` moves it back`);
  await using target = await openMoveTarget({ ...placeOf(to), replace: false });
  await target.abandon();
  await source.unwatch();
  await context.print('given up: nothing was moved\n');
}
