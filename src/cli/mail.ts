// `postrider mail …`: what lies in a mailbox. Works whether the server runs or not.

import { Command } from 'commander';
import type { Context } from './context.ts';
import { CliError, printable } from './context.ts';
import { mailImport } from './mail-import.ts';
import { printTable } from './print-table.ts';
import type { CommonOptions } from './settings.ts';
import { withCommonOptions } from './settings.ts';
import { minuteOf } from './table.ts';
import { withOperations } from './with-operations.ts';

interface ListOptions extends CommonOptions {
  readonly folder?: string;
}

export function mailCommand(context: Context): Command {
  const command = new Command('mail').description('what lies in a mailbox');
  for (const part of [list, show, remove, mailImport]) command.addCommand(part(context));
  return command;
}

const list = (context: Context) =>
  withCommonOptions(new Command('list'))
    .description('list the messages of an address; without one, everybody’s')
    .argument('[address]')
    .option('--folder <folder>', 'of this folder only; default: all')
    .action(async (address: string | undefined, options: ListOptions) => {
      const { folder } = options;
      await withOperations(context, options, async (operations) => {
        const lines = operations.mailList({
          ...(address !== undefined && { address }),
          ...(folder !== undefined && { folder }),
        });
        const count = await printTable(context, lines, options.json === true, {
          head: [
            ...['id', 'received', 'octets', ...(address === undefined ? ['mailbox'] : [])],
            ...['from', 'subject'],
          ],
          row: ({ id, received, size, mailbox, from, folder, subject }) => [
            ...[id, minuteOf(received), size, ...(address === undefined ? [mailbox] : [])],
            ...[from, folder === 'INBOX' ? subject : `[${folder}] ${subject}`],
          ],
        });
        if (count > 0 || options.json) return;
        const whose = address === undefined ? '' : ` for ${printable(address)}`;
        const where = folder === undefined ? '' : ` in a folder ${printable(folder)}`;
        context.note(`no mail${whose}${where}`);
      });
    });

const show = (context: Context) =>
  withCommonOptions(new Command('show'))
    .description('print the raw message; without ID the latest')
    .argument('<address>')
    .argument('[id]')
    .action(async (address: string, given: string | undefined, options: CommonOptions) => {
      await withOperations(context, options, async (operations) => {
        let id = given;
        let latest = '';
        if (id === undefined)
          for await (const message of operations.mailList({ address }))
            if (message.received >= latest) {
              latest = message.received;
              id = message.id;
            }
        if (id === undefined) throw new CliError(1, `no mail for ${address}`);
        for await (const piece of operations.mailShow({ address, id })) await context.print(piece);
      });
    });

interface DeleteOptions extends CommonOptions {
  readonly all?: boolean;
}

const remove = (context: Context) =>
  withCommonOptions(new Command('delete'))
    .description('delete messages for good, by the ids that `mail list` shows')
    .argument('[address]')
    .argument('[ids...]')
    .option('--all', 'everything of the address, or of everybody; in `postrider dev` only')
    .action(async (address: string | undefined, ids: string[], options: DeleteOptions) => {
      const all = options.all === true;
      if (all === ids.length > 0)
        throw new CliError(2, 'name an address and the ids of messages, or --all in `dev`');
      const count = await withOperations(context, options, (operations) =>
        operations.mailDelete({ ...(address !== undefined && { address }), ...(!all && { ids }) }),
      );
      const noun = count === 1 ? 'message' : 'messages';
      await context.print(
        options.json === true
          ? `${JSON.stringify({ messages: count })}\n`
          : `${count} ${noun} deleted\n`,
      );
    });
