// Which messages of the queue a command is about: those with these ids, or all that its options hold for.

import type { Command } from 'commander';
import { Option } from 'commander';
import type { Operations } from '../admin/operations.ts';
import { queueStates } from '../store/queue-search.ts';
import { CliError } from './context.ts';
import type { CommonOptions } from './settings.ts';
import { withCommonOptions } from './settings.ts';
import { since } from './since.ts';

type Filter = Parameters<Operations['queueCount']>[0];

export interface FilterOptions extends CommonOptions {
  readonly sender?: string;
  readonly recipient?: string;
  readonly destination?: string;
  readonly state?: Filter['state'];
  readonly text?: string;
  /** Milliseconds since 1970. */
  readonly since?: number;
  readonly until?: number;
}

export interface ChangeOptions extends FilterOptions {
  readonly dryRun?: boolean;
}

export const withFilter = (command: Command): Command =>
  withCommonOptions(command)
    .option('--sender <address>', 'from this address, or `@example.org` for a domain')
    .option('--recipient <address>', 'to this address, or `@example.net` for a domain')
    .option(
      '--destination <name>',
      'that goes there: `example.net`, or what `queue count` calls it',
    )
    .addOption(new Option('--state <state>', 'in this state').choices([...queueStates]))
    .option('--text <text>', 'part of an address, of the Message-ID or of the last reply')
    .option('--since <time>', "taken in since: '2h' ago, or a date like 2026-01-31", since)
    .option('--until <time>', "taken in before: '2h' ago, or a date", since);

export const withChoice = (command: Command): Command =>
  withFilter(command.argument('[ids...]')).option(
    '--dry-run',
    'change nothing, and say how many recipients these messages have',
  );

/** Undefined where nothing is asked for. */
export function filterFrom(options: FilterOptions): Filter | undefined {
  const { sender, recipient, destination, state, text } = options;
  const asked = {
    ...{ sender, recipient, destination, state, text },
    ...{ since: isoFrom(options.since), until: isoFrom(options.until) },
  };
  const given = Object.entries(asked).filter(([, value]) => value !== undefined);
  return given.length === 0 ? undefined : Object.fromEntries(given);
}

const isoFrom = (ms: number | undefined): string | undefined =>
  ms === undefined ? undefined : new Date(ms).toISOString();

export type Chosen = Pick<Parameters<Operations['queueHold']>[0], 'ids' | 'filter' | 'dryRun'>;

/** @throws CliError where neither says which, or both do */
export function chosenBy(ids: readonly string[], options: ChangeOptions): Chosen {
  const chosen = someChosenBy(ids, options);
  if (chosen.ids === undefined && chosen.filter === undefined)
    throw new CliError(2, 'say which: IDs, or options such as --destination');
  return chosen;
}

/** Everything where nothing says which. @throws CliError where both do */
export function someChosenBy(ids: readonly string[], options: ChangeOptions): Chosen {
  const filter = filterFrom(options);
  if (ids.length > 0 && filter !== undefined)
    throw new CliError(2, 'either IDs, or options that say which');
  return {
    ...(ids.length > 0 && { ids }),
    ...(filter !== undefined && { filter }),
    ...(options.dryRun === true && { dryRun: true }),
  };
}
