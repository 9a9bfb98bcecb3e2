// What is posted to URLs that the configuration names: which, how it goes, what was said.

import { z } from 'zod';
import { isoDate, isoOrNull } from './asking.ts';
import { count, list, nothing, text, texts, value } from './operation.ts';
import { running } from './running.ts';

const attempt = z.object({
  at: text,
  /** What was told of, and its number in `webhook-id`. */
  event: text,
  id: text,
  attempt: count,
  /** Of the answer; null: there was none. */
  status: count.nullable(),
  ms: count,
  problem: z.string().nullable(),
});

const webhook = z.object({
  name: text,
  url: text,
  events: texts,
  /** What waits for it; what was given up since the server started. */
  waiting: count,
  givenUp: count,
  nextAttempt: z.string().nullable(),
  /** The last, newest first. */
  attempts: z.array(attempt).readonly(),
});

export const webhookOperations = {
  webhookList: list({
    about: 'Webhooks of the configuration: what waits for each, and the last attempts.',
    changes: false,
    input: nothing,
    output: webhook,
    run: async function* webhooks(parts) {
      for (const one of running(parts).webhooks.list())
        yield {
          ...one,
          nextAttempt: isoOrNull(one.nextAttempt),
          attempts: one.attempts.map(({ at, status, problem, ...rest }) => ({
            ...{ ...rest, at: isoDate(at) },
            status: status ?? null,
            problem: problem ?? null,
          })),
        };
    },
  }),
  webhookTest: value({
    about: 'Posts a `test` event to a webhook now, and says what it answered.',
    changes: true,
    input: z.strictObject({ name: text }),
    output: attempt,
    run: async (parts, { name }) => {
      const { at, status, problem, ...rest } = await running(parts).webhooks.test(name);
      return { ...rest, at: isoDate(at), status: status ?? null, problem: problem ?? null };
    },
  }),
};
