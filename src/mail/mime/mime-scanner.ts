// Finds the parts of a message in one pass over pieces of any size. It holds one header and one short
// line at a time, and the tree of parts it has found. On the way it can measure what the bodies
// are made of, which is what a conversion has to know (transfer-encoding.ts).

import type { HeaderField } from '../header/header.ts';
import { parseHeader } from '../header/header.ts';
import { HeaderBuffer } from '../header/header-buffer.ts';
import {
  emptyLineEnd,
  headerEnds,
  isFieldStart,
  isMboxLine,
  StrayLines,
  strayWithinBytes,
  undecided,
} from '../header/header-walk.ts';
import { continueUtf8, endsUtf8, lineBytesMax, measureLine } from './mime-measure.ts';
import type { ContentType, MimeFields, MimeLimits } from './mime-part.ts';
import { defaultTypes, isIdentityEncoding, readMimeFields } from './mime-part.ts';
import type { BoundaryLine, OpenPart, ScannedPart } from './open-part.ts';
import { newPart } from './open-part.ts';

export interface MimeScannerOptions extends MimeLimits {
  /** Whether to measure bodies, at the price of looking at every octet. */
  readonly measure?: boolean;
  /** Told the fields of each part's header, all of them, when it has ended. */
  readonly onHeader?: (fields: readonly HeaderField[]) => void;
}

const LF = 0x0a;
const CR = 0x0d;
const SP = 0x20;
const TAB = 0x09;
const DASH = 0x2d;

/** Limit: a line up to this length is seen in one piece; RFC 2046 §5.1.1 has boundaries of 70. */
const wholeLineBytes = 1024;

const nothing = new Uint8Array(0);

export class MimeScanner {
  readonly #options: MimeScannerOptions;
  readonly #open: OpenPart[] = [];
  readonly #boundaries = new Map<string, BoundaryLine>();
  readonly #header: HeaderBuffer;
  #inHeader = true;
  /** The header being read has a field already, so that white space can continue it. */
  #fieldSeen = false;
  #stray: StrayLines | undefined;
  /** Lines that are astray, until it is known whether the header goes on; #at is before them. */
  #held: Uint8Array = nothing;
  #parts = 0;
  #cutShort = false;
  /** Offset of the next octet that is looked at. */
  #at = 0;
  #lineFeeds = 0;
  /** Octets of the line end before #at: 0, 1 or 2. */
  #lineEnd = 0;
  #midLine = false;
  /** Octets of the line so far. */
  #lineLength = 0;
  /** The beginning of a line, or its last CR, kept until more is known. */
  #carry: Uint8Array = nothing;

  constructor(options: MimeScannerOptions) {
    this.#options = options;
    this.#header = new HeaderBuffer(options.headerBytesMax);
    this.#beginPart(defaultTypes.text);
  }

  /** Whether a limit kept it from looking into something. */
  get cutShort(): boolean {
    return this.#cutShort;
  }

  /** The bytes are not kept. */
  push(bytes: Uint8Array): void {
    let at = 0;
    while (at < bytes.length) {
      const newline = bytes.indexOf(LF, at);
      if (newline < 0) {
        this.#keepTail(bytes, at);
        return;
      }
      if (this.#carry.length > 0) {
        const line = join(this.#carry, bytes, at, newline + 1);
        this.#carry = nothing;
        this.#take(line, 0, line.length, true);
      } else {
        this.#take(bytes, at, newline + 1, true);
      }
      at = newline + 1;
    }
  }

  end(): ScannedPart {
    const last = this.#carry;
    this.#carry = nothing;
    if (last.length > 0) this.#take(last, 0, last.length, false);
    while (this.#held.length > 0) this.#release(headerEnds);
    // The header of a message inside may begin where the last octet ended.
    while (this.#inHeader) this.#endHeader(this.#at);
    while (this.#open.length > 1) this.#closePart(this.#at, this.#lineFeeds);
    return this.#closePart(this.#at, this.#lineFeeds);
  }

  #keepTail(bytes: Uint8Array, at: number): void {
    const tail = join(this.#carry, bytes, at, bytes.length);
    if (!this.#midLine && tail.length <= wholeLineBytes) {
      this.#carry = tail;
      return;
    }
    const end = tail.length - (tail[tail.length - 1] === CR ? 1 : 0);
    this.#carry = tail.subarray(end);
    if (end > 0) this.#take(tail, 0, end, false);
  }

  /** One line, or when it is long one piece of it. `ended`: the last octet is its LF. */
  #take(bytes: Uint8Array, start: number, end: number, ended: boolean): void {
    if (this.#held.length > 0 && this.#hold(bytes, start, end)) return;
    const offset = this.#at;
    const role = this.#roleOf(bytes, start, end, offset);
    if (role === 'astray') {
      this.#held = bytes.slice(start, end);
      return;
    }
    this.#at += end - start;
    if (role === 'header') this.#header.append(bytes, start, end, this.#lineLength);
    else if (role === 'body') this.#measure(bytes, start, end, ended);
    else this.#onBoundary(role, offset);
    const endsHeader = role === 'header' && !this.#midLine && emptyLineEnd(bytes, start) > 0;
    this.#midLine = !ended;
    this.#lineLength = ended ? 0 : this.#lineLength + (end - start);
    if (ended) this.#endLine(bytes, start, end);
    else this.#lineEnd = 0;
    if (endsHeader) this.#endHeader(this.#at);
  }

  #roleOf(bytes: Uint8Array, start: number, end: number, offset: number) {
    for (;;) {
      const boundary = this.#midLine ? undefined : this.#boundaryLine(bytes, start, end);
      if (boundary !== undefined) return boundary;
      if (!this.#inHeader) return 'body';
      if (this.#midLine || this.#isHeaderLine(bytes, start)) return 'header';
      if (this.#judge(bytes.subarray(start, end)) === undecided) return 'astray';
      // The header ends; then it may be a boundary, or begin another header.
      this.#endHeader(offset);
    }
  }

  #isHeaderLine(bytes: Uint8Array, at: number): boolean {
    if (emptyLineEnd(bytes, at) > 0) return true;
    if (bytes[at] === SP || bytes[at] === TAB) return this.#fieldSeen;
    if (isFieldStart(bytes, at)) {
      this.#fieldSeen = true;
      return true;
    }
    return this.#header.isEmpty && isMboxLine(bytes, at);
  }

  /** Whether the header goes on behind these lines, the first of which is astray. */
  #judge(lines: Uint8Array): number {
    if (this.#at - this.#open.at(-1)!.part.headerStart > strayWithinBytes) return headerEnds;
    const header = this.#header.bytes();
    this.#stray ??= new StrayLines();
    this.#stray.see(header, header.length);
    return this.#stray.look(lines, 0);
  }

  /** True if the line is held, too. */
  #hold(bytes: Uint8Array, start: number, end: number): boolean {
    while (this.#held.length > 0) {
      const lines = join(this.#held, bytes, start, end);
      const verdict = this.#judge(lines);
      if (verdict === undecided) {
        this.#held = lines;
        return true;
      }
      this.#release(verdict);
    }
    return false;
  }

  /** Takes the lines that were held: as such of the header, or once more behind its end. */
  #release(verdict: number): void {
    const lines = this.#held;
    this.#held = nothing;
    if (verdict === headerEnds) this.#endHeader(this.#at);
    for (let at = 0; at < lines.length; ) {
      const newline = lines.indexOf(LF, at);
      const end = newline < 0 ? lines.length : newline + 1;
      if (verdict === headerEnds) this.#take(lines, at, end, newline >= 0);
      else this.#takeStray(lines, at, end);
      at = end;
    }
  }

  #takeStray(lines: Uint8Array, start: number, end: number): void {
    this.#header.append(lines, start, end, 0);
    this.#at += end - start;
    this.#endLine(lines, start, end);
  }

  #endLine(bytes: Uint8Array, start: number, end: number): void {
    this.#lineEnd = end - start > 1 && bytes[end - 2] === CR ? 2 : 1;
    this.#lineFeeds += 1;
  }

  #beginPart(defaultType: ContentType): void {
    this.#open.push(newPart(this.#at, defaultType));
    this.#parts += 1;
    this.#inHeader = true;
    this.#fieldSeen = false;
    this.#stray = undefined;
    this.#header.clear();
  }

  #endHeader(bodyStart: number): void {
    const current = this.#open.at(-1)!;
    const { part, measure } = current;
    const header = this.#header.bytes();
    const fields = parseHeader(header, { bytesMax: this.#options.headerBytesMax });
    this.#cutShort ||= this.#header.isFull;
    this.#options.onHeader?.(fields);
    Object.assign(part, readMimeFields(fields, current.defaultType), { bodyStart });
    current.lineFeeds = this.#lineFeeds;
    current.signed = fields.some(isSignature);
    current.hasMimeVersion = fields.some((field) => field.lowerName === 'mime-version');
    measure.headerHas8Bit = this.#header.has8Bit;
    measure.headerHasLongLine = this.#header.hasLongLine;
    if (this.#options.measure === true && !part.typed) {
      current.utf8 = new TextDecoder('utf-8', { fatal: true });
    }
    this.#inHeader = false;
    const isMultipart = part.contentType.type === 'multipart';
    if (!isMultipart && !isMessage(part)) return;
    if (this.#open.length >= this.#options.depthMax) this.#cutShort = true;
    else if (isMultipart) this.#openMultipart(current);
    else if (this.#parts >= this.#options.partsMax) this.#cutShort = true;
    else {
      this.#beginPart(defaultTypes.text);
      this.#open.at(-1)!.part.headerStart = bodyStart;
    }
  }

  #openMultipart(current: OpenPart): void {
    const boundary = current.part.contentType.params.get('boundary')?.trimEnd() ?? '';
    if (boundary === '' || boundary.length > wholeLineBytes / 2) return;
    // Lines are compared octet by octet.
    const key = Buffer.from(boundary, 'utf8').toString('latin1');
    const lines = [key, `${key}--`];
    const index = this.#open.length - 1;
    current.boundary = key;
    current.shadowed = lines.map((line) => [line, this.#boundaries.get(line)] as const);
    for (const [i, line] of lines.entries()) this.#boundaries.set(line, { index, last: i === 1 });
  }

  #closeMultipart(current: OpenPart): void {
    if (current.boundary === undefined) return;
    current.boundary = undefined;
    for (const [line, meaning] of current.shadowed) {
      if (meaning === undefined) this.#boundaries.delete(line);
      else this.#boundaries.set(line, meaning);
    }
  }

  /**
   * RFC 2046 §5.1.1: delimiter := "--" boundary transport-padding CRLF, at the beginning of a line.
   * RFC 2046 §5.1.2: boundaries of all multiparts around are looked for, not only the innermost.
   * Deviation: the whole line is compared, not its beginning as the prose of §5.1.1 has it, so that
   * a boundary that begins with another one is not taken for it. The grammar allows no more.
   */
  #boundaryLine(bytes: Uint8Array, start: number, end: number): BoundaryLine | undefined {
    if (bytes[start] !== DASH || bytes[start + 1] !== DASH) return undefined;
    if (this.#boundaries.size === 0 || end - start > lineBytesMax + 2) return undefined;
    let to = end;
    while (to > start && isSpaceOrNewline(bytes[to - 1]!)) to -= 1;
    const text = Buffer.from(bytes.buffer, bytes.byteOffset + start, to - start);
    const found = this.#boundaries.get(text.toString('latin1', 2));
    // Limit: beyond so many parts, what follows belongs to the last one.
    if (found?.last !== false || this.#parts < this.#options.partsMax) return found;
    this.#cutShort = true;
    return undefined;
  }

  #onBoundary({ index, last }: BoundaryLine, offset: number): void {
    if (this.#inHeader) this.#endUnfinishedHeaders(offset);
    const bodyEnd = offset - this.#lineEnd;
    const lineFeeds = this.#lineFeeds - (this.#lineEnd > 0 ? 1 : 0);
    while (this.#open.length > index + 1) this.#closePart(bodyEnd, lineFeeds);
    const multipart = this.#open[index]!;
    if (last) {
      this.#closeMultipart(multipart);
    } else {
      const { subtype } = multipart.part.contentType;
      this.#beginPart(subtype === 'digest' ? defaultTypes.message : defaultTypes.text);
    }
  }

  /** A boundary came in the middle of a header: everything that waits for one has an empty body. */
  #endUnfinishedHeaders(offset: number): void {
    while (this.#inHeader) this.#endHeader(offset);
  }

  #closePart(end: number, lineFeeds: number): ScannedPart {
    const current = this.#open.pop()!;
    const { part, measure, inside, signed, hasMimeVersion } = current;
    this.#closeMultipart(current);
    part.bodyEnd = Math.max(end, part.bodyStart);
    part.lines = Math.max(lineFeeds - current.lineFeeds, 0);
    measure.isUtf8 = endsUtf8(current.utf8);
    const scanned = { part, measure, signed, hasMimeVersion, inside };
    const parent = this.#open.at(-1);
    if (parent === undefined) return scanned;
    parent.inside.push(scanned);
    if (parent.part.contentType.type === 'multipart') parent.part.children.push(part);
    else parent.part.message = part;
    return scanned;
  }

  #measure(bytes: Uint8Array, start: number, end: number, ended: boolean): void {
    if (this.#options.measure !== true) return;
    const current = this.#open.at(-1)!;
    const { measure } = current;
    measureLine(measure, bytes, { start, end, ended, lineLength: this.#lineLength });
    if (measure.eightBit > 0 && current.utf8 !== undefined)
      current.utf8 = continueUtf8(current.utf8, bytes.subarray(start, end));
  }
}

/** RFC 2046 §5.2.1, RFC 6532 §3.7. Encoded messages are opaque. */
const isMessage = ({ contentType: { type, subtype }, encoding }: MimeFields): boolean =>
  type === 'message' &&
  (subtype === 'rfc822' || subtype === 'global') &&
  isIdentityEncoding(encoding);

const signatures = new Set(['dkim-signature', 'arc-message-signature', 'domainkey-signature']);
const isSignature = ({ lowerName }: HeaderField): boolean => signatures.has(lowerName);

const isSpaceOrNewline = (octet: number): boolean =>
  octet === SP || octet === TAB || octet === CR || octet === LF;

function join(head: Uint8Array, bytes: Uint8Array, start: number, end: number): Uint8Array {
  const joined = new Uint8Array(head.length + end - start);
  joined.set(head);
  joined.set(bytes.subarray(start, end), head.length);
  return joined;
}
