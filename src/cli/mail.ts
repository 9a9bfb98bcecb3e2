// `postrider mail …`: what lies in a mailbox. Works whether the server runs or not.

import { Command } from 'commander';
import type { Context } from './context.ts';
import { CliError, printable, printLines } from './context.ts';
import { withOperations } from './open-operations.ts';
import type { CommonOptions } from './settings.ts';
import { withCommonOptions } from './settings.ts';

interface ListOptions extends CommonOptions {
  readonly folder?: string;
}

export function mailCommand(context: Context): Command {
  return new Command('mail')
    .description('what lies in a mailbox')
    .addCommand(list(context))
    .addCommand(show(context));
}

const list = (context: Context) =>
  withCommonOptions(new Command('list'))
    .description('list the messages of an address')
    .argument('<address>')
    .option('--folder <folder>', 'of this folder only; default: all')
    .action(async (address: string, options: ListOptions) => {
      const { folder } = options;
      await withOperations(context, options, async (operations) => {
        const lines = operations.mailList({ address, ...(folder !== undefined && { folder }) });
        const count = await printLines(context, lines, options.json === true, (m) => {
          const where = m.folder === 'INBOX' ? '' : `[${m.folder}] `;
          const received = m.received.slice(0, 16).replace('T', ' ');
          return printable(
            `${m.id}  ${received}  ${String(m.size).padStart(8)}  ${m.from.padEnd(28)}  ${where}${m.subject}`,
          );
        });
        if (count === 0 && !options.json) context.note(`no mail for ${address}`);
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
