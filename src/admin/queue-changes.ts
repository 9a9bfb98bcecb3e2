// Holding and cancelling reach what waits in memory for its turn at whichever node: the others are asked to do the same
// with what they have of it. What is under way with a next hop is left alone everywhere.

import { z } from 'zod';
import { holdMessages } from '../queue/taking-out.ts';
import { understood } from './node-answers.ts';
import { count, texts } from './operation.ts';
import type { OperationParts } from './operation-parts.ts';
import type { named } from './queue-choice.ts';
import { eachChosen } from './queue-choice.ts';

const change = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('hold') }),
  z.object({ kind: z.literal('cancel'), silent: z.boolean() }),
]);
export type QueueChange = z.infer<typeof change>;

const asked = z.object({ ids: texts, change });

/** Limit: messages that one question is about. */
const askedMax = 500;

/** How many recipients. */
export async function changeChosen(
  parts: OperationParts,
  chosen: z.infer<typeof named>,
  what: QueueChange,
): Promise<number> {
  const active: string[] = [];
  let recipients = await eachChosen(parts, chosen, async (ids) => {
    const changed = await changeHere(parts, ids, what);
    if (parts.nodes.number !== 0) active.push(...(await activeOf(parts, ids)));
    return changed;
  });
  for (let i = 0; i < active.length; i += askedMax)
    recipients += await changeThere(parts, active.slice(i, i + askedMax), what);
  return recipients;
}

/** What another node asks for; null for what is no such question. */
export async function changeAsked(
  parts: OperationParts,
  question: unknown,
): Promise<number | null> {
  const { success, data } = asked.safeParse(question);
  if (!success) return null;
  try {
    return await changeHere(parts, data.ids, data.change);
  } finally {
    parts.wake();
  }
}

async function changeHere(
  parts: OperationParts,
  ids: readonly string[],
  what: QueueChange,
): Promise<number> {
  if (what.kind === 'hold') return holdMessages(parts, ids);
  let recipients = 0;
  for (const id of ids) recipients += await parts.cancel(id, { silent: what.silent });
  return recipients;
}

async function changeThere(
  { server }: OperationParts,
  ids: readonly string[],
  what: QueueChange,
): Promise<number> {
  if (server === undefined) return 0;
  const { answers } = understood(await server.others.ask('queue', { ids, change: what }), count);
  return answers.reduce((sum, { said }) => sum + said, 0);
}

/** Those of which somebody has something: under way, or in memory. */
async function activeOf(
  { queue }: OperationParts,
  ids: readonly string[],
): Promise<readonly string[]> {
  const entries = await Promise.all(ids.map((id) => queue.get(id)));
  return entries
    .filter((entry) => entry?.recipients.some(({ state }) => state === 'active'))
    .map((entry) => entry!.id);
}
