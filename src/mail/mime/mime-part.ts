// One part of a message, and what its header says of it. RFC 2045 and what extends its fields: 2183,
// 2231, 2557, 1864, 3282. Reading is total: a field that cannot be read counts as absent.

import { decodeEncodedWords } from '../fields/encoded-word.ts';
import { type Parameterised, parseParameterised } from '../fields/parameters.ts';
import type { HeaderField } from '../header/header.ts';

export interface ContentType {
  /** In lower case. */
  readonly type: string;
  readonly subtype: string;
  readonly params: Parameterised['params'];
  readonly rawParams: Parameterised['rawParams'];
}

export interface MimePart {
  /** Offsets into the whole message. The header is headerStart to bodyStart, empty line included. */
  readonly headerStart: number;
  readonly bodyStart: number;
  /** The line end before a boundary belongs to the boundary. RFC 2046 §5.1.1. */
  readonly bodyEnd: number;
  /** Line ends in the body: what IMAP calls its size in text lines. */
  readonly lines: number;
  /** Of the field, or the default where there is none that can be read. */
  readonly contentType: ContentType;
  /** Whether there was a Content-Type field that can be read. */
  readonly typed: boolean;
  /** In lower case; '7bit' where there is no field. May be a word nobody knows. */
  readonly encoding: string;
  readonly disposition: Parameterised | undefined;
  readonly id: string | undefined;
  readonly description: string | undefined;
  readonly md5: string | undefined;
  readonly location: string | undefined;
  readonly language: readonly string[];
  /** Of a multipart; empty when no boundary line of it was found. */
  readonly children: readonly MimePart[];
  /** Of message/rfc822 and message/global: the message inside, unless it is encoded. */
  readonly message: MimePart | undefined;
}

/** What the sender calls it: of the disposition, or else of the type; a name that is empty is none. RFC 2183 §2.3. */
export function fileNameOf({
  contentType,
  disposition,
}: Pick<MimePart, 'contentType' | 'disposition'>): string | undefined {
  for (const written of [disposition?.params.get('filename'), contentType.params.get('name')]) {
    const name = decodeEncodedWords(written ?? '');
    if (name.trim() !== '') return name;
  }
  return undefined;
}

export interface MimeLimits {
  /** How deep parts and messages are looked into. */
  readonly depthMax: number;
  readonly partsMax: number;
  /** Octets read of each part's header. */
  readonly headerBytesMax: number;
}

export const mimeLimits: MimeLimits = {
  depthMax: 100,
  partsMax: 10_000,
  headerBytesMax: 2 ** 20,
};

/** A part's fields as far as MIME has a use for them. */
export type MimeFields = Pick<
  MimePart,
  | 'contentType'
  | 'typed'
  | 'encoding'
  | 'disposition'
  | 'id'
  | 'description'
  | 'md5'
  | 'location'
  | 'language'
>;

const noParams = { params: new Map<string, string>(), rawParams: [] };

/** RFC 2045 §5.2, and RFC 2046 §5.1.5 for the parts of a digest. */
export const defaultTypes = {
  text: { type: 'text', subtype: 'plain', ...noParams },
  message: { type: 'message', subtype: 'rfc822', ...noParams },
} as const satisfies Record<string, ContentType>;

/** The first field of a name counts. */
export function readMimeFields(
  fields: readonly HeaderField[],
  defaultType: ContentType,
): MimeFields {
  const values = new Map<string, string>();
  for (const { lowerName, value } of fields) {
    if (lowerName.startsWith('content-') && !values.has(lowerName)) values.set(lowerName, value);
  }
  const typeField = values.get('content-type');
  const contentType = typeField === undefined ? undefined : readContentType(typeField);
  const encoding = values.get('content-transfer-encoding');
  const disposition = values.get('content-disposition');
  const language = values.get('content-language');
  return {
    contentType: contentType ?? defaultType,
    typed: contentType !== undefined,
    encoding: encoding === undefined ? '7bit' : readEncoding(encoding),
    disposition: disposition === undefined ? undefined : parseParameterised(disposition),
    id: values.get('content-id'),
    description: values.get('content-description'),
    md5: values.get('content-md5'),
    location: values.get('content-location'),
    language: language === undefined ? [] : readLanguages(language),
  };
}

// RFC 2045 §5.1: content := "Content-Type" ":" type "/" subtype *(";" parameter)
const mediaType = /^([!#$%&'*+.^_`{|}~0-9a-z-]+)\s*\/\s*([!#$%&'*+.^_`{|}~0-9a-z-]+)\s*$/;

function readContentType(field: string): ContentType | undefined {
  const { value, params, rawParams } = parseParameterised(field);
  const match = mediaType.exec(value.toLowerCase());
  if (match === null) return undefined;
  return { type: match[1]!, subtype: match[2]!, params, rawParams };
}

/** RFC 2045 §6.1: one token, in any case. */
function readEncoding(field: string): string {
  return parseParameterised(field).value.toLowerCase() || '7bit';
}

/** RFC 3282 §2: a list of language tags. */
const readLanguages = (field: string): readonly string[] =>
  parseParameterised(field)
    .value.split(',', 100)
    .map((tag) => tag.trim())
    .filter((tag) => tag !== '');

/** RFC 2045 §6.2: these change nothing. Field: how else they are written. */
const identities = new Set(['7bit', '8bit', 'binary', '7-bit', '8-bit', '7 bit', '8 bit', 'none']);

export const isIdentityEncoding = (encoding: string): boolean => identities.has(encoding);
