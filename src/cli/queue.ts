// `postrider queue …`: mail that waits. Works whether the server runs or not.

import { Command } from 'commander';
import type { Operations } from '../admin/operations.ts';
import type { QueueLine } from '../admin/queue.ts';
import { confirm } from './confirm.ts';
import type { Context } from './context.ts';
import { printable, printLines } from './context.ts';
import type { ChangeOptions, FilterOptions } from './queue-options.ts';
import { chosenBy, filterFrom, someChosenBy, withChoice, withFilter } from './queue-options.ts';
import type { CommonOptions } from './settings.ts';
import { withCommonOptions } from './settings.ts';
import { counted, fitted, minuteOf } from './table.ts';
import { withOperations } from './with-operations.ts';

type Totals = Awaited<ReturnType<Operations['queueCount']>>;

export function queueCommand(context: Context): Command {
  const command = new Command('queue').description('mail that waits to be delivered');
  for (const part of [list, count, show, retry, hold, release, cancel, reroute])
    command.addCommand(part(context));
  return command;
}

const list = (context: Context) =>
  withFilter(new Command('list'))
    .description('list the queue, or what of it options hold for, oldest first')
    .action(async (options: FilterOptions) => {
      await withOperations(context, options, async (operations) => {
        const json = options.json === true;
        const filter = filterFrom(options);
        const lines = filter === undefined ? operations.queueList() : found(operations, filter);
        const count = await printLines(context, lines, json, (entry) => fitted(formatEntry(entry)));
        if (count > 0 || json) return;
        context.note(
          filter === undefined ? 'the queue is empty' : 'nothing in the queue is like that',
        );
      });
    });

async function* found(
  operations: Operations,
  filter: Parameters<Operations['queueCount']>[0],
): AsyncGenerator<QueueLine> {
  let after: string | undefined;
  do {
    const page = await operations.queueSearch({ ...filter, ...(after !== undefined && { after }) });
    yield* page.messages;
    after = page.next ?? undefined;
  } while (after !== undefined);
}

const count = (context: Context) =>
  withFilter(new Command('count'))
    .description('how much there is, where it wants to go, and what was said last')
    .action(async (options: FilterOptions) => {
      const totals = await withOperations(context, options, (operations) =>
        operations.queueCount(filterFrom(options) ?? {}),
      );
      await context.print(options.json ? `${JSON.stringify(totals)}\n` : totalsText(totals));
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
        const header = entry.header
          .split(/\r?\n/)
          .map((line) => `  ${line.replaceAll('\t', '  ')}`);
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
  withChoice(new Command('retry'))
    .description('try again now; without IDs and options that say which, everything')
    .action(async (ids: string[], options: ChangeOptions) => {
      const chosen = someChosenBy(ids, options);
      const count = await withOperations(context, options, (o) => o.queueRetry(chosen));
      await done(context, options, 'tried again now', count);
    });

const hold = (context: Context) =>
  withChoice(new Command('hold'))
    .description('keep from being delivered until released')
    .action(async (ids: string[], options: ChangeOptions) => {
      const chosen = chosenBy(ids, options);
      const [count, underWay] = await withOperations(context, options, async (o) => [
        await o.queueHold(chosen),
        await underWayOf(o, chosen),
      ]);
      await done(context, options, 'held', count, underWay);
    });

const release = (context: Context) =>
  withChoice(new Command('release'))
    .description('end a hold')
    .action(async (ids: string[], options: ChangeOptions) => {
      const chosen = chosenBy(ids, options);
      const count = await withOperations(context, options, (o) => o.queueRelease(chosen));
      await done(context, options, 'released', count);
    });

interface CancelOptions extends ChangeOptions {
  readonly silent?: boolean;
  readonly yes?: boolean;
}

const cancel = (context: Context) =>
  withChoice(new Command('cancel'))
    .description('take from the queue, and tell the sender')
    .option('--silent', 'tell nobody')
    .option('--yes', 'do not ask')
    .action(async (ids: string[], options: CancelOptions) => {
      const silent = options.silent === true;
      const chosen = { ...chosenBy(ids, options), silent };
      const [count, underWay] = await withOperations(context, options, async (operations) => {
        if (chosen.filter !== undefined && chosen.dryRun !== true && options.yes !== true) {
          const recipients = await operations.queueCancel({ ...chosen, dryRun: true });
          const what = `Cancel ${counted(recipients, 'recipient')} of messages`;
          await confirm(context, `${what}, and tell ${silent ? 'nobody' : 'their senders'}`, {});
        }
        return [await operations.queueCancel(chosen), await underWayOf(operations, chosen)];
      });
      await done(context, options, silent ? 'cancelled silently' : 'cancelled', count, underWay);
    });

const reroute = (context: Context) =>
  withChoice(new Command('reroute'))
    .description(
      'send another way from now on; without --to by the routes of the configuration again',
    )
    .option('--to <way>', 'a host, `192.0.2.1:25`, or the MX of a domain, `mx:example.net`')
    .action(async (ids: string[], options: ChangeOptions & { readonly to?: string }) => {
      const { to } = options;
      const chosen = { ...chosenBy(ids, options), ...(to !== undefined && { to }) };
      const count = await withOperations(context, options, (o) => o.queueReroute(chosen));
      await done(context, options, 'rerouted', count);
    });

async function done(
  context: Context,
  { json, dryRun }: ChangeOptions,
  what: string,
  recipients: number,
  underWay?: number,
): Promise<void> {
  if (json)
    return context.print(`${JSON.stringify({ recipients, ...(underWay && { underWay }) })}\n`);
  const told = dryRun === true ? `would be ${what}` : what;
  const left = underWay ? `${underWayText(underWay, what)}\n` : '';
  await context.print(`${counted(recipients, 'recipient')} ${told}\n${left}`);
}

function underWayText(recipients: number, what: string): string {
  const [are, they] = recipients === 1 ? ['is', 'it'] : ['are', 'they'];
  const then =
    what === 'held'
      ? `${they} ${are} held only if that fails`
      : `not ${what}; say it again if ${they} ${recipients === 1 ? 'comes' : 'come'} back`;
  return `${counted(recipients, 'recipient')} ${are} under way: ${then}`;
}

/** How many recipients of those are under way now. */
async function underWayOf(
  { queueShow, queueCount }: Pick<Operations, 'queueShow' | 'queueCount'>,
  { ids, filter, dryRun }: ReturnType<typeof chosenBy>,
): Promise<number | undefined> {
  if (dryRun === true) return undefined;
  if (ids === undefined) {
    if (filter?.state !== undefined && filter.state !== 'active') return 0;
    return (await queueCount({ ...filter, state: 'active' })).recipients;
  }
  let underWay = 0;
  for (const id of ids) {
    // What has left the queue is not shown.
    const entry = await queueShow({ id }).catch(() => undefined);
    for (const { state } of entry?.recipients ?? []) underWay += Number(state === 'active');
  }
  return underWay;
}

function totalsText(totals: Totals): string {
  const { messages, recipients, oldest, states, destinations, replies, complete } = totals;
  const least = complete ? '' : 'at least ';
  const since = oldest === null ? '' : `, the oldest of ${minuteOf(oldest)}`;
  const head = `${least}${counted(messages, 'message')} to ${counted(recipients, 'recipient')}${since}`;
  const inStates = Object.entries(states).filter(([, each]) => each > 0);
  const rows = [
    ...inStates.map(([state, each]) => `${each} ${state}`),
    ...destinations.map((one) => `${one.recipients} by ${one.name}`),
    ...replies.map((one) => `${one.recipients} heard: ${one.reply}`),
  ];
  return [head, ...rows.map((row) => `  ${row}`)].map((line) => `${printable(line)}\n`).join('');
}

function formatEntry({ id, sender, received, size, asked, recipients }: QueueLine): string {
  const from = sender === '' ? '<>' : sender;
  const head = printable(`${id}  ${minuteOf(received)}  ${size} bytes  from ${from}`);
  const rows = recipients.map(
    ({ address, destination, state, attempts, nextAttempt, lastReply, waits }) => {
      const next =
        nextAttempt === null || waits !== null
          ? ''
          : `, next ${nextAttempt.slice(0, 19).replace('T', ' ')}`;
      const made = `${attempts} ${attempts === 1 ? 'attempt' : 'attempts'}`;
      const isUntried = attempts === 0 && asked.length === 0 && isAhead(nextAttempt);
      const said = [waits, lastReply ?? (isUntried ? notTried(id) : null)];
      const where = `    to ${address}: ${waits === null ? state : 'waits'}, ${made}${next}, by ${destination}`;
      const reasons = said.filter((one) => one !== null).map((one) => `        ${one}`);
      return [where, ...reasons].map(printable).join('\n');
    },
  );
  const wishes = asked.length === 0 ? [] : [printable(`    ${asked.join('; ')}`)];
  return [head, ...wishes, ...rows].join('\n');
}

/** It was its turn already, and is to wait for the next one. */
const isAhead = (time: string | null): boolean => time !== null && Date.parse(time) > Date.now();

const notTried = (id: string): string => `not tried yet; \`postrider why ${id}\` says why`;
