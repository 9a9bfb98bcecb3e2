// `postrider mail import PATH…`: mbox files, single messages (EML) and Maildirs into a mailbox. What cannot be imported is
// named, and the rest is; what lies there already is left out, so that an import which was broken off is called again.

import { resolve } from 'node:path';
import { Command } from 'commander';
import { OperationError, type Operations } from '../admin/operations.ts';
import { canonicalName } from '../mailbox/folder-name.ts';
import type { Context } from './context.ts';
import { CliError, printable } from './context.ts';
import { messagesAt } from './import-sources.ts';
import { KnownMail } from './known-mail.ts';
import { createProgress } from './progress.ts';
import type { CommonOptions } from './settings.ts';
import { withCommonOptions } from './settings.ts';
import { counted } from './table.ts';
import { withOperations } from './with-operations.ts';

interface ImportOptions extends CommonOptions {
  readonly address?: string;
  readonly folder?: string;
  readonly duplicates?: true;
}

/** Limit: messages that the server refuses one after the other; it is not the messages then. Without an address it asks for one. */
const refusedInTurnMax = ({ address }: ImportOptions): number => (address === undefined ? 1 : 10);

export const mailImport = (context: Context) =>
  withCommonOptions(new Command('import'))
    .description('put the messages of mbox files, EML files and Maildirs into a mailbox')
    .argument('<paths...>')
    .option('--address <address>', 'whose; in `dev` without it everybody’s in To, Cc and Bcc')
    .option(
      '--folder <folder>',
      'where to; subfolders of a Maildir keep their names; default: INBOX',
    )
    .option('--duplicates', 'also what lies in the folder already, octet for octet')
    .action(async (paths: string[], options: ImportOptions) => {
      const counts = await withOperations(context, options, (operations) =>
        new Import(context, options, operations).run(paths),
      );
      await report(context, options, counts);
    });

interface Counts {
  imported: number;
  existing: number;
  failed: number;
  /** They were there, and are not any more. */
  gone: number;
}

async function report(
  context: Context,
  { json }: ImportOptions,
  { imported, existing, failed, gone }: Counts,
): Promise<void> {
  const there = existing > 0 ? `; ${counted(existing, 'message')} lay there already` : '';
  const left = gone > 0 ? `; ${counted(gone, 'message')} went away meanwhile` : '';
  await context.print(
    json === true
      ? `${JSON.stringify({ imported, existing, failed, gone })}\n`
      : `imported ${imported}${there}${left}\n`,
  );
  if (failed > 0) throw new CliError(1, `${failed} could not be imported; the reasons are above`);
}

class Import {
  readonly #context: Context;
  readonly #options: ImportOptions;
  readonly #operations: Operations;
  readonly #known = new Map<string, KnownMail>();
  readonly #counts: Counts = { imported: 0, existing: 0, failed: 0, gone: 0 };
  #refusedInTurn = 0;

  constructor(context: Context, options: ImportOptions, operations: Operations) {
    this.#context = context;
    this.#options = options;
    this.#operations = operations;
  }

  async run(paths: readonly string[]): Promise<Counts> {
    const { folder = 'INBOX' } = this.#options;
    const progress = createProgress(this.#context, this.#options);
    for (const path of paths)
      for await (const found of messagesAt(resolve(this.#context.cwd, path), path)) {
        if (found.kind === 'problem') this.#failed(found.name, found.why);
        else if (found.kind === 'gone') this.#counts.gone += 1;
        else await this.#take(found.name, { ...found, folder: found.folder ?? folder });
        if (this.#refusedInTurn >= refusedInTurnMax(this.#options)) return this.#givenUp();
        progress(`${printable(path)}: ${counted(this.#counts.imported, 'message')} so far`, 0, 0);
      }
    return this.#counts;
  }

  async #take(name: string, { mail, folder, flags, received }: Placed): Promise<void> {
    const { address, duplicates } = this.#options;
    const known = duplicates === true ? undefined : await this.#knownIn(canonicalName(folder));
    if (await known?.has(mail)) {
      this.#counts.existing += 1;
      return;
    }
    try {
      await this.#operations.mailImport({
        ...{ folder, message: mail.toString('base64') },
        ...(flags.length > 0 && { flags }),
        ...(received !== undefined && { received }),
        ...(address !== undefined && { address }),
      });
    } catch (error) {
      if (!(error instanceof OperationError)) throw error;
      this.#refusedInTurn += 1;
      this.#failed(name, error.message);
      return;
    }
    this.#refusedInTurn = 0;
    known?.add(mail);
    this.#counts.imported += 1;
  }

  async #knownIn(folder: string): Promise<KnownMail> {
    const known =
      this.#known.get(folder) ??
      (await KnownMail.in(this.#operations, this.#options.address, folder));
    this.#known.set(folder, known);
    return known;
  }

  #failed(name: string, why: string): void {
    this.#counts.failed += 1;
    this.#context.note(`${name}: not imported: ${printable(why)}`);
  }

  #givenUp(): Counts {
    this.#context.note(
      'what is left was not tried, since that is no matter of single messages; call it again when it is mended',
    );
    return this.#counts;
  }
}

interface Placed {
  readonly mail: Buffer;
  readonly folder: string;
  readonly flags: readonly string[];
  readonly received: string | undefined;
}
