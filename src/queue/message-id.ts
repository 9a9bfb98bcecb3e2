// Queue ids: 53-bit integers (milliseconds since 2020 times 4096, plus a counter), written in eleven
// lower-case letters and digits. They sort by time as numbers and as text, never repeat while the
// clock stands still or steps back under a running server, and fit an SQLite row id.
//
// A node of a cluster puts its number behind them (`06tq1vkzd2a-12`), and counts in steps of its own:
// the numbers of two nodes are never the same, whatever their clocks say. A server that is alone is
// node 0, which is not written.

import { assert } from '../base/assert.ts';
import type { Clock } from '../base/clock.ts';
import type { Random } from '../base/random.ts';
import {
  idDigits,
  idLength,
  idNumber,
  idsPerMs,
  messageKeyAt,
  messageKeyTime,
} from '../store/message-key.ts';
import { nodesMax } from '../store/nodes.ts';

export interface MessageIdParts {
  readonly clock: Pick<Clock, 'now'>;
  readonly random: Pick<Random, 'fraction'>;
  /** The greatest id known to the store: new ones are greater even if the clock was set back. */
  readonly after?: string | undefined;
  /** Which node of a cluster makes them; 0 for a server that is alone. */
  readonly node?: number | undefined;
}

/** A source of ids for one process. */
export function createMessageIds(parts: MessageIdParts): () => string {
  const { clock, random, after, node = 0 } = parts;
  // With as many nodes as may be each makes 16 ids a millisecond; more run ahead of the clock.
  assert(Number.isInteger(node) && node >= 0 && node < nodesMax, 'nodes are numbered below 256');
  const step = node === 0 ? 1 : nodesMax;
  let last = after === undefined ? 0 : (messageIdNumber(after) ?? 0);
  return () => {
    // The counter begins anywhere in its lower half: ids made by two processes in the same
    // millisecond (the server, and a command that bounces a message) differ.
    const start = messageKeyAt(clock.now()) + Math.floor((random.fraction() * idsPerMs) / 2);
    last = Math.max(last + 1, start);
    // The next number that is this node's.
    if (node !== 0) last += (node - (last % step) + step) % step;
    return node === 0 ? messageIdText(last) : `${messageIdText(last)}-${node}`;
  };
}

/** When it was made, in milliseconds since 1970, about; undefined when it is none. */
export function messageIdTime(text: string): number | undefined {
  const id = messageIdNumber(text);
  return id === undefined ? undefined : messageKeyTime(id);
}

export function messageIdText(id: number): string {
  assert(Number.isSafeInteger(id) && id >= 0, 'a queue id is a safe integer');
  // Shifts work on 32 bits: the number is cut in two halves of digits first.
  let high = Math.floor(id / 2 ** 25);
  let low = id % 2 ** 25;
  let text = '';
  for (let i = 0; i < 5; i += 1) {
    text = idDigits[low & 31] + text;
    low >>>= 5;
  }
  for (let i = 5; i < idLength; i += 1) {
    text = idDigits[high & 31] + text;
    high >>>= 5;
  }
  return text;
}

/** Undefined when the text is no id: it may come from a person or from a damaged row. */
export function messageIdNumber(text: string): number | undefined {
  const id = idNumber(text);
  if (id === undefined) return undefined;
  const isWhole = text.length === idLength || text.slice(idLength) === `-${id % nodesMax}`;
  return isWhole ? id : undefined;
}
