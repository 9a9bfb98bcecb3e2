// Sequence sets against the messages of a session, and lists of numbers as the wire has them.
// RFC 9051 §9 (sequence-set), RFC 5182 ('$').

import type { Range, SequenceSet } from '../../imap/command.ts';
import { lowerBound } from '../../mailbox/folder-rows.ts';
import { ImapRefusal } from './refusal.ts';

/** The messages of a session: their UIDs in the order of their numbers. */
export interface Numbering {
  readonly uids: Uint32Array;
  /** UIDs that SEARCH saved, ascending. */
  readonly saved: Uint32Array;
}

/**
 * Message numbers that the set means, ascending, each once. UIDs that are not there are left out.
 * @throws ImapRefusal for message numbers that are not there
 */
export function numbersOf(
  set: SequenceSet,
  { uids, saved }: Numbering,
  areUids: boolean,
): Uint32Array {
  if (set.kind === 'saved') return numbersOfUids(saved, uids);
  if (!areUids) refuseBeyond(set.ranges, uids.length);
  return expand(merge(spansOf(set.ranges, uids, areUids)));
}

/** The same for SEARCH: numbers that are not there find nothing. RFC 9051 §6.4.4. */
export function numbersFound(
  set: SequenceSet,
  { uids, saved }: Numbering,
  areUids: boolean,
): Uint32Array {
  if (set.kind === 'saved') return numbersOfUids(saved, uids);
  return expand(merge(spansOf(set.ranges, uids, areUids)));
}

/** Numbers of those UIDs (ascending) that are there. */
export function numbersOfUids(wanted: ArrayLike<number>, uids: Uint32Array): Uint32Array {
  const numbers = new Uint32Array(wanted.length);
  let count = 0;
  for (let i = 0; i < wanted.length; i += 1) {
    const index = lowerBound(uids, wanted[i]!);
    if (uids[index] === wanted[i]) numbers[count++] = index + 1;
  }
  return numbers.subarray(0, count);
}

/** From and to, of numbers or UIDs; empty when from is above to. */
export type Span = readonly [number, number];

// RFC 9051 §9: BAD for a number that is not there, also for "*" in an empty mailbox.
function refuseBeyond(ranges: readonly Range[], messages: number): void {
  for (const { from, to } of ranges)
    if (messages === 0 || from > messages || to > messages)
      throw new ImapRefusal('BAD', undefined, 'There is no message of that number');
}

const spansOf = (ranges: readonly Range[], uids: Uint32Array, areUids: boolean): Span[] =>
  areUids ? uidSpans(ranges, uids) : numberSpans(ranges, uids.length);

/** As far as there are messages. */
function numberSpans(ranges: readonly Range[], messages: number): Span[] {
  return ranges.map(({ from, to }): Span => {
    const first = from === 0 ? messages : from;
    const last = to === 0 ? messages : to;
    return [Math.max(1, Math.min(first, last)), Math.min(messages, Math.max(first, last))];
  });
}

function uidSpans(ranges: readonly Range[], uids: Uint32Array): Span[] {
  // RFC 9051 §9: "*" is the largest UID in use.
  const largest = uids[uids.length - 1] ?? 0;
  return ranges.map(({ from, to }): Span => {
    const first = from === 0 ? largest : from;
    const last = to === 0 ? largest : to;
    return [
      lowerBound(uids, Math.min(first, last)) + 1,
      lowerBound(uids, Math.max(first, last) + 1),
    ];
  });
}

function merge(spans: readonly Span[]): Span[] {
  const merged: Span[] = [];
  for (const [from, to] of spans.toSorted(([one], [other]) => one - other)) {
    if (from > to) continue;
    const last = merged.at(-1);
    if (last !== undefined && from <= last[1] + 1)
      merged[merged.length - 1] = [last[0], Math.max(last[1], to)];
    else merged.push([from, to]);
  }
  return merged;
}

function expand(spans: readonly Span[]): Uint32Array {
  const numbers = new Uint32Array(spans.reduce((sum, [from, to]) => sum + to - from + 1, 0));
  let at = 0;
  for (const [from, to] of spans)
    for (let number = from; number <= to; number += 1) numbers[at++] = number;
  return numbers;
}

/** `1:3,5`; '' for none. `numbers` are ascending. */
export function formatSet(numbers: ArrayLike<number>): string {
  const parts: string[] = [];
  for (let i = 0; i < numbers.length; ) {
    const from = numbers[i]!;
    let to = from;
    while (++i < numbers.length && numbers[i] === to + 1) to += 1;
    parts.push(from === to ? `${from}` : `${from}:${to}`);
  }
  return parts.join(',');
}

/** `1:3,5` of numbers in any order, which stays: COPYUID lists pairs. RFC 4315 §3. */
export const formatInOrder = formatSet;

/** The UIDs that the ranges mean, ascending and apart, whether or not they are there; '*' is `largest`. */
export const uidsMeant = (ranges: readonly Range[], largest: number): readonly Span[] =>
  merge(
    ranges.map(({ from, to }): Span => {
      const [first, last] = [from || largest, to || largest];
      return [Math.min(first, last), Math.max(first, last)];
    }),
  );

/** Whether one of the spans, which are ascending and apart, has the UID. */
export function isWithin(spans: readonly Span[], uid: number): boolean {
  let low = 0;
  let high = spans.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (spans[middle]![1] < uid) low = middle + 1;
    else high = middle;
  }
  return low < spans.length && spans[low]![0] <= uid;
}

/** What is left of the spans, which are ascending and apart, without these UIDs, which ascend. */
export function spansWithout(spans: readonly Span[], uids: Uint32Array): readonly Span[] {
  const left: Span[] = [];
  for (const [from, to] of spans) {
    let next = from;
    for (let i = lowerBound(uids, from); i < uids.length && uids[i]! <= to; i += 1) {
      if (next < uids[i]!) left.push([next, uids[i]! - 1]);
      next = uids[i]! + 1;
    }
    if (next <= to) left.push([next, to]);
  }
  return left;
}

export const formatSpans = (spans: readonly Span[]): string =>
  spans.map(([from, to]) => (from === to ? `${from}` : `${from}:${to}`)).join(',');
