// Address lists of header fields: RFC 5322 §3.4 with the obsolete forms of §4.4, back to RFC 561 and
// 733; groups in From and Sender (RFC 6854), UTF-8 (RFC 6532). Total and linear: whatever stands in
// the field, what can be understood of it comes back. Encoded words in names are left as they are: see
// encoded-word.ts.

import { formatMailbox } from './address.ts';
import { TokenReader, tokenize } from './address-tokens.ts';

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
        if (!reader.takeSpecial(',') && reader.peekSpecial() !== ';') stepOver(reader);
      }
      list.push({ kind: 'group', name: mailbox?.local ?? '', mailboxes });
      continue;
    }
    const listed = colon ? readListed(reader, mailbox?.local) : mailbox;
    if (listed !== undefined) list.push(listed);
    // RFC 5322 §4.4: obs-addr-list has empty elements; anything else here is an error to step over.
    stepOver(reader);
  }
  return list;
}

/** Field: `a@b.test c@d.test` and `<a@b.test> <c@d.test>`: nobody hides behind the first, as nothing is between them. */
function stepOver(reader: TokenReader): void {
  if (!reader.atEnd && !reader.startsAddress) reader.skip();
}

/** As an envelope or a field has it, its local part quoted where that is needed. */
export const writtenAddress = ({ local, domain }: Address): string => {
  // Of a broken field: a name without an address.
  return domain === '' ? local : formatMailbox({ local, domain });
};

/** The mailboxes alone, those of groups too. */
export const mailboxesOf = (list: readonly MailboxOrGroup[]): NamedMailbox[] =>
  list.flatMap((entry) => (entry.kind === 'group' ? entry.mailboxes : [entry]));

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
    // Field: "<ann@example.org" and "<ann@example.org, bob>": the bracket ends with the address, at the latest where
    // another one begins.
    while (!reader.atEnd && !',;<'.includes(reader.peekSpecial() || ' ')) {
      if (reader.takeSpecial('>')) break;
      reader.skip();
    }
    comment = reader.next.comment;
    // Field: words behind the bracket.
    while (!endsAt(reader, ',;')) reader.skip();
    const { local, domain } = address ?? { local: words.compact, domain: '' };
    const mailbox = { kind: 'mailbox', name: phrase.spaced || comment, local, domain } as const;
    return route === '' ? mailbox : { ...mailbox, route };
  }
  const address = readHosts(reader, phrase.last);
  if (address !== undefined) {
    comment = reader.next.comment ?? comment;
    while (!endsAt(reader, ',;:')) reader.skip();
    // Field: "ann@example.org <ann@example.net>": a name that should be in quotes, as everybody reads it.
    const bracketed = reader.peekSpecial() === '<' ? readMailbox(reader) : undefined;
    if (bracketed !== undefined && bracketed.domain !== '')
      return {
        ...bracketed,
        name: writtenAddress(address) || undefined,
      };
    // Field: "Ann Example ann@example.org", without brackets: only the last word is the address.
    return { kind: 'mailbox', name: comment ?? phrase.before, ...address };
  }
  while (reader.peekSpecial() === '>') reader.skip();
  if (phrase.spaced === '') return undefined;
  // A group's name is no address.
  const hosted = reader.peekSpecial() === ':' ? undefined : phrase.hosted;
  return { kind: 'mailbox', name: comment, ...(hosted ?? { local: phrase.spaced, domain: '' }) };
}

/** At one of these signs, at the end, or where another address begins. */
const endsAt = (reader: TokenReader, signs: string): boolean =>
  reader.atEnd || signs.includes(reader.peekSpecial() || ' ') || reader.startsAddress;

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
