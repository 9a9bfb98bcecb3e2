// Both stores read from beginning to end and compared, for an operator who wants to see it: rows and all content.

import { createHash } from 'node:crypto';
import { ContentError } from '../content.ts';
import { Comparison, described, rowsOf } from './comparison.ts';
import type { OnMoveProgress } from './contents.ts';
import { placeOf, tableNamed } from './moved-tables.ts';
import type { MovePlace } from './places.ts';

export interface Verification {
  /** For people; empty when everything is the same. */
  readonly differences: readonly string[];
  /** Messages in folders, where they come from. */
  readonly messages: number;
  /** Content that was read on both sides. */
  readonly contents: number;
}

/** Limit: differences that are told. */
const differencesMax = 100;

export async function differencesOf(
  there: MovePlace,
  here: MovePlace,
  onProgress?: OnMoveProgress,
): Promise<Verification> {
  const differences: string[] = [];
  for (const one of await new Comparison(there, here).differences(onProgress))
    differences.push(await described(there, one));
  let contents = 0;
  const total =
    (await there.count(tableNamed('email'))) + (await there.count(tableNamed('message')));
  for await (const id of contentsOf(there)) {
    contents += 1;
    onProgress?.('contents read on both sides', contents, total);
    const [a, b] = [await digestOf(there, id), await digestOf(here, id)];
    if (a !== b && differences.length < differencesMax)
      differences.push(`content ${id} is ${a} there, ${b} here`);
  }
  return { differences, messages: await there.count(tableNamed('mail')), contents };
}

/** Each once, as far as messages that share one come one after the other. */
async function* contentsOf(place: MovePlace): AsyncIterable<number> {
  for (const name of ['email', 'message']) {
    const table = tableNamed(name);
    const column = placeOf(table, 'content');
    let last: unknown;
    for await (const row of rowsOf(place, table)) {
      const id = row[column];
      if (typeof id !== 'number' || id === last) continue;
      last = id;
      yield id;
    }
  }
}

async function digestOf(place: MovePlace, id: number): Promise<string> {
  try {
    const content = (await place.contentsOf([id])).get(id);
    if (content === undefined) return 'missing';
    const hash = createHash('sha256');
    for await (const piece of content.read({ reuse: true })) hash.update(piece);
    return hash.digest('hex').slice(0, 16);
  } catch (error) {
    if (error instanceof ContentError) return error.problem;
    throw error;
  }
}
