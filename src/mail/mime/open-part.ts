// A part of a message while it is read, and what is known of it when it has ended.

import type { Measure, MeasureInProgress } from './mime-measure.ts';
import { nothingMeasured } from './mime-measure.ts';
import type { ContentType, MimeFields, MimePart } from './mime-part.ts';
import { readMimeFields } from './mime-part.ts';

/** A part, what was measured of it, and the same of what is inside. */
export interface ScannedPart {
  readonly part: MimePart;
  readonly measure: Measure;
  /** Whether the header has DKIM-Signature or another signature over the message in it. */
  readonly signed: boolean;
  readonly hasMimeVersion: boolean;
  readonly inside: readonly ScannedPart[];
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

export interface OpenPart {
  readonly part: Mutable<Omit<MimePart, 'children'>> & { children: MimePart[] };
  readonly measure: MeasureInProgress;
  readonly inside: ScannedPart[];
  readonly defaultType: ContentType;
  signed: boolean;
  hasMimeVersion: boolean;
  /** Line feeds before the body. */
  lineFeeds: number;
  /** Of a multipart whose last boundary has not come yet. */
  boundary: string | undefined;
  /** What the boundary lines meant before this multipart. */
  shadowed: readonly (readonly [string, BoundaryLine | undefined])[];
  utf8: TextDecoder | undefined;
}

export interface BoundaryLine {
  /** Index of the multipart among the open parts. */
  readonly index: number;
  readonly last: boolean;
}

export function newPart(headerStart: number, defaultType: ContentType): OpenPart {
  const fields: MimeFields = readMimeFields([], defaultType);
  return {
    part: {
      headerStart,
      bodyStart: headerStart,
      bodyEnd: headerStart,
      lines: 0,
      ...fields,
      children: [],
      message: undefined,
    },
    measure: nothingMeasured(),
    inside: [],
    defaultType,
    signed: false,
    hasMimeVersion: false,
    lineFeeds: 0,
    boundary: undefined,
    shadowed: [],
    utf8: undefined,
  };
}
