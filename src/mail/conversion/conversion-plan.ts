// Decides what of a message has to be rewritten for a hop, and how: from the parts and what was
// measured of them to a list of segments. Pure; holds no octet of the message.

import type { MimePart } from '../mime/mime-part.ts';
import { isIdentityEncoding, mimeLimits } from '../mime/mime-part.ts';
import type { ScannedPart } from '../mime/open-part.ts';
import type { HeaderChange, Rewriter } from './content-rewriter.ts';
import {
  Base64Rewriter,
  Base64Wrapper,
  copyRewriter,
  HeaderRewriter,
  PlainTextRewriter,
  QuotedPrintableRepairer,
  QuotedPrintableRewriter,
} from './content-rewriter.ts';

export interface Segment {
  /** Offset behind its last octet; it begins where the one before ends. Never empty. */
  readonly end: number;
  begin(): Rewriter;
}

export type Plan =
  | { readonly kind: 'fits' }
  | { readonly kind: 'impossible' }
  | { readonly kind: 'rewrite'; readonly signed: boolean; readonly segments: readonly Segment[] };

type Target = '7bit' | '8bit';

export function planConversion(root: ScannedPart, target: Target): Plan {
  if (fits(root, target)) return { kind: 'fits' };
  if (isBeyondLimits(root)) return { kind: 'impossible' };
  const planner = new Planner(target, root.part.bodyEnd);
  planner.message(root);
  if (planner.impossible) return { kind: 'impossible' };
  const signed = root.signed || planner.signed;
  return { kind: 'rewrite', signed, segments: planner.segments };
}

/** The part and everything in it can pass as it is. What it is labelled does not matter then. */
const fits = (scanned: ScannedPart, target: Target): boolean =>
  headerFits(scanned, target) &&
  bodyFits(scanned, target) &&
  scanned.inside.every((inner) => fits(inner, target));

const headerFits = ({ measure }: ScannedPart, target: Target): boolean =>
  !(target === '7bit' && measure.headerHas8Bit) && !measure.headerHasLongLine;

// RFC 2045 §2.7 and §2.8: 7bit and 8bit data are lines of at most 998 octets, without NUL.
const bodyFits = ({ part, measure }: ScannedPart, target: Target): boolean =>
  !(target === '7bit' && measure.eightBit > 0) &&
  !measure.hasNul &&
  !measure.hasLongLine &&
  // Bare newlines in text are for the sender of the message to mend; in binary they are data.
  !(measure.hasBareNewline && part.encoding === 'binary');

/** The parser stopped looking, so that what it took for content may be structure. */
function isBeyondLimits(root: ScannedPart): boolean {
  let parts = 0;
  const tooDeep = (scanned: ScannedPart, depth: number): boolean => {
    parts += 1;
    return (
      depth >= mimeLimits.depthMax || scanned.inside.some((inner) => tooDeep(inner, depth + 1))
    );
  };
  return tooDeep(root, 1) || parts >= mimeLimits.partsMax;
}

class Planner {
  readonly segments: Segment[] = [];
  readonly #target: Target;
  readonly #size: number;
  impossible = false;
  /** Something inside a multipart/signed has to change. */
  signed = false;

  /** A header that goes before the next segment. */
  #inserted: (() => Uint8Array) | undefined;

  constructor(target: Target, size: number) {
    this.#target = target;
    this.#size = size;
  }

  message(scanned: ScannedPart): void {
    // RFC 2045 §4: MIME-Version is required of whatever has an encoding.
    const mimeVersion = !scanned.hasMimeVersion && !fits(scanned, this.#target);
    this.#part(scanned, mimeVersion);
  }

  #part(scanned: ScannedPart, mimeVersion: boolean): void {
    const { part, inside } = scanned;
    if (part.message !== undefined) {
      this.#header(scanned, { mimeVersion, encoding: this.#compositeLabel(part) });
      this.message(inside[0]!);
    } else if (part.contentType.type === 'multipart') {
      this.#multipart(scanned, mimeVersion);
    } else {
      this.#leaf(scanned, mimeVersion);
    }
  }

  #multipart(scanned: ScannedPart, mimeVersion: boolean): void {
    const { part, inside } = scanned;
    const { params, subtype } = part.contentType;
    const bodyFitsHop = bodyFits(scanned, this.#target);
    const badBoundary =
      this.#target === '7bit' && /[^\x00-\x7f]/.test(params.get('boundary') ?? '');
    // Without a boundary line this is no multipart, and encoding one is forbidden: RFC 2045 §6.4.
    if (badBoundary || (inside.length === 0 && !bodyFitsHop)) this.impossible = true;
    // RFC 1847 §2.1: nothing inside may be changed on the way.
    if (subtype === 'signed' && !inside.every((inner) => fits(inner, this.#target))) {
      this.signed = true;
    }
    // Text that changes behind a header without its empty line might become part of it.
    const close = !bodyFitsHop;
    this.#header(scanned, { mimeVersion, encoding: this.#compositeLabel(part), close });
    const between = bodyFitsHop
      ? copyRewriter
      : () => new PlainTextRewriter({ ascii: this.#target === '7bit' });
    for (const inner of inside) {
      this.#add(inner.part.headerStart, between);
      if (subtype === 'signed' && fits(inner, this.#target)) {
        this.#add(inner.part.bodyEnd, copyRewriter);
      } else this.#part(inner, false);
    }
    this.#add(part.bodyEnd, between);
  }

  #leaf(scanned: ScannedPart, mimeVersion: boolean): void {
    const { part, measure } = scanned;
    const { type, subtype } = part.contentType;
    if (bodyFits(scanned, this.#target)) {
      this.#header(scanned, { mimeVersion, encoding: this.#leafLabel(scanned) });
      this.#add(part.bodyEnd, copyRewriter);
      return;
    }
    // RFC 2046 §5.2.2 and §5.2.3: these are 7bit and nothing else.
    if (type === 'message' && (subtype === 'partial' || subtype === 'external-body')) {
      this.impossible = true;
    }
    // Field: labelled as encoded, and yet with raw octets in it. They are mended, not encoded twice.
    if (part.encoding === 'base64' || part.encoding === 'quoted-printable') {
      this.#header(scanned, { mimeVersion, encoding: undefined });
      const isBase64 = part.encoding === 'base64';
      this.#add(part.bodyEnd, () =>
        isBase64 ? new Base64Wrapper() : new QuotedPrintableRepairer(),
      );
      return;
    }
    // Field: unknown words such as "8bits" or "utf-8"; with raw octets they encode nothing.
    const readable =
      (type === 'text' || type === 'message') && measure.escaped * 5 <= measure.octets;
    // RFC 1428 §3: text of a charset nobody has told is "unknown-8bit".
    const charset = measure.isUtf8 ? 'utf-8' : 'unknown-8bit';
    this.#header(scanned, {
      mimeVersion,
      encoding: readable ? 'quoted-printable' : 'base64',
      contentType:
        part.typed || measure.eightBit === 0 ? undefined : `text/plain; charset=${charset}`,
    });
    const atEnd = part.bodyEnd === this.#size;
    this.#add(part.bodyEnd, () =>
      readable ? new QuotedPrintableRewriter() : new Base64Rewriter({ atEnd }),
    );
  }

  #header(scanned: ScannedPart, change: HeaderChange): void {
    const { part } = scanned;
    const changed =
      change.mimeVersion ||
      change.encoding !== undefined ||
      change.contentType !== undefined ||
      change.close === true ||
      !headerFits(scanned, this.#target);
    const ascii = this.#target === '7bit';
    if (!changed) this.#add(part.bodyStart, copyRewriter);
    else if (part.bodyStart - part.headerStart > mimeLimits.headerBytesMax) this.impossible = true;
    else if (part.bodyStart > part.headerStart) {
      this.#add(part.bodyStart, () => new HeaderRewriter(change, { ascii }));
    } else this.#insertHeader(change);
  }

  /** A part without any header, not even its empty line: the octets of a new one go first. */
  #insertHeader(change: HeaderChange): void {
    this.#inserted = () => new HeaderRewriter(change, { ascii: false }).end();
  }

  #add(end: number, begin: () => Rewriter): void {
    const start = this.segments.at(-1)?.end ?? 0;
    const inserted = this.#inserted;
    if (end <= start) return;
    this.#inserted = undefined;
    this.segments.push({
      end,
      begin: inserted === undefined ? begin : () => prefixed(inserted(), begin()),
    });
  }

  /** RFC 2045 §6.4: the label of a composite is that of what is inside; undefined keeps it. */
  #compositeLabel(part: MimePart): string | undefined {
    if (part.encoding === '7bit' || !isIdentityEncoding(part.encoding)) return undefined;
    return part.encoding === this.#target ? undefined : this.#target;
  }

  #leafLabel({ part, measure }: ScannedPart): string | undefined {
    const label = this.#compositeLabel(part);
    return label === '8bit' && measure.eightBit === 0 ? '7bit' : label;
  }
}

function prefixed(prefix: Uint8Array, rewriter: Rewriter): Rewriter {
  let waiting: Uint8Array | undefined = prefix;
  const withPrefix = (output: Uint8Array): Uint8Array => {
    if (waiting === undefined) return output;
    const joined = Buffer.concat([waiting, output]);
    waiting = undefined;
    return joined;
  };
  return {
    push: (bytes) => withPrefix(rewriter.push(bytes)),
    end: () => withPrefix(rewriter.end()),
  };
}
