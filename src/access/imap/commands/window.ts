// PARTIAL: a window on a result. RFC 9394 §3.1: from 1, or from the end by negative numbers.

import type { Window } from '../../../imap/command.ts';

export function windowOf(numbers: Uint32Array, window: Window | undefined): Uint32Array {
  if (window === undefined) return numbers;
  const { from, to } = window;
  const { length } = numbers;
  const place = (at: number) => (at < 0 ? length + at : at - 1);
  const first = Math.min(place(from), place(to));
  const last = Math.max(place(from), place(to));
  return numbers.subarray(Math.max(first, 0), Math.max(last + 1, 0));
}
