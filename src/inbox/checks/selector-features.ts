// What selectors of a style sheet use, and how many elements a rule is about. That is not worked out but estimated, by
// what the last part of each selector names: as many as have the rarest of it.

import { type CSSToken, TokenType } from '@csstools/css-tokenizer';
import type { ElementCounts } from './html-features.ts';

export interface SelectorsFound {
  readonly slugs: ReadonlySet<string>;
  /** Elements that the rule is for, as far as can be told; at least 1. */
  readonly elements: number;
}

/** One compound selector: `a.button:hover`. */
interface Compound {
  /** `a`, `.button`, `#id` */
  readonly names: string[];
  isStarted: boolean;
  /** One of its names is a class or an id. */
  isNamed: boolean;
}

export function selectorFeatures(
  tokens: readonly CSSToken[],
  { byName, elements }: ElementCounts,
): SelectorsFound {
  const slugs = new Set<string>();
  let total = 0;
  let compound = newCompound();
  let isSpaced = false;
  const ended = () => {
    const counts = compound.names.map((name) => byName.get(name) ?? 0);
    total += compound.isStarted ? Math.min(elements, ...counts) : 0;
    compound = newCompound();
    isSpaced = false;
  };
  for (const [at, token] of outerTokens(tokens)) {
    const combinator = token[0] === TokenType.Delim ? combinators.get(token[4].value) : undefined;
    if (token[0] === TokenType.Comma) {
      slugs.add('css-selector-grouping');
      ended();
    } else if (combinator !== undefined) {
      slugs.add(combinator);
      compound = newCompound();
      isSpaced = false;
    } else if (token[0] === TokenType.Whitespace) isSpaced = compound.isStarted;
    else {
      if (isSpaced) {
        slugs.add('css-selector-descendant');
        compound = newCompound();
        isSpaced = false;
      }
      simple(compound, { token, before: tokens[at - 1], beforeThat: tokens[at - 2] }, slugs);
    }
  }
  ended();
  return { slugs, elements: Math.max(1, Math.min(elements, total)) };
}

const newCompound = (): Compound => ({ names: [], isStarted: false, isNamed: false });

const combinators: ReadonlyMap<string, string> = new Map([
  ['>', 'css-selector-child'],
  ['+', 'css-selector-adjacent-sibling'],
  ['~', 'css-selector-general-sibling'],
]);

/** Those that stand in no brackets, with their places; of what does, its opening. */
function* outerTokens(tokens: readonly CSSToken[]): Iterable<readonly [number, CSSToken]> {
  let depth = 0;
  for (const [at, token] of tokens.entries()) {
    const [type] = token;
    if (type === TokenType.CloseParen || type === TokenType.CloseSquare) depth -= 1;
    else {
      if (depth <= 0) yield [at, token];
      if (type === TokenType.Function || type === TokenType.OpenParen) depth += 1;
      if (type === TokenType.OpenSquare) depth += 1;
    }
  }
}

interface Placed {
  readonly token: CSSToken;
  readonly before: CSSToken | undefined;
  readonly beforeThat: CSSToken | undefined;
}

function simple(compound: Compound, { token, before, beforeThat }: Placed, slugs: Set<string>) {
  compound.isStarted = true;
  switch (token[0]) {
    case TokenType.Ident: {
      const name = token[4].value;
      if (before?.[0] === TokenType.Colon) slugs.add(pseudoSlug(name, beforeThat));
      else if (before?.[0] === TokenType.Delim && before[4].value === '.') {
        named(compound, `.${name}`, slugs);
        slugs.add('css-selector-class');
      } else {
        compound.names.push(name.toLowerCase());
        slugs.add('css-selector-type');
      }
      break;
    }
    case TokenType.Function:
      slugs.add(pseudoSlug(token[4].value, beforeThat));
      break;
    case TokenType.Hash:
      named(compound, `#${token[4].value}`, slugs);
      slugs.add('css-selector-id');
      break;
    case TokenType.OpenSquare:
      slugs.add('css-selector-attribute');
      break;
    case TokenType.Delim:
      if (token[4].value === '*') slugs.add('css-selector-universal');
      if (token[4].value === '&') slugs.add('css-nesting');
      break;
    default:
  }
}

/** `.a.b`: several of these together. */
function named(compound: Compound, name: string, slugs: Set<string>): void {
  if (compound.isNamed) slugs.add('css-selector-chaining');
  compound.isNamed = true;
  compound.names.push(name);
}

/** Before there were two colons, these were written with one. */
const oldElements: ReadonlySet<string> = new Set([
  ...['before', 'after', 'first-letter', 'first-line'],
]);

function pseudoSlug(name: string, beforeColon: CSSToken | undefined): string {
  const lower = name.toLowerCase().replace(/^-(?:webkit|moz|ms)-(?:input-)?/, '');
  const isElement = beforeColon?.[0] === TokenType.Colon || oldElements.has(lower);
  return `css-pseudo-${isElement ? 'element' : 'class'}-${lower}`;
}
