// Patterns with `*` for any characters and `?` for one, without regard to upper and lower case. Never takes longer
// than the two lengths multiplied, whatever the pattern: the operator's mistakes hold up nobody.

export function globMatches(pattern: string, text: string): boolean {
  const p = pattern.toLowerCase();
  const t = text.toLowerCase();
  let inPattern = 0;
  let inText = 0;
  /** Where the last star was, and how much of the text it stands for by now. */
  let star = -1;
  let taken = 0;
  while (inText < t.length) {
    if (p[inPattern] === '*') {
      star = inPattern;
      taken = inText;
      inPattern += 1;
    } else if (inPattern < p.length && (p[inPattern] === '?' || p[inPattern] === t[inText])) {
      inPattern += 1;
      inText += 1;
    } else if (star >= 0) {
      taken += 1;
      inText = taken;
      inPattern = star + 1;
    } else return false;
  }
  while (p[inPattern] === '*') inPattern += 1;
  return inPattern === p.length;
}
