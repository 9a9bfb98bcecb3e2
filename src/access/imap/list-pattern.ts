// Patterns of LIST: '*' stands for anything, '%' for anything within a level. RFC 9051 §6.3.9. Time
// grows with pattern times name, whatever the pattern is, and has an end for all names of a command together.

import { ImapRefusal } from './refusal.ts';

/** Limit: characters of one pattern; longer ones match nothing, since no name is that long. */
const patternLengthMax = 2000;

export type Matcher = (name: string) => boolean;

/**
 * Limit: places of patterns that are looked at for all names of one command; what people look for among thousands of names
 * needs a hundredth of it.
 */
const stepsMax = 50_000_000;

/** RFC 9051 §6.3.9: a name that matches one of them matches. Empty ones are ignored. @throws ImapRefusal where it takes too long */
export function anyOf(patterns: readonly string[], steps = stepsMax): Matcher {
  let left = steps;
  const spend = (count: number): void => {
    left -= count;
    if (left < 0)
      throw new ImapRefusal('NO', 'LIMIT', 'That takes too long: ask by fewer or shorter patterns');
  };
  const matchers = patterns
    .filter((pattern) => pattern !== '')
    .map((pattern) => matcherOf(pattern, spend));
  return (name) => matchers.some((matches) => matches(name));
}

function matcherOf(written: string, spend: Spend): Matcher {
  if (written.length > patternLengthMax) return () => false;
  // A run of wildcards with a '*' in it is one '*', another is one '%'.
  const pattern = written
    .normalize('NFC')
    .replace(/[*%]{2,}/g, (run) => (run.includes('*') ? '*' : '%'));
  // RFC 9051 §5.1: INBOX in any case.
  const upper = pattern.toUpperCase();
  const fits = (by: string, name: string) => matches(by, name, spend);
  return (name) =>
    name === 'INBOX' || name.startsWith('INBOX/')
      ? fits(upper.startsWith('INBOX') ? `INBOX${pattern.slice(5)}` : pattern, name) ||
        (name === 'INBOX' && fits(upper, name))
      : fits(pattern, name);
}

type Spend = (steps: number) => void;

/** Goes on with every place of the pattern that could be reached by the name so far. */
function matches(pattern: string, name: string, spend: Spend): boolean {
  const last = pattern.length - 1;
  /** By place: behind how many characters it was reached last, and one more. */
  const reachedAt = new Int32Array(pattern.length + 1);
  /** The last '*' that was reached: what is before it would have to pass it, and gets no further. */
  let star = 0;
  let places: number[] = [];
  let next: number[] = [];
  const reach = (at: number, count: number): void => {
    if (at < star || reachedAt[at] === count) return;
    reachedAt[at] = count;
    next.push(at);
    if (pattern[at] === '*') star = at;
    // Wildcards may stand for nothing.
    if (pattern[at] === '*' || pattern[at] === '%') reach(at + 1, count);
  };
  reach(0, 1);
  for (let i = 0; i < name.length; i += 1) {
    if (next.length === 0) return false;
    if (star === last && pattern[last] === '*') return true;
    [places, next] = [next, places];
    next.length = 0;
    spend(places.length);
    for (const at of places) {
      const wanted = pattern[at];
      if (wanted === '*' || (wanted === '%' && name[i] !== '/')) reach(at, i + 2);
      else if (wanted === name[i]) reach(at + 1, i + 2);
    }
  }
  return next.includes(pattern.length);
}
