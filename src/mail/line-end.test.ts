import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fc } from '../base/test-properties.ts';
import { newlineAt, viewOf } from './line-end.ts';

describe('newlineAt', () => {
  it('finds what looking at each octet finds, wherever the octets lie', () => {
    const octet = fc.oneof(
      fc.constantFrom(0x0d, 0x0a, 0x0e, 0x0c, 0x09, 0x00, 0x80, 0x8d, 0xff),
      fc.integer({ min: 0x20, max: 0x7e }),
    );
    const octets = fc.array(octet, { maxLength: 40 }).map(Buffer.from);
    fc.assert(
      fc.property(octets, fc.nat(40), fc.nat(40), (bytes, one, other) => {
        const start = Math.min(one, bytes.length);
        const end = Math.min(Math.max(start, other), bytes.length);
        const found = bytes.findIndex((o, i) => i >= start && i < end && (o === 13 || o === 10));
        assert.equal(newlineAt(viewOf(bytes), start, end), found < 0 ? end : found);
      }),
      { numRuns: 2_000 },
    );
  });

  for (const value of [0x0e, 0x7f, 0x80, 0xff, 0x09])
    it(`passes over octets of ${value} and stops at the first CR or LF`, () => {
      for (let at = 0; at < 19; at += 1) {
        const bytes = Buffer.alloc(19, value);
        bytes[at] = at % 2 === 0 ? 0x0d : 0x0a;
        assert.equal(newlineAt(viewOf(bytes), 0, bytes.length), at);
      }
    });
});
