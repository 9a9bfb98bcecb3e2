// What only a running server can do, and what is done to its store beside it.

import { z } from 'zod';
import { sleep } from '../base/clock.ts';
import type { Metric } from '../base/metrics.ts';
import { asKept, count, done, list, nothing, texts, value } from './operation.ts';
import type { OperationParts } from './operation-parts.ts';
import { running } from './running.ts';

/** See Reloaded. */
const reloaded = z.object({ problems: texts, later: texts });

const mended = z.object({
  /** Messages that were replaced. */
  messages: count,
  /** Where what was left of the content lies now. */
  aside: z.string().nullable(),
});

export const serverOperations = {
  reload: value({
    about: 'The running server reads its configuration and certificates again.',
    changes: true,
    input: nothing,
    output: reloaded,
    run: async (parts) => running(parts).reload(),
  }),
  serverEnd: value({
    about:
      'The running server finishes what it has, and ends as if it had failed: its service manager starts it again.',
    changes: true,
    input: nothing,
    output: done,
    run: async (parts) => {
      running(parts).end();
      return null;
    },
  }),
  metrics: list({
    about: 'What the running server has counted since it started.',
    changes: false,
    input: nothing,
    output: asKept<Metric>(),
    run: async function* metrics(parts) {
      yield* running(parts).metrics();
    },
  }),
  backupHold: list({
    about:
      'For as long as it is read, what the database refers to stays where it is. The first item says that everything accepted so far is there.',
    changes: false,
    input: nothing,
    output: z.object({ held: z.literal(true) }),
    run: hold,
  }),
  mendContent: value({
    about: 'Gives up content that is missing or damaged; null when there is nothing to mend.',
    changes: true,
    input: z.strictObject({ content: count }),
    output: mended.nullable(),
    run: async ({ maintenance }, { content }) => {
      const found = await maintenance.mend(content);
      return found === undefined ? null : { messages: found.messages, aside: found.aside ?? null };
    },
  }),
};

/** How often whoever holds the store hears that it does: shorter than anybody's patience. */
const heldEveryMs = 10_000;

async function* hold({ maintenance, clock }: OperationParts): AsyncIterable<{ held: true }> {
  const release = await maintenance.hold();
  try {
    for (;;) {
      yield { held: true };
      await sleep(clock, heldEveryMs);
    }
  } finally {
    release();
  }
}
