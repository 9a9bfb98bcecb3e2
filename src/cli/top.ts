// `postrider top`: what a running server does at this moment: rates, queue, destinations, connections; anew every
// other second until Ctrl-C, or once with --once or where nobody looks on.

import { setTimeout } from 'node:timers/promises';
import { Command } from 'commander';
import type { Operations } from '../admin/operations.ts';
import type { Context } from './context.ts';
import { printable } from './context.ts';
import type { CommonOptions } from './settings.ts';
import { withCommonOptions } from './settings.ts';
import { counted, table } from './table.ts';
import { withOperations } from './with-operations.ts';

interface TopOptions extends CommonOptions {
  readonly once?: boolean;
}

const everyMs = 2_000;
/** Limit: rows of each list; the screen is no longer. */
const rowsMax = 10;

export function topCommand(context: Context): Command {
  return withCommonOptions(new Command('top'))
    .description('what a running server does: rates, queue, destinations, connections')
    .option('--once', 'print it once and end')
    .action(async (options: TopOptions) => {
      const isOnce = options.once === true || options.json === true || !process.stdout.isTTY;
      await withOperations(context, options, async (operations) => {
        for (;;) {
          const facts = await look(operations);
          if (options.json === true) return context.print(`${JSON.stringify(facts)}\n`);
          const page = topPage(facts, process.stdout.columns ?? 100);
          await context.print(isOnce ? page : `\u001b[H\u001b[2J${page}`);
          if (isOnce) return undefined;
          // Not by our clock, which keeps no process alive: nothing else does, either.
          await setTimeout(everyMs);
        }
      });
    });
}

export type TopFacts = Awaited<ReturnType<typeof look>>;

async function look(operations: Operations) {
  const [statistics, queue, { destinations }, { sessions, silent }] = await Promise.all([
    operations.statistics({ period: 'hour' }),
    operations.queueCount({}),
    operations.destinationList({ limit: rowsMax }),
    operations.sessionList({}),
  ]);
  return { statistics, queue, destinations, sessions, silent };
}

/** As it is shown on a terminal that is so wide. */
export function topPage(facts: TopFacts, width: number) {
  const { statistics, queue, destinations, sessions, silent } = facts;
  const lastMinutes = (counts: readonly number[], minutes: number) =>
    counts.slice(-minutes).reduce((sum, count) => sum + count, 0);
  const rate = (name: string, counts: readonly number[]) =>
    `${name} ${lastMinutes(counts, 1)}/min (${lastMinutes(counts, 60)}/h)`;
  const { received, delivered, deferred, bounced, refused, latency } = statistics;
  const p95 = latency.p95.findLast((seconds) => seconds !== null);
  const rates = [
    rate('received', received),
    rate('delivered', delivered),
    rate('deferred', deferred),
    rate('bounced', bounced),
    rate('refused', refused),
  ].join('   ');
  const services = Map.groupBy(sessions, ({ service }) => service);
  const open = [...services].map(([service, all]) => `${service} ${all.length}`).join(', ');
  const took = p95 === undefined || p95 === null ? '' : `   95 % within ${p95} s`;
  return [
    rates,
    `queue ${counted(queue.recipients, 'recipient')} of ${counted(queue.messages, 'message')}${took}`,
    `connections ${sessions.length}${open && `: ${open}`}`,
    ...silent.map(
      ({ node, state }) => `node ${node} ${state === 'gone' ? 'is gone' : 'does not answer'}`,
    ),
    '',
    table(
      ['destination', 'queued', 'active', 'oldest', 'last reply'],
      destinations.map((one) => [
        one.name,
        one.queued,
        one.active,
        one.oldest ?? '',
        one.deadUntil === null ? (one.last?.reply ?? '') : `dead until ${one.deadUntil}`,
      ]),
      width,
    ),
    table(
      ['node', 'service', 'client', 'account', 'since', 'phase'],
      sessions
        .slice(-rowsMax)
        .map(({ node, service, client, account, since, phase }) => [
          node ?? '',
          service,
          client,
          account ?? '',
          since,
          phase ?? '',
        ]),
      width,
    ),
  ]
    .map((text) => text.split('\n').map(printable).join('\n'))
    .join('\n')
    .concat('\n');
}
