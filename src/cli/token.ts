// `postrider token …`: who may ask for operations over HTTP. Works whether the server runs or not.

import { Command } from 'commander';
import { readAllows } from './allows.ts';
import type { Context } from './context.ts';
import { CliError } from './context.ts';
import { printTable } from './print-table.ts';
import type { CommonOptions } from './settings.ts';
import { withCommonOptions } from './settings.ts';
import { minuteOf } from './table.ts';
import { withOperations } from './with-operations.ts';

export function tokenCommand(context: Context): Command {
  const command = new Command('token').description('tokens for programs that ask over HTTP');
  for (const part of [create, list, revoke]) command.addCommand(part(context));
  return command;
}

interface CreateOptions extends CommonOptions {
  readonly allow: string;
  readonly days?: string;
}

const create = (context: Context) =>
  withCommonOptions(new Command('create'))
    .description('make a token and print it, this once')
    .argument('<name>', 'what it is for; it stands in the log')
    .option('--allow <what>', '`read`, `all`, or names of operations, with commas', 'read')
    .option('--days <days>', 'for how long it is valid; default: until it is revoked')
    .action(async (name: string, { allow, days, ...options }: CreateOptions) => {
      const allows = readAllows(allow);
      const valid = days === undefined ? {} : { days: Number(days) };
      if (days !== undefined && !/^[1-9]\d{0,3}$/.test(days))
        throw new CliError(2, '--days is a number such as 90');
      await withOperations(context, options, async (o) => {
        const { token } = await o.tokenCreate({ name, allows, ...valid });
        await context.print(
          options.json === true ? `${JSON.stringify({ name, token })}\n` : `${token}\n`,
        );
        context.note('keep it: it is not shown again');
      });
    });

const list = (context: Context) =>
  withCommonOptions(new Command('list'))
    .description('the tokens there are')
    .action(async (options: CommonOptions) => {
      await withOperations(context, options, async (o) => {
        const count = await printTable(context, o.tokenList(), options.json === true, {
          head: ['token', 'made', 'until', 'allows'],
          row: ({ name, created, expires, allows }) => [
            ...[name, minuteOf(created), expires === null ? 'ever' : minuteOf(expires)],
            allows.join(','),
          ],
        });
        if (count === 0 && options.json !== true) context.note('no tokens: nobody asks over HTTP');
      });
    });

const revoke = (context: Context) =>
  withCommonOptions(new Command('revoke'))
    .description('end a token at once')
    .argument('<name>')
    .action(async (name: string, options: CommonOptions) => {
      await withOperations(context, options, (o) => o.tokenRevoke({ name }));
      await context.print(
        options.json === true ? `${JSON.stringify({ revoked: name })}\n` : `${name} is revoked\n`,
      );
    });
