// Patterns of LIST: '*' stands for anything, '%' for anything within a level. RFC 9051 §6.3.9. Time
// grows with pattern times name, whatever the pattern is.

/** Limit: characters of one pattern; longer ones match nothing, since no name is that long. */
const patternLengthMax = 2000;

export type Matcher = (name: string) => boolean;

/** RFC 9051 §6.3.9: a name that matches one of them matches. Empty ones are ignored. */
export function anyOf(patterns: readonly string[]): Matcher {
  const matchers = patterns.filter((pattern) => pattern !== '').map(matcherOf);
  return (name) => matchers.some((matches) => matches(name));
}

function matcherOf(written: string): Matcher {
  if (written.length > patternLengthMax) return () => false;
  // A run of wildcards with a '*' in it is one '*', another is one '%'.
  const pattern = written
    .normalize('NFC')
    .replace(/[*%]{2,}/g, (run) => (run.includes('*') ? '*' : '%'));
  // RFC 9051 §5.1: INBOX in any case.
  const upper = pattern.toUpperCase();
  return (name) =>
    name === 'INBOX' || name.startsWith('INBOX/')
      ? matches(upper.startsWith('INBOX') ? `INBOX${pattern.slice(5)}` : pattern, name) ||
        (name === 'INBOX' && matches(upper, name))
      : matches(pattern, name);
}

/** Every position of the pattern that could be reached by the name so far. */
function matches(pattern: string, name: string): boolean {
  let reached = new Uint8Array(pattern.length + 1);
  let next = new Uint8Array(pattern.length + 1);
  reached[0] = 1;
  skipWildcards(pattern, reached);
  for (let i = 0; i < name.length; i += 1) {
    next.fill(0);
    let alive = false;
    for (let at = 0; at < pattern.length; at += 1) {
      if (reached[at] === 0) continue;
      const wanted = pattern[at];
      if (wanted === '*' || (wanted === '%' && name[i] !== '/')) next[at] = 1;
      else if (wanted === name[i]) next[at + 1] = 1;
      else continue;
      alive = true;
    }
    if (!alive) return false;
    skipWildcards(pattern, next);
    [reached, next] = [next, reached];
  }
  return reached[pattern.length] === 1;
}

/** Wildcards may stand for nothing. */
function skipWildcards(pattern: string, reached: Uint8Array): void {
  for (let at = 0; at < pattern.length; at += 1)
    if (reached[at] === 1 && (pattern[at] === '*' || pattern[at] === '%')) reached[at + 1] = 1;
}
