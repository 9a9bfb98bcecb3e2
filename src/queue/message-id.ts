// Queue ids: 53-bit integers (milliseconds since 2020 times 4096, plus a counter), written in eleven
// lower-case letters and digits. They sort by time as numbers and as text, never repeat while the
// clock stands still or steps back under a running server, and fit an SQLite row id.

import { assert } from '../base/assert.ts';
import type { Clock } from '../base/clock.ts';
import type { Random } from '../base/random.ts';

// Crockford's base 32: sorts like ASCII, and holds no i, l, o or u to be misread on the telephone.
const alphabet = '0123456789abcdefghjkmnpqrstvwxyz';
const values = new Map([...alphabet].map((letter, value) => [letter.charCodeAt(0), value]));
const epochMs = Date.UTC(2020, 0, 1);
const perMs = 4096;
const textLength = 11;

export interface MessageIdParts {
  readonly clock: Pick<Clock, 'now'>;
  readonly random: Pick<Random, 'fraction'>;
  /** The greatest id known to the store: new ones are greater even if the clock was set back. */
  readonly after?: string | undefined;
}

/** A source of ids for one process. */
export function createMessageIds({ clock, random, after }: MessageIdParts): () => string {
  let last = after === undefined ? 0 : (messageIdNumber(after) ?? 0);
  return () => {
    // The counter begins anywhere in its lower half: ids made by two processes in the same
    // millisecond (the server, and a command that bounces a message) differ.
    const start = (clock.now() - epochMs) * perMs + Math.floor((random.fraction() * perMs) / 2);
    last = Math.max(last + 1, start);
    return messageIdText(last);
  };
}

export function messageIdText(id: number): string {
  assert(Number.isSafeInteger(id) && id >= 0, 'a queue id is a safe integer');
  // Shifts work on 32 bits: the number is cut in two halves of digits first.
  let high = Math.floor(id / 2 ** 25);
  let low = id % 2 ** 25;
  let text = '';
  for (let i = 0; i < 5; i += 1) {
    text = alphabet[low & 31] + text;
    low >>>= 5;
  }
  for (let i = 5; i < textLength; i += 1) {
    text = alphabet[high & 31] + text;
    high >>>= 5;
  }
  return text;
}

/** Undefined when the text is no id: it may come from a person or from a damaged row. */
export function messageIdNumber(text: string): number | undefined {
  if (text.length !== textLength) return undefined;
  let id = 0;
  for (let i = 0; i < textLength; i += 1) {
    const value = values.get(text.charCodeAt(i));
    if (value === undefined) return undefined;
    id = id * 32 + value;
  }
  return Number.isSafeInteger(id) ? id : undefined;
}
