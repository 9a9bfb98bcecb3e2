// `postrider mail import FILE…`: mbox files and single messages (EML) into a mailbox.

import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { Command } from 'commander';
import { firstLineOf } from '../base/error-text.ts';
import { mboxMessages } from '../mail/mbox.ts';
import type { Context } from './context.ts';
import { CliError, printable } from './context.ts';
import { createProgress } from './progress.ts';
import type { CommonOptions } from './settings.ts';
import { withCommonOptions } from './settings.ts';
import { counted } from './table.ts';
import { withOperations } from './with-operations.ts';

interface ImportOptions extends CommonOptions {
  readonly address?: string;
}

/** Limits: octets of a file that is read, and of one message in it. */
const fileBytesMax = 1024 * 2 ** 20;
const messageBytesMax = 5 * 2 ** 20;

export const mailImport = (context: Context) =>
  withCommonOptions(new Command('import'))
    .description('put the messages of mbox and EML files into a mailbox')
    .argument('<files...>')
    .option('--address <address>', 'whose; in `dev` without it everybody’s in To, Cc and Bcc')
    .action(async (files: string[], options: ImportOptions) => {
      let count = 0;
      const progress = createProgress(context, options);
      await withOperations(context, options, async (operations) => {
        const { address } = options;
        for (const file of files)
          for (const message of mboxMessages(await contentOf(resolve(context.cwd, file)))) {
            if (message.length > messageBytesMax)
              throw new CliError(
                1,
                `${file}: a message of ${message.length} octets is too large; ${count} were imported`,
              );
            await operations.mailImport({
              message: message.toString('base64'),
              ...(address !== undefined && { address }),
            });
            count += 1;
            progress(`${printable(file)}: ${counted(count, 'message')} so far`, 0, 0);
          }
      });
      await context.print(
        options.json === true ? `${JSON.stringify({ imported: count })}\n` : `imported ${count}\n`,
      );
    });

async function contentOf(path: string): Promise<Buffer> {
  const content = await readFile(path).catch((error: unknown) => {
    throw new CliError(1, `cannot read ${printable(path)}: ${printable(firstLineOf(error))}`);
  });
  if (content.length > fileBytesMax) throw new CliError(1, `${printable(path)} is too large`);
  return content;
}
