// What is said when something is done: a sentence for people, the fact for programs.

import type { Context } from './context.ts';
import { printable } from './context.ts';
import type { CommonOptions } from './settings.ts';

export async function done(
  context: Context,
  { json }: CommonOptions,
  sentence: string,
  fact: object,
): Promise<void> {
  await context.print(json === true ? `${JSON.stringify(fact)}\n` : `${printable(sentence)}\n`);
}
