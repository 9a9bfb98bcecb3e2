// A message in short, as everything that lists and shows messages needs it: its envelope, the tree of its
// parts, its first words. Parsed, and without the message itself; kept beside it (store/digest-text.ts).
// Each protocol makes of it what it says: IMAP ENVELOPE and BODYSTRUCTURE (imap/envelope.ts,
// imap/body-structure.ts). Total: any octets have a digest. Bounded by the limits of what it is made of.

import { type Envelope, EnvelopeFields, emptyEnvelope } from '../fields/envelope.ts';
import { joinContinuations } from '../fields/parameter-list.ts';
import type { Parameter, Parameterised } from '../fields/parameters.ts';
import { mailboxesOf } from '../fields/structured.ts';
import { fileNameOf, type MimePart } from '../mime/mime-part.ts';
import type { TextPart } from '../text/body-text.ts';
import { previewOf } from '../text/preview.ts';

export interface MessageDigest extends DigestedMessage {
  /** At most 200 characters; '' where there is no text. RFC 8970 §3. */
  readonly preview: string;
}

/** A message, or one inside of it. */
export interface DigestedMessage {
  readonly envelope: Envelope;
  readonly body: BodyPart;
}

export interface BodyPart {
  /** In lower case. */
  readonly type: string;
  readonly subtype: string;
  /** As written, with the pieces of RFC 2231 put together: parameter-list.ts. */
  readonly params: readonly Parameter[];
  /** The charset parameter, decoded; undefined where there is none. */
  readonly charset: string | undefined;
  /** The name of the file, decoded; undefined where there is none. RFC 8621 §4.1.4. */
  readonly name: string | undefined;
  readonly id: string | undefined;
  readonly description: string | undefined;
  /** In lower case; '7bit' where there is no field. */
  readonly encoding: string;
  readonly md5: string | undefined;
  readonly disposition: BodyDisposition | undefined;
  readonly language: readonly string[];
  readonly location: string | undefined;
  /** To be offered as a file rather than shown. */
  readonly isAttachment: boolean;
  /** Offsets into the whole message. The header is headerStart to bodyStart, empty line included. */
  readonly headerStart: number;
  readonly bodyStart: number;
  readonly bodyEnd: number;
  /** Line ends in the body. */
  readonly lines: number;
  /** Of a multipart; empty when no boundary line of it was found. */
  readonly children: readonly BodyPart[];
  /** Of message/rfc822 and message/global, unless it could not be looked into. */
  readonly message: DigestedMessage | undefined;
}

export interface BodyDisposition {
  /** As written. */
  readonly value: string;
  readonly params: readonly Parameter[];
}

/** Limit: characters of parameters, descriptions and the like; beyond, they are left out. */
const textMax = 4 * 2 ** 20;

export interface DigestSource {
  readonly message: Uint8Array;
  /** parseMime() of it. */
  readonly root: MimePart;
  /** Of its header. */
  readonly fields: EnvelopeFields;
  /** bodyText() of it. */
  readonly texts: readonly TextPart[];
}

export function digestOf({ message, root, fields, texts }: DigestSource): MessageDigest {
  return {
    envelope: fields.envelope(),
    body: new PartReader(message).part(root, undefined),
    preview: previewOf(texts),
  };
}

/** RFC 8621 §4.1.4, hasAttachment. */
export const hasAttachment = (part: BodyPart): boolean =>
  part.isAttachment || part.children.some(hasAttachment);

class PartReader {
  readonly #message: Uint8Array;
  #room = textMax;

  constructor(message: Uint8Array) {
    this.#message = message;
  }

  /** Recursion is as deep as MimeLimits.depthMax. `around`: the multipart that it is a part of. */
  part(part: MimePart, around: MimePart | undefined): BodyPart {
    const { contentType, disposition } = part;
    const { type, subtype } = contentType;
    // RFC 8621 §4.1.4: decoded. Field: encoded words in it, too.
    const name = fileNameOf(part);
    return {
      type,
      subtype,
      params: this.#params(contentType),
      charset: this.#text(contentType.params.get('charset')),
      name: this.#text(name),
      id: this.#text(part.id),
      description: this.#text(part.description),
      encoding: this.#text(part.encoding),
      md5: this.#text(part.md5),
      disposition: disposition && this.#disposition(disposition),
      language: part.language.map((tag) => this.#text(tag)),
      location: this.#text(part.location),
      isAttachment: isAttachment(part, name, around),
      headerStart: part.headerStart,
      bodyStart: part.bodyStart,
      bodyEnd: part.bodyEnd,
      lines: part.lines,
      children: part.children.map((child) => this.part(child, part)),
      message: part.message && this.#inside(part.message),
    };
  }

  #inside(part: MimePart): DigestedMessage {
    const header = this.#message.subarray(part.headerStart, part.bodyStart);
    const envelope = new EnvelopeFields(header).envelope();
    this.#room -= charactersOf(envelope);
    const shown = this.#room < 0 ? emptyEnvelope : envelope;
    return { envelope: shown, body: this.part(part, undefined) };
  }

  #disposition(disposition: Parameterised): BodyDisposition {
    return { value: this.#text(disposition.value), params: this.#params(disposition) };
  }

  #params({ rawParams }: Pick<Parameterised, 'rawParams'>): readonly Parameter[] {
    if (rawParams.length === 0 || this.#room < 0) return [];
    return joinContinuations(rawParams).map(({ name, value }) => ({
      name: this.#text(name),
      value: this.#text(value),
    }));
  }

  #text<T extends string | undefined>(text: T): T | '' {
    if (text === undefined) return text;
    this.#room -= text.length;
    return this.#room < 0 ? '' : text;
  }
}

function charactersOf(envelope: Envelope): number {
  const { date, subject, from, sender, replyTo, to, cc, bcc, inReplyTo, messageId } = envelope;
  const texts = [date, subject, inReplyTo, messageId, ...envelope.references];
  for (const entry of [...from, ...sender, ...replyTo, ...to, ...cc, ...bcc])
    if (entry.kind === 'group') texts.push(entry.name);
  for (const list of [from, sender, replyTo, to, cc, bcc])
    for (const { name, local, domain, route } of mailboxesOf(list))
      texts.push(name, local, domain, route);
  return texts.reduce((sum, text) => sum + (text?.length ?? 0), 0);
}

/**
 * RFC 8621 §4.1.4 leaves it to the server: what says so, and everything that is not shown with the text.
 * What others in a multipart/related refer to is shown with them, a signature (RFC 1847 §2.1) is for programs.
 */
function isAttachment(
  { contentType: { type }, disposition, id }: MimePart,
  name: string | undefined,
  around: MimePart | undefined,
): boolean {
  if (type === 'multipart') return false;
  const said = disposition?.value.toLowerCase();
  if (said === 'attachment') return true;
  if (said === 'inline') return false;
  if (type === 'text') return name !== undefined && around !== undefined;
  const shape = around?.contentType.subtype;
  return shape !== 'signed' && !(shape === 'related' && id !== undefined);
}
