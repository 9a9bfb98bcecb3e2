// Address lists of header fields: RFC 5322 §3.4 with the obsolete forms of §4.4, back to RFC 561 and
// 733; groups in From and Sender (RFC 6854), UTF-8 (RFC 6532). Total and linear: whatever stands in
// the field, what can be understood of it comes back. Encoded words in names are left as they are: see
// encoded-word.ts.

import { formatMailbox } from './address.ts';

export interface NamedMailbox {
  readonly kind: 'mailbox';
  /** The display name, or the comment behind an address that has none (RFC 5322 §3.4.1 note). */
  readonly name: string | undefined;
  /** What it means, not how it was quoted. */
  readonly local: string;
  /** A name or a literal with its brackets; '' when there was none. */
  readonly domain: string;
  /** RFC 5322 §4.4: `@a,@b`, which mail need not follow. */
  readonly route?: string;
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
    const colon = reader.takeSpecial(':');
    if (colon && !reader.takeDataType()) {
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
    const listed = colon ? readListed(reader, mailbox?.local) : mailbox;
    if (listed !== undefined) list.push(listed);
    // RFC 5322 §4.4: obs-addr-list has empty elements; anything else here is an error to step over.
    if (!reader.atEnd) reader.skip();
  }
  return list;
}

/** As an envelope or a field has it, its local part quoted where that is needed. */
export const writtenAddress = ({ local, domain }: NamedMailbox): string => {
  // Of a broken field: a name without an address.
  return domain === '' ? local : formatMailbox({ local, domain });
};

/** The mailboxes alone, those of groups too. */
export const mailboxesOf = (list: readonly MailboxOrGroup[]): NamedMailbox[] =>
  list.flatMap((entry) => (entry.kind === 'group' ? entry.mailboxes : [entry]));

interface Token {
  readonly kind: 'word' | 'quoted' | 'literal' | 'special';
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

  /** RFC 733: ":Include:" and the like, of which the first colon may be taken already. */
  takeDataType(): boolean {
    const from = this.#at + (this.peekSpecial() === ':' ? 1 : 0);
    const [type, colon] = [this.#tokens[from], this.#tokens[from + 1]];
    if (type?.kind !== 'word' || !dataTypes.test(type.text)) return false;
    if (colon?.kind !== 'special' || colon.text !== ':') return false;
    this.#at = from + 2;
    return true;
  }

  skip(): void {
    this.#at += 1;
  }
}

const dataTypes = /^(?:include|postal)$/i;

/** RFC 733: the phrase before ":Include:" names what the list is for. The list is not looked up. */
function readListed(reader: TokenReader, phrase: string | undefined): NamedMailbox | undefined {
  const mailbox = readMailbox(reader);
  return mailbox && { ...mailbox, name: mailbox.name ?? (phrase || undefined) };
}

/** RFC 5322 §3.4: mailbox = name-addr / addr-spec. Ends before "," ";" ":" or the end. */
function readMailbox(reader: TokenReader): NamedMailbox | undefined {
  const phrase = readWords(reader);
  let comment = reader.next.comment;
  if (reader.takeSpecial('<')) {
    const route = readRoute(reader);
    const { words, address } = readBracketed(reader);
    // Field: "<ann@example.org" and "<ann@example.org, bob>": the bracket ends with the address.
    while (!reader.atEnd && !',;'.includes(reader.peekSpecial() || ' ')) {
      if (reader.takeSpecial('>')) break;
      reader.skip();
    }
    comment = reader.next.comment;
    // Field: words behind the bracket.
    while (!reader.atEnd && !',;'.includes(reader.peekSpecial() || ' ')) reader.skip();
    const { local, domain } = address ?? { local: words.compact, domain: '' };
    const mailbox = { kind: 'mailbox', name: phrase.spaced || comment, local, domain } as const;
    return route === '' ? mailbox : { ...mailbox, route };
  }
  const address = readHosts(reader, phrase.last);
  if (address !== undefined) {
    comment = reader.next.comment ?? comment;
    while (!reader.atEnd && !',;:'.includes(reader.peekSpecial() || ' ')) reader.skip();
    // Field: "Ann Example ann@example.org", without brackets: only the last word is the address.
    return { kind: 'mailbox', name: comment ?? phrase.before, ...address };
  }
  while (reader.peekSpecial() === '>') reader.skip();
  if (phrase.spaced === '') return undefined;
  // A group's name is no address.
  const hosted = reader.peekSpecial() === ':' ? undefined : phrase.hosted;
  return { kind: 'mailbox', name: comment, ...(hosted ?? { local: phrase.spaced, domain: '' }) };
}

/** What stands behind "<". */
function readBracketed(reader: TokenReader) {
  for (;;) {
    const words = readWords(reader);
    const address = readHosts(reader, words.compact) ?? words.hosted;
    // Field: "<<ann@example.org>>" and "<Ann <ann@example.org>>": a program put brackets around what had some.
    if (address !== undefined || !reader.takeSpecial('<')) return { words, address };
  }
}

/** RFC 5322 §4.4: obs-route = obs-domain-list ":". */
function readRoute(reader: TokenReader): string {
  let route = '';
  while (reader.peekSpecial() === '@' || reader.peekSpecial() === ',') {
    if (reader.takeSpecial('@')) route += `${route === '' ? '@' : ',@'}${readDomain(reader)}`;
    else reader.skip();
  }
  reader.takeSpecial(':');
  return route;
}

interface Address {
  readonly local: string;
  readonly domain: string;
}

/**
 * What follows a local part. RFC 733 has several hosts in a row, the last of which is asked first;
 * whoever delivers to "a@b@c" today goes to c, too.
 */
function readHosts(reader: TokenReader, local: string): Address | undefined {
  if (!reader.takeSpecial('@')) return undefined;
  let [last, domain] = [local, readDomain(reader)];
  while (reader.takeSpecial('@')) [last, domain] = [`${last}@${domain}`, readDomain(reader)];
  return { local: last, domain };
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
  /** RFC 561 and 733: a phrase, "at" and a host; undefined if it is not that. */
  readonly hosted: Address | undefined;
}

/** Words, literals and dots as they come. */
function readWords(reader: TokenReader): Words {
  const spaced: string[] = [];
  const compact: string[] = [];
  /** Where the last word begins in both. */
  let [lastSpaced, lastCompact] = [0, 0];
  /** Where a word "at" stands, among the spaced. */
  let ats: number[] | undefined;
  let lastQuoted = -1;
  while (!reader.atEnd) {
    const token = reader.next;
    if (token.kind === 'special' && token.text !== '.') break;
    if (token.spaced && spaced.length > 0) spaced.push(' ');
    if (token.spaced && token.text !== '.' && compact.at(-1) !== '.') {
      [lastSpaced, lastCompact] = [spaced.length, compact.length];
    }
    if (token.spaced && token.kind === 'word' && isAt.test(token.text)) {
      ats ??= [];
      ats.push(spaced.length);
    }
    if (token.kind === 'quoted') lastQuoted = spaced.length;
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
    // No host is in quotes.
    hosted: ats !== undefined && lastQuoted < ats.at(-1)! ? hostedAddress(spaced, ats) : undefined,
  };
}

const isAt = /^at$/i;

/** `words` have a space between them where there was one. */
function hostedAddress(words: readonly string[], ats: readonly number[]): Address | undefined {
  const last = ats.at(-1)!;
  const host = words.slice(last + 1);
  // One word alone: "the meeting at the house" is none.
  if (host[0] !== ' ' || host.length < 2 || host.indexOf(' ', 1) >= 0) return undefined;
  const parts: string[] = [];
  let from = 0;
  for (const at of ats) {
    parts.push(words.slice(from, at).join('').trim());
    from = at + 1;
  }
  if (parts.includes('')) return undefined;
  return { local: parts.join('@'), domain: host.slice(1).join('') };
}

/** RFC 5322 §4.4: obs-domain has white space around its dots, but two words in a row end it. */
function readDomain(reader: TokenReader): string {
  const parts: string[] = [];
  while (!reader.atEnd) {
    const { kind, text, spaced } = reader.next;
    if (kind === 'quoted' || (kind === 'special' && text !== '.')) break;
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

interface Enclosed {
  readonly kind: 'quoted' | 'literal' | 'comment';
  readonly text: string;
  readonly end: number;
}

/** The tokens, and a last one that carries the comment at the end. */
function tokenize(value: string): readonly Token[] {
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
