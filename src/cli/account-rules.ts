// `postrider account rules …`: what is done with an account's mail when it comes: filters, forwarding, vacation answers.

import { resolve } from 'node:path';
import { text as textOf } from 'node:stream/consumers';
import { Command } from 'commander';
import { rulesGiven } from '../admin/account-rules.ts';
import type { Operations } from '../admin/operations.ts';
import { messageOf } from '../base/error-text.ts';
import { rulesText } from '../policy/rules/rule-text.ts';
import type { Context } from './context.ts';
import { CliError, printable } from './context.ts';
import { done } from './done.ts';
import { jsonFrom, textOfFile } from './named-file.ts';
import type { CommonOptions } from './settings.ts';
import { withCommonOptions } from './settings.ts';
import { withOperations } from './with-operations.ts';

type Rules = Awaited<ReturnType<Operations['accountRules']>>;

interface RemoveOptions extends CommonOptions {
  readonly forward?: boolean;
  readonly vacation?: boolean;
  readonly all?: boolean;
}

export function accountRulesCommand(context: Context): Command {
  const command = new Command('rules').description('filters, forwarding and vacation answers');
  for (const part of [list, set, remove]) command.addCommand(part(context));
  return command;
}

const list = (context: Context) =>
  withCommonOptions(new Command('list'))
    .description('the rules of an account')
    .argument('<address>')
    .action(async (address: string, options: CommonOptions) => {
      const rules = await withOperations(context, options, (o) => o.accountRules({ address }));
      if (options.json === true) return context.print(`${JSON.stringify(rules)}\n`);
      const lines = rulesText(rules);
      if (lines.length === 0) context.note(`${address} has no rules`);
      else await context.print(lines.map((line) => `${printable(line)}\n`).join(''));
    });

const set = (context: Context) =>
  withCommonOptions(new Command('set'))
    .description('put other rules in the place of those there are')
    .argument('<address>')
    .argument('[file]', 'JSON as `list --json` prints it; without it, or with -, stdin')
    .action(async (address: string, file: string | undefined, options: CommonOptions) => {
      const rules = await rulesFrom(context, file);
      await withOperations(context, options, (o) => o.accountRulesSet({ address, rules }));
      await done(context, options, `the rules of ${address} hold from the next message`, {
        address,
      });
    });

const remove = (context: Context) =>
  withCommonOptions(new Command('remove'))
    .description('take rules away')
    .argument('<address>')
    .argument('[filter...]', 'names of filters')
    .option('--forward', 'send nothing on')
    .option('--vacation', 'answer nobody')
    .option('--all', 'everything')
    .action(async (address: string, names: readonly string[], options: RemoveOptions) => {
      const { forward, vacation, all } = options;
      if (names.length === 0 && !forward && !vacation && !all)
        throw new CliError(2, 'say which: names of filters, --forward, --vacation or --all');
      await withOperations(context, options, async (operations) => {
        const rules = without(await operations.accountRules({ address }), names, options);
        await operations.accountRulesSet({ address, rules });
      });
      await done(context, options, `these rules of ${address} are gone`, { address });
    });

/** @throws CliError where there is no filter of that name */
function without(
  { filters, forward, vacation }: Rules,
  names: readonly string[],
  gone: RemoveOptions,
): Rules {
  const missing = names.find((name) => !filters.some((filter) => filter.name === name));
  if (missing !== undefined) throw new CliError(1, `there is no filter ${missing}`);
  if (gone.all) return { filters: [] };
  return {
    filters: filters.filter(({ name }) => !names.includes(name)),
    ...(forward !== undefined && !gone.forward && { forward }),
    ...(vacation !== undefined && !gone.vacation && { vacation }),
  };
}

async function rulesFrom(context: Context, file = '-'): Promise<Rules> {
  const name = file === '-' ? 'stdin' : printable(file);
  const json = jsonFrom(
    file === '-' ? await textOf(context.stdin) : await textOfFile(resolve(context.cwd, file), name),
    name,
  );
  try {
    return rulesGiven(json);
  } catch (error) {
    throw new CliError(2, `${name}: ${messageOf(error)}`);
  }
}
