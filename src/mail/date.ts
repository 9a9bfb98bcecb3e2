// Dates of header fields. RFC 5322 §3.3 is written; read are also the obsolete forms of §4.3 and what
// is seen in the wild. parseDate is total and linear; a date it cannot understand is undefined.

import { assert } from '../base/assert.ts';
import { withoutComments } from './comment.ts';

const days = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'] as const;
const months = 'Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec'.split(' ');

// The message path writes the same second many times over.
let cachedSecond = Number.NaN;
let cachedOffset = 0;
let cachedDate = '';

/** `Fri, 21 Nov 1997 09:55:06 -0600`. Without an offset: UTC. */
export function formatDate(ms: number, offsetMinutes = 0): string {
  const second = Math.floor(ms / 1000);
  if (second === cachedSecond && offsetMinutes === cachedOffset) return cachedDate;
  assert(Math.abs(offsetMinutes) < 24 * 60, 'a zone is less than a day from UTC');
  const local = new Date((second + offsetMinutes * 60) * 1000);
  const year = local.getUTCFullYear();
  // RFC 5322 §3.3: "The year is any numeric year 1900 or later."
  assert(year >= 1900 && year <= 9999, 'a year has four digits and is 1900 or later');
  const day = `${days[local.getUTCDay()]}, ${local.getUTCDate()} ${months[local.getUTCMonth()]}`;
  const hours = twoDigits(local.getUTCHours());
  const time = `${hours}:${twoDigits(local.getUTCMinutes())}:${twoDigits(local.getUTCSeconds())}`;
  cachedDate = `${day} ${year} ${time} ${formatOffset(offsetMinutes)}`;
  cachedSecond = second;
  cachedOffset = offsetMinutes;
  return cachedDate;
}

function formatOffset(minutes: number): string {
  const total = Math.abs(minutes);
  const sign = minutes < 0 ? '-' : '+';
  return `${sign}${twoDigits(Math.floor(total / 60))}${twoDigits(total % 60)}`;
}

const twoDigits = (value: number): string => (value < 10 ? `0${value}` : String(value));

// RFC 5322 §3.3 and §4.3, comments removed:
//   date-time = [ day-of-week "," ] day month year hour ":" minute [ ":" second ] zone
// Field: hyphens between day, month and year; full month names; one-digit hours; no zone at all;
// "GMT+0200"; fractions of a second.
const date = [
  /^(?:[a-z]{2,12}\.?\s*,?\s*)?/, // day of the week: ignored, even when it is wrong
  /(\d{1,2})[\s-]+([a-z]{3})[a-z]{0,9}\.?[\s-]+(\d{2,4})/,
];
const time = [
  /[\s,]+(\d{1,2})\s*:\s*(\d{1,2})(?:\s*:\s*(\d{1,2})(?:\.\d{1,9})?)?/,
  /(?:\s*(?:GMT|UTC?)?([+-])(\d{2}):?(\d{2})|\s+([a-z]{1,5}))?(?![\d:])/,
];
const joined = (parts: readonly RegExp[]): RegExp =>
  new RegExp(parts.map((part) => part.source).join(''), 'i');
const dateTime = joined([...date, ...time]);
const dateOnly = joined([...date, /(?!\d)/]);

// RFC 5322 §4.3: the zones of North America; every other name is as good as "-0000".
const zones = new Map([
  ['EDT', -4],
  ['EST', -5],
  ['CDT', -5],
  ['CST', -6],
  ['MDT', -6],
  ['MST', -7],
  ['PDT', -7],
  ['PST', -8],
]);

/** Milliseconds since 1970, or undefined when it is no date. */
export function parseDate(text: string): number | undefined {
  const match = dateTime.exec(normalized(text));
  if (match === null) return undefined;
  const [, day, monthName, year, hour, minute, second, sign, zoneHours, zoneMinutes, zone] = match;
  const seconds = Math.min(Number(second ?? 0), 60);
  if (Number(hour) > 23 || Number(minute) > 59 || Number(second ?? 0) > 60) return undefined;
  const midnight = midnightOf(day!, monthName!, year!);
  if (midnight === undefined) return undefined;
  const local = midnight + ((Number(hour) * 60 + Number(minute)) * 60 + seconds) * 1000;
  const offset =
    sign === undefined
      ? (zones.get(zone?.toUpperCase() ?? '') ?? 0) * 60
      : (Number(zoneHours) * 60 + Number(zoneMinutes)) * (sign === '-' ? -1 : 1);
  return local - offset * 60_000;
}

/** The day as written, whatever the time and the zone are: days since 1970, or undefined. */
export function parseDay(text: string): number | undefined {
  const match = dateOnly.exec(normalized(text));
  if (match === null) return undefined;
  const midnight = midnightOf(match[1]!, match[2]!, match[3]!);
  return midnight === undefined ? undefined : midnight / 86_400_000;
}

// Limit: the longest date written with care is under 50 characters; comments may add some.
const normalized = (text: string): string =>
  withoutComments(text.slice(0, 512)).replace(/\s+/g, ' ').trim();

function midnightOf(day: string, monthName: string, year: string): number | undefined {
  const month = monthNumber(monthName);
  if (month < 0) return undefined;
  const midnight = new Date(0);
  midnight.setUTCFullYear(fullYear(year), month, Number(day));
  const same = midnight.getUTCMonth() === month && midnight.getUTCDate() === Number(day);
  return same ? midnight.getTime() : undefined;
}

const monthNumber = (name: string): number =>
  months.indexOf(name[0]!.toUpperCase() + name.slice(1).toLowerCase());

// RFC 5322 §4.3: 00 to 49 are 2000 to 2049; 50 to 99 and all of three digits are added to 1900.
function fullYear(digits: string): number {
  const year = Number(digits);
  if (digits.length >= 4) return year;
  return digits.length === 2 && year < 50 ? 2000 + year : 1900 + year;
}
