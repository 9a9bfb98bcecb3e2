// The names of the files in a message, as any reader may take them: programs differ in what they make of fields and
// parameters that are there twice, of names that are written against the grammar, and of what is around them, and
// whoever wants a name not to be seen knows that. RFC 2045, 2183, 2231. Where readers would not even agree on what the
// parts are, or there is more than is looked at, that is told instead of names.

import type { SharedRoom } from '../../base/shared-room.ts';
import { decodeEncodedWords } from '../../mail/fields/encoded-word.ts';
import { parseParameterised } from '../../mail/fields/parameters.ts';
import type { HeaderField } from '../../mail/header/header.ts';
import type { MimePart } from '../../mail/mime/mime-part.ts';
import { isIdentityEncoding, mimeLimits } from '../../mail/mime/mime-part.ts';
import { MimeScanner } from '../../mail/mime/mime-scanner.ts';
import { decodeTransferEncoding } from '../../mail/mime/transfer-decoding.ts';
import type { Content } from '../../store/content.ts';
import { asRead, bothEnds } from './text-as-read.ts';
import { UuencodedNames } from './uuencoded-names.ts';

export interface AttachmentNames {
  readonly names: readonly string[];
  /** Why there may be others. */
  readonly unclear: string | undefined;
}

/** Limit: names that are looked at. */
const namesMax = 10_000;
const tooManyNames = 'more names than are looked at';
/** Limit: characters of the fields of one part. */
const fieldsMax = 2 ** 16;
/** Limit: octets of a message that is encoded, which is decoded in memory. */
const encodedMax = 16 * 2 ** 20;
/** Limit: characters of a name: as many at its beginning, and at its end. */
const nameMax = 1_000;
/** Limit: messages that are encoded in messages that are encoded. */
const encodedDepthMax = 10;

/** Limit: octets of all encoded messages that are decoded at a time; many clients may send one at once. */
export const decodedAtOnceMax = 2 * encodedMax;

/** Without a promise where the content is in memory. `room`: of decodedAtOnceMax, for all that are looked at. */
export function attachmentNames(
  content: Content,
  room: Pick<SharedRoom, 'take'>,
): AttachmentNames | Promise<AttachmentNames> {
  const reader = new NameReader();
  if (content.bytes !== undefined) return reader.read(content.bytes, 0);
  return reader.readPieces(content, room);
}

class NameReader {
  readonly #names = new Set<string>();
  #unclear: string | undefined;

  read(bytes: Uint8Array, depth: number): AttachmentNames {
    const scanner = this.#scanner();
    scanner.push(bytes);
    const inText = this.#inText();
    inText.push(bytes);
    inText.end();
    for (const part of this.#end(scanner))
      this.#enclosed(bytes.subarray(part.bodyStart, part.bodyEnd), part, depth);
    return this.#found();
  }

  async readPieces(content: Content, room: Pick<SharedRoom, 'take'>): Promise<AttachmentNames> {
    const scanner = this.#scanner();
    const inText = this.#inText();
    for await (const piece of content.read()) {
      scanner.push(piece);
      inText.push(piece);
    }
    inText.end();
    for (const part of this.#end(scanner)) {
      const octets = part.bodyEnd - part.bodyStart;
      if (octets > encodedMax) {
        this.#unclear ??= 'an encoded message larger than is looked at';
        continue;
      }
      const giveBack = await room.take(octets);
      try {
        this.#enclosed(await bodyOf(part, content), part, 0);
      } finally {
        giveBack();
      }
    }
    return this.#found();
  }

  #scanner(): MimeScanner {
    return new MimeScanner({ ...mimeLimits, onHeader: (fields) => this.#look(fields) });
  }

  #inText(): UuencodedNames {
    const seen = new Set<string>();
    return new UuencodedNames((name) => {
      if (seen.has(name)) return;
      if (seen.size >= namesMax) {
        this.#unclear ??= tooManyNames;
        return;
      }
      seen.add(name);
      for (const one of spellings(name)) this.#add(one);
    });
  }

  #add(name: string): void {
    if (this.#names.size < namesMax) this.#names.add(name);
  }

  #end(scanner: MimeScanner): readonly MimePart[] {
    const { part } = scanner.end();
    if (scanner.cutShort) this.#unclear ??= 'more parts than are looked at';
    return encodedMessages(part);
  }

  /** Field: programs encode messages that are attached, RFC 2046 §5.2.1 or not, and others decode them. */
  #enclosed(body: Uint8Array, { encoding }: MimePart, depth: number): void {
    const decoded = decodeTransferEncoding(body, encoding);
    if (decoded === undefined) return;
    if (depth >= encodedDepthMax) this.#unclear ??= 'more parts than are looked at';
    else this.read(decoded, depth + 1);
  }

  #look(fields: readonly HeaderField[]): void {
    const structures = new Set<string>();
    let left = fieldsMax;
    for (const { lowerName, value } of fields) {
      const isType = lowerName === 'content-type';
      if (!isType && lowerName !== 'content-disposition') continue;
      left -= value.length;
      if (left < 0) {
        this.#unclear ??= 'fields longer than are looked at';
        return;
      }
      for (const name of namesIn(value)) this.#add(name);
      if (isType) for (const one of structuresIn(value)) structures.add(one);
    }
    if (structures.size > 1) this.#unclear ??= 'parts that can be told in more than one way';
  }

  #found(): AttachmentNames {
    if (this.#names.size >= namesMax) this.#unclear ??= tooManyNames;
    return { names: [...this.#names], unclear: this.#unclear };
  }
}

const isNameOfFile = /^(?:file)?name(\*.*)?$/i;
/** Field: without the ";" in front, which programs forgive. */
const strayName = /[\s;,"'](?:file)?name\s*=\s*("[^"]*"|[^\s;]+)/gi;

/** Each name that can be read out of a field, in each of the ways. */
function* namesIn(field: string): Generator<string> {
  const { params, rawParams } = parseParameterised(field);
  const written = rawParams.filter(({ name }) => isNameOfFile.test(name));
  if (written.length === 0 && !/name\s*=/i.test(field)) return;
  const names = [
    ...[params.get('filename'), params.get('name')],
    // Whichever of them a reader takes, and all of them in a row.
    ...written.flatMap(({ value }) => [value, percentDecoded(value)]),
    written.map(({ value }) => percentDecoded(value)).join(''),
    ...field.matchAll(strayName).map(([, value]) => value),
  ];
  for (const name of names) {
    if (name === undefined) continue;
    yield* spellings(decodeEncodedWords(name));
  }
}

function* spellings(name: string): Generator<string> {
  const text = bothEnds(name, nameMax);
  yield text;
  yield fileName(text);
  yield fileName(text.replace(/\([^()]*\)|\s+/g, ''));
}

/** RFC 2231 §4, by its octets: what rules are about is ASCII mostly. */
const percentDecoded = (value: string): string =>
  value
    .replace(/^[^']{0,40}'[^']{0,40}'/, '')
    .replace(/%([0-9a-f]{2})/gi, (_, octet) => String.fromCharCode(Number.parseInt(octet, 16)));

/** As a file system has it: quotes are none of its own, and dots and blanks at its end are taken off. */
const fileName = (text: string): string => {
  const shown = asRead(text).replace(/^["'\s]+/, '');
  let end = shown.length;
  while (end > 0 && /[\s."']/.test(shown[end - 1]!)) end -= 1;
  return shown.slice(0, end);
};

/** What a Content-Type makes of its part: each boundary it names, or that it has no parts. */
function structuresIn(field: string): readonly string[] {
  const { value, params, rawParams } = parseParameterised(field);
  const [type = ''] = value.toLowerCase().split('/', 1);
  if (type.trim() !== 'multipart') return [type.trim() === 'message' ? 'message' : 'a leaf'];
  const boundaries = rawParams.filter(({ name }) => name.toLowerCase() === 'boundary');
  const all = [params.get('boundary') ?? '', ...boundaries.map((one) => one.value)];
  return all.map((boundary) => `multipart ${boundary.trim()}`);
}

/** Recursion is as deep as MimeLimits.depthMax. */
function encodedMessages(part: MimePart, found: MimePart[] = []): readonly MimePart[] {
  const { contentType, encoding, children, message } = part;
  if (contentType.type === 'message' && !isIdentityEncoding(encoding)) found.push(part);
  for (const child of children) encodedMessages(child, found);
  if (message !== undefined) encodedMessages(message, found);
  return found;
}

async function bodyOf({ bodyStart, bodyEnd }: MimePart, content: Content): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  let left = bodyEnd - bodyStart;
  for await (const piece of content.read({ from: bodyStart })) {
    pieces.push(piece.subarray(0, left));
    left -= piece.length;
    if (left <= 0) break;
  }
  return Buffer.concat(pieces);
}
