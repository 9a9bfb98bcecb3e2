// Whether a row holds what somebody looks for: every word of it, in any case.

export function holds(words: string, ...fields: readonly (string | null | undefined)[]): boolean {
  const text = fields
    .filter((field) => field != null)
    .join('\n')
    .toLowerCase();
  return words
    .toLowerCase()
    .split(/\s+/)
    .every((word) => text.includes(word));
}
