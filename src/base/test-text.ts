// For tests: any text at all. The same as fast-check's strings of the unit 'binary', which lays out a table of all
// 1.1 million code points in every process that draws one, and takes more than a second for it.

import { fc } from './test-properties.ts';

const surrogates = { first: 0xd800, count: 0x800 };
const codePoints = 0x110000 - surrogates.count;

/** Any code point that stands for something by itself. */
const codePoint = fc.nat(codePoints - 1).map(
  (index) => String.fromCodePoint(index < surrogates.first ? index : index + surrogates.count),
  (text) => {
    if (typeof text !== 'string' || [...text].length !== 1) throw new Error('no code point');
    const point = text.codePointAt(0)!;
    return point < surrogates.first ? point : point - surrogates.count;
  },
);

export const anyText = (lengths: fc.StringSharedConstraints = {}): fc.Arbitrary<string> =>
  fc.string({ ...lengths, unit: codePoint });
