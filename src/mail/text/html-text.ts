// The text of an HTML document without its markup, for search and previews: not for display. Linear
// and total; scripts, styles, comments and the head are left out, blocks begin on a line of their own.

import { decodeCharset, printable } from '../charset/charset.ts';
import { entities } from './html-entities.ts';

/** Elements whose content is no text. */
const silent = new Set(
  'script style head title template noscript svg math object iframe noembed noframes'.split(' '),
);

/** Elements in the middle of a line. Everything else separates words. */
const inline = new Set(
  'a abbr acronym b bdi bdo big cite code del dfn em font i ins kbd mark q s samp small span strike strong sub sup tt u var wbr'.split(
    ' ',
  ),
);

export function htmlText(html: string): string {
  const pieces: string[] = [];
  const lower = html.includes('<') ? html.toLowerCase() : html;
  // toLowerCase changes the length of a few characters; tags are found in `html` then.
  const names = lower.length === html.length ? lower : html;
  const quotes = new QuotedAttributes(names);
  let at = 0;
  while (at < html.length) {
    const open = html.indexOf('<', at);
    if (open < 0) break;
    pieces.push(html.slice(at, open));
    at = skipMarkup({ html: names, quotes, pieces }, open);
  }
  pieces.push(html.slice(at));
  return decodeEntities(pieces.join(''));
}

interface Skipping {
  readonly html: string;
  readonly quotes: QuotedAttributes;
  readonly pieces: string[];
}

/** Behind the tag or comment at `open`, and behind the content of a silent element. */
function skipMarkup({ html, quotes, pieces }: Skipping, open: number): number {
  if (html.startsWith('<!--', open)) return after(html, '-->', open + 4);
  const first = html.charCodeAt(open + 1) | 0x20;
  const isTag = (first >= 0x61 && first <= 0x7a) || '/!?'.includes(html[open + 1] ?? 'x');
  if (!isTag) {
    pieces.push('<'); // "a < b" in sloppy text
    return open + 1;
  }
  const tag = tagName(html, open + 1);
  const element = tag.startsWith('/') ? tag.slice(1) : tag;
  if (!inline.has(element)) pieces.push(element === 'td' || element === 'th' ? ' ' : '\n');
  const end = quotes.tagEnd(open + 1);
  if (!silent.has(tag) || html[end - 2] === '/') return end;
  // What is never closed goes on to the end of the document.
  return after(html, '>', after(html, `</${tag}`, end));
}

/** Knows where quotes end: a ">" within them ends no tag. */
class QuotedAttributes {
  readonly #html: string;
  /** The next quote of each kind, once it was looked for: what is looked for again is quadratic. */
  readonly #next = { '"': -1, "'": -1 };

  constructor(html: string) {
    this.#html = html;
  }

  tagEnd(from: number): number {
    const end = after(this.#html, '>', from);
    const limit = Math.min(this.#html.length, from + tagMax);
    for (let at = from; at < limit; ) {
      attributeText.lastIndex = at;
      at += attributeText.exec(this.#html)![0].length;
      const mark = this.#html[at];
      if (mark === '>') return at + 1;
      // Field: a quote that is not closed, or stands where no value begins, is none.
      const close = mark === '"' || mark === "'" ? this.#closing(mark, at) : -1;
      if (close < 0) return end;
      at = close + 1;
    }
    return end;
  }

  #closing(mark: '"' | "'", at: number): number {
    if (!/=\s{0,20}$/.test(this.#html.slice(Math.max(0, at - 21), at))) return -1;
    if (this.#next[mark] <= at) {
      const found = this.#html.indexOf(mark, at + 1);
      this.#next[mark] = found < 0 ? Number.POSITIVE_INFINITY : found;
    }
    return this.#next[mark] - at > tagMax ? -1 : this.#next[mark];
  }
}

// Limit: in a longer tag quotes do not count.
const tagMax = 10_000;
const attributeText = /[^>"']*/y;

function after(html: string, mark: string, from: number): number {
  const found = html.indexOf(mark, from);
  return found < 0 ? html.length : found + mark.length;
}

// Limit: no element that means something here has a longer name.
const name = /\/?[a-z0-9]{0,16}/iy;

/** With its slash, if it is an end tag. */
function tagName(html: string, at: number): string {
  name.lastIndex = at;
  return name.exec(html)![0].toLowerCase();
}

const entity = /&(?:#(\d{1,7})|#x([0-9a-f]{1,6})|([a-z][a-z0-9]{1,30}));?/gi;

function decodeEntities(text: string): string {
  if (!text.includes('&')) return text;
  return text.replace(entity, (whole, decimal?: string, hex?: string, name?: string) => {
    if (name !== undefined) return entities.get(name) ?? entities.get(name.toLowerCase()) ?? whole;
    return codePoint(decimal === undefined ? Number.parseInt(hex!, 16) : Number(decimal));
  });
}

function codePoint(code: number): string {
  if (code === 0xa0) return ' ';
  // Field, and HTML since: numbers of Windows-1252 where Unicode has controls.
  if (code >= 0x80 && code < 0xa0)
    return printable(decodeCharset(Uint8Array.of(code), 'windows-1252'));
  const isText = code >= 0x20 && code <= 0x10ffff && !(code >= 0xd800 && code <= 0xdfff);
  return isText ? String.fromCodePoint(code) : ' ';
}
