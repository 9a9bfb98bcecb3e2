// Flags of a message as bits and keywords. RFC 9051 §2.3.2: system flags begin with a backslash,
// keywords do not; both are compared without case.

import type { FlagChange } from '../folder-store.ts';

/** In the order of their bits. */
export const systemFlags = ['\\Seen', '\\Answered', '\\Flagged', '\\Deleted', '\\Draft'] as const;
const bits: ReadonlyMap<string, number> = new Map(
  systemFlags.map((flag, i) => [flag.toLowerCase(), 1 << i]),
);

/** 0 for a keyword, and for a system flag that nobody can set. */
export const bitOf = (flag: string): number => bits.get(flag.toLowerCase()) ?? 0;

export const seenBit = 1;
export const deletedBit = 8;

// Limits: keywords one message may have, and octets of one. More is refused, never left out.
const keywordsMax = 64;
const keywordBytesMax = 255;

export interface StoredFlags {
  readonly bits: number;
  /** Separated by spaces, each once. */
  readonly keywords: string;
}

export const noFlags: StoredFlags = { bits: 0, keywords: '' };

/** Why a message cannot have these; undefined when it can. */
export function flagsRefusal({ keywords }: StoredFlags): string | undefined {
  if (keywords === '') return undefined;
  const words = keywords.split(' ');
  if (words.length > keywordsMax)
    return `A message can have ${keywordsMax} keywords, and would have ${words.length}`;
  if (words.some((word) => word.length > keywordBytesMax))
    return `A keyword can have ${keywordBytesMax} octets`;
  return undefined;
}

export function addsKeyword(before: StoredFlags, after: StoredFlags): boolean {
  const words = new Set(before.keywords.split(' '));
  return after.keywords.split(' ').some((word) => !words.has(word));
}

/** Those of system flags; keywords have none. */
export const bitsOf = (flags: readonly string[]): number =>
  flags.reduce((set, flag) => set | bitOf(flag), 0);

export function storedFlags(flags: readonly string[]): StoredFlags {
  if (flags.length === 0) return noFlags;
  let found = 0;
  const keywords = new Map<string, string>();
  for (const flag of flags) {
    const bit = bits.get(flag.toLowerCase());
    if (bit !== undefined) found |= bit;
    // RFC 9051 §9: flag-keyword is an atom; anything else cannot be asked for again.
    else if (/^[^\x00-\x20\x7f(){%*"\\\]]+$/.test(flag)) {
      const key = flag.toLowerCase();
      if (!keywords.has(key)) keywords.set(key, flag);
    }
  }
  return { bits: found, keywords: [...keywords.values()].join(' ') };
}

export function flagNames({ bits: set, keywords }: StoredFlags): string[] {
  const names: string[] = systemFlags.filter((_, i) => (set & (1 << i)) !== 0);
  if (keywords !== '') names.push(...keywords.split(' '));
  return names;
}

export function changedFlags(before: StoredFlags, { kind, flags }: FlagChange): StoredFlags {
  if (kind === 'replace') return storedFlags(flags);
  if (kind === 'add') return storedFlags([...flagNames(before), ...flags]);
  const gone = new Set(flags.map((flag) => flag.toLowerCase()));
  return storedFlags(flagNames(before).filter((flag) => !gone.has(flag.toLowerCase())));
}
