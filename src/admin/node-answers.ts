// What other nodes answer, as operations hand it on: checked, since they may be of another version, and with the names of
// those that did not answer.

import { z } from 'zod';
import type { Nodes } from '../store/nodes.ts';
import type { NodeAnswers } from '../watch/nodes/node-questions.ts';

/** Nodes that did not answer: what they have is missing in what was asked for. */
export const silent = z
  .array(z.object({ node: z.string(), state: z.enum(['gone', 'silent']) }))
  .readonly();

/** Of those that should have. */
export function silentText(nodes: z.output<typeof silent>, before: string): string {
  const names = nodes.filter(({ state }) => state === 'silent').map(({ node }) => node);
  return names.length === 0 ? '' : `${before} ${names.join(', ')}, which did not answer`;
}

/** The names of nodes, and those that are gone: of them there is what they told before. */
export async function namesOf(nodes: Pick<Nodes, 'number' | 'list'>): Promise<{
  readonly nameOf: (number: number) => string;
  readonly silent: z.output<typeof silent>;
}> {
  const all = nodes.number === 0 ? [] : await nodes.list();
  const names = new Map(all.map(({ number, name }) => [number, name]));
  return {
    nameOf: (number) => names.get(number) ?? `removed (${number})`,
    silent: all
      .filter(({ state }) => state === 'gone')
      .map(({ name }) => ({ node: name, state: 'gone' })),
  };
}

/** Who answers something else has not answered. */
export function understood<T>(
  { answers, silent: others }: NodeAnswers,
  schema: z.ZodType<T>,
): { readonly answers: readonly { readonly node: string; readonly said: T }[] } & Pick<
  NodeAnswers,
  'silent'
> {
  const read = answers.map(({ node, said }) => ({ node, ...schema.safeParse(said) }));
  return {
    answers: read.flatMap(({ node, data }) => (data === undefined ? [] : [{ node, said: data }])),
    silent: [
      ...others,
      ...read
        .filter(({ success }) => !success)
        .map(({ node }) => ({ node, state: 'silent' as const })),
    ],
  };
}
