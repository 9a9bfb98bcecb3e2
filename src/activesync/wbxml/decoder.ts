// Octets of WBXML 1.1 to 1.3 as an element. Total: anything is either a document or malformed, and what it costs is
// bounded by its size. What [MS-ASWBXML] does not name is skipped with what is in it; what WBXML has and ActiveSync
// does not use (string tables, entities, attributes, extensions) is understood as the W3C's note says.

import type { TagName } from './code-pages.ts';
import { tagAt } from './code-pages.ts';
import type { Content, Element } from './element.ts';
import type { WbxmlLimits } from './limits.ts';
import { defaultWbxmlLimits, quotedBytesMax } from './limits.ts';

export type Decoded =
  | { readonly kind: 'document'; readonly root: Element }
  | { readonly kind: 'malformed'; readonly why: string };

/** Octets in the result may be parts of `octets`. */
export function decodeWbxml(octets: Uint8Array, limits: WbxmlLimits = defaultWbxmlLimits): Decoded {
  try {
    return { kind: 'document', root: new Decoder(octets, limits).document() };
  } catch (error) {
    if (error instanceof Malformed) return { kind: 'malformed', why: error.message };
    throw error;
  }
}

class Malformed extends Error {}

/** Tokens that mean the same on every page. WBXML 1.3, 7.1. */
const token = {
  switchPage: 0x00,
  end: 0x01,
  entity: 0x02,
  inlineString: 0x03,
  processing: 0x43,
  tableString: 0x83,
  opaque: 0xc3,
} as const;
const hasAttributes = 0x80;
const hasContent = 0x40;
const numberOf = (octet: number): number => octet & 0x3f;
/** A tag that is named by the string table: the number 4, with or without content and attributes. */
const isLiteral = (octet: number): boolean => numberOf(octet) === 4;
/** What an application adds to WBXML: inline, by the string table, alone. */
const isExtension = (octet: number): boolean => octet >= hasContent && numberOf(octet) <= 2;

/** UTF-8, ASCII, or not said. IANA's MIBenum. */
const charsets: ReadonlySet<number> = new Set([0, 3, 106]);

interface Open {
  /** Undefined for what is skipped. */
  readonly tag: TagName | undefined;
  readonly elements: Element[];
  readonly pieces: Buffer[];
  isOpaque: boolean;
}

class Decoder {
  readonly #octets: Buffer;
  readonly #limits: WbxmlLimits;
  readonly #open: Open[] = [];
  #at = 0;
  #page = 0;
  #elements = 0;
  #texts = 0;
  #table: Buffer = Buffer.alloc(0);
  #quotable: number;
  #root: Element | undefined;

  constructor(octets: Uint8Array, limits: WbxmlLimits) {
    this.#octets = Buffer.from(octets.buffer, octets.byteOffset, octets.byteLength);
    this.#limits = limits;
    this.#quotable = octets.length + quotedBytesMax;
  }

  document(): Element {
    this.#header();
    do this.#token();
    while (this.#open.length > 0 || this.#root === undefined);
    return this.#root;
  }

  #header(): void {
    const version = this.#octet();
    if (version < 1 || version > 3) throw new Malformed(`version ${version} is not known`);
    // A public identifier of 0 is in the string table.
    if (this.#number() === 0) this.#number();
    const charset = this.#number();
    if (!charsets.has(charset)) throw new Malformed(`character set ${charset} is not UTF-8`);
    this.#table = this.#take(this.#number());
  }

  #token(): void {
    const octet = this.#octet();
    if (octet === token.switchPage) {
      this.#page = this.#octet();
      return;
    }
    if (octet === token.end) this.#close();
    else if (octet === token.processing) this.#attributes();
    else {
      const text = this.#text(octet);
      if (text === undefined) this.#tag(octet);
      else this.#addText(text, octet === token.opaque);
    }
  }

  #addText(text: Buffer, isOpaque: boolean): void {
    const open = this.#open.at(-1);
    if (open === undefined) throw new Malformed('there is text outside of the document');
    // White space between elements is nobody's.
    if (open.tag === undefined || text.length === 0) return;
    this.#texts += 1;
    if (this.#texts > this.#limits.textsMax) throw new Malformed('too many pieces of text');
    open.pieces.push(text);
    if (isOpaque) open.isOpaque = true;
  }

  /** Undefined when the token is no text. */
  #text(octet: number): Buffer | undefined {
    if (octet === token.entity) return character(this.#number());
    if (octet === token.inlineString) return this.#terminated();
    if (octet === token.tableString) return this.#quoted(this.#number());
    if (octet === token.opaque) return this.#take(this.#number());
    if (!isExtension(octet)) return undefined;
    if (octet < hasAttributes) this.#terminated();
    else if (octet < (hasAttributes | hasContent)) this.#number();
    return Buffer.alloc(0);
  }

  #tag(octet: number): void {
    this.#elements += 1;
    if (this.#elements > this.#limits.elementsMax) throw new Malformed('too many elements');
    if (this.#open.length >= this.#limits.depthMax) throw new Malformed('nested too deeply');
    const isUnknown = isLiteral(octet);
    if (isUnknown) this.#number();
    const around = this.#open.at(-1);
    const isSkipped = isUnknown || (around !== undefined && around.tag === undefined);
    const tag = isSkipped ? undefined : tagAt(this.#page, numberOf(octet));
    if (octet & hasAttributes) this.#attributes();
    this.#open.push({ tag, elements: [], pieces: [], isOpaque: false });
    if (!(octet & hasContent)) this.#close();
  }

  #close(): void {
    const closed = this.#open.pop();
    if (closed === undefined) throw new Malformed('an end without a beginning');
    const around = this.#open.at(-1);
    const { tag } = closed;
    if (tag === undefined) {
      if (around === undefined) throw new Malformed('the document is of no kind that is known');
      return;
    }
    const made = { tag, content: contentOf(closed) };
    if (around === undefined) this.#root = made;
    else around.elements.push(made);
  }

  /** [MS-ASWBXML] 2.1.2: there are none; up to their end they are skipped. */
  #attributes(): void {
    for (;;) {
      const octet = this.#octet();
      if (octet === token.end) return;
      if (octet === token.switchPage) this.#octet();
      else if (octet === 4) this.#number();
      else this.#text(octet);
    }
  }

  #octet(): number {
    const octet = this.#octets[this.#at];
    if (octet === undefined) throw new Malformed('it ends too early');
    this.#at += 1;
    return octet;
  }

  /** mb_u_int32: seven bits an octet, the highest first. */
  #number(): number {
    let value = 0;
    for (let length = 1; ; length += 1) {
      const octet = this.#octet();
      value = value * 128 + (octet & 0x7f);
      if (octet < 0x80) break;
      if (length === 5) throw new Malformed('a number is too long');
    }
    if (value > 0xffff_ffff) throw new Malformed('a number is too large');
    return value;
  }

  #take(length: number): Buffer {
    const end = this.#at + length;
    if (end > this.#octets.length) throw new Malformed('it ends too early');
    const taken = this.#octets.subarray(this.#at, end);
    this.#at = end;
    return taken;
  }

  #terminated(): Buffer {
    const end = this.#octets.indexOf(0, this.#at);
    if (end < 0) throw new Malformed('a string does not end');
    const taken = this.#octets.subarray(this.#at, end);
    this.#at = end + 1;
    return taken;
  }

  #quoted(offset: number): Buffer {
    const end = this.#table.indexOf(0, offset);
    if (offset >= this.#table.length) throw new Malformed('no such string in the table');
    const quoted = this.#table.subarray(offset, end < 0 ? undefined : end);
    this.#quotable -= quoted.length;
    if (this.#quotable < 0) throw new Malformed('the string table is quoted too often');
    return quoted;
  }
}

/** Limit: the last code point of Unicode; surrogates and what is beyond is U+FFFD. */
function character(code: number): Buffer {
  const isCharacter = code > 0 && code <= 0x10ffff && !(code >= 0xd800 && code <= 0xdfff);
  return Buffer.from(isCharacter ? String.fromCodePoint(code) : '\ufffd');
}

/** Where there are elements, text between them means nothing. */
function contentOf({ elements, pieces, isOpaque }: Open): Content {
  if (elements.length > 0 || pieces.length === 0) return elements;
  const octets = pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces);
  return isOpaque ? octets : octets.toString();
}
