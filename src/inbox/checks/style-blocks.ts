// Style sheets and style attributes, taken apart at their blocks: selectors, at-rules, declarations, as tokens. What is
// broken is read on, as browsers do (https://drafts.csswg.org/css-syntax-3/). One walk, however blocks are nested.

import { type CSSToken, TokenType, tokenizer } from '@csstools/css-tokenizer';

export interface StyleReader {
  /** Of a rule; gives what its declarations weigh: how many elements they are for. */
  selectors(tokens: readonly CSSToken[], inside: StyleBlock | undefined): number;
  /** `name` in lower case, without the `@`. */
  atRule(name: string, prelude: readonly CSSToken[]): void;
  /** `name` in lower case. */
  declaration(name: string, value: readonly CSSToken[], weight: number): void;
  comment(): void;
}

export interface StyleBlock {
  readonly kind: 'rule' | 'at-rule';
  readonly weight: number;
}

/** `outer` is that of a style attribute, whose declarations stand alone. */
export function readStyle(css: string, reader: StyleReader, outer?: StyleBlock): void {
  const { nextToken, endOfFile } = tokenizer({ css });
  const blocks: StyleBlock[] = outer === undefined ? [] : [outer];
  let gathered: CSSToken[] = [];
  let depth = 0;
  const taken = () => {
    const tokens = gathered;
    gathered = [];
    return tokens;
  };
  while (!endOfFile()) {
    const token = nextToken();
    depth = Math.max(0, depth + (depthBy.get(token[0]) ?? 0));
    if (token[0] === TokenType.Comment) reader.comment();
    else if (depth > 0 || !ends.has(token[0])) gathered.push(token);
    else if (token[0] === TokenType.OpenCurly) blocks.push(opened(taken(), reader, blocks));
    else {
      statement(taken(), reader, blocks.at(-1));
      if (token[0] === TokenType.CloseCurly && blocks.length > (outer === undefined ? 0 : 1))
        blocks.pop();
    }
  }
  statement(taken(), reader, blocks.at(-1));
}

const depthBy: ReadonlyMap<string, number> = new Map([
  [TokenType.Function, 1],
  [TokenType.OpenParen, 1],
  [TokenType.OpenSquare, 1],
  [TokenType.CloseParen, -1],
  [TokenType.CloseSquare, -1],
]);
const ends: ReadonlySet<string> = new Set([
  ...[TokenType.OpenCurly, TokenType.CloseCurly, TokenType.Semicolon],
]);

function opened(
  tokens: readonly CSSToken[],
  reader: StyleReader,
  blocks: readonly StyleBlock[],
): StyleBlock {
  const [first, ...rest] = trimmed(tokens);
  const inside = blocks.at(-1);
  if (first?.[0] !== TokenType.AtKeyword)
    return { kind: 'rule', weight: reader.selectors(trimmed(tokens), inside) };
  reader.atRule(first[4].value.toLowerCase(), rest);
  // What is nested in a rule is for the elements of that rule.
  return inside?.kind === 'rule' ? inside : { kind: 'at-rule', weight: 1 };
}

function statement(
  tokens: readonly CSSToken[],
  reader: StyleReader,
  inside: StyleBlock | undefined,
): void {
  const [first, ...rest] = trimmed(tokens);
  if (first?.[0] === TokenType.AtKeyword) reader.atRule(first[4].value.toLowerCase(), rest);
  if (first?.[0] !== TokenType.Ident || inside === undefined) return;
  const colon = rest.findIndex(([type]) => type !== TokenType.Whitespace);
  if (rest[colon]?.[0] === TokenType.Colon)
    reader.declaration(first[4].value.toLowerCase(), rest.slice(colon + 1), inside.weight);
}

const isSpace = (token: CSSToken | undefined): boolean =>
  // Field: style sheets within `<!-- -->`, for browsers of the last century.
  token !== undefined && [TokenType.Whitespace, TokenType.CDO, TokenType.CDC].includes(token[0]);

function trimmed(tokens: readonly CSSToken[]): readonly CSSToken[] {
  let start = 0;
  let end = tokens.length;
  while (start < end && isSpace(tokens[start])) start += 1;
  while (end > start && isSpace(tokens[end - 1])) end -= 1;
  return tokens.slice(start, end);
}
