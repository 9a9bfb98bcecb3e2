// System flags as bits of MailColumns.flags, and what IMAP calls them. RFC 9051 §2.3.2.

import { bitOf, seenBit, systemFlags } from '../store/folders/flags.ts';

export { bitOf, deletedBit, seenBit, systemFlags } from '../store/folders/flags.ts';

export const isSeen = (flag: string): boolean => bitOf(flag) === seenBit;

export const hasFlag = (flags: readonly string[], wanted: string): boolean =>
  flags.some((flag) => flag.toLowerCase() === wanted.toLowerCase());

/** As FETCH shows them, with parentheses; `keywords` are separated by spaces. */
export function flagsText(flags: number, keywords: string): string {
  const words: string[] = systemFlags.filter((_, index) => (flags & (1 << index)) !== 0);
  if (keywords !== '') words.push(keywords);
  return `(${words.join(' ')})`;
}
