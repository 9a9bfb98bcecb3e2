// Rewrites a message for a next hop that does not take it as it is: without 8BITMIME (RFC 6152 §3) or
// without BINARYMIME (RFC 3030 §3). Only what does not fit is touched: a part becomes quoted-printable
// or base64 and decodes to the same octets; every other octet stays. It takes one pass to find the
// parts and one to rewrite, with bounded memory. What must not be changed is not: see `signed`.

import { isAscii } from 'node:buffer';
import { mimeLimits } from '../mime/mime-part.ts';
import { MimeScanner } from '../mime/mime-scanner.ts';
import type { ScannedPart } from '../mime/open-part.ts';
import type { Rewriter, RewriteSource } from './content-rewriter.ts';
import { copyRewriter, NotConvertible } from './content-rewriter.ts';
import type { Segment } from './conversion-plan.ts';
import { planConversion } from './conversion-plan.ts';

/** What the next hop takes: lines of 7-bit text, or lines of 8-bit text. */
export type HopContent = '7bit' | '8bit';

export type Conversion =
  /** `size` is exact. When nothing had to be done these are the source's own octets. */
  | {
      readonly kind: 'converted';
      readonly size: number;
      /** NUL octets are left, in a header: there is no way to write them. */
      readonly hasNul: boolean;
      read(): AsyncIterable<Uint8Array>;
    }
  /** To be bounced with 5.6.3: a signature over the encoded form (DKIM, ARC, multipart/signed) would break. */
  | { readonly kind: 'signed'; readonly hasNul: boolean }
  /**
   * To be bounced with 5.6.3: there is no valid form. A raw 8-bit local part, message/partial, parts
   * without number or boundary, a header over 1 MiB.
   */
  | { readonly kind: 'impossible'; readonly hasNul: boolean };

/** Limit: conversions up to this size are done once and kept; others are done for each reading. */
const keptBytesMax = 2 ** 20;

export const has8Bit = (bytes: Uint8Array): boolean => !isAscii(bytes);

/** By Buffer's own search, which looks at many octets at once: a fifth to an eightieth of the time. */
export const hasNul = (bytes: Uint8Array): boolean =>
  Buffer.prototype.includes.call(bytes as Buffer, 0);

export async function convertContent(
  source: RewriteSource,
  target: HopContent,
  options: { readonly breakSignatures?: boolean } = {},
): Promise<Conversion> {
  const { root, nul } = await scan(source);
  const plan = planConversion(root, target);
  if (plan.kind === 'fits') {
    return { kind: 'converted', size: source.size, hasNul: nul, read: () => source.read() };
  }
  if (plan.kind === 'impossible') return { kind: 'impossible', hasNul: nul };
  if (plan.signed && options.breakSignatures !== true) return { kind: 'signed', hasNul: nul };
  try {
    return await convert(source, plan.segments);
  } catch (error) {
    if (error instanceof NotConvertible) return { kind: 'impossible', hasNul: nul };
    throw error;
  }
}

async function scan(source: RewriteSource): Promise<{ root: ScannedPart; nul: boolean }> {
  const scanner = new MimeScanner({ ...mimeLimits, measure: true });
  let nul = false;
  for await (const bytes of source.read()) {
    scanner.push(bytes);
    nul ||= hasNul(bytes);
  }
  return { root: scanner.end(), nul };
}

async function convert(source: RewriteSource, segments: readonly Segment[]): Promise<Conversion> {
  let size = 0;
  let nul = false;
  let kept: Uint8Array[] | undefined = [];
  for await (const bytes of rewrite(source, segments)) {
    size += bytes.length;
    nul ||= hasNul(bytes);
    if (size > keptBytesMax) kept = undefined;
    kept?.push(bytes);
  }
  const pieces = kept;
  const read = async function* () {
    if (pieces === undefined) yield* rewrite(source, segments);
    else yield* pieces;
  };
  return { kind: 'converted', size, hasNul: nul, read };
}

/** Segments follow each other without gaps and reach to the end. */
async function* rewrite(
  source: RewriteSource,
  segments: readonly Segment[],
): AsyncGenerator<Uint8Array> {
  let at = 0;
  let index = 0;
  let rewriter = rewriterOf(segments[0]);
  for await (const bytes of source.read()) {
    let from = 0;
    while (from < bytes.length) {
      const end = segments[index]?.end ?? Number.POSITIVE_INFINITY;
      const to = Math.min(bytes.length, from + end - at);
      const output = rewriter.push(
        from === 0 && to === bytes.length ? bytes : bytes.subarray(from, to),
      );
      if (output.length > 0) yield output;
      at += to - from;
      from = to;
      if (at < end) break;
      const last = rewriter.end();
      if (last.length > 0) yield last;
      index += 1;
      rewriter = rewriterOf(segments[index]);
    }
  }
  if (index >= segments.length) return;
  const last = rewriter.end();
  if (last.length > 0) yield last;
}

const rewriterOf = (segment: Segment | undefined): Rewriter =>
  segment === undefined ? copyRewriter() : segment.begin();
