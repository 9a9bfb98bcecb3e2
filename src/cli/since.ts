// How long ago, or when, on the command line.

import { InvalidArgumentError } from 'commander';
import { parseDuration } from '../base/duration-text.ts';

/** `7d` ago, or a date; milliseconds since 1970. @throws InvalidArgumentError */
export function since(text: string): number {
  const ago = parseDuration(text);
  if (ago !== undefined) return Date.now() - ago;
  const at = /^\d{4}-\d\d-\d\d/.test(text) ? Date.parse(text) : Number.NaN;
  if (!Number.isNaN(at)) return at;
  throw new InvalidArgumentError("must be a time ago such as '7d', or a date such as 2026-01-31");
}
