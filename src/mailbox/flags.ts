// System flags as bits of MailColumns.flags, and what IMAP calls them. RFC 9051 §2.3.2.

export const seenBit = 1;
export const deletedBit = 8;

/** In the order of their bits. */
export const systemFlags = ['\\Seen', '\\Answered', '\\Flagged', '\\Deleted', '\\Draft'] as const;

const bits: ReadonlyMap<string, number> = new Map(
  systemFlags.map((flag, index) => [flag.toLowerCase(), 1 << index]),
);

/** 0 for a keyword, and for a system flag that nobody can set. */
export const bitOf = (flag: string): number => bits.get(flag.toLowerCase()) ?? 0;

export const isSeen = (flag: string): boolean => bitOf(flag) === seenBit;

export const hasFlag = (flags: readonly string[], wanted: string): boolean =>
  flags.some((flag) => flag.toLowerCase() === wanted.toLowerCase());

/** As FETCH shows them, with parentheses; `keywords` are separated by spaces. */
export function flagsText(flags: number, keywords: string): string {
  const words: string[] = systemFlags.filter((_, index) => (flags & (1 << index)) !== 0);
  if (keywords !== '') words.push(keywords);
  return `(${words.join(' ')})`;
}
