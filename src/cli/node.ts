// `postrider node …`: the machines that share a database.

import { Command } from 'commander';
import type { NodeLine } from '../admin/nodes.ts';
import type { Context } from './context.ts';
import type { Columns } from './print-table.ts';
import { printTable } from './print-table.ts';
import type { CommonOptions } from './settings.ts';
import { withCommonOptions } from './settings.ts';
import { withOperations } from './with-operations.ts';

export function nodeCommand(context: Context): Command {
  const command = new Command('node').description('the machines that share a database');
  for (const part of [list, drain, remove]) command.addCommand(part(context));
  return command;
}

const list = (context: Context) =>
  withCommonOptions(new Command('list'))
    .description('which there are, and which of them are alive')
    .action(async (options: CommonOptions) => {
      await withOperations(context, options, async (operations) => {
        const json = options.json === true;
        const count = await printTable(context, operations.nodeList(), json, nodes);
        if (count === 0 && !json)
          context.note('no nodes: a server has the store to itself, or none has started on it yet');
      });
    });

const drain = (context: Context) =>
  withCommonOptions(new Command('drain'))
    .description('have a node finish what it has, and end')
    .argument('<name>')
    .action(async (name: string, options: CommonOptions) => {
      await withOperations(context, options, (operations) => operations.nodeDrain({ name }));
      await context.print(options.json ? 'null\n' : `${name} finishes what it has, and ends\n`);
    });

const remove = (context: Context) =>
  withCommonOptions(new Command('remove'))
    .description('take a node off the list; what it had claimed goes out from the others')
    .argument('<name>')
    .action(async (name: string, options: CommonOptions) => {
      await withOperations(context, options, (operations) => operations.nodeRemove({ name }));
      await context.print(options.json ? 'null\n' : `${name} is removed\n`);
    });

const nodes: Columns<NodeLine> = {
  head: ['number', 'node', 'state', 'version', 'attempts', 'seen'],
  row: ({ number, name, state, version, seen, leased }) => [
    ...[number, name, state, version, leased],
    seen === null ? 'never' : seen.slice(0, 19).replace('T', ' '),
  ],
};
