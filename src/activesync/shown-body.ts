// What a device is shown of a message's body: of the forms that it asked for the one that is nearest to what was sent,
// no longer than it asked for. [MS-ASAIRS] 2.2.2.9 (Body), 3.2.5.2. Total; bounded by what is asked for.

import { isUtf8 } from 'node:buffer';
import { decodeCharset } from '../mail/charset/charset.ts';
import type { BodyPart } from '../mail/digest/digest.ts';
import { leafParts } from '../mail/digest/leaf-parts.ts';
import { decodeTransferEncoding } from '../mail/mime/transfer-decoding.ts';
import { htmlText } from '../mail/text/html-text.ts';
import type { BodyPreference, ItemShape } from './sync-options.ts';
import { bodyType } from './sync-options.ts';
import type { Element } from './wbxml/element.ts';
import { element } from './wbxml/element.ts';

/** Limit: octets of text of one part that are decoded. */
const textBytesMax = 8 * 2 ** 20;

/** As much as a phone shows without asking, of those that say nothing of bodies. */
const withoutPreference: BodyPreference = {
  ...{ type: bodyType.plain, truncation: 32 * 2 ** 10, allOrNone: false, preview: 0 },
};

export interface ShownSource {
  readonly body: BodyPart;
  readonly preview: string;
  /** All of the message. */
  readonly message: Uint8Array;
}

/** AirSyncBase:Body and AirSyncBase:BodyPart, as far as they are asked for, and of what type it was sent. */
export function shownBody(source: ShownSource, shape: ItemShape): readonly Element[] {
  const { texts, native } = textsOf(source);
  const { bodies, parts } = shape;
  // Whoever asks for parts alone has no use for the same text twice.
  const body =
    bodies.length === 0 && parts.length > 0 ? undefined : chosen(source.body, native, shape);
  return [
    ...(body === undefined
      ? []
      : [element('AirSyncBase:Body', propertiesOf(source, texts, body).properties)]),
    ...parts.map((part) => shownPart(source, texts, part)),
    element('AirSyncBase:NativeBodyType', native),
  ];
}

/** [MS-ASAIRS] 2.2.2.37: shown; it is too large, or there is none of that type. */
const partStatus = { ok: '1', none: '176' } as const;

/** [MS-ASAIRS] 2.2.2.10. What it quotes of others belongs to it, as whoever wrote it has sent it. */
function shownPart(source: ShownSource, texts: Texts, part: BodyPreference): Element {
  const isText = part.type === bodyType.plain || part.type === bodyType.html;
  const shown = isText ? propertiesOf(source, texts, part) : undefined;
  const isLeftOut = shown === undefined || (shown.truncated && part.allOrNone);
  return element('AirSyncBase:BodyPart', [
    element('AirSyncBase:Status', isLeftOut ? partStatus.none : partStatus.ok),
    ...(shown?.properties ?? [
      element('AirSyncBase:Type', part.type),
      element('AirSyncBase:EstimatedDataSize', 0),
    ]),
  ]);
}

/** What Body and BodyPart have in common, in the order of [MS-ASAIRS] 2.2.2.10. */
function propertiesOf({ preview, message }: ShownSource, texts: Texts, wanted: BodyPreference) {
  const whole = contentFor(wanted.type, texts, message);
  const octets = Buffer.byteLength(whole);
  const { data, truncated } = cut(whole, octets, wanted);
  const properties = [
    element('AirSyncBase:Type', wanted.type),
    element('AirSyncBase:EstimatedDataSize', octets),
    truncated ? element('AirSyncBase:Truncated', '1') : undefined,
    data.length === 0 ? undefined : element('AirSyncBase:Data', data),
    wanted.preview > 0 && preview !== ''
      ? element('AirSyncBase:Preview', characters(preview, wanted.preview))
      : undefined,
  ];
  return { properties, truncated };
}

interface Texts {
  readonly plain: string | undefined;
  readonly html: string | undefined;
}

function textsOf({ body, message }: ShownSource): { texts: Texts; native: number } {
  const read = leafParts(body).filter(({ kind }) => kind === 'text');
  const text = (wanted: (subtype: string) => boolean) => {
    const found = read.filter(({ part }) => wanted(part.subtype));
    return found.length === 0
      ? undefined
      : found.map(({ part }) => decoded(message, part)).join('\n');
  };
  const html = text((subtype) => subtype === 'html');
  const plain = text((subtype) => subtype !== 'html');
  return { texts: { plain, html }, native: html === undefined ? bodyType.plain : bodyType.html };
}

function decoded(message: Uint8Array, { bodyStart, bodyEnd, encoding, charset }: BodyPart): string {
  const body = message.subarray(bodyStart, Math.min(bodyEnd, bodyStart + textBytesMax));
  return decodeCharset(decodeTransferEncoding(body, encoding) ?? body, charset ?? '');
}

/** [MS-ASCMD] 2.2.3.110: MIME for what is signed or encrypted, or for all. */
function chosen(
  body: BodyPart,
  native: number,
  { bodies, mimeSupport }: ItemShape,
): BodyPreference {
  const of = (type: number) => bodies.find((each) => each.type === type);
  const mime = of(bodyType.mime);
  const wantsMime = mimeSupport === 2 || (mimeSupport === 1 && isSecured(body));
  if (mime !== undefined && (wantsMime || bodies.length === 1)) return mime;
  const other = native === bodyType.html ? bodyType.plain : bodyType.html;
  return of(native) ?? of(other) ?? withoutPreference;
}

/** RFC 8551: signed or encrypted. */
export const isSecured = ({ type, subtype }: BodyPart): boolean =>
  (type === 'multipart' && subtype === 'signed') ||
  (type === 'application' && /^(?:x-)?pkcs7-mime$/.test(subtype));

function contentFor(
  type: number,
  { plain, html }: Texts,
  message: Uint8Array,
): string | Uint8Array {
  if (type === bodyType.mime) return isUtf8(message) ? Buffer.from(message).toString() : message;
  if (type === bodyType.html) return html ?? asHtml(plain ?? '');
  return plain ?? htmlText(html ?? '');
}

const asHtml = (text: string): string =>
  `<html><body>${text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replace(/\r?\n/g, '<br>\r\n')}</body></html>`;

function cut(
  whole: string | Uint8Array,
  octets: number,
  { truncation, allOrNone }: BodyPreference,
): { readonly data: string | Uint8Array; readonly truncated: boolean } {
  if (truncation === undefined || octets <= truncation) return { data: whole, truncated: false };
  if (allOrNone) return { data: '', truncated: true };
  if (typeof whole !== 'string') return { data: whole.subarray(0, truncation), truncated: true };
  return { data: octetsOfText(whole, truncation), truncated: true };
}

/** As many whole characters as fit. */
function octetsOfText(text: string, octets: number): string {
  const start = Buffer.from(text.slice(0, octets));
  let end = Math.min(octets, start.length);
  while (end > 0 && (start[end]! & 0xc0) === 0x80) end -= 1;
  return start.toString('utf8', 0, end);
}

const characters = (text: string, count: number): string => [...text].slice(0, count).join('');
