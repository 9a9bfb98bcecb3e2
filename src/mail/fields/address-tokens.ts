// The words, quoted strings, literals and signs of which address lists are made: RFC 5322 §3.2, with UTF-8 (RFC 6532).
// Comments are kept with what follows them. Total and linear.

export interface Token {
  readonly kind: 'word' | 'quoted' | 'literal' | 'special';
  readonly text: string;
  /** White space or a comment stood before it. */
  readonly spaced: boolean;
  /** The comment before it. */
  readonly comment: string | undefined;
}

const endToken: Token = { kind: 'special', text: '', spaced: false, comment: undefined };

export class TokenReader {
  readonly #tokens: readonly Token[];
  #at = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  /** Only the mark of the end is left. */
  get atEnd(): boolean {
    return this.#at >= this.#tokens.length - 1;
  }

  get next(): Token {
    return this.#tokens[this.#at] ?? endToken;
  }

  peekSpecial(): string {
    return this.next.kind === 'special' ? this.next.text : '';
  }

  takeSpecial(text: string): boolean {
    if (this.atEnd || this.peekSpecial() !== text) return false;
    this.#at += 1;
    return true;
  }

  /** RFC 733: ":Include:" and the like, of which the first colon may be taken already. */
  takeDataType(): boolean {
    const from = this.#at + (this.peekSpecial() === ':' ? 1 : 0);
    const [type, colon] = [this.#tokens[from], this.#tokens[from + 1]];
    if (type?.kind !== 'word' || !dataTypes.test(type.text)) return false;
    if (colon?.kind !== 'special' || colon.text !== ':') return false;
    this.#at = from + 2;
    return true;
  }

  /** An address in brackets, or a word with "@" behind it. */
  get startsAddress(): boolean {
    const [word, sign] = [this.next, this.#tokens[this.#at + 1]];
    if (word.kind === 'special') return word.text === '<';
    return word.kind !== 'literal' && sign?.kind === 'special' && sign.text === '@';
  }

  skip(): void {
    this.#at += 1;
  }
}

const dataTypes = /^(?:include|postal)$/i;

// RFC 5322 §3.2.3: atext is all but white space, controls and specials; RFC 6532 §3.2 adds UTF-8.
const atom = /[^\s()<>[\]:;@\\,."\x00-\x1f\x7f]+/y;
const quotedText = /[^"\\]+/y;
const commentText = /[^()\\]+/y;
const literalText = /[^\]\\]+/y;
const whiteSpace = /[\s\x00-\x1f\x7f]+/y;

interface Enclosed {
  readonly kind: 'quoted' | 'literal' | 'comment';
  readonly text: string;
  readonly end: number;
}

/** The tokens, and a last one that carries the comment at the end. */
export function tokenize(value: string): readonly Token[] {
  const tokens: Token[] = [];
  let at = 0;
  let spaced = false;
  let comment: string | undefined;
  /** Opened and never closed: they mean nothing from there on. */
  let ignored = '';
  const add = (kind: Token['kind'], text: string): void => {
    tokens.push({ kind, text, spaced, comment });
    spaced = false;
    comment = undefined;
  };
  while (at < value.length) {
    const character = value[at]!;
    const run = take(atom, value, at);
    if (run !== '') {
      add('word', run);
      at += run.length;
      continue;
    }
    const opens = '"[('.includes(character) && !ignored.includes(character);
    const found = opens ? enclosed(value, at) : undefined;
    if (found === 'unclosed') {
      ignored += character;
    } else if (found !== undefined) {
      at = found.end;
      if (found.kind !== 'comment') add(found.kind, found.text);
      else [spaced, comment] = [true, found.text.trim() || comment];
    } else if ('<>@,;:.'.includes(character)) {
      add('special', character);
      at += 1;
    } else {
      spaced = true; // white space, controls, and what has no meaning here: ")" "]" "\"
      at += take(whiteSpace, value, at).length || 1;
    }
  }
  add('special', '');
  return tokens;
}

/** What a quote, a bracket or a parenthesis at `at` begins. */
function enclosed(value: string, at: number): Enclosed | 'unclosed' {
  switch (value[at]) {
    case '"': {
      const { text, end } = delimited(value, at + 1, '"', quotedText);
      if (end > value.length || isAcross(value, text, end)) return 'unclosed';
      return { kind: 'quoted', text, end };
    }
    case '[': {
      const { text, end } = delimited(value, at + 1, ']', literalText);
      return end > value.length ? 'unclosed' : { kind: 'literal', text: `[${text}]`, end };
    }
    default: {
      const { text, end, closed } = readComment(value, at + 1);
      // Field: a comment at the very end is one all the same; an address is never in it.
      return closed || !text.includes('@') ? { kind: 'comment', text, end } : 'unclosed';
    }
  }
}

/** Field: `"Ann <ann@example.org>, "Bob" <…`: what seems to end a quoted string begins the next one. */
function isAcross(value: string, quoted: string, end: number): boolean {
  if (take(atom, value, end) === '') return false;
  const sign = quoted.indexOf('@', quoted.indexOf('<') + 1);
  return quoted.includes('<') && sign > 0 && quoted.indexOf('>', sign) > 0;
}

function take(pattern: RegExp, value: string, at: number): string {
  pattern.lastIndex = at;
  return pattern.exec(value)?.[0] ?? '';
}

/** Up to the closing character, or beyond the end; quoted pairs mean their second character. */
function delimited(value: string, start: number, close: string, plain: RegExp) {
  const pieces: string[] = [];
  let at = start;
  while (at < value.length && value[at] !== close) {
    const run = take(plain, value, at) || (value[at + 1] ?? '');
    pieces.push(run);
    at += value[at] === '\\' ? 2 : run.length;
  }
  return { text: pieces.join(''), end: at + 1 };
}

/** RFC 5322 §3.2.2: comments nest. */
function readComment(value: string, start: number) {
  const pieces: string[] = [];
  let at = start;
  let depth = 1;
  while (at < value.length) {
    const character = value[at]!;
    const run = take(commentText, value, at);
    if (run !== '') {
      pieces.push(run);
      at += run.length;
      continue;
    }
    at += 1;
    if (character === '(') depth += 1;
    if (character === ')') depth -= 1;
    if (depth === 0) break;
    if (character === '\\') at += 1;
    pieces.push(character === '\\' ? (value[at - 1] ?? '') : character);
  }
  return { text: pieces.join(''), end: at, closed: depth === 0 };
}
