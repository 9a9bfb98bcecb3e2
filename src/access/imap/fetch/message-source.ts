// What FETCH reads of one message: digest, header, sections, decoded parts. Small messages are in
// memory; of large ones (content without bytes) the structure is found in one pass and ranges are
// read when they are sent. RFC 9051 §6.4.5, RFC 3516.

import type { Partial, Section } from '../../../imap/command.ts';
import {
  finishSection,
  type LocatedSection,
  locateBinary,
  locateInMessage,
  locateSection,
  needsParts,
  rangeToRead,
} from '../../../imap/section.ts';
import type { MessageDigest } from '../../../mail/digest/digest.ts';
import { findHeaderEnd, headerBytesMax } from '../../../mail/header/header.ts';
import { parseMime } from '../../../mail/mime/mime.ts';
import { type MimePart, mimeLimits } from '../../../mail/mime/mime-part.ts';
import { MimeScanner } from '../../../mail/mime/mime-scanner.ts';
import { type Content, ContentError } from '../../../store/content.ts';
import { decodePieces } from './part-decoder.ts';
import { gather, measure, type Pieces, piecesOf, sliceOf, withCrlf } from './pieces.ts';

/** Limit: octets of a header in which fields are looked for, when not all of them are to be sent. */
const selectBytesMax = 8 * 2 ** 20;

/** There is more of it in the message. */
export const isCut = (header: Uint8Array): boolean => header.length >= headerBytesMax;

/** Octets to send, whose number is known before. */
export interface Literal {
  readonly octets: number;
  readonly hasNul: boolean;
  readonly bytes: Uint8Array | undefined;
  /** Where there are no bytes. */
  readonly pieces: () => Pieces;
}

/** 'unknown-encoding': RFC 3516 §4.3. Undefined: there is no such section. */
export type Decoded = Literal | 'unknown-encoding' | undefined;

/** The structure of a message, once it is known. */
export interface KnownStructure {
  root: MimePart | undefined;
}

export interface MessageParts {
  readonly size: number;
  readonly digest: MessageDigest | undefined;
  /** The header, where it is all that is needed, or where the content is large. */
  readonly header: Uint8Array | undefined;
  readonly content: Content | undefined;
  /** Where the structure of a large message is kept for the next command. */
  readonly structure?: KnownStructure | undefined;
}

export class MessageSource {
  readonly #parts: MessageParts;
  readonly #known: KnownStructure;

  constructor(parts: MessageParts) {
    this.#parts = parts;
    this.#known = parts.structure ?? { root: undefined };
  }

  get digest(): MessageDigest | undefined {
    return this.#parts.digest;
  }

  /** Whether there is content to be shown, as far as can be told without reading it. */
  async isReadable(): Promise<boolean> {
    try {
      await this.#parts.content?.check?.();
      return true;
    } catch (error) {
      if (error instanceof ContentError) return false;
      throw error;
    }
  }

  /** @throws ContentError, before anything was said of it */
  async section(section: Section, partial: Partial | undefined): Promise<Literal | undefined> {
    const located = await this.#locate(section);
    if (located === undefined) return undefined;
    const { header, content } = this.#parts;
    const range = rangeToRead(located, partial);
    if (content === undefined || (header !== undefined && range.end <= header.length)) {
      const octets = header!.subarray(range.start, range.end);
      return literalOf(finishSection(octets, located, partial));
    }
    if (content.bytes !== undefined) {
      const octets = content.bytes.subarray(range.start, range.end);
      return literalOf(finishSection(octets, located, partial));
    }
    if (located.select !== undefined) {
      const some = { start: range.start, end: Math.min(range.end, range.start + selectBytesMax) };
      return literalOf(finishSection(await gather(piecesOf(content, some)), located, partial));
    }
    await content.check?.();
    const octets = range.end - range.start;
    return { octets, hasNul: false, bytes: undefined, pieces: () => piecesOf(content, range) };
  }

  /** RFC 3516 §4.2: decoded. */
  async binary(part: readonly number[], partial: Partial | undefined): Promise<Decoded> {
    const { content } = this.#parts;
    if (content === undefined) return undefined;
    const located = locateBinary(await this.#structure(content), part);
    if (located === undefined) return undefined;
    const pieces = (): Pieces | undefined => {
      const decoded = decodePieces(piecesOf(content, located), located.encoding);
      return decoded && located.isText ? withCrlf(decoded) : decoded;
    };
    const decoded = pieces();
    if (decoded === undefined) return 'unknown-encoding';
    const cut = (whole: Pieces) =>
      partial === undefined ? whole : sliceOf(whole, partial.offset, partial.length);
    if (content.bytes !== undefined) return literalOf(await gather(cut(decoded)));
    const measured = await measure(cut(decoded));
    return { ...measured, bytes: undefined, pieces: () => cut(pieces()!) };
  }

  async #locate(section: Section): Promise<LocatedSection | undefined> {
    const { content, size } = this.#parts;
    if (needsParts(section))
      return content && locateSection(await this.#structure(content), section);
    if (section.text === undefined) return { start: 0, end: size, select: undefined };
    const bodyStart = await this.#bodyStart();
    return locateInMessage({ headerStart: 0, bodyStart, bodyEnd: size }, section);
  }

  async #bodyStart(): Promise<number> {
    const { header, content } = this.#parts;
    if (header === undefined) return (content?.bytes && findHeaderEnd(content.bytes)) ?? 0;
    if (content === undefined || !isCut(header)) return header.length;
    return (await this.#structure(content)).bodyStart;
  }

  async #structure(content: Content): Promise<MimePart> {
    this.#known.root ??= content.bytes ? parseMime(content.bytes) : await scan(content);
    return this.#known.root;
  }
}

function literalOf(bytes: Uint8Array): Literal {
  return {
    octets: bytes.length,
    hasNul: bytes.includes(0),
    bytes,
    pieces: async function* () {
      yield bytes;
    },
  };
}

async function scan(content: Content): Promise<MimePart> {
  const scanner = new MimeScanner(mimeLimits);
  for await (const piece of content.read()) scanner.push(piece);
  return scanner.end().part;
}
