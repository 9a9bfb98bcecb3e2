// `postrider queue …`: mail that waits. Works whether the server runs or not.

import { Command } from 'commander';
import type { QueueLine } from '../admin/queue.ts';
import type { Context } from './context.ts';
import { printable, printLines } from './context.ts';
import type { CommonOptions } from './settings.ts';
import { withCommonOptions } from './settings.ts';
import { withOperations } from './with-operations.ts';

export function queueCommand(context: Context): Command {
  const command = new Command('queue').description('mail that waits to be delivered');
  for (const part of [list, show, retry, hold, release, cancel]) command.addCommand(part(context));
  return command;
}

const list = (context: Context) =>
  withCommonOptions(new Command('list'))
    .description('list the queue, oldest first')
    .action(async (options: CommonOptions) => {
      await withOperations(context, options, async (operations) => {
        const json = options.json === true;
        const count = await printLines(context, operations.queueList(), json, formatEntry);
        if (count === 0 && !json) context.note('the queue is empty');
      });
    });

const show = (context: Context) =>
  withCommonOptions(new Command('show'))
    .description('one message: recipients, origin, header')
    .argument('<id>')
    .action(async (id: string, options: CommonOptions) => {
      await withOperations(context, options, async (operations) => {
        const entry = await operations.queueShow({ id });
        if (options.json) return context.print(`${JSON.stringify(entry)}\n`);
        const origin = Object.entries(entry.origin).map(
          ([name, value]) => `  ${name}: ${String(value)}`,
        );
        const header = entry.header.split(/\r?\n/).map((line) => `  ${line}`);
        const lines = [formatEntry(entry), 'came in by', ...origin, 'header', ...header];
        return context.print(
          `${lines
            .map((line) => line.split('\n').map(printable).join('\n'))
            .join('\n')
            .trimEnd()}\n`,
        );
      });
    });

const retry = (context: Context) =>
  withCommonOptions(new Command('retry'))
    .description('try again now; without IDs everything')
    .argument('[ids...]')
    .action(async (ids: string[], options: CommonOptions) => {
      const all = ids.length === 0;
      const count = await withOperations(context, options, (operations) =>
        operations.queueRetry(all ? {} : { ids }),
      );
      await done(context, options, 'tried again now', count);
    });

const hold = (context: Context) =>
  withCommonOptions(new Command('hold'))
    .description('keep from being delivered until released')
    .argument('<ids...>')
    .action(async (ids: string[], options: CommonOptions) => {
      const count = await withOperations(context, options, (o) => o.queueHold({ ids }));
      await done(context, options, 'held', count);
    });

const release = (context: Context) =>
  withCommonOptions(new Command('release'))
    .description('end a hold')
    .argument('<ids...>')
    .action(async (ids: string[], options: CommonOptions) => {
      const count = await withOperations(context, options, (o) => o.queueRelease({ ids }));
      await done(context, options, 'released', count);
    });

const cancel = (context: Context) =>
  withCommonOptions(new Command('cancel'))
    .description('take from the queue, and tell the sender')
    .argument('<ids...>')
    .option('--silent', 'tell nobody')
    .action(async (ids: string[], options: CommonOptions & { readonly silent?: boolean }) => {
      const silent = options.silent === true;
      const count = await withOperations(context, options, (o) => o.queueCancel({ ids, silent }));
      await done(context, options, silent ? 'cancelled silently' : 'cancelled', count);
    });

async function done(
  context: Context,
  { json }: CommonOptions,
  what: string,
  recipients: number,
): Promise<void> {
  const noun = recipients === 1 ? 'recipient' : 'recipients';
  await context.print(
    json ? `${JSON.stringify({ recipients })}\n` : `${recipients} ${noun} ${what}\n`,
  );
}

function formatEntry({ id, sender, received, size, asked, recipients }: QueueLine): string {
  const from = sender === '' ? '<>' : sender;
  const head = printable(
    `${id}  ${received.slice(0, 16).replace('T', ' ')}  ${size} bytes  from ${from}`,
  );
  const rows = recipients.map(
    ({ address, destination, state, attempts, nextAttempt, lastReply }) => {
      const next =
        nextAttempt === null ? '' : `, next ${nextAttempt.slice(0, 19).replace('T', ' ')}`;
      const made = `${attempts} ${attempts === 1 ? 'attempt' : 'attempts'}`;
      const waits = attempts === 0 && asked.length === 0 && isAhead(nextAttempt);
      const said = lastReply ?? (waits ? notTried(id) : null);
      const reason = said === null ? '' : `\n        ${printable(said)}`;
      const where = `    to ${address}: ${state}, ${made}${next}, by ${destination}`;
      return `${printable(where)}${reason}`;
    },
  );
  const wishes = asked.length === 0 ? [] : [printable(`    ${asked.join('; ')}`)];
  return [head, ...wishes, ...rows].join('\n');
}

/** It was its turn already, and is to wait for the next one. */
const isAhead = (time: string | null): boolean => time !== null && Date.parse(time) > Date.now();

const notTried = (id: string): string => `not tried yet; \`postrider why ${id}\` says why`;
