// Dates as clients write them: RFC 9051 §9, date and date-time.

import type { Scanner } from './scanner.ts';
import { SyntaxFault } from './scanner.ts';

const dayMs = 86_400_000;
const months = new Map(
  ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'].map(
    (name, index) => [name, index],
  ),
);

const datePattern = /^([0-9]{1,2})-([a-z]{3})-([0-9]{4})$/i;
// Field: a day of one digit without the space before it.
const dateTimePattern =
  /^ ?([0-9]{1,2}-[a-z]{3}-[0-9]{4}) ([0-9]{2}):([0-9]{2}):([0-9]{2}) ([+-])([0-9]{2})([0-9]{2})$/i;

// RFC 9051 §9: date-year = 4DIGIT. There is no year 0.
const firstMs = -62_135_596_800_000; // 0001-01-01
const endMs = 253_402_300_800_000; // 10000-01-01

/** Days since 1970-01-01. */
export function readDate(scanner: Scanner): number {
  const day = dayOf(scanner.astring('a date'));
  if (day === undefined) throw new SyntaxFault('That is no date: 1-Feb-1994 would be one');
  return day;
}

function dayOf(text: string): number | undefined {
  const match = datePattern.exec(text);
  const month = match === null ? undefined : months.get(match[2]!.toLowerCase());
  if (match === null || month === undefined) return undefined;
  const day = Number(match[1]);
  const date = new Date(0);
  date.setUTCFullYear(Number(match[3]), month, day);
  return date.getUTCDate() === day && date.getTime() >= firstMs
    ? date.getTime() / dayMs
    : undefined;
}

/** Milliseconds since the epoch. */
export function readDateTime(scanner: Scanner): number {
  const time = timeOf(scanner.string('a date and time'));
  if (time === undefined)
    throw new SyntaxFault('That is no date-time: "17-Jul-1996 02:44:25 -0700" would be one');
  return time;
}

function timeOf(text: string): number | undefined {
  const match = dateTimePattern.exec(text);
  const day = match === null ? undefined : dayOf(match[1]!);
  if (match === null || day === undefined) return undefined;
  const [hour, minute, second] = [Number(match[2]), Number(match[3]), Number(match[4])];
  // A leap second is the first of the next minute.
  if (hour > 23 || minute > 59 || second > 60) return undefined;
  const [hoursEast, minutesEast] = [Number(match[6]), Number(match[7])];
  if (minutesEast > 59) return undefined;
  const east = (match[5] === '-' ? -1 : 1) * (hoursEast * 60 + minutesEast);
  const time = day * dayMs + ((hour * 60 + minute - east) * 60 + second) * 1000;
  // It is told in UTC, where the year may be another one.
  return time >= firstMs && time < endMs ? time : undefined;
}
