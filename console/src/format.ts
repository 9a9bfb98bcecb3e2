// Numbers and dates for people.

const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const;

export function bytes(count: number): string {
  let value = count;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}

const whole = new Intl.NumberFormat('en');
export const number = (value: number): string => whole.format(value);

/** `1 message`, `1,204 messages` */
export const counted = (count: number, one: string, many = `${one}s`): string =>
  `${number(count)} ${count === 1 ? one : many}`;

const steps: readonly (readonly [ms: number, unit: string])[] = [
  [86_400_000, 'd'],
  [3_600_000, 'h'],
  [60_000, 'min'],
  [1000, 's'],
];

/** `3 d`, `2 h`, `40 s`, `12 ms`: the largest unit. */
export function duration(ms: number): string {
  for (const [size, unit] of steps) if (ms >= size) return `${Math.floor(ms / size)} ${unit}`;
  return `${Math.round(ms)} ms`;
}

/** `2 min ago`, `in 4 h` */
export function relative(at: number, now = Date.now()): string {
  const away = at - now;
  if (Math.abs(away) < 5000) return 'now';
  if (away < 0) return `${duration(-away)} ago`;
  // What comes in 3 h and 58 min comes in four hours.
  const [size] = steps.find(([size]) => away >= size) ?? [1];
  return `in ${duration(Math.round(away / size) * size)}`;
}

const full = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'medium' });
const time = new Intl.DateTimeFormat('en-GB', { timeStyle: 'medium' });
const day = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short' });
const dayOfYear = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium' });

export const fullDate = (at: number): string => full.format(at);
export const clockTime = (at: number): string => time.format(at);

/** Today the time, else the day. */
export function shortDate(at: number, now = new Date()): string {
  const when = new Date(at);
  if (when.toDateString() === now.toDateString()) return time.format(at).slice(0, 5);
  return when.getFullYear() === now.getFullYear() ? day.format(at) : dayOfYear.format(at);
}
