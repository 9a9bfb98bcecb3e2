// Small mistakes to make in a source file, one at a time: a guard that is gone, a bound that is off by
// one, a flush that never happens.

import { stripTypeScriptTypes } from 'node:module';

export interface Mutant {
  /** Of the file, from 1. */
  readonly line: number;
  readonly before: string;
  readonly after: string;
}

/** What may replace a piece of a line. */
const replacements: readonly (readonly [from: RegExp, to: string])[] = [
  [/ === /g, ' !== '],
  [/ !== /g, ' === '],
  [/ < /g, ' <= '],
  [/ <= /g, ' < '],
  [/ > /g, ' >= '],
  [/ >= /g, ' > '],
  [/ && /g, ' || '],
  [/ \|\| /g, ' && '],
  [/ \+ 1\b/g, ''],
  [/ - 1\b/g, ''],
  [/\btrue\b/g, 'false'],
  [/\bfalse\b/g, 'true'],
  [/\bMath\.min\b/g, 'Math.max'],
  [/\bMath\.max\b/g, 'Math.min'],
];

/** A whole statement on one line that does something, or a guard that leaves the function. */
const removable =
  /^\s*(?:(?:await |void )?[\w#.?!]+\(.*\);|(?:if|else if) \(.*\) (?:return|throw|continue|break)\b.*;|[\w#.]+ (?:[+-]?=) [^=].*;)$/;
/** What is said, what never happens, and types: no guard. */
const harmless =
  /\blog\??\.(?:debug|info|warn|error)\(|^\s*(?:unreachable\(|assert\(\w+ !== undefined(?: && \w+ !== undefined)?, )|(?:Map|Set|Promise)<.*\b(?:true|false)>|\breadonly \w+: (?:true|false)\b/;
const comment = /^\s*(?:\/\/|\/?\*)/;
const typesOnly =
  /^\s*(?:import|export (?:type|interface)|type|interface|readonly|\|)\b|=> [A-Z]\w*;$/;

/** Every mutant that Node can still read. `code` is the text of the file. */
export function mutantsOf(code: string): Mutant[] {
  const lines = code.split('\n');
  const mutants = lines.flatMap((before, index) =>
    [comment, typesOnly, harmless].some((pattern) => pattern.test(before))
      ? []
      : variantsOf(before).map((after) => ({ line: index + 1, before, after })),
  );
  return mutants.filter((mutant) => canBeRead(mutate(code, mutant)));
}

function variantsOf(line: string): string[] {
  const variants = new Set<string>();
  const end = line.indexOf(' // ');
  const code = end < 0 ? line : line.slice(0, end);
  for (const [from, to] of replacements)
    for (const { index, 0: found } of code.matchAll(from))
      if (!isQuoted(code, index))
        variants.add(code.slice(0, index) + to + code.slice(index + found.length));
  if (removable.test(code)) variants.add('');
  return [...variants];
}

/** Within a string on the line: an odd number of quotes before it. */
const isQuoted = (line: string, index: number): boolean =>
  (line.slice(0, index).match(/['`]/g)?.length ?? 0) % 2 === 1;

export function mutate(code: string, { line, after }: Mutant): string {
  const lines = code.split('\n');
  lines[line - 1] = after;
  return lines.join('\n');
}

function canBeRead(code: string): boolean {
  try {
    stripTypeScriptTypes(code);
    return true;
  } catch {
    return false;
  }
}
