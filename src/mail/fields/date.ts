// Dates of header fields. RFC 5322 §3.3 is written; read is the whole family, back to RFC 561, and
// what is seen in the wild. Reading is total and linear; a date that cannot be understood is undefined.
// What no IMAP client could be told (years before 1 and beyond 9999) becomes the nearest it can.

import { assert } from '../../base/assert.ts';
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

/** A date as it was written. */
export interface WrittenDate {
  /** Whatever the time and the zone are: days since 1970-01-01. */
  readonly day: number;
  /** Milliseconds since 1970; undefined where there is no time, or none that can be. */
  readonly ms: number | undefined;
}

/** Milliseconds since 1970, or undefined when it is no date with a time. */
export const parseDate = (text: string): number | undefined => readDate(text)?.ms;

export function readDate(text: string): WrittenDate | undefined {
  // Limit: the longest date written with care is under 50 characters; comments may add some.
  const start = text.slice(0, 512);
  const date = readPlain(withoutComments(start));
  // Field: a parenthesis or a quote that nobody closed.
  return date === undefined && /[("]/.test(start) ? readPlain(start.replace(/[()"]/g, ' ')) : date;
}

function readPlain(text: string): WrittenDate | undefined {
  const plain = text.replace(/\s+/g, ' ').trim();
  for (const form of forms) {
    const parts = form.exec(plain)?.groups;
    if (parts === undefined) continue;
    const day = dayOf(parts as Parts);
    if (day !== undefined) return { day, ms: timeOf(parts as Parts, day) };
  }
  return undefined;
}

// Comments removed. RFC 561 and RFC 680 have "AT" before the time, and "-" before the zone:
//   date  = vdate / tdate ; "24 JUL 1973", "7/24/73"
//   "DATE:" date "AT" time "-" zone ; time of four digits
// RFC 724 and 733, Syntax:
//   date-time = [ day-of-week "," ] date time
//   date      = 1*2DIGIT ["-"] month ["-"] (2DIGIT / 4DIGIT)
//   time      = 2DIGIT [":"] 2DIGIT [ [":"] 2DIGIT ] ( ["-"] zone-name / ("+" / "-") 4DIGIT )
// RFC 822 §5.1, RFC 850 §2.1.2, RFC 5322 §3.3 and §4.3:
//   date-time = [ day-of-week "," ] day month year hour ":" minute [ ":" second ] zone
// Field: full names in any language of the day; one-digit hours; dots; no zone at all; "GMT+0200";
// fractions of a second; what asctime() and date(1) print, with a zone on either side of the year;
// ISO 8601.
const dayName = /^(?:[^\d\s,]{1,15}[\s,]+)?/; // ignored, even when it is wrong
const dayNumber = /(?<day>\d{1,2})(?:st|nd|rd|th|\.)?/;
const month = /(?<month>[a-z]{3})[a-z]{0,9}\.?/;
const year = /(?<year>\d{2,6})(?!\d|[:.]\d)/;
const withColons =
  /(?<hour>\d{1,2})\s*[:.]\s*(?<minute>\d{1,2})(?:\s*[:.]\s*(?<second>\d{1,2})(?:[.,]\d{1,9})?)?(?!\d)/;
const without = /(?<hour>\d{2})(?<minute>\d{2})(?<second>\d{2})?(?!\d)/;
const half = /(?:\s*(?<half>[ap])\.?m\b\.?)?/;
const zone =
  /(?:\s*(?:GMT|UTC?)?\s?(?<sign>[+-])(?<east>\d{1,2})(?::?(?<minutes>\d{2}))?(?!\d)|[\s-]+(?<zone>[a-z]{1,5})(?![a-z]))/;

const joined = (...parts: readonly RegExp[]): RegExp =>
  new RegExp(parts.map(({ source }) => source).join(''), 'i');
const optional = (...parts: readonly RegExp[]): RegExp =>
  new RegExp(`(?:${joined(...parts).source})?`);
const either = (one: RegExp, other: RegExp): RegExp =>
  new RegExp(`(?:${one.source}|${other.source})`);

const time = joined(either(withColons, without), half, optional(zone));
const zoneAndYear = either(joined(zone, /\s+/, year), joined(/\s+/, year, optional(zone)));
const monthAndDay = either(joined(month, /\s+/, dayNumber), joined(dayNumber, /[\s-]+/, month));
const timeBehind = optional(/[\s,]+(?:at\s+)?/, time);

const forms = [
  joined(dayName, dayNumber, /[\s\-/]*/, month, /[\s\-/,]*/, year, timeBehind),
  joined(dayName, monthAndDay, /,?\s+/, withColons, half, zoneAndYear),
  joined(dayName, month, /\s+/, dayNumber, /,?\s+/, year, timeBehind),
  joined(dayName, /(?<month>\d{1,2})\/(?<day>\d{1,2})\//, year, timeBehind),
  joined(/^(?<year>\d{4,6})-(?<month>\d{2})-(?<day>\d{2})(?!\d)/, optional(/(?:T|[\s,]+)/, time)),
];

type Parts = Readonly<Record<string, string | undefined>>;

const dayMs = 86_400_000;
const firstDay = -719_162; // 0001-01-01
const lastDay = 2_932_896; // 9999-12-31

const within = (value: number, min: number, max: number): number =>
  Math.min(Math.max(value, min), max);

function dayOf(parts: Parts): number | undefined {
  const number = fullYear(parts.year!);
  if (number < 1) return firstDay;
  if (number > 9999) return lastDay;
  const inDigits = Number(parts.month);
  if (Number.isNaN(inDigits))
    return dayNumberOf(number, monthNumber(parts.month!), Number(parts.day));
  // Field: the day before the month, where it can be nothing else.
  return (
    dayNumberOf(number, inDigits - 1, Number(parts.day)) ??
    dayNumberOf(number, Number(parts.day) - 1, inDigits)
  );
}

function dayNumberOf(fullYear: number, month: number, day: number): number | undefined {
  if (month < 0 || month > 11) return undefined;
  const midnight = new Date(0);
  midnight.setUTCFullYear(fullYear, month, day);
  const same = midnight.getUTCMonth() === month && midnight.getUTCDate() === day;
  return same ? midnight.getTime() / dayMs : undefined;
}

const monthNumber = (name: string): number =>
  months.indexOf(name[0]!.toUpperCase() + name.slice(1).toLowerCase());

// RFC 5322 §4.3: 00 to 49 are 2000 to 2049; 50 to 99 and all of three digits are added to 1900.
function fullYear(digits: string): number {
  const year = Number(digits);
  if (digits.length >= 4) return year;
  return digits.length === 2 && year < 50 ? 2000 + year : 1900 + year;
}

function timeOf(parts: Parts, day: number): number | undefined {
  if (parts.hour === undefined) return undefined;
  const written = Number(parts.hour);
  const half = parts.half?.toLowerCase();
  const hour =
    half !== undefined && written <= 12 ? (written % 12) + (half === 'p' ? 12 : 0) : written;
  const minute = Number(parts.minute);
  const second = Number(parts.second ?? 0);
  if (hour > 23 || minute > 59 || second > 60) return undefined;
  const ms = day * dayMs + ((hour * 60 + minute - eastOf(parts)) * 60 + second) * 1000;
  return within(ms, firstDay * dayMs, (lastDay + 1) * dayMs - 1);
}

/** Minutes. RFC 5322 §4.3: what is not known is "-0000". */
function eastOf({ sign, east, minutes, zone }: Parts): number {
  if (sign === undefined) return 60 * (zones.get(zone?.toUpperCase() ?? '') ?? 0);
  const offset = Number(east) * 60 + Number(minutes ?? 0);
  return sign === '-' ? -offset : offset;
}

/**
 * Hours. RFC 5322 §4.3 has those of the continent, RFC 733 has further ones, RFC 561 has GDT. What
 * it calls BST, Bering Standard Time, is another one today: read as if nobody knew.
 */
const zones: ReadonlyMap<string, number> = new Map([
  ...hoursWest(3, ['ADT', 'EDT', 'CDT', 'MDT', 'PDT', 'YDT', 'HDT']),
  ...hoursWest(4, ['AST', 'EST', 'CST', 'MST', 'PST', 'YST', 'HST']),
  ['NST', -3.5],
  ['GDT', 1],
]);

function hoursWest(first: number, names: readonly string[]): (readonly [string, number])[] {
  return names.map((name, i) => [name, -(first + i)]);
}
