// A moment as people type it: a date and time by ISO 8601, or how long from now. Whole seconds.

import { isDay } from '../base/date-time.ts';
import { parseDuration } from '../base/duration-text.ts';
import { CliError, printable } from './context.ts';

/** @throws CliError */
export function timeOf(text: string, now: number): number {
  const inMs = parseDuration(text);
  const at = inMs === undefined ? dateOf(text) : now + inMs;
  if (!(at > now))
    throw new CliError(
      2,
      `'${printable(text)}' is no time to come like 2026-07-01T09:00Z, 2026-07-01T09:00+02:00 or 2h`,
    );
  return Math.ceil(at / 1000) * 1000;
}

/** RFC 3339 §5.6, seconds left out if one likes; without an offset it is the time of this machine. */
function dateOf(text: string): number {
  const known = /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d)?(?:Z|[-+]\d\d:\d\d)?$/i;
  return known.test(text) && isDay(text.slice(0, 10))
    ? Date.parse(text.replace(' ', 'T').toUpperCase())
    : Number.NaN;
}
