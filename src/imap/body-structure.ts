// BODY and BODYSTRUCTURE: RFC 9051 §7.5.2. Both are made in one walk over the parts. Text that was
// read from header fields goes out as UTF-8.

import type { MimePart } from '../mail/mime-part.ts';
import type { Parameterised } from '../mail/parameters.ts';
import { EnvelopeFields, emptyEnvelope } from './envelope.ts';
import { joinContinuations } from './parameter-list.ts';
import { utf8Octets, wireString } from './wire-string.ts';

export interface BodyShapes {
  /** Without extension data. */
  readonly body: string;
  readonly bodyStructure: string;
}

/** Limit: octets of parameters, descriptions and the like; beyond, they are left out. */
const textMax = 4 * 2 ** 20;

export function formatBody(message: Uint8Array, root: MimePart): BodyShapes {
  return new BodyFormatter(message).part(root);
}

class BodyFormatter {
  readonly #message: Uint8Array;
  #room = textMax;

  constructor(message: Uint8Array) {
    this.#message = message;
  }

  /** Recursion is as deep as MimeLimits.depthMax. */
  part(part: MimePart): BodyShapes {
    return part.contentType.type === 'multipart' ? this.#multipart(part) : this.#single(part);
  }

  #multipart(part: MimePart): BodyShapes {
    const children =
      part.children.length === 0
        ? [this.#bareText(part)]
        : part.children.map((child) => this.part(child));
    const subtype = wireString(part.contentType.subtype);
    const body = `${children.map((child) => child.body).join('')} ${subtype}`;
    const structure = `${children.map((child) => child.bodyStructure).join('')} ${subtype}`;
    const params = this.#params(part.contentType);
    return {
      body: `(${body})`,
      bodyStructure: `(${structure} ${params} ${this.#extension(part)})`,
    };
  }

  /**
   * RFC 9051 §9: a multipart has at least one part. Where no boundary was found, all that there is
   * shows as one part of text, so that somebody can read it.
   */
  #bareText({ bodyStart, bodyEnd, lines }: MimePart): BodyShapes {
    const size = bodyEnd - bodyStart;
    const basic = `"text" "plain" ("charset" "us-ascii") NIL NIL "7bit" ${size} ${lines}`;
    return { body: `(${basic})`, bodyStructure: `(${basic} NIL NIL NIL NIL)` };
  }

  #single(part: MimePart): BodyShapes {
    const { contentType, bodyStart, bodyEnd, lines, md5 } = part;
    const { type, subtype } = contentType;
    const basic = [
      wireString(type),
      wireString(subtype),
      type === 'text' ? this.#textParams(contentType) : this.#params(contentType),
      this.#nstring(part.id),
      this.#nstring(part.description),
      this.#string(part.encoding),
      String(bodyEnd - bodyStart),
    ].join(' ');
    const extension = `${this.#nstring(md5)} ${this.#extension(part)}`;
    if (type === 'message' && (subtype === 'rfc822' || subtype === 'global')) {
      const inside = part.message === undefined ? nothingInside : this.#inside(part.message);
      const { envelope, shapes } = inside;
      return {
        body: `(${basic} ${envelope} ${shapes.body} ${lines})`,
        bodyStructure: `(${basic} ${envelope} ${shapes.bodyStructure} ${lines} ${extension})`,
      };
    }
    const sized = type === 'text' ? `${basic} ${lines}` : basic;
    return { body: `(${sized})`, bodyStructure: `(${sized} ${extension})` };
  }

  #inside(part: MimePart): Inside {
    const header = this.#message.subarray(part.headerStart, part.bodyStart);
    const envelope = new EnvelopeFields(header).format();
    this.#room -= envelope.length;
    return { envelope: this.#room < 0 ? emptyEnvelope : envelope, shapes: this.part(part) };
  }

  /** Disposition, language, location: of every kind of part. */
  #extension({ disposition, language, location }: MimePart): string {
    const shown =
      disposition === undefined || (disposition.value === '' && disposition.rawParams.length === 0)
        ? 'NIL'
        : `(${this.#string(disposition.value)} ${this.#params(disposition)})`;
    const tags = language.map((tag) => this.#string(tag));
    const languages = tags.length === 0 ? 'NIL' : `(${tags.join(' ')})`;
    return `${shown} ${languages} ${this.#nstring(location)}`;
  }

  /** RFC 2045 §5.2: text without a charset is US-ASCII. */
  #textParams(value: Parameterised | MimePart['contentType']): string {
    const params = this.#params(value);
    if (value.params.has('charset')) return params;
    const charset = '"charset" "us-ascii"';
    return params === 'NIL' ? `(${charset})` : `${params.slice(0, -1)} ${charset})`;
  }

  #params({ rawParams }: Pick<Parameterised, 'rawParams'>): string {
    if (rawParams.length === 0 || this.#room < 0) return 'NIL';
    const pairs = joinContinuations(rawParams).map(
      ({ name, value }) => `${this.#string(name)} ${this.#string(value)}`,
    );
    return `(${pairs.join(' ')})`;
  }

  #nstring(text: string | undefined): string {
    return text === undefined ? 'NIL' : this.#string(text);
  }

  #string(text: string): string {
    this.#room -= text.length;
    return this.#room < 0 ? '""' : wireString(utf8Octets(text));
  }
}

interface Inside {
  readonly envelope: string;
  readonly shapes: BodyShapes;
}

const emptyText = '"text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 0 0';

/** A message that is encoded (which RFC 2046 §5.2.1 forbids) or too deep is not looked into. */
const nothingInside: Inside = {
  envelope: emptyEnvelope,
  shapes: { body: `(${emptyText})`, bodyStructure: `(${emptyText} NIL NIL NIL NIL)` },
};
