// Address lists of header fields: RFC 5322 §3.4 with the obsolete forms of §4.4, groups in From and
// Sender (RFC 6854), UTF-8 (RFC 6532). Total and linear: whatever stands in the field, what can be
// understood of it comes back. Encoded words in names are left as they are: see encoded-word.ts.

export interface NamedMailbox {
  readonly kind: 'mailbox';
  /** The display name, or the comment behind an address that has none (RFC 5322 §3.4.1 note). */
  readonly name: string | undefined;
  /** What it means, not how it was quoted. */
  readonly local: string;
  /** A name or a literal with its brackets; '' when there was none. */
  readonly domain: string;
}

export interface MailboxGroup {
  readonly kind: 'group';
  readonly name: string;
  readonly mailboxes: readonly NamedMailbox[];
}

export type MailboxOrGroup = NamedMailbox | MailboxGroup;

/** Limit: addresses read of one field. */
export const addressesMax = 10_000;

export function parseAddressList(value: string): MailboxOrGroup[] {
  const reader = new TokenReader(tokenize(value));
  const list: MailboxOrGroup[] = [];
  let count = 0;
  while (!reader.atEnd && count < addressesMax) {
    const mailbox = readMailbox(reader);
    count += 1;
    if (reader.takeSpecial(':')) {
      // RFC 5322 §3.4: group = display-name ":" [group-list] ";" [CFWS]
      const mailboxes: NamedMailbox[] = [];
      while (!reader.atEnd && !reader.takeSpecial(';')) {
        const member = readMailbox(reader);
        count += 1;
        if (member !== undefined && count < addressesMax) mailboxes.push(member);
        if (!reader.takeSpecial(',') && reader.peekSpecial() !== ';') reader.skip();
      }
      list.push({ kind: 'group', name: mailbox?.local ?? '', mailboxes });
      continue;
    }
    if (mailbox !== undefined) list.push(mailbox);
    // RFC 5322 §4.4: obs-addr-list has empty elements; anything else here is an error to step over.
    if (!reader.atEnd) reader.skip();
  }
  return list;
}

/** The mailboxes alone, those of groups too. */
export const mailboxesOf = (list: readonly MailboxOrGroup[]): NamedMailbox[] =>
  list.flatMap((entry) => (entry.kind === 'group' ? entry.mailboxes : [entry]));

interface Token {
  readonly kind: 'word' | 'literal' | 'special';
  readonly text: string;
  /** White space or a comment stood before it. */
  readonly spaced: boolean;
  /** The comment before it. */
  readonly comment: string | undefined;
}

const endToken: Token = { kind: 'special', text: '', spaced: false, comment: undefined };

class TokenReader {
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

  skip(): void {
    this.#at += 1;
  }
}

/** RFC 5322 §3.4: mailbox = name-addr / addr-spec. Ends before "," ";" ":" or the end. */
function readMailbox(reader: TokenReader): NamedMailbox | undefined {
  const phrase = readWords(reader);
  let comment = reader.next.comment;
  if (reader.takeSpecial('<')) {
    skipRoute(reader);
    const local = readWords(reader).compact;
    const domain = reader.takeSpecial('@') ? readDomain(reader) : '';
    // Field: "<ann@example.org" and "<ann@example.org, bob>": the bracket ends with the address.
    while (!reader.atEnd && !',;'.includes(reader.peekSpecial() || ' ')) {
      if (reader.takeSpecial('>')) break;
      reader.skip();
    }
    comment = reader.next.comment;
    // Field: words behind the bracket.
    while (!reader.atEnd && !',;'.includes(reader.peekSpecial() || ' ')) reader.skip();
    return { kind: 'mailbox', name: phrase.spaced || comment, local, domain };
  }
  if (reader.takeSpecial('@')) {
    const domain = readDomain(reader);
    comment = reader.next.comment ?? comment;
    while (!reader.atEnd && !',;:'.includes(reader.peekSpecial() || ' ')) reader.skip();
    // Field: "Ann Example ann@example.org", without brackets: only the last word is the address.
    return { kind: 'mailbox', name: comment ?? phrase.before, local: phrase.last, domain };
  }
  while (reader.peekSpecial() === '>') reader.skip();
  if (phrase.spaced === '') return undefined;
  return { kind: 'mailbox', name: comment, local: phrase.spaced, domain: '' };
}

/** RFC 5322 §4.4: obs-route = obs-domain-list ":"; read and ignored. */
function skipRoute(reader: TokenReader): void {
  if (reader.peekSpecial() !== '@') return;
  while (reader.takeSpecial('@') || reader.takeSpecial(',')) readWords(reader);
  reader.takeSpecial(':');
}

interface Words {
  /** As a phrase. */
  readonly spaced: string;
  /** As an address, without its spaces. */
  readonly compact: string;
  /** The last word, and those that dots tie to it. */
  readonly last: string;
  /** What stands before the last word; undefined for nothing. */
  readonly before: string | undefined;
}

/** Words, literals and dots as they come. */
function readWords(reader: TokenReader): Words {
  const spaced: string[] = [];
  const compact: string[] = [];
  /** Where the last word begins in both. */
  let [lastSpaced, lastCompact] = [0, 0];
  while (!reader.atEnd) {
    const token = reader.next;
    if (token.kind === 'special' && token.text !== '.') break;
    if (token.spaced && spaced.length > 0) spaced.push(' ');
    if (token.spaced && token.text !== '.' && compact.at(-1) !== '.') {
      [lastSpaced, lastCompact] = [spaced.length, compact.length];
    }
    spaced.push(token.text);
    compact.push(token.text);
    reader.skip();
  }
  const before = spaced.slice(0, lastSpaced).join('').trimEnd();
  return {
    spaced: spaced.join(''),
    compact: compact.join(''),
    last: compact.slice(lastCompact).join(''),
    before: before === '' ? undefined : before,
  };
}

/** RFC 5322 §4.4: obs-domain has white space around its dots, but two words in a row end it. */
function readDomain(reader: TokenReader): string {
  const parts: string[] = [];
  while (!reader.atEnd) {
    const { kind, text, spaced } = reader.next;
    if (kind === 'special' && text !== '.') break;
    if (spaced && text !== '.' && parts.length > 0 && parts.at(-1) !== '.') break;
    parts.push(text);
    reader.skip();
  }
  return parts.join('');
}

// RFC 5322 §3.2.3: atext is all but white space, controls and specials; RFC 6532 §3.2 adds UTF-8.
const atom = /[^\s()<>[\]:;@\\,."\x00-\x1f\x7f]+/y;
const quotedText = /[^"\\]+/y;
const commentText = /[^()\\]+/y;
const literalText = /[^\]\\]+/y;
const whiteSpace = /[\s\x00-\x1f\x7f]+/y;

/** The tokens, and a last one that carries the comment at the end. */
function tokenize(value: string): readonly Token[] {
  const tokens: Token[] = [];
  let at = 0;
  let spaced = false;
  let comment: string | undefined;
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
    } else if (character === '"') {
      const { text, end } = delimited(value, at + 1, '"', quotedText);
      add('word', text);
      at = end;
    } else if (character === '[') {
      const { text, end } = delimited(value, at + 1, ']', literalText);
      add('literal', `[${text}]`);
      at = end;
    } else if (character === '(') {
      const { text, end } = readComment(value, at + 1);
      spaced = true;
      comment = text.trim() || comment;
      at = end;
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

function take(pattern: RegExp, value: string, at: number): string {
  pattern.lastIndex = at;
  return pattern.exec(value)?.[0] ?? '';
}

/** Up to the closing character, or the end; quoted pairs mean their second character. */
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
  return { text: pieces.join(''), end: at };
}
