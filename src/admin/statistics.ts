// What the server has done, over time.

import { z } from 'zod';
import { namesOf, silent } from './node-answers.ts';
import { count, text, value } from './operation.ts';
import { running } from './running.ts';

/** How far back, and how long each point of it is: a minute, five minutes, an hour, an hour. */
const periods = ['hour', 'day', 'month', 'quarter'] as const;

const counts = z.array(count).readonly();
/** Null where nothing was measured. */
const measures = z.array(z.number().nullable()).readonly();
const top = z.array(z.object({ name: text, count })).readonly();

const statistics = z.object({
  /** Of the first point; each covers `stepSeconds`. */
  from: text,
  stepSeconds: count,
  /** Messages taken in, and refusals. */
  received: counts,
  refused: counts,
  /** Recipients, by what became of attempts. */
  delivered: counts,
  deferred: counts,
  bounced: counts,
  /** Recipients in the queue at the end of each step. */
  queued: measures,
  /** Seconds from coming in to delivery. */
  latency: z.object({ p50: measures, p95: measures, p99: measures }),
  /** Of the last day, the most first. */
  top: z.object({ deferrals: top, refusals: top, senders: top, destinations: top }),
  /** Of all points together, by the node; empty where there is one server. */
  nodes: z
    .array(
      z.object({
        node: text,
        ...{ received: count, refused: count, delivered: count, deferred: count, bounced: count },
      }),
    )
    .readonly(),
  silent,
});

export const statisticsOperations = {
  statistics: value({
    about:
      'Counts over time: a minute a point for an hour, five for a day, an hour for 30 days (`month`) or 90 (`quarter`).',
    changes: false,
    input: z.strictObject({ period: z.enum(periods).optional() }),
    output: statistics,
    run: async (parts, { period }) => {
      const { ofNodes, ...counted } = await running(parts).statistics(period ?? 'hour');
      const { nameOf, silent: gone } = await namesOf(parts.nodes);
      return {
        ...counted,
        nodes: ofNodes.map(({ number, ...counts }) => ({ node: nameOf(number), ...counts })),
        silent: gone,
      };
    },
  }),
};
