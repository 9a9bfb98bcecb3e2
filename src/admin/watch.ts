// What happens, as it happens, for commands that follow it.

import { z } from 'zod';
import type { Clock } from '../base/clock.ts';
import type { EventHub, News } from '../watch/event-hub.ts';
import { newsOrSilence, topics } from '../watch/event-hub.ts';
import { list, OperationError, text } from './operation.ts';
import { running } from './running.ts';

/** How often somebody hears that we are there when nothing happens. */
const heartbeatMs = 20_000;

const news = z.looseObject({ at: text, event: text });

export const watchOperations = {
  watch: list({
    about: 'What happens from now on, until the asker goes: `silence` is said when nothing does.',
    changes: false,
    input: z.strictObject({ topics: z.array(z.enum(topics)).min(1).readonly() }),
    output: news,
    run: (parts, { topics: wanted }) =>
      follow(running(parts).hub, { wanted: new Set(wanted), clock: parts.clock }),
  }),
};

async function* follow(
  hub: EventHub,
  {
    wanted,
    clock,
  }: { readonly wanted: ReadonlySet<(typeof topics)[number]>; readonly clock: Clock },
): AsyncIterable<News> {
  const listener = hub.listen(wanted);
  if (listener === undefined) throw new OperationError('too many listen already; try again later');
  try {
    while (!listener.isOver) {
      const taken = await newsOrSilence(listener, clock, heartbeatMs);
      if (taken.length > 0) yield* taken;
      else if (!listener.isOver)
        yield { at: new Date(clock.now()).toISOString(), event: 'silence' };
    }
  } finally {
    listener.close();
  }
}
