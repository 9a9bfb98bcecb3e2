// What is posted to URLs that the configuration names: which, how it goes, what was said. Of several nodes each posts what
// happened at it, and what they all say is put together.

import { z } from 'zod';
import type { WebhookAttempt } from '../watch/webhooks/webhook.ts';
import { attemptsShown } from '../watch/webhooks/webhook.ts';
import { isoDate, isoOrNull } from './asking.ts';
import type { WebhookDesk } from './desks.ts';
import { silent, understood } from './node-answers.ts';
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

/** What one node has of it. */
const line = {
  /** What waits for it; what was given up since the server started. */
  waiting: count,
  givenUp: count,
  nextAttempt: z.string().nullable(),
};

/** As one node tells the others. */
const ofOneNode = z.object({
  ...{ name: text, url: text, events: texts, ...line },
  attempts: z.array(attempt).readonly(),
});

type OfOneNode = z.output<typeof ofOneNode>;

/** Of all nodes together. */
const webhook = z.object({
  ...{ name: text, url: text, events: texts, ...line },
  /** The last, newest first; null: there is one server. */
  attempts: z.array(attempt.extend({ node: z.string().nullable() })).readonly(),
  /** What each node has; none where there is one server. */
  nodes: z.array(z.object({ node: text, ...line })).readonly(),
  silent,
});

export const webhookOperations = {
  webhookList: list({
    about:
      'Webhooks of the configuration: what waits for each, and the last attempts, of all nodes; `silent` are nodes that did not say.',
    changes: false,
    input: nothing,
    output: webhook,
    run: async function* webhooks(parts) {
      const { webhooks: desk, others } = running(parts);
      const theirs = understood(await others.ask('webhooks', null), z.array(ofOneNode));
      const own = { node: parts.nodes.name, said: webhooksOf(desk) };
      const lines = [own, ...theirs.answers].flatMap(({ node, said }) =>
        said.map((one) => ({ node, ...one })),
      );
      // A node that has not read its configuration again may know others.
      for (const of of Map.groupBy(lines, ({ name }) => name).values())
        yield { ...together(of), silent: theirs.silent };
    },
  }),
  webhookTest: value({
    about: 'Posts a `test` event to a webhook now, and says what it answered.',
    changes: true,
    input: z.strictObject({ name: text }),
    output: attempt,
    run: async (parts, { name }) => shown(await running(parts).webhooks.test(name)),
  }),
};

/** Of one node, as it tells the others. */
export const webhooksOf = (desk: Pick<WebhookDesk, 'list'>): readonly OfOneNode[] =>
  desk.list().map((one) => ({
    ...{ ...one, nextAttempt: isoOrNull(one.nextAttempt), attempts: one.attempts.map(shown) },
  }));

function together(lines: readonly (OfOneNode & { readonly node: string })[]) {
  const { name, url, events } = lines[0]!;
  const sum = (of: 'waiting' | 'givenUp') => lines.reduce((all, one) => all + one[of], 0);
  const next = lines.flatMap(({ nextAttempt }) => nextAttempt ?? []).sort();
  const attempts = lines.flatMap((one) =>
    one.attempts.map((each) => ({ ...each, node: one.node === '' ? null : one.node })),
  );
  return {
    ...{ name, url, events, waiting: sum('waiting'), givenUp: sum('givenUp') },
    nextAttempt: next[0] ?? null,
    attempts: attempts.sort((a, b) => (a.at > b.at ? -1 : 1)).slice(0, attemptsShown),
    nodes: lines
      .filter(({ node }) => node !== '')
      .map(({ node, waiting, givenUp, nextAttempt }) => ({ node, waiting, givenUp, nextAttempt })),
  };
}

/** Without `retryAt`, which the line keeps for itself. */
const shown = ({ at, event, id, attempt: which, status, ms, problem }: WebhookAttempt) => ({
  ...{ at: isoDate(at), event, id, attempt: which, ms },
  ...{ status: status ?? null, problem: problem ?? null },
});
