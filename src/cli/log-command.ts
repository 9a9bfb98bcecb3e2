// `postrider log`: the log of a running server, as it is written, in lines for people or as JSON.

import { Command } from 'commander';
import type { Operations } from '../admin/operations.ts';
import type { Context } from './context.ts';
import { CliError } from './context.ts';
import type { LogLevel } from './log.ts';
import { prettyLine } from './log.ts';
import type { CommonOptions } from './settings.ts';
import { withCommonOptions } from './settings.ts';
import { withOperations } from './with-operations.ts';

interface LogOptions extends CommonOptions {
  readonly event?: string;
  readonly message?: string;
  readonly address?: string;
  readonly client?: string;
  readonly level: string;
  readonly number?: string;
}

interface Line {
  readonly at?: unknown;
  readonly event?: unknown;
  readonly level?: unknown;
  readonly id?: unknown;
  readonly messageId?: unknown;
  readonly client?: unknown;
  readonly [field: string]: unknown;
}

const levels = ['debug', 'info', 'warn', 'error'];

export function logCommand(context: Context): Command {
  return withCommonOptions(new Command('log'))
    .description('follow what a running server logs; ends with Ctrl-C')
    .option('--event <names>', 'only these events, with commas: `deferred,bounced`')
    .option('--message <id>', 'only what concerns this message, by queue id or Message-ID')
    .option('--address <address>', 'only lines with this sender, recipient or account')
    .option('--client <address>', 'only lines about this client')
    .option('--level <level>', 'this level and above: debug, info, warn, error', 'debug')
    .option('-n, --number <lines>', 'end after so many lines')
    .addHelpText(
      'after',
      "\nWhat happened before is told by `postrider why` and in the server's own log (`journalctl -u postrider`).",
    )
    .action(async (options: LogOptions) => {
      const isWanted = filterOf(options);
      const max = linesMax(options);
      await withOperations(context, options, async (operations) => {
        let shown = 0;
        for await (const line of linesOf(operations)) {
          if (!isWanted(line)) continue;
          await context.print(
            options.json === true ? `${JSON.stringify(line)}\n` : readableLine(line),
          );
          shown += 1;
          if (shown >= max) return;
        }
      });
    });
}

async function* linesOf(operations: Operations): AsyncIterable<Line> {
  for await (const news of operations.watch({ topics: ['log'] }))
    if (news.event !== 'silence') yield news;
}

function linesMax({ number }: LogOptions): number {
  if (number === undefined) return Number.POSITIVE_INFINITY;
  if (/^[1-9]\d{0,8}$/.test(number)) return Number(number);
  throw new CliError(2, '--number is a number such as 10');
}

/** Whether a line is one that the options ask for. */
export function filterOf(
  options: Pick<LogOptions, 'event' | 'message' | 'address' | 'client' | 'level'>,
): (line: Line) => boolean {
  const { message, client } = options;
  const least = levels.indexOf(options.level);
  if (least === -1) throw new CliError(2, `--level is one of ${levels.join(', ')}`);
  const events = options.event?.split(',').map((one) => one.trim());
  const address = options.address?.toLowerCase();
  const bare = (text: unknown) => String(text ?? '').replace(/^<|>$/g, '');
  return (line) =>
    levels.indexOf(String(line.level ?? 'info')) >= least &&
    (events === undefined || events.includes(String(line.event))) &&
    (message === undefined || line.id === message || bare(line.messageId) === bare(message)) &&
    (client === undefined || line.client === client) &&
    (address === undefined ||
      ['from', 'to', 'account', 'user'].some(
        (field) => String(line[field] ?? '').toLowerCase() === address,
      ));
}

function readableLine({ at, event, level, ...fields }: Line): string {
  const known = (levels.find((one) => one === level) ?? 'info') as LogLevel;
  const line = prettyLine(known, new Date(String(at)), String(event), fields);
  return process.stdout.isTTY ? line : line.replaceAll(/\u001b\[\d+m/g, '');
}
