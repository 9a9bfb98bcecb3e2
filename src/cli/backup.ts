// `postrider backup DIR`, `restore DIR` and `verify [DIR]`: a consistent copy of a running server, back
// again, every message counted and checked.

import { rmdirSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import { Command } from 'commander';
import type { Operations } from '../admin/operations.ts';
import { systemClock } from '../base/clock.ts';
import { version } from '../base/version.ts';
import type { Config } from '../config/config.ts';
import { findConfig } from '../config/load.ts';
import {
  becomeOwner,
  becomeUser,
  findUser,
  isRoot,
  prepareDirectory,
  rootsAlone,
} from '../net/privileges.ts';
import { inspectStore } from '../store/at-rest.ts';
import { type BackupResult, backUp } from '../store/backup/backup.ts';
import { othersFolder, restoreBackup } from '../store/backup/restore.ts';
import { isEmpty, verifyBackup } from '../store/backup/verify.ts';
import type { Inspection, StoreCounts, StoreFault } from '../store/inspection.ts';
import { faultLines } from './check/store.ts';
import type { Context } from './context.ts';
import { CliError, printable } from './context.ts';
import { createProgress } from './progress.ts';
import type { CommonOptions } from './settings.ts';
import { type Reached, reach, withCommonOptions } from './settings.ts';
import { counted } from './table.ts';
import { withOperations } from './with-operations.ts';

export const backupCommand = (context: Context) =>
  withCommonOptions(new Command('backup'))
    .description('copy everything into a new directory, while the server runs, and check the copy')
    .argument('<directory>', 'empty, or not there yet')
    .action(async (given: string, options: CommonOptions) => {
      await using place = await reach(options, context);
      const to = resolve(context.cwd, given);
      const file = await findConfig(options.config, context.cwd);
      const { dataDirectory: from } = place;
      process.umask(0o077);
      becomeWhoOwns(ownership(place), to);
      const progress = createProgress(context, options);
      const result = await withOperations(context, options, async (operations) => {
        await using _held = await hold(operations);
        const others = new Map(
          file === undefined ? [] : [[`${othersFolder}/${basename(file)}`, file]],
        );
        return backUp({
          from,
          to,
          version,
          now: systemClock().now(),
          others,
          onProgress: progress,
        });
      });
      await reportBackup(context, { to, result, json: options.json === true });
    });

/** With a configuration that cannot be read, a server still runs: then its directory says whose it is. */
const ownership = ({ dataDirectory, config }: Reached): Ownership => ({
  dataDirectory,
  user: config?.user,
});

type Ownership = Pick<Config, 'dataDirectory' | 'user'>;

/** Root makes the directory for whoever the data is of, and becomes them. */
function becomeWhoOwns({ dataDirectory, user }: Ownership, to: string): void {
  const ids = user === undefined ? undefined : findUser(user);
  if (user !== undefined && ids !== undefined && isRoot() && ids.uid !== 0)
    prepareDirectory(to, user, ids);
  if (user === undefined) becomeOwner(dataDirectory);
  else becomeUser(user, dataDirectory);
}

async function hold(operations: Operations): Promise<AsyncDisposable> {
  const held = operations.backupHold()[Symbol.asyncIterator]();
  await held.next();
  return {
    async [Symbol.asyncDispose]() {
      await held.return?.();
    },
  };
}

async function reportBackup(
  context: Context,
  given: { to: string; result: BackupResult; json: boolean },
): Promise<void> {
  const { to, json } = given;
  const { counts, files, bytes, faults, leftOut } = given.result;
  if (json)
    await context.print(
      `${JSON.stringify({ directory: to, ...counts, copied: files, bytes, faults, leftOut })}\n`,
    );
  else
    await context.print(
      `${to}: ${countsText(counts)}; ${counted(files, 'file')}, ${bytes} octets, read again\n`,
    );
  for (const text of leftOut) context.note(printable(`not in it: ${text}`));
  for (const fault of faults) for (const line of faultLines(fault)) context.note(printable(line));
  if (faults.length > 0)
    throw new CliError(
      1,
      'the backup is as whole as the original, which lacks something: see `postrider verify`',
    );
}

export const restoreCommand = (context: Context) =>
  withCommonOptions(new Command('restore'))
    .description('put a backup into the empty data directory of the configuration')
    .argument('<directory>', 'what `backup` made')
    .action(async (given: string, options: CommonOptions) => {
      await using place = await reach(options, context);
      const from = resolve(context.cwd, given);
      const { dataDirectory: to, server } = place;
      if (server !== undefined) throw new CliError(1, `the server runs on ${to}: stop it first`);
      if (!(await isEmpty(to)))
        throw new CliError(1, `${to} is not empty: move it away, nothing is ever overwritten`);
      process.umask(0o077);
      const owner = ownerOfRestored(ownership(place));
      const progress = createProgress(context, options);
      const { counts, faults } = await restoreBackup({ from, to, owner, onProgress: progress });
      if (options.json === true)
        await context.print(`${JSON.stringify({ directory: to, ...counts, faults })}\n`);
      else await context.print(`${to}: ${countsText(counts)}\n`);
      if (counts.queued > 0)
        context.note(
          `the queue is as old as the backup: what has left since would leave again. Look at it first: ` +
            '`postrider queue list`, then `queue hold` or `queue cancel`',
        );
    });

/** Where root can make the directory so that nobody interferes, it makes it, and gives it away at the end. */
function ownerOfRestored({ dataDirectory, user }: Ownership) {
  const ids = user === undefined ? undefined : findUser(user);
  if (user === undefined) becomeOwner(dataDirectory);
  else if (!isRoot() || ids === undefined || !rootsAlone(dataDirectory))
    becomeUser(user, dataDirectory);
  else {
    // Made anew, as root's: an empty one of the user's may be anything by the time it is filled.
    try {
      rmdirSync(dataDirectory);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
    return ids;
  }
  return undefined;
}

interface VerifyOptions extends CommonOptions {
  readonly repair?: boolean;
}

export const verifyCommand = (context: Context) =>
  withCommonOptions(new Command('verify'))
    .description('count and check every message, of the data directory or of a backup')
    .argument('[directory]', 'what `backup` made; default: the data directory')
    .option('--repair', 'give up content that is lost: its messages say so from then on')
    .action(async (given: string | undefined, options: VerifyOptions) => {
      const progress = createProgress(context, options);
      if (given !== undefined) {
        if (options.repair) throw new CliError(2, '--repair is for the data directory only');
        const directory = resolve(context.cwd, given);
        const found = await verifyBackup(directory, progress);
        return reportVerified(context, directory, found, options);
      }
      await using place = await reach(options, context);
      const { dataDirectory: directory, server } = place;
      const { user } = ownership(place);
      if (user === undefined) becomeOwner(directory);
      else becomeUser(user, directory);
      const look = () =>
        inspectStore({
          directory,
          depth: 'all',
          atRest: server === undefined,
          onProgress: progress,
        });
      let found = await look();
      if (found === undefined) throw new CliError(1, `there is no mail store in ${directory}`);
      if (options.repair && found.faults.length > 0) {
        await repair(context, options, found.faults);
        found = (await look())!;
      }
      return reportVerified(context, directory, found, options);
    });

async function repair(
  context: Context,
  options: CommonOptions,
  faults: readonly StoreFault[],
): Promise<void> {
  const lost = faults.flatMap((fault) =>
    fault.kind === 'content' && fault.problem !== 'unreadable' ? [fault] : [],
  );
  if (lost.length === 0) return;
  await withOperations(context, options, async (operations) => {
    for (const { content, queued } of lost) {
      // Their senders are told.
      for (const id of queued) {
        await operations.queueCancel({ ids: [id], silent: false });
        context.note(`${id}: taken from the queue, its sender is told`);
      }
      const mended = await operations.mendContent({ content });
      if (mended === null) continue;
      const aside = mended.aside === null ? '' : `; what was left of it is ${mended.aside}`;
      context.note(`${counted(mended.messages, 'message')} replaced by word of the loss${aside}`);
    }
  });
}

async function reportVerified(
  context: Context,
  directory: string,
  { counts, faults }: Inspection,
  { json }: CommonOptions,
): Promise<void> {
  if (json) await context.print(`${JSON.stringify({ directory, ...counts, faults })}\n`);
  else {
    const lines = faults.flatMap(faultLines).map(printable);
    await context.print([...lines, `${directory}: ${countsText(counts)}`].join('\n').concat('\n'));
  }
  if (faults.length === 0) return;
  const lost = faults.some(({ kind }) => kind === 'content');
  throw new CliError(
    1,
    `${counted(faults.length, 'fault')}${lost ? ': put the files back from a backup, or give them up with `postrider verify --repair`' : ''}`,
  );
}

const countsText = ({ accounts, messages, queued, files }: StoreCounts): string =>
  `${counted(accounts, 'account')}, ${counted(messages, 'message')}, ${queued} in the queue, ` +
  counted(files, 'content file');
