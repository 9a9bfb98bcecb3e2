// BODY and BODYSTRUCTURE: RFC 9051 §7.5.2. Text that was read from header fields goes out as UTF-8.

import type { BodyPart } from '../mail/digest/digest.ts';
import { emptyEnvelope } from '../mail/fields/envelope.ts';
import type { Parameter } from '../mail/fields/parameters.ts';
import { formatEnvelope } from './envelope.ts';
import { wireText, wireWord } from './wire-string.ts';

export const formatBodyStructure = (part: BodyPart): string => format(part, true);

/** BODY: the same without extension data. */
export const formatBody = (part: BodyPart): string => format(part, false);

/** Recursion is as deep as MimeLimits.depthMax. `extended`: with extension data. */
const format = (part: BodyPart, extended: boolean): string =>
  part.type === 'multipart' ? multipart(part, extended) : single(part, extended);

function multipart(part: BodyPart, extended: boolean): string {
  let children = '';
  for (const child of part.children) children += format(child, extended);
  if (part.children.length === 0) children = bareText(part, extended);
  const body = `${children} ${wireWord(part.subtype)}`;
  return extended ? `(${body} ${params(part.params)} ${extension(part)})` : `(${body})`;
}

/**
 * RFC 9051 §9: a multipart has at least one part. Where no boundary was found, all that there is
 * shows as one part of text, so that somebody can read it.
 */
const bareText = ({ bodyStart, bodyEnd, lines }: BodyPart, extended: boolean): string =>
  plainText(bodyEnd - bodyStart, lines, extended);

const plainText = (size: number, lines: number, extended: boolean): string =>
  `("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" ${size} ${lines}${extended ? ' NIL NIL NIL NIL' : ''})`;

function single(part: BodyPart, extended: boolean): string {
  const { type, subtype, bodyStart, bodyEnd, lines } = part;
  const shown = type === 'text' ? textParams(part) : params(part.params);
  let body = `${wireWord(type)} ${wireWord(subtype)} ${shown} ${nstring(part.id)} ${nstring(part.description)} ${wireWord(part.encoding)} ${bodyEnd - bodyStart}`;
  if (type === 'text') body += ` ${lines}`;
  if (type === 'message' && (subtype === 'rfc822' || subtype === 'global'))
    body += ` ${inside(part, extended)} ${lines}`;
  return extended ? `(${body} ${nstring(part.md5)} ${extension(part)})` : `(${body})`;
}

/** A message that is encoded (which RFC 2046 §5.2.1 forbids) or too deep is not looked into. */
function inside({ message }: BodyPart, extended: boolean): string {
  if (message === undefined) return `${formatEnvelope(emptyEnvelope)} ${plainText(0, 0, extended)}`;
  return `${formatEnvelope(message.envelope)} ${format(message.body, extended)}`;
}

/** Disposition, language, location: of every kind of part. */
function extension({ disposition, language, location }: BodyPart): string {
  if (disposition === undefined && language.length === 0 && location === undefined)
    return 'NIL NIL NIL';
  const shown =
    disposition === undefined || (disposition.value === '' && disposition.params.length === 0)
      ? 'NIL'
      : `(${wireWord(disposition.value)} ${params(disposition.params)})`;
  const languages = language.length === 0 ? 'NIL' : `(${language.map(wireText).join(' ')})`;
  return `${shown} ${languages} ${nstring(location)}`;
}

/** RFC 2045 §5.2: text without a charset is US-ASCII. */
function textParams(part: BodyPart): string {
  const shown = params(part.params);
  if (part.charset !== undefined) return shown;
  const charset = '"charset" "us-ascii"';
  return shown === 'NIL' ? `(${charset})` : `${shown.slice(0, -1)} ${charset})`;
}

function params(list: readonly Parameter[]): string {
  if (list.length === 0) return 'NIL';
  let pairs = '';
  for (const { name, value } of list)
    pairs += `${pairs === '' ? '(' : ' '}${wireWord(name)} ${wireText(value)}`;
  return `${pairs})`;
}

const nstring = (text: string | undefined): string => (text === undefined ? 'NIL' : wireText(text));
