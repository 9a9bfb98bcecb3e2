// Operations on where mail goes next: what waits for each place, how it does, and what is done about it.

import { z } from 'zod';
import { destinationNamed } from '../queue/destination-text.ts';
import type { DestinationFacts } from '../queue/line/destination-facts.ts';
import { waitingText } from '../queue/line/waiting.ts';
import { isoDate, isoOrNull, next, paged, pageSize, sought } from './asking.ts';
import { namesOf, silent } from './node-answers.ts';
import { count, done, text, value } from './operation.ts';
import { running } from './running.ts';

const destination = z.object({
  /** `mx:example.net`, `host:192.0.2.1:25#0`: what the other operations want to be told. */
  destination: text,
  /** The same in words. */
  name: text,
  /** Recipients in the queue, and of how many of them nobody may attempt anything now. */
  queued: count,
  held: count,
  /** When the oldest came in. */
  oldest: z.string().nullable(),
  nextAttempt: z.string().nullable(),
  /** Attempts under way, and how many there may be at present. */
  active: count,
  window: count.nullable(),
  /** It was found dead, and is left alone until then. */
  deadUntil: z.string().nullable(),
  /** The same by the node, of those that have something to say; empty where there is one server. */
  nodes: z
    .array(
      z.object({
        node: text,
        active: count,
        window: count.nullable(),
        deadUntil: z.string().nullable(),
      }),
    )
    .readonly(),
  /** An operator keeps its mail back. */
  onHold: z.boolean(),
  /** What keeps mail whose time has come, in words. */
  waits: z.string().nullable(),
  /** What the last attempt came to. */
  last: z
    .object({
      at: text,
      result: text,
      reply: text,
      /** Who answered, and how the connection was secured, in words. */
      host: z.string().nullable(),
      tls: z.string().nullable(),
    })
    .nullable(),
  /** What came of TLS with its hosts last, and which policy demanded it; null: nothing lately. */
  security: z
    .object({
      at: text,
      policy: z.enum(['dane', 'mta-sts', 'none']),
      /** `success`, or what was wrong, in the words of TLS reports (RFC 8460 §4.3). */
      result: text,
      host: z.string().nullable(),
      reason: z.string().nullable(),
    })
    .nullable(),
});

const one = z.strictObject({ destination: sought });

export const destinationOperations = {
  destinationList: value({
    about:
      'Where mail goes next: backlog, attempts, last reply, what is dead or held. The largest backlog first.',
    changes: false,
    input: z.strictObject({ text: sought.optional(), ...paged }),
    output: z.object({ destinations: z.array(destination).readonly(), next, silent }),
    run: async (parts, { text, after, ...asked }) => {
      const { items, ...page } = await running(parts).destinations.list({
        ...{ text, after },
        limit: pageSize(asked),
      });
      const { nameOf, silent: gone } = await namesOf(parts.nodes);
      return {
        ...page,
        destinations: items.map((one) => asDestination(one, nameOf)),
        silent: gone,
      };
    },
  }),
  destinationHold: value({
    about: 'Keeps back the mail of a destination, also what comes later, until it is released.',
    changes: true,
    input: one,
    output: done,
    run: async (parts, { destination }) => {
      await running(parts).destinations.hold(destinationNamed(destination));
      return null;
    },
  }),
  destinationRelease: value({
    about: 'Ends the hold of a destination.',
    changes: true,
    input: one,
    output: done,
    run: async (parts, { destination }) => {
      await running(parts).destinations.release(destinationNamed(destination));
      return null;
    },
  }),
  destinationForget: value({
    about: 'Forgets that a destination, or hosts of it, were found dead.',
    changes: true,
    input: one,
    output: done,
    run: async (parts, { destination }) => {
      await running(parts).destinations.forget(destinationNamed(destination));
      return null;
    },
  }),
  destinationRetry: value({
    about:
      'Forgets that a destination is dead and tries all its mail now. Gives the number of recipients.',
    changes: true,
    input: one,
    output: count,
    run: async (parts, { destination }) =>
      running(parts).destinations.retry(destinationNamed(destination)),
  }),
};

const asDestination = (
  { last, security, waiting, ofNodes, ...facts }: DestinationFacts,
  nameOf: (node: number) => string,
): z.infer<typeof destination> => ({
  ...facts,
  waits: waiting === undefined ? null : waitingText(waiting),
  nodes: ofNodes.map(({ number, active, window, deadUntil }) => ({
    ...{ node: nameOf(number), active },
    ...{ window: window ?? null, deadUntil: isoOrNull(deadUntil) },
  })),
  oldest: isoOrNull(facts.oldest),
  nextAttempt: isoOrNull(facts.nextAttempt),
  window: facts.window ?? null,
  deadUntil: isoOrNull(facts.deadUntil),
  security:
    security === undefined
      ? null
      : {
          ...{ at: isoDate(security.at), policy: security.policy },
          result: security.result,
          ...{ host: security.host ?? null, reason: security.reason ?? null },
        },
  last:
    last === undefined
      ? null
      : {
          ...{ at: isoDate(last.at), result: last.result, reply: last.reply },
          host: last.host ?? null,
          tls: last.tls ?? null,
        },
});
