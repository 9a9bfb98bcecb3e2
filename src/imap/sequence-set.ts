// Sets of message numbers and UIDs: RFC 9051 §9, sequence-set. A set of a client may name four
// thousand million numbers in a few octets: nothing here takes longer than there are ranges, or
// numbers up to the bound that the caller gives.

import type { Range } from './command.ts';

/**
 * The ranges in ascending order, without overlaps, `from` not above `to`. '*' is `largest`: the number
 * of messages, or the largest UID; 0 where there is none, which names nothing.
 */
export function resolveRanges(ranges: readonly Range[], largest: number): readonly Range[] {
  const plain: Range[] = [];
  for (const range of ranges) {
    const from = range.from === 0 ? largest : range.from;
    const to = range.to === 0 ? largest : range.to;
    if (to >= from) plain.push({ from: Math.max(1, from), to });
    else plain.push({ from: Math.max(1, to), to: from });
  }
  return mergeRanges(plain);
}

/** `from` not above `to`; ranges that meet become one. */
function mergeRanges(ranges: Range[]): readonly Range[] {
  ranges.sort((one, other) => one.from - other.from);
  const merged: Range[] = [];
  for (const range of ranges) {
    if (range.to < range.from) continue;
    const last = merged.at(-1);
    if (last === undefined || range.from > last.to + 1) merged.push(range);
    else if (range.to > last.to) merged[merged.length - 1] = { from: last.from, to: range.to };
  }
  return merged;
}

/** What of resolved ranges lies from `min` to `max`. */
export function clipRanges(ranges: readonly Range[], min: number, max: number): readonly Range[] {
  const clipped: Range[] = [];
  for (const range of ranges) {
    const from = Math.max(min, range.from);
    const to = Math.min(max, range.to);
    if (from <= to) clipped.push({ from, to });
  }
  return clipped;
}

/** The numbers of resolved ranges up to `max`, in ascending order. */
export function* numbersIn(ranges: readonly Range[], max: number): Generator<number> {
  for (const { from, to } of ranges) {
    const end = Math.min(to, max);
    for (let number = from; number <= end; number += 1) yield number;
  }
}

/** Whether resolved ranges have the number. */
export function rangesHave(ranges: readonly Range[], number: number): boolean {
  let low = 0;
  let high = ranges.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (ranges[middle]!.to < number) low = middle + 1;
    else high = middle;
  }
  return low < ranges.length && ranges[low]!.from <= number;
}

/** How many numbers resolved ranges have. */
export const rangesCount = (ranges: readonly Range[]): number =>
  ranges.reduce((count, { from, to }) => count + to - from + 1, 0);

/**
 * RFC 9051 §9, seq-number: BAD for a message number above the number of messages, and for '*' where
 * there are none. Of ranges as the client sent them.
 */
export const isBeyond = (ranges: readonly Range[], messages: number): boolean =>
  ranges.some(({ from, to }) => from > messages || to > messages) ||
  (messages === 0 && ranges.length > 0);

/** Ascending numbers as the ranges they make. */
export function rangesOf(numbers: Iterable<number>): readonly Range[] {
  const ranges: Range[] = [];
  let from = 0;
  let to = -1;
  for (const number of numbers) {
    if (number === to + 1) {
      to = number;
      continue;
    }
    if (to !== -1) ranges.push({ from, to });
    from = number;
    to = number;
  }
  if (to !== -1) ranges.push({ from, to });
  return ranges;
}
