import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseDateTime } from './date-time.ts';

describe('parseDateTime', () => {
  const cases: readonly (readonly [string, number | undefined])[] = [
    ['2026-02-28T23:59:59Z', Date.UTC(2026, 1, 28, 23, 59, 59)],
    ['2024-02-29t12:00:00.25z', Date.UTC(2024, 1, 29, 12, 0, 0, 250)],
    ['2026-01-01T00:30:00+02:00', Date.UTC(2025, 11, 31, 22, 30)],
    ['2026-02-29T00:00:00Z', undefined],
    ['2026-02-30T00:00:00Z', undefined],
    ['2026-04-31T00:00:00+02:00', undefined],
    ['2026-13-01T00:00:00Z', undefined],
    ['2026-01-32T00:00:00Z', undefined],
    ['2026-01-01T24:00:00Z', undefined],
    ['2026-01-01T00:60:00Z', undefined],
    ['2026-01-01T00:00:00+24:00', undefined],
    ['2026-01-01T00:00:00', undefined],
    ['2026-01-01', undefined],
    ['', undefined],
  ];
  for (const [text, expected] of cases)
    it(`RFC 3339 §5.6: ${text || 'nothing'}`, () => assert.equal(parseDateTime(text), expected));
});
