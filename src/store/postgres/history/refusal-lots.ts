// Refusals as they are copied: each has a key of its own, which follows the time and differs from those of all nodes.

import { refusalRow } from '../../history/refusal-row.ts';
import type { HistoryEvent } from '../../history.ts';
import { messageKeyAt } from '../../message-key.ts';
import { nodesMax } from '../../nodes.ts';
import type { Transaction } from '../database.ts';
import { joinedTexts, splitTexts } from '../joined-texts.ts';
import { refusalTerms } from './terms.ts';

export interface RefusalLot {
  readonly key: number;
  readonly event: string;
  readonly terms: string;
}

/** `last`: the key that this node gave last. */
export function refusalLots(
  events: readonly HistoryEvent[],
  { node, last, oldest }: { readonly node: number; readonly last: number; readonly oldest: number },
): readonly RefusalLot[] {
  const lots: RefusalLot[] = [];
  let before = last;
  for (const event of events) {
    if (event.kind !== 'refused') continue;
    const least = Math.max(messageKeyAt(Math.floor(event.at)), before + 1);
    // The next number that is this node's.
    const key = least + ((node - (least % nodesMax) + nodesMax) % nodesMax);
    if (key < oldest) continue;
    before = key;
    const terms = refusalTerms(refusalRow(event), event.keys).lines;
    lots.push({ key, event: JSON.stringify(event), terms });
  }
  return lots;
}

export async function putRefusals(
  transaction: Transaction,
  lots: readonly RefusalLot[],
): Promise<void> {
  if (lots.length === 0) return;
  await transaction.run(
    `INSERT INTO history_refusal (key, event, terms)
     SELECT t.key, t.event, array_to_tsvector(string_to_array(t.terms, E'\\n'))
     FROM unnest($1::bigint[], ${splitTexts(2)}, ${splitTexts(3)}) AS t (key, event, terms)
     ON CONFLICT DO NOTHING`,
    [
      lots.map(({ key }) => key),
      joinedTexts(lots.map(({ event }) => event)),
      joinedTexts(lots.map(({ terms }) => terms)),
    ],
  );
}
