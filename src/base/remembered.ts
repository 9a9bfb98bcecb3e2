// What was read of a text is kept for when the same text comes again: records in the DNS, of which the ones in use
// come with each message.

import { BoundedMap } from './bounded-map.ts';

/** Limit: characters of a text that is remembered. Longer ones are read each time. */
const textMax = 4_096;

/** The same function, which has at hand what it made of the last `max` texts. What it throws it throws again. */
export function remembered<V>(max: number, read: (text: string) => V): (text: string) => V {
  const known = new BoundedMap<string, { readonly value: V }>(max);
  return (text) => {
    const before = known.get(text);
    if (before !== undefined) return before.value;
    const value = read(text);
    if (text.length <= textMax) known.set(text, { value });
    return value;
  };
}
